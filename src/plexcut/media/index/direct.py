"""Reading a large local file past the page cache, where putting it there takes longer than reading it."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

ALIGNMENT = 4096
"""Positions, sizes and memory of direct reads are multiples of it."""

FAST_BYTES_PER_S = 300e6
"""A disk that reads faster (no spinning one does, and no share over a gigabit network) is as fast at any place: nothing
is lost if what was read once is not kept in memory."""

_PROBES = 3
_AT_ONCE = 4 << 20


class DirectReads:
    """Reads of an open file that leave the page cache alone (`O_DIRECT`). Close it.

    The system's own way copies each byte and finds a place in memory for it, and makes others leave theirs: of a
    2.5 GB recording that was 2.6 s of processor time, and 0.2 s this way.
    """

    def __init__(self, plain: int, direct: int) -> None:
        self._plain = plain
        self._direct: int | None = direct

    @classmethod
    def of(cls, file: BinaryIO) -> DirectReads | None:
        """For a file that is open; None where there is no such reading (other systems, ranges, some file systems)."""
        try:
            plain = file.fileno()
            return cls(plain, os.open(f"/proc/self/fd/{plain}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC))
        except (OSError, AttributeError):
            return None

    @property
    def possible(self) -> bool:
        """Whether none was refused so far."""
        return self._direct is not None

    def in_memory(self, start: int, end: int) -> bool:
        """Whether bytes of the file from `start` to `end` are in the page cache; looks at some of them, reads none."""
        probe = bytearray(1)
        for part in range(_PROBES):
            try:
                if os.preadv(self._plain, [probe], start + (end - 1 - start) * part // (_PROBES - 1), os.RWF_NOWAIT):
                    return True
            except BlockingIOError:
                continue
            except OSError:
                # Nobody can tell: then as if it were.
                return True
        return False

    def read_into(self, view: memoryview, at: int) -> int:
        """Fill a view from `at` on, both multiples of `ALIGNMENT`; the bytes read, fewer at the end, or if refused."""
        count = 0
        while self._direct is not None and count < len(view):
            try:
                done = os.preadv(self._direct, [view[count : count + _AT_ONCE]], at + count)
            except OSError:
                # Refused, or a bad place on the disk: what reads the usual way goes on, and tells what is wrong.
                self.close()
                break
            count += done
            if done % ALIGNMENT or not done:
                break
        return count

    def close(self) -> None:
        """No more of it."""
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None


def aligned(size: int) -> npt.NDArray[np.uint8]:
    """An array of `size` bytes whose memory begins where direct reads may write."""
    room = np.empty(size + ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % ALIGNMENT
    return room[begin : begin + size]
