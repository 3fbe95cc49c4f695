"""Coded pictures that go into a transport stream as they lie in memory, many at once (ISO 13818-1, 2.4.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plexcut.media.ts_packets import CLOCK_MASK, PAYLOAD, PCR_FLAG, Payloads, Room
from plexcut.media.ts_tables import PACKET_PAYLOAD_BYTES

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

VIDEO_STREAM_ID = 0xE0
_SMALL_BYTES = 512
"""Smaller pictures are laid out one by one: the first and the last packet of one must be two."""
_PLAIN_HEADER, _STAMP_BYTES = 9, 5
_ALIGNED = 0x84
_MARKERS = 0x100010001
"""Of a time stamp: a bit that is set behind each of its three parts."""
_COLUMNS = np.arange(PACKET_PAYLOAD_BYTES)


@dataclass(frozen=True, slots=True)
class PictureRun:
    """Pictures in the order in which they are sent.

    Picture `i` is the `size[i]` bytes of `es` from `begin[i]` on, with a zero in front where `lead[i]`; `at`, `pts`
    and `dts` are ticks of 90 kHz, unwrapped: when it is sent, shown and decoded. `key`: decoding can begin with it.
    """

    es: U8
    begin: I64
    size: I64
    lead: Mask
    key: Mask
    at: I64
    pts: I64
    dts: I64
    header: I64 = field(init=False)
    one_by_one: list[tuple[int, int, int, bool]] = field(init=False)
    """Of each: when it is sent and decoded, its bytes with the PES header (0: it is too small), and whether a key."""

    def __post_init__(self) -> None:
        header = (_PLAIN_HEADER + _STAMP_BYTES * (1 + (self.pts != self.dts)) + self.lead).astype(np.int64)
        sizes = np.where(self.size < _SMALL_BYTES, 0, self.size + header)
        columns = (self.at, self.dts, sizes, self.key)
        object.__setattr__(self, "header", header)
        object.__setattr__(self, "one_by_one", list(zip(*(column.tolist() for column in columns), strict=True)))

    def __len__(self) -> int:
        return int(self.begin.size)

    def picture(self, i: int) -> tuple[bytes, memoryview]:
        """What is in front of picture `i`, and its bytes."""
        begin = int(self.begin[i])
        return b"\x00" * bool(self.lead[i]), self.es[begin : begin + int(self.size[i])].data


@dataclass(frozen=True, slots=True)
class Laid:
    """Pictures of one run and where in a room they go, to be filled in: of each its place in the run, its first packet
    and how many it has (two at least), the counter of the first one, the flags of its adaptation field, and the PCR
    there, in ticks.
    """

    run: PictureRun
    pictures: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)


def fill(room: Room, pid: int, laid: Laid) -> None:
    """Write pictures into the packets that they were given."""
    if laid.pictures:
        _Filling(room, pid, laid).fill()


class _Filling:
    def __init__(self, room: Room, pid: int, laid: Laid) -> None:
        run = laid.run
        which, self._first, self._count, self._counter, self._flags, self._ticks = np.array(laid.pictures, np.int64).T
        self._heads, self._payloads, _ = room
        self._es = run.es
        self._head = 0x47 | pid >> 8 << 8 | (pid & 0xFF) << 16 | 0x10000000
        self._windows = np.ndarray((run.es.size - PACKET_PAYLOAD_BYTES + 1,), PAYLOAD, run.es, 0, (1,))
        self._begin, self._end = run.begin[which], run.begin[which] + run.size[which]
        self._lead, self._header = run.lead[which], run.header[which]
        self._pts, self._dts = run.pts[which], run.dts[which]
        self._field = np.where(self._flags == 0, 0, np.where(self._flags & PCR_FLAG, 8, 2))
        self._taken = PACKET_PAYLOAD_BYTES - self._field - self._header

    def fill(self) -> None:
        """All of them."""
        count, last = self._count, self._first + self._count - 1
        middle = self._begin + self._taken
        size = self._end - middle
        stuffing = PACKET_PAYLOAD_BYTES * (count - 1) - size
        heads, payloads, es = self._heads, self._payloads, self._es
        numbered = self._numbered(int(count.max()))
        columns = (self._first.tolist(), count.tolist(), self._counter.tolist(), middle.tolist())
        for first, many, counter, begin in zip(*columns, strict=True):
            heads[first : first + many] = numbered[counter : counter + many]
            payloads[first + 1 : first + many - 1] = np.ndarray((many - 2,), PAYLOAD, es, begin)
        heads[self._first] |= np.where(self._field > 0, 0x20004000, 0x4000).astype(np.uint32)
        heads[last] |= np.where(stuffing > 0, 0x20000000, 0).astype(np.uint32)
        payloads[self._first] = self._begun()
        payloads[last] = self._ended(stuffing)

    def _numbered(self, most: int) -> U32:
        """Heads of packets that follow one another, from counter 0 on; enough for `most` from any counter on."""
        return (self._head | (np.arange(most + 16) & 15) << 24).astype(np.uint32)

    def _begun(self) -> Payloads:
        """The first packets: adaptation field, PES header, and as much of the picture as there is room for."""
        slots: Payloads = self._windows[self._begin]
        data = slots.view(np.uint8).reshape(-1, PACKET_PAYLOAD_BYTES)
        shapes = self._field << 8 | self._header
        for shape in np.unique(shapes).tolist():
            mine = np.flatnonzero(shapes == shape)
            size, header = shape >> 8, shape & 0xFF
            rows = np.empty((mine.size, PACKET_PAYLOAD_BYTES), np.uint8)
            if size:
                rows[:, 0], rows[:, 1] = size - 1, self._flags[mine]
                if size > 2:
                    rows[:, 2:8] = _bytes_of((self._ticks[mine] & CLOCK_MASK) << 15 | 0x7E00, 6)
            rows[:, size : size + header] = self._pes_header(mine, header)
            rows[:, size + header :] = data[mine, : PACKET_PAYLOAD_BYTES - size - header]
            data[mine] = rows
        return slots

    def _pes_header(self, mine: I64, size: int) -> U8:
        rows = np.zeros((mine.size, size), np.uint8)
        pts, dts = self._pts[mine], self._dts[mine]
        both = size >= _PLAIN_HEADER + 2 * _STAMP_BYTES
        rows[:, 2:4] = 1, VIDEO_STREAM_ID
        rows[:, 6:9] = _ALIGNED, 0xC0 if both else 0x80, _STAMP_BYTES * (1 + both)
        rows[:, 9:14] = stamp_bytes(pts, 3 if both else 2)
        if both:
            rows[:, 14:19] = stamp_bytes(dts, 1)
        return rows

    def _ended(self, stuffing: I64) -> Payloads:
        """The last packets: an adaptation field that fills what is left over, then the end of the picture."""
        slots: Payloads = self._windows[self._end - PACKET_PAYLOAD_BYTES]
        rows = slots.view(np.uint8).reshape(-1, PACKET_PAYLOAD_BYTES)
        rows[stuffing[:, None] > _COLUMNS] = 0xFF
        rows[stuffing > 0, 0] = stuffing[stuffing > 0] - 1
        rows[stuffing > 1, 1] = 0
        return slots


def stamp_bytes(ticks: I64, prefix: int | I64) -> U8:
    """Time stamps of a PES header with the four bits in front of each, `(n, 5)`."""
    value = ticks & CLOCK_MASK
    bits = value >> 30 << 33 | (value >> 15 & 0x7FFF) << 17 | (value & 0x7FFF) << 1
    return _bytes_of(bits | prefix << 36 | _MARKERS, 5)


def _bytes_of(values: I64, count: int) -> U8:
    """The last `count` bytes of numbers, the highest first; `(n, count)`."""
    return values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - count :]


def packets_of(size: int, flags: int) -> int:
    """How many packets a picture with so many bytes, its header included, and these flags takes."""
    return -(-(size + (0 if not flags else 8 if flags & PCR_FLAG else 2)) // PACKET_PAYLOAD_BYTES)
