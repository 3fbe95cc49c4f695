"""The pictures of the video stream, from blocks of packets: headers taken apart many at once, payloads left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import PictureAssembler
from plexcut.media.bitstream.units import Units
from plexcut.media.index.apart import ADAPTED, STARTS, WRONG, StreamPackets
from plexcut.media.index.blocks import Block
from plexcut.media.index.glance import KnownCodes
from plexcut.media.index.packets import PACKET
from plexcut.media.index.pes import GrowingColumn, parse_pes_heads
from plexcut.media.index.rows import PictureClocks, PictureRows
from plexcut.media.index.window import HEAD, Codes, PacketRun, Window

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

_SHORTEST_UNIT = 5
"""Bytes of a start code and the two behind it; damage puts start codes closer together."""
_HEAD_BYTES = 2048
"""How much of a unit a picture assembler may look at; parameter sets are far shorter."""


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
        self._clocks = PictureClocks()
        self._raw = (GrowingColumn(), GrowingColumn())
        self._pes_ahead = np.empty(0, np.int64)
        self._places = np.empty((3, 0), np.int64)
        self.rows = PictureRows()
        self.es_bytes = 0
        self.gaps: list[int] = []

    def raw_clocks(self) -> tuple[I64, I64]:
        """The clocks of all rows, as they were sent."""
        return self._raw[0].values(), self._raw[1].values()

    def feed(self, block: Block, packets: StreamPackets) -> None:
        """Take up the packets of the stream in a block."""
        if not packets.slots.size:
            return
        repeated, missing = self._continuity(block, packets)
        if repeated.size:
            packets = packets.without(repeated)
        if not packets.slots.size:
            return
        mine, some = packets.slots, np.flatnonzero(packets.heads & (ADAPTED | STARTS))
        odd, odd_heads = packets.odd[some], packets.heads[some]
        off = block.first + block.stride * mine[odd]
        begin = np.full(odd.size, HEAD)
        adapted = np.flatnonzero(odd_heads & ADAPTED)
        begin[adapted] += 1 + block.data[off[adapted] + 4].astype(np.int64)
        starting = np.flatnonzero(odd_heads & STARTS)
        pes = parse_pes_heads(block.data, off[starting] + begin[starting], off[starting] + PACKET)
        begin[starting] += pes.length
        np.minimum(begin, PACKET, out=begin)
        run = PacketRun(mine, odd, begin, self.es_bytes)
        if missing.size:
            self.gaps += run.starts(missing).tolist()
        self.es_bytes = run.end
        begun = odd[starting[pes.found]]
        starts = run.starts(begun)
        self._clocks.begun(starts, pes.pts[pes.found], pes.dts[pes.found])
        self._pes_ahead = np.concatenate((self._pes_ahead, starts))
        if (empty := odd[begin == PACKET]).size:
            run = run.without(empty)
        if run.slots.size:
            # Those that are sought are so among all packets, repeated ones too.
            codes = block.codes if repeated.size or block.sought is None else block.sought
            self._scan(self._with_carried(block, run, codes))

    def finish(self) -> None:
        """The stream is at its end."""
        if self._carried is not None:
            self._scan(self._carried, last=True)
        self._assembler.end()
        self._collect()

    def _continuity(self, block: Block, packets: StreamPackets) -> tuple[I64, I64]:
        """Which packets are repeated ones, and which of the others do not follow the one before (2.4.3.3)."""
        mine = packets.slots
        data, off = block.data, block.first + block.stride * mine[[0, -1]]
        counter = block.heads().view(np.uint8)[3::4][mine]
        steps = np.empty_like(counter)
        np.subtract(counter[1:], counter[:-1], out=steps[1:])
        steps[0] = 1 if self._last is None else (int(counter[0]) - int(self._last[3])) & 15
        steps &= 15
        again, missing = list[int](), list[int]()
        for i in np.flatnonzero(steps != 1).tolist():
            if steps[i]:
                missing.append(i)
                continue
            before = block.first + block.stride * int(mine[i - 1])
            previous = data[before : before + PACKET] if i else self._last
            here = block.first + block.stride * int(mine[i])
            packet = data[here : here + PACKET]
            if previous is not None and packet[1] == previous[1] and np.array_equal(packet[12:], previous[12:]):
                again.append(i)
        self._last = data[off[-1] : off[-1] + PACKET].copy()
        repeated = np.array(again, np.int64)
        bad = np.union1d(np.array(missing, np.int64), packets.odd[packets.heads & WRONG != 0])
        if repeated.size:
            bad = np.setdiff1d(bad, repeated)
            bad -= np.searchsorted(repeated, bad)
        return repeated, bad

    def _with_carried(self, block: Block, run: PacketRun, codes: KnownCodes | None) -> Window:
        """The packets of a block behind the carried ones, which are copied in front of its first packet."""
        carried = self._carried
        at = np.empty(0, np.int64)
        if carried is not None:
            count = carried.run.slots.size
            begin = block.first - count * block.stride
            rows = block.data[begin : block.first].reshape(count, block.stride)
            rows[:, :PACKET] = carried.data[: count * PACKET].reshape(count, PACKET)
            run, at = run.behind(carried.run), carried.carried_at
        return Window(block.data, block.stride, block.first, run, block.at, at, block.zero_tails(), codes)

    def _scan(self, window: Window, *, last: bool = False) -> None:
        codes = window.start_codes()
        begin = int(np.searchsorted(codes.es, self._next))
        end = int(np.searchsorted(codes.es, window.end - 4)) if last else codes.es.size
        codes = codes.take(slice(begin, end))
        limit = window.end if last else window.end - _HEAD_BYTES - 3
        self._units(window, codes, int(np.searchsorted(codes.es, limit, side="left")))
        if not last:
            self._next = max(self._next, limit)
            self._carry(window)

    def _units(self, window: Window, codes: Codes, count: int) -> None:
        """Give the first `count` units to the assembler."""
        sizes = np.append(codes.es[1:], window.end)[:count] - codes.es[:count] - 3
        codes = codes.take(slice(count))
        heads = window.gather(codes, 2)
        chosen = np.flatnonzero(self._assembler.relevant(heads) & (sizes >= _SHORTEST_UNIT - 3))
        codes, sizes, heads = codes.take(chosen), sizes[chosen], heads[chosen]
        if not chosen.size:
            return
        counts = np.searchsorted(self._pes_ahead, np.append(self._last_unit, codes.es), side="right")
        self._last_unit = int(codes.es[-1])
        self._pes_ahead = self._pes_ahead[int(counts[-1]) :]
        skip = codes.es - window.run.starts(codes.packet)
        places = np.stack((codes.es, window.places(codes.packet), skip))
        self._places = np.concatenate((self._places, places), axis=1)
        sizes = np.minimum(sizes, _HEAD_BYTES)
        self._assembler.units(
            Units(codes.es, heads, sizes, np.diff(counts) > 0, _bytes_of(window, codes, sizes), _gather(window, codes))
        )
        self._collect()

    def _carry(self, window: Window) -> None:
        """Keep the packets from which units are still to come."""
        run = window.run
        begin = max(0, int(run.packet_of(np.array([self._next]))[0]))
        kept = np.arange(begin, run.slots.size)
        data = np.zeros(kept.size * PACKET + 64, np.uint8)
        data[: kept.size * PACKET].reshape(-1, PACKET)[:] = window.data[window.off(kept)[:, None] + np.arange(PACKET)]
        self._carried = Window(data, PACKET, 0, run.last(begin), 0, window.places(kept))

    def _collect(self) -> None:
        places = self._places
        pictures = self._assembler.take()
        if pictures.size:
            which = np.searchsorted(places[0], pictures[0])
            before = len(self.rows)
            self.rows.extend_columns(pictures, places[1, which], places[2, which])
            clocks = self._clocks.of(self.rows.es_from(before, self.es_bytes))
            for column, values in zip(self._raw, clocks, strict=True):
                column.extend(values)
        if places.shape[1]:
            pending = self._assembler.pending(int(places[0, -1]))
            self._places = places[:, int(np.searchsorted(places[0], pending)) :].copy()


def _bytes_of(window: Window, codes: Codes, sizes: I64) -> Callable[[int], bytes]:
    return lambda i: window.bytes_at(int(codes.es[i]) + 3, int(sizes[i]))


def _gather(window: Window, codes: Codes) -> Callable[[I64, int], U8]:
    return lambda which, count: window.gather(codes.take(which), count)
