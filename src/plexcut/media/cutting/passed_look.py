"""Looking at a part of a result that went along whole: it is held against the recording, byte by byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from plexcut.errors import FileUnreadable, PlexcutError
from plexcut.media.cutting.ledger import Due, Passed
from plexcut.media.cutting.packet_change import Changing, PacketChange, Unpassable
from plexcut.media.index.apart import CARRIES, STARTS
from plexcut.media.index.blocks import Block
from plexcut.media.index.packets import PACKET
from plexcut.media.index.pes import parse_pes_heads, payload_begin
from plexcut.media.index.rows import WRAP
from plexcut.media.sources import open_source

I16 = npt.NDArray[np.int16]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

_HALF_FRAME_TICKS = 2400
"""Of the longest frames of sound that there usually are."""


class PassedLook:
    """Holds one such stretch against its source, and the clocks of its pictures against those that are due.

    `faults` counts what is not as it must be. Close it.
    """

    def __init__(self, passed: Passed, video: int, due: Due, sound: frozenset[int]) -> None:
        """`sound`: the PIDs that may be off by half a frame."""
        self.faults = 0 if _is_allowed(passed.change, video, sound) else 1
        self._begun: set[int] = set()
        self._passed = passed
        self._video = video
        self._due = due
        self._picture = passed.first
        self._changing = Changing(passed.change, counted=passed.counted)
        self._file = open_source(passed.source)
        self._room = np.empty(0, np.uint8)

    def close(self) -> None:
        self._file.close()

    def ended(self) -> bool:
        """Whether all pictures were there; nothing more comes."""
        self.close()
        return self._picture == self._passed.end

    def take(self, block: Block, heads: U32, pids: I16) -> None:
        """Take up the next packets, the first four bytes of each, and its PID."""
        size = block.count * PACKET
        found = block.data[block.first : block.first + size]
        at = self._passed.at + block.at - self._passed.begin
        # By four bytes at once: it takes a fifth of the time.
        expected = self._expected(at, size)
        self.faults += expected.size < size or not np.array_equal(found.view(np.uint32), expected.view(np.uint32))
        self._pictures(block, heads, pids)

    def _expected(self, at: int, size: int) -> U8:
        """What there should be, by the recording."""
        if self._room.size < size:
            self._room = np.empty(size, np.uint8)
        expected = self._room[:size]
        self._file.seek(at)
        done = 0
        try:
            while done < size and (more := self._file.readinto(expected[done:].data)):  # type: ignore[attr-defined]
                done += more
        except PlexcutError:
            raise
        except OSError as error:
            raise FileUnreadable(f"the recording cannot be read: {error.strerror or error}") from None
        if done < size:
            return expected[:done]
        self._check_instead(expected, at)
        try:
            self._changing.apply(expected, at)
        except Unpassable:
            self.faults += 1
        return expected

    def _check_instead(self, data: U8, at: int) -> None:
        """Only what belongs to something that began before may be missing: the first packets of a PID."""
        instead = self._passed.change.instead
        if not any(position >= at for position in instead):
            return
        rows = data.reshape(-1, PACKET)
        for i, (high, low) in enumerate(rows[:, 1:3].tolist()):
            pid = (high & 0x1F) << 8 | low
            if high & 0x40:
                self._begun.add(pid)
            self.faults += at + i * PACKET in instead and pid in self._begun

    def _pictures(self, block: Block, heads: U32, pids: I16) -> None:
        which = np.flatnonzero((heads & (CARRIES | STARTS) == CARRIES | STARTS) & (pids == self._video))
        off = block.first + which * PACKET
        pes = parse_pes_heads(block.data, payload_begin(block.data, off, heads[which]), off + PACKET)
        end = min(self._picture + which.size, self._passed.end)
        due = self._due.pes(self._picture, end, 0)
        found = block.at + which * PACKET, pes.pts, pes.dts
        if not all(map(np.array_equal, found, (due.at, due.pts, due.dts))):
            self.faults += 1
        self._picture = end


def _is_allowed(change: PacketChange, video: int, sound: frozenset[int]) -> bool:
    """Whether all clocks are moved as that of the pictures, which are held against those that are due."""
    ticks = change.stamps[video]
    off = {pid: (moved - ticks + WRAP // 2) % WRAP - WRAP // 2 for pid, moved in change.stamps.items()}
    return change.ticks == ticks and all(abs(by) <= _HALF_FRAME_TICKS * (pid in sound) for pid, by in off.items())


def part_of(block: Block, first: int, end: int) -> Block:
    """Packets `first` up to before `end` of a block."""
    if first == 0 and end == block.count:
        return block
    return replace(
        block,
        first=block.first + first * block.stride,
        count=end - first,
        at=block.at + first * block.stride,
        known_heads=None if block.known_heads is None else block.known_heads[first:end],
        known_tails=None,
        codes=None,
        sought=None,
    )
