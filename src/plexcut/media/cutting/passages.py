"""Stretches of a recording's file that go into a cut of it whole: found, and where they can begin and end.

Between two pictures every other stream has to be taken apart too: what began before the place is written with the
pictures before it, and sound must not have a frame on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from plexcut.errors import FileUnreadable
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.passage_region import Edge, Region, Streams
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.cutting.source_clock import SourceClock
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, PacketLayout, Packets
from plexcut.media.index.sent import is_jump

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

LEAST_BYTES = 16 << 20
"""A shorter stretch is not worth its two edges."""
_LOOK_S = 4
"""So far from where a stretch could begin or end a place for it is looked for."""
_BEFORE_BYTES, _BEHIND_BYTES = 2 << 20, 3 << 20
_MOST_BYTES = 96 << 20
_MOST_ZEROS = 3
_TICKS = 90_000
_SLACK_TICKS = 8
"""By so much time stamps of sound may be off."""
_LONGEST_STEP_TICKS = _TICKS


@dataclass(frozen=True, slots=True)
class Passage:
    """Pictures `first` up to before `end` of a schedule that go along with all that lies among them in the file."""

    first: int
    end: int
    begin: Edge
    finish: Edge
    pat: bytes

    @property
    def size_bytes(self) -> int:
        return self.finish.at - self.begin.at


class PassageFinder:
    """Finds the stretch of each span, if it has one."""

    def __init__(
        self,
        source: tuple[BinaryIO, PacketLayout],
        index: MediaIndex,
        clock: SourceClock,
        streams: Streams,
        fitted: Sequence[int],
    ) -> None:
        """`fitted`: rows of copied pictures to which something has to be done."""
        self._file, layout = source
        self._index = index
        self._streams = streams
        self._fitted = np.asarray(sorted(fitted), np.int64)
        self._clock = clock
        program = streams.program
        self._possible = (
            layout.stride == PACKET
            and index.raw is not None
            and not index.dropped
            and program.pcr_pid == streams.video
            and index.video.id == streams.video
        )

    def find(self, schedule: Schedule, number: int) -> Passage | None:
        """Of one span, which is the schedule's."""
        if not self._possible:
            return None
        run = self._longest_run(schedule, schedule.of_span(number))
        if run is None:
            return None
        first, end = run
        span, row = schedule.spans[number], int(schedule.row[first])
        count = self._rows_for(_LOOK_S)
        begin = self._edge(range(row, row + min(count, end - first)), span)
        if begin is None:
            return None
        last = row + end - first
        finish = self._edge(range(last, max(begin[0].row, last - count), -1), span)
        if finish is None or begin[1] != finish[1]:
            return None
        passage = Passage(first + begin[0].row - row, first + finish[0].row - row, begin[0], finish[0], begin[1])
        return passage if passage.size_bytes >= LEAST_BYTES and self._is_even(passage, span) else None

    def _is_even(self, passage: Passage, span: SpanTimes) -> bool:
        """Whether all PES packets of the other streams are due within the span, and sound follows frame by frame.

        A damaged time stamp would go along as it is otherwise.
        """
        begin, finish, raw = passage.begin, passage.finish, self._index.raw
        assert raw is not None
        at = raw.pes.at
        inside = (at >= begin.at) & (at < finish.at)
        for pid in sorted({*self._streams.sound, *self._streams.pes}):
            mine = np.flatnonzero(inside & (raw.pes.pid == pid))
            if not mine.size:
                continue
            times = self._clock.all_ticks(raw.pes.pts[mine], at[mine])
            if int(times.min()) < span.start or int(times.max()) >= span.end:
                return False
            if pid in self._streams.sound:
                length = begin.lengths.get(pid)
                if length is None or length != finish.lengths.get(pid):
                    return False
                steps = np.diff(np.append(times, finish.times[pid]))
                frames = np.rint(steps / float(length))
                even = np.abs(steps - frames * float(length)) <= _SLACK_TICKS
                if not bool((even & (steps > 0) & (steps <= _LONGEST_STEP_TICKS)).all()):
                    return False
        return True

    def _rows_for(self, seconds: float) -> int:
        return max(2, round(seconds * _TICKS / self._index.frame_ticks))

    def _longest_run(self, schedule: Schedule, places: range) -> tuple[int, int] | None:
        """Pictures of a span that follow one another as in the recording, nothing of which has to be touched."""
        index = self._index
        rows = schedule.row[places.start : places.stop].astype(np.int64)
        if not rows.size or index.raw is None:
            return None
        plain = (rows >= 0) & ~np.isin(rows, self._fitted)
        safe = np.maximum(rows, 0)
        plain &= index.flags[safe] & np.uint16(PictureFlag.DAMAGED) == 0
        plain &= (index.skip[safe] >= 0) & (index.skip[safe] <= _MOST_ZEROS)
        plain &= np.unpackbits(index.raw.clocks.timed, count=index.pts.size)[safe] != 0
        plain &= ~np.isin(rows, index.raw.clocks.odd)
        pts, dts, at = index.pts[safe], index.dts[safe], index.at[safe]
        plain &= dts <= pts
        follows = np.zeros(rows.size, np.bool_)
        follows[1:] = plain[1:] & plain[:-1] & (np.diff(rows) == 1) & (np.diff(at) >= PACKET)
        follows[1:] &= (np.diff(dts) > 0) & ~is_jump(np.diff(dts))
        broken = np.searchsorted(index.clock_at, at, side="right")
        follows[1:] &= np.diff(broken) == 0
        # Runs of places that each follow the one before.
        edges = np.flatnonzero(~follows)
        ends = np.append(edges[1:], rows.size)
        # Behind the last one there must be a row at which it ends.
        lengths = np.where(plain[edges], ends - edges, 0)
        best = int(np.argmax(lengths))
        first, end = int(edges[best]), int(ends[best]) - 1
        if end - first < 2 or int(at[end]) - int(at[first]) < LEAST_BYTES:
            return None
        return places.start + first, places.start + end

    def _edge(self, rows: range, span: SpanTimes) -> tuple[Edge, bytes] | None:
        """The first of some rows in front of which the streams can be taken apart, and the table that is there."""
        index = self._index
        near = sorted((int(index.at[rows[0]]), int(index.at[rows[-1]])))
        anchor = near[0]
        low = max(anchor % PACKET, anchor - _BEFORE_BYTES // PACKET * PACKET)
        high = min(near[1] + _BEHIND_BYTES, index.size_bytes)
        if high - low > _MOST_BYTES:
            return None
        self._file.seek(low)
        region = Region.of(self._file.read(high - low), low, self._streams, self._clock)
        if region is None:
            return None
        for row in rows:
            edge = region.edge(row, int(index.at[row]), int(index.dts[row]), span)
            if edge is not None:
                return edge, region.pat
        return None


def packets_at(file: BinaryIO, positions: Sequence[int]) -> Packets:
    """Some packets of a file.

    Raises:
        FileUnreadable: it is shorter than it was.
    """
    rows = []
    for position in positions:
        file.seek(position)
        packet = file.read(PACKET)
        if len(packet) < PACKET:
            raise FileUnreadable("the recording is shorter than it was")
        rows.append(np.frombuffer(packet, np.uint8))
    data = np.stack(rows) if rows else np.empty((0, PACKET), np.uint8)
    return Packets(data, np.asarray(positions, np.int64))
