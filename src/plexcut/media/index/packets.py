"""Transport-stream packets: finding them in a file, and taking their payloads apart with NumPy (ISO 13818-1, 2.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

PACKET = 188
SYNC = 0x47
BLOCK_PACKETS = 32_768
PID_BITS = 0x00FF1F00
"""Where the PID stands in the first four bytes of a packet, the sync byte lowest."""
_CLOCK_MASK = (1 << 33) - 1
_STRIDES = (188, 192, 204)
_PROBE_BYTES = 1 << 18
_MIN_PACKETS = 4
_RUN = 5
LOOK_AHEAD = 32
"""Packets by which it is judged where packets begin."""


@dataclass(frozen=True, slots=True)
class PacketLayout:
    """How packets lie in a file: every `stride` bytes (188, 192 with a time code in front, 204 with parity behind)."""

    stride: int
    first: int


def find_layout(head: bytes) -> PacketLayout | None:
    """The layout of a transport stream, from its first bytes; None where it is none.

    A file may begin in the middle of a packet, or with something else. Of all places nine in ten must have their sync
    byte; or else, where bytes are missing or too many, half of the bytes must lie in runs of packets.
    """
    data = np.frombuffer(head[:_PROBE_BYTES], np.uint8)
    best: tuple[float, PacketLayout] | None = None
    for stride in _STRIDES:
        count = data.size // stride
        if count < _MIN_PACKETS:
            if data.size >= stride and data[0] == SYNC and data.size % stride == 0 and stride == PACKET:
                return PacketLayout(stride, 0)
            continue
        hits = (data[: count * stride].reshape(count, stride) == SYNC).sum(axis=0)
        first = int(hits.argmax())
        share = float(hits[first]) / count
        if share >= 0.9 and (best is None or share > best[0] + 0.02):
            best = (share, PacketLayout(stride, first))
    return best[1] if best else _broken_layout(data)


def _broken_layout(data: U8) -> PacketLayout | None:
    """As `find_layout`, by runs of packets wherever they begin."""
    sync = data == SYNC
    best: tuple[int, PacketLayout] | None = None
    for stride in _STRIDES:
        length = data.size - (_RUN - 1) * stride
        if length < stride:
            continue
        begins = np.logical_and.reduce([sync[i * stride : i * stride + length] for i in range(_RUN)])
        places = np.flatnonzero(begins)
        # Other bytes than the sync byte may be the same in each packet: only one place a packet counts.
        packets = np.unique(places // stride).size
        if packets * stride * 2 >= length and (best is None or packets > best[0]):
            best = (packets, PacketLayout(stride, int(places[0]) % stride))
    return best[1] if best else None


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets in file order. `data` is `(n, 188) uint8`, `at` the file position of each sync byte."""

    data: U8
    at: I64

    @property
    def pid(self) -> npt.NDArray[np.int32]:
        return ((self.data[:, 1].astype(np.int32) & 0x1F) << 8) | self.data[:, 2]

    def where(self, mask: npt.NDArray[np.bool_]) -> Packets:
        return Packets(self.data[mask], self.at[mask])

    def __len__(self) -> int:
        return int(self.at.size)


def pid_of(heads: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
    """The PIDs of packets, from their first four bytes, the sync byte lowest."""
    return ((heads & 0x1F00) | (heads >> 16 & 0xFF)).astype(np.int32)


def pieces_at(data: U8, begin: I64, count: int) -> U8:
    """`count` bytes of data that lies in one piece, from some places on: `(n, count)`; noise behind its end."""
    last = data.size - count
    if last < 0 or (begin.size and int(begin.max()) > last):
        clipped: U8 = data[np.minimum(begin[:, None] + np.arange(count), data.size - 1)]
        return clipped
    # As items of so many bytes they are gathered several times faster than byte by byte.
    items = np.ndarray((last + 1,), np.dtype((np.void, count)), data.data, 0, (1,))
    found: U8 = items[begin].view(np.uint8).reshape(-1, count)
    return found


def head_of_pid(pid: int) -> int:
    """What `PID_BITS` of the first four bytes of a packet are."""
    return pid & 0x1F00 | (pid & 0xFF) << 16


class PacketReader:
    """Reads packets of a stretch of a file in blocks, finding its way again where bytes are missing."""

    def __init__(self, file: BinaryIO, layout: PacketLayout, size_bytes: int) -> None:
        self._file = file
        self._layout = layout
        self.size_bytes = size_bytes

    def blocks(
        self, start: int = -1, end: int | None = None, count: int = BLOCK_PACKETS, *, synced: bool = True
    ) -> Iterator[Packets]:
        """Packets whose sync byte lies in `[start, end)`; `start` is that of a packet, -1 the beginning of the file.

        Unless `synced`, the first packet is looked for from `start` on. Which packets are found does not depend on
        where the reading begins and ends, or on `count`.
        """
        at = max(start, 0)
        synced = synced and start >= 0
        stop = self.size_bytes if end is None else min(end, self.size_bytes)
        ahead = LOOK_AHEAD * self._layout.stride
        while at < stop:
            self._file.seek(at)
            raw = self._file.read(min(count * self._layout.stride, stop - at) + ahead)
            before = synced
            packets, used, synced = self._split(raw, at, synced=synced)
            packets = packets.where(packets.at < stop) if len(packets) and packets.at[-1] >= stop else packets
            if len(packets):
                yield packets
            if used == 0 and (before or not synced):
                return
            at += used

    def _split(self, raw: bytes, at: int, *, synced: bool) -> tuple[Packets, int, bool]:
        """Packets of `raw` up to the first place without sync; the bytes used; whether a packet begins behind them."""
        stride = self._layout.stride
        flat = np.frombuffer(raw, np.uint8)
        last = at + len(raw) >= self.size_bytes
        if len(raw) < PACKET:
            return _NO_PACKETS, 0, False
        if not synced:
            used, found = resync(flat, stride, last=last)
            return _NO_PACKETS, used, found
        rows = (len(raw) - PACKET) // stride + 1
        view = np.lib.stride_tricks.as_strided(flat, (rows, PACKET), (stride, 1), writeable=False)
        good = view[:, 0] == SYNC
        n = rows if bool(good.all()) else int(np.argmin(good))
        if n == 0:
            return self._split(raw, at, synced=False)
        return Packets(view[:n], at + stride * np.arange(n, dtype=np.int64)), n * stride, n == rows


_NO_PACKETS = Packets(np.empty((0, PACKET), np.uint8), np.empty(0, np.int64))


def resync(flat: U8, stride: int, *, last: bool) -> tuple[int, bool]:
    """Bytes to skip, and whether a packet begins there; `last`: nothing follows `flat` in the file.

    The next place where three packets in a row begin; of several within a packet's length the one that goes on best,
    because other bytes than the sync byte may be the same in each packet.
    """
    need = 2 * stride
    if flat.size <= need + PACKET:
        return _resync_at_end(flat, stride) if last else (int(flat.size), False)
    sync = flat == SYNC
    hits = np.flatnonzero(sync[:-need] & sync[stride : flat.size - stride] & sync[need:])
    if not hits.size:
        return int(flat.size) - need, False
    first = int(hits[0])
    if not last and first and flat.size - first < (LOOK_AHEAD - 1) * stride:
        return first, False
    near = hits[hits < first + stride].tolist()
    goes_on = [int(np.count_nonzero(sync[place : place + LOOK_AHEAD * stride : stride])) for place in near]
    return near[goes_on.index(max(goes_on))], True


def _resync_at_end(flat: U8, stride: int) -> tuple[int, bool]:
    """The same for the last bytes of a file: packets up to the very end, or else nothing more."""
    for place in np.flatnonzero(flat == SYNC).tolist():
        whole, rest = divmod(int(flat.size) - place + stride - PACKET, stride)
        if whole and rest in (0, stride - PACKET) and bool((flat[place::stride][:whole] == SYNC).all()):
            return place, True
    return int(flat.size), False


@dataclass(frozen=True, slots=True)
class PesStart:
    """A PES packet that begins: its first payload byte in the elementary stream, file position, raw 33-bit clocks.

    `stream_id` and `header` (its bytes in all) are as in its header.
    """

    es: int
    at: int
    pts: int | None
    dts: int | None
    stream_id: int = 0
    header: int = 0


@dataclass(slots=True)
class Payload:
    """The elementary-stream bytes of some packets of one PID.

    `es` are the bytes, `starts` the offset in `es` of each packet's payload, `at` its file position; `pes` the PES
    packets that begin here; `gaps` the offsets in `es` at which packets are missing before.
    """

    es: U8
    starts: I64
    at: I64
    pes: list[PesStart]
    gaps: I64


class PayloadReader:
    """Takes the payload of one PID out of successive blocks: strips packet and PES headers, drops repeated packets."""

    def __init__(self) -> None:
        self._last: U8 | None = None

    def take(self, packets: Packets) -> Payload:
        """`packets` are all of one PID and follow those of the call before."""
        data, at = packets.data, packets.at
        carries = (data[:, 3] & 0x10) != 0
        data, at = data[carries], at[carries]
        if not len(at):
            none = np.empty(0, np.int64)
            return Payload(np.empty(0, np.uint8), none, at, [], none)
        counter = (data[:, 3] & 15).astype(np.int16)
        before = np.empty_like(counter)
        before[1:] = counter[:-1]
        before[0] = int(self._last[3] & 15) if self._last is not None else (int(counter[0]) - 1) % 16
        repeated = counter == before
        missing = (~repeated & (counter != (before + 1) % 16)) | ((data[:, 1] & 0x80) != 0)
        for i in np.flatnonzero(repeated).tolist():
            previous = data[i - 1] if i else self._last
            repeated[i] = previous is not None and bool(
                np.array_equal(data[i, 12:], previous[12:]) and data[i, 1] == previous[1]
            )
        self._last = data[-1].copy()
        if repeated.any():
            data, at, missing = data[~repeated], at[~repeated], missing[~repeated]
        return self._strip(data, at, missing)

    @staticmethod
    def _strip(data: U8, at: I64, missing: npt.NDArray[np.bool_]) -> Payload:
        n = len(at)
        begin = np.full(n, 4, np.int64)
        adapted = (data[:, 3] & 0x20) != 0
        begin[adapted] += 1 + data[adapted, 4].astype(np.int64)
        begins_pes = np.flatnonzero((data[:, 1] & 0x40) != 0)
        heads: list[tuple[int, int | None, int | None, int, int]] = []
        for i in begins_pes.tolist():
            raw = data[i, int(begin[i]) :].tobytes()
            head = parse_pes_header(raw)
            if head is None:
                continue
            begin[i] += head[0]
            heads.append((i, head[1], head[2], raw[3], head[0]))
        np.minimum(begin, PACKET, out=begin)
        columns = np.arange(PACKET, dtype=np.int64)
        es = data[columns >= begin[:, None]]
        lengths = PACKET - begin
        starts = np.zeros(n, np.int64)
        np.cumsum(lengths[:-1], out=starts[1:])
        pes = [PesStart(int(starts[i]), int(at[i]), pts, dts, sid, size) for i, pts, dts, sid, size in heads]
        return Payload(es, starts, at, pes, starts[missing])


def parse_pes_header(head: bytes) -> tuple[int, int | None, int | None] | None:
    """`(length, pts, dts)` of a PES header; None where it is none. Clocks are raw 33-bit ticks of 90 kHz."""
    if len(head) < 9 or head[:3] != b"\x00\x00\x01":
        return None
    if head[3] in (0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF) or head[6] & 0xC0 != 0x80:
        return 6, None, None
    length = 9 + head[8]
    pts = dts = None
    if head[7] & 0x80 and len(head) >= 14:
        pts = dts = _clock(head[9:14])
        if head[7] & 0x40 and len(head) >= 19:
            dts = _clock(head[14:19])
    return length, pts, dts


def _clock(b: bytes) -> int:
    raw = (b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1
    return raw & _CLOCK_MASK
