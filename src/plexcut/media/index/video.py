"""The pictures of the video stream, from blocks of packets: headers taken apart many at once, payloads left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import PictureAssembler
from plexcut.media.bitstream.units import Units
from plexcut.media.index.blocks import Block
from plexcut.media.index.packets import PACKET
from plexcut.media.index.pes import GrowingColumn, PesColumns, parse_pes_heads
from plexcut.media.index.rows import PictureRows
from plexcut.media.index.window import Window

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SHORTEST_UNIT = 5
"""Bytes of a start code and the two behind it; damage puts start codes closer together."""
_HEAD_BYTES = 2048
"""How much of a unit a picture assembler may look at; parameter sets are far shorter."""

_STARTS, _CARRIES, _ADAPTED = 0x4000, 0x10000000, 0x20000000
_WRONG, _COUNTER_SHIFT = 0x8000, 24


class VideoScan:
    """Feeds the units of the video stream to a picture assembler, block by block.

    What is found of a block does not depend on where it ends: the packets with the last bytes of the stream are carried
    over to the next one.
    """

    def __init__(self, assembler: PictureAssembler) -> None:
        self._assembler = assembler
        self._last: U8 | None = None
        self._carried: Window | None = None
        self._next = 0
        self._last_unit = -1
        self._pes = tuple(GrowingColumn() for _ in range(4))
        self._pes_ahead = np.empty(0, np.int64)
        self._places = np.empty((3, 0), np.int64)
        self.rows = PictureRows()
        self.es_bytes = 0
        self.gaps: list[int] = []

    @property
    def pes(self) -> PesColumns:
        """All PES packets that have begun."""
        return PesColumns(*(column.values() for column in self._pes))

    def feed(self, block: Block, mine: I64, heads: U32) -> None:
        """Take up packets of the stream: which of the block they are, and their first four bytes."""
        carries = (heads & _CARRIES) != 0
        mine, heads = mine[carries], heads[carries]
        if not mine.size:
            return
        off = block.first + block.stride * mine
        wrong = (heads & _WRONG) != 0
        repeated, missing = self._continuity(block.data, off, heads)
        missing |= wrong
        if repeated.any():
            keep = ~repeated
            mine, heads, off, missing = mine[keep], heads[keep], off[keep], missing[keep]
        if not mine.size:
            return
        begin = np.full(mine.size, 4, np.int64)
        adapted = np.flatnonzero((heads & _ADAPTED) != 0)
        begin[adapted] += 1 + block.data[off[adapted] + 4].astype(np.int64)
        at = block.at + block.stride * mine
        starting = np.flatnonzero((heads & _STARTS) != 0)
        pes = parse_pes_heads(block.data, off[starting] + begin[starting], off[starting] + PACKET)
        begin[starting] += pes.length
        np.minimum(begin, PACKET, out=begin)
        length = PACKET - begin
        start = self.es_bytes + np.cumsum(length) - length
        self.gaps += start[missing].tolist()
        self.es_bytes += int(length.sum())
        begun = starting[pes.found]
        found = (start[begun], at[begun], pes.pts[pes.found], pes.dts[pes.found])
        for column, values in zip(self._pes, found, strict=True):
            column.extend(values)
        self._pes_ahead = np.concatenate((self._pes_ahead, start[begun]))
        full = length > 0
        if not full.any():
            return
        if not full.all():
            off, begin, at, start = off[full], begin[full], at[full], start[full]
        window = Window(block.data, block.stride, off, begin, at, start, block.codes)
        self._scan(self._with_carried(window, block.first), last=False)

    def finish(self) -> None:
        """The stream is at its end."""
        if self._carried is not None:
            self._scan(self._carried, last=True)
        self._assembler.end()
        self._collect()

    def _continuity(self, data: U8, off: I64, heads: U32) -> tuple[Mask, Mask]:
        """Which packets are repeated ones, and before which some are missing (2.4.3.3)."""
        counter = (heads >> _COUNTER_SHIFT & 15).astype(np.int16)
        before = np.empty_like(counter)
        before[1:] = counter[:-1]
        before[0] = int(self._last[3] & 15) if self._last is not None else (int(counter[0]) - 1) % 16
        repeated = counter == before
        missing = ~repeated & (counter != (before + 1) % 16)
        for i in np.flatnonzero(repeated).tolist():
            previous = data[off[i - 1] : off[i - 1] + PACKET] if i else self._last
            packet = data[off[i] : off[i] + PACKET]
            repeated[i] = (
                previous is not None and packet[1] == previous[1] and np.array_equal(packet[12:], previous[12:])
            )
        self._last = data[off[-1] : off[-1] + PACKET].copy()
        return repeated, missing

    def _with_carried(self, window: Window, first: int) -> Window:
        """The window with the carried packets copied in front of the block's first packet."""
        carried = self._carried
        if carried is None:
            return window
        count = carried.off.size
        begin = first - count * window.stride
        rows = window.data[begin:first].reshape(count, window.stride)
        rows[:, :PACKET] = carried.data[: count * PACKET].reshape(count, PACKET)
        return Window(
            window.data,
            window.stride,
            np.concatenate((begin + window.stride * np.arange(count), window.off)),
            np.concatenate((carried.begin, window.begin)),
            np.concatenate((carried.at, window.at)),
            np.concatenate((carried.start, window.start)),
            window.known,
        )

    def _scan(self, window: Window, *, last: bool) -> None:
        codes = window.start_codes()
        codes = codes[codes >= self._next]
        if last:
            codes = codes[codes < window.end - 4]
        limit = window.end if last else window.end - _HEAD_BYTES - 3
        self._units(window, codes, int(np.searchsorted(codes, limit, side="left")))
        if not last:
            self._next = max(self._next, limit)
            self._carry(window)

    def _units(self, window: Window, codes: I64, count: int) -> None:
        """Give the first `count` units to the assembler."""
        sizes = np.append(codes[1:], window.end)[:count] - codes[:count]
        codes = codes[:count]
        long = sizes >= _SHORTEST_UNIT
        codes, sizes = codes[long], sizes[long] - 3
        heads = window.gather(codes + 3, 2)
        chosen = self._assembler.relevant(heads)
        codes, sizes, heads = codes[chosen], sizes[chosen], heads[chosen]
        if not codes.size:
            return
        counts = np.searchsorted(self._pes_ahead, np.append(self._last_unit, codes), side="right")
        self._last_unit = int(codes[-1])
        self._pes_ahead = self._pes_ahead[int(counts[-1]) :]
        packet = window.packet_of(codes)
        places = np.stack((codes, window.at[packet], codes - window.start[packet]))
        self._places = np.concatenate((self._places, places), axis=1)
        sizes = np.minimum(sizes, _HEAD_BYTES)
        self._assembler.units(
            Units(codes, heads, sizes, np.diff(counts) > 0, _bytes_of(window, codes, sizes), _gather(window, codes))
        )
        self._collect()

    def _carry(self, window: Window) -> None:
        """Keep the packets from which units are still to come."""
        begin = int(np.searchsorted(window.start + window.length, self._next, side="right"))
        off = window.off[begin:]
        data = np.zeros(off.size * PACKET + 64, np.uint8)
        data[: off.size * PACKET].reshape(-1, PACKET)[:] = window.data[off[:, None] + np.arange(PACKET)]
        self._carried = Window(
            data,
            PACKET,
            PACKET * np.arange(off.size),
            window.begin[begin:].copy(),
            window.at[begin:].copy(),
            window.start[begin:].copy(),
        )

    def _collect(self) -> None:
        places = self._places
        pictures = self._assembler.take()
        if pictures.size:
            which = np.searchsorted(places[0], pictures[0])
            self.rows.extend_columns(pictures, places[1, which], places[2, which])
        if places.shape[1]:
            pending = self._assembler.pending(int(places[0, -1]))
            self._places = places[:, int(np.searchsorted(places[0], pending)) :].copy()


def _bytes_of(window: Window, codes: I64, sizes: I64) -> Callable[[int], bytes]:
    return lambda i: window.bytes_at(int(codes[i]) + 3, int(sizes[i]))


def _gather(window: Window, codes: I64) -> Callable[[I64, int], U8]:
    return lambda which, count: window.gather(codes[which] + 3, count)
