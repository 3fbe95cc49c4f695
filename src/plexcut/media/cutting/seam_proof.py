"""The pictures at the seams of a result: played across every place where parts meet, and held against the source's."""

from __future__ import annotations

import itertools
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.domain.ports import never
from plexcut.media.cutting.observed import BODY_FRAMES
from plexcut.media.cutting.picture_compare import (
    Opened,
    PictureDifference,
    compare_pictures,
    difference,
    near_groups,
    places_of,
    unsettled,
)
from plexcut.media.cutting.plan import Plan
from plexcut.media.decoding import decode_rows, decode_strictly
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader, open_units

PLAYED_ROWS = 400
"""So many pictures behind a place where parts meet are played at most."""
_REORDERED_ROWS = 33
"""Behind so many rows a picture has come out."""
_GOOD_PSNR_DB = 40.0
_WORKERS = 2
_POLL_S = 0.2
_GROUPS_AHEAD = 3
"""From so many keyframes ahead the source is decoded to see whether it has the same faults."""


I32 = npt.NDArray[np.int32]
Watch = tuple[threading.Event, list[int]]
"""Whether to stop, and the rows that came out so far."""


@dataclass(slots=True)
class Played:
    """What came out when the result was played across its seams, as a player does, from two keyframes ahead.

    `pictures`: how many; `lost`: source frames that should have come; `disordered`: pictures that came too late;
    `complaints`: source frames that the decoder finds a fault with that the recording does not have.
    """

    pictures: int = 0
    lost: list[int] = field(default_factory=list)
    disordered: int = 0
    complaints: list[int] = field(default_factory=list)
    differences: list[PictureDifference] = field(default_factory=list)

    def join(self, other: Played) -> None:
        self.pictures += other.pictures
        self.lost += other.lost
        self.disordered += other.disordered
        self.complaints += other.complaints
        self.differences += other.differences


@dataclass(frozen=True, slots=True)
class SeamProof:
    """Plays a result across its seams; `frames` of the source are compared on the way, `copied` are those copied."""

    source: tuple[Source, MediaIndex]
    result: tuple[Path, MediaIndex]
    plan: Plan
    frames: Sequence[int]
    copied: frozenset[int]

    def play(self, on_fraction: Callable[[float], None]) -> Played:
        """Every seam, several at once.

        Raises:
            FileUnreadable: one of the files is gone.
            Whatever `on_fraction` raises, which is called now and then.
        """
        todo = _stretches(self.result[1], self.plan)
        rows = max(sum(end - start for start, end in todo), 1)
        stop = threading.Event()
        shown = np.concatenate([np.arange(span.start, span.end, dtype=np.int32) for span in self.plan.keep])
        played = Played()
        workers = max(1, min(_WORKERS, os.cpu_count() or 1, len(todo)))
        with ThreadPoolExecutor(workers, "cut-play") as pool:
            over: list[int] = []
            waiting = {pool.submit(self._play, todo[i::workers], shown, (stop, over)) for i in range(workers)}
            try:
                while waiting:
                    done, waiting = wait(waiting, _POLL_S, FIRST_COMPLETED)
                    for each in done:
                        played.join(each.result())
                    on_fraction(min(1.0, len(over) / rows))
            finally:
                stop.set()
        self._look_again(played)
        return played

    def _play(self, stretches: Sequence[tuple[int, int]], shown: I32, watch: Watch) -> Played:
        """Some stretches, one after the other, until the event is set; every row that comes out is noted."""
        played = Played()
        with open_units(*self.source) as theirs, open_units(*self.result) as ours:
            for start, end in stretches:
                played.join(self._from_far_enough((theirs, ours), (start, end), shown, watch))
        return played

    def _from_far_enough(
        self, readers: tuple[UnitReader, UnitReader], stretch: tuple[int, int], shown: I32, watch: Watch
    ) -> Played:
        """One stretch; where pictures are lost, from further ahead: what it begins with may be damaged."""
        best = self._stretch(readers, stretch, shown, watch)
        keys = self.result[1].keys
        for start in keys[keys < stretch[0]][::-1][:_GROUPS_AHEAD].tolist():
            if watch[0].is_set() or self.source[1].uncertain.issuperset(best.lost):
                break
            again = self._stretch(readers, (start, stretch[1]), shown, watch)
            if len(again.lost) < len(best.lost):
                best = again
        return best

    def _stretch(
        self, readers: tuple[UnitReader, UnitReader], stretch: tuple[int, int], shown: I32, watch: Watch
    ) -> Played:
        """One stretch; where a picky decoder finds fault with it, a lenient one goes through it again.

        Where the recording is damaged, no faults are looked for. Nor are those of leading pictures whose group before
        was not decoded: nobody asks for them here.
        """
        complaints: list[int] = []
        stop = watch[0]
        index = self.result[1]
        numbers = index.number_of[stretch[0] : stretch[1]]
        played = Played()
        damaged = not self.source[1].uncertain.isdisjoint(shown[numbers[numbers >= 0]].tolist())
        if not damaged:
            found: list[int] = []
            pictures = decode_strictly(readers[1], index, range(*stretch), found)
            played = self._compared(readers[0], stretch, shown, pictures, watch)
            complaints = [row for row in found if stretch[0] == 0 or index.pts[row] >= index.pts[stretch[0]]]
            damaged = bool(complaints) or (bool(found) and not self._whole(played))
        if damaged and not stop.is_set():
            pictures = decode_rows(readers[1], index, range(*stretch))
            played = self._compared(readers[0], stretch, shown, pictures, watch)
        if complaints and not stop.is_set():
            played.complaints = self._new_complaints(readers[0], complaints, stretch, shown)
        return played

    def _whole(self, played: Played) -> bool:
        """Whether all came that should, and as it should."""
        return not played.lost and not played.disordered and all(map(self._good, played.differences))

    def _new_complaints(
        self, reader: UnitReader, complaints: list[int], stretch: tuple[int, int], shown: I32
    ) -> list[int]:
        """Source frames that a decoder found fault with in the result; none where the source has faults there too."""
        source, result = self.source[1], self.result[1]
        numbers = [int(result.number_of[row]) for row in complaints]
        frames = {int(shown[n]) for n in numbers if n >= 0} - source.uncertain
        inside = result.number_of[stretch[0] : stretch[1]]
        inside = inside[inside >= 0]
        kept = shown[int(inside.min()) : int(inside.max()) + 1]
        # From the same keyframe, past which pictures may look, and from further ahead, where nothing is missing.
        began = int(result.number_of[stretch[0]])
        same = source.key_before(int(source.display[shown[max(began, 0)]]))
        found: list[int] = []
        for group in near_groups(sorted(frames)):
            rows = [int(source.display[n]) for n in group]
            start = source.key_before(min(rows))
            earlier = source.keys[source.keys < start]
            start = int(earlier[max(0, earlier.size - _GROUPS_AHEAD)]) if earlier.size else start
            theirs = _faults((reader, source), range(start, max(rows) + 1))
            if theirs.isdisjoint(kept.tolist()):
                # But what a result begins with has nothing before it, however it is in the recording.
                begins = stretch[0] > 0 or same == int(source.keys[0])
                near = range(same, max(rows) + 1) if begins and same <= min(rows) < same + PLAYED_ROWS else range(0)
                found += sorted(set(group) - _faults((reader, source), near))
        return found

    def _compared(
        self,
        reader: UnitReader,
        stretch: tuple[int, int],
        shown: I32,
        pictures: Iterator[tuple[int, VideoFrame]],
        watch: Watch,
    ) -> Played:
        index = self.result[1]
        start, end = stretch
        played = Played()
        numbers = index.number_of[start:end]
        expected = shown[numbers[(numbers >= 0) & (index.pts[start:end] >= index.pts[start])]]
        wanted = sorted(set(expected.tolist()).intersection(self.frames))
        theirs = _in_order((reader, self.source[1]), wanted)
        frame = next(theirs, None)
        seen: list[int] = []
        for row, picture in pictures:
            if watch[0].is_set():
                return played
            watch[1].append(row)
            if index.pts[row] < index.pts[start]:
                continue
            number = int(shown[index.number_of[row]])
            seen.append(number)
            while frame is not None and frame[0] < number:
                frame = next(theirs, None)
            if frame is not None and frame[0] == number:
                played.differences.append(difference(number, frame[1], picture))
        played.pictures = len(seen)
        certain = [number for number in seen if number not in self.source[1].uncertain]
        back = _steps_back(certain)
        played.disordered = len(back - _steps_back_there((reader, self.source[1]), back)) if back else 0
        played.lost = sorted(set(expected.tolist()) - set(seen))
        return played

    def _look_again(self, played: Played) -> None:
        """Decode pictures that differ once more by themselves, from places nearer and further ahead."""
        best = {d.frame: d for d in played.differences}
        doubtful = [n for n in self.frames if n not in best or not self._good(best[n])]
        if doubtful:
            with open_units(*self.source) as theirs, open_units(*self.result) as ours:
                places = places_of(self.plan.keep, doubtful)
                for found in compare_pictures((theirs, self.source[1]), (ours, self.result[1]), places):
                    if found.frame not in best or found.psnr_db > best[found.frame].psnr_db:
                        best[found.frame] = found
                still = [n for n in doubtful if n in best and not self._good(best[n])]
                for n in unsettled((theirs, self.source[1]), still):
                    best[n] = replace(best[n], damaged=True)
        played.differences = [best[n] for n in sorted(best)]

    def _good(self, found: PictureDifference) -> bool:
        return found.psnr_db == math.inf or (found.frame not in self.copied and found.psnr_db >= _GOOD_PSNR_DB)


def _in_order(source: Opened, frames: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """Some frames as they are shown; what lies between two of them is decoded once."""
    reader, index = source
    stretches: list[tuple[int, set[int]]] = []
    for n in frames:
        row = int(index.display[n])
        first = index.key_before(row)
        if stretches and first <= max(stretches[-1][1]):
            stretches[-1][1].add(row)
        else:
            stretches.append((first, {row}))
    for first, rows in stretches:
        # Whatever does not come out alike is looked at again, with all pictures decoded.
        for row, frame in decode_rows(reader, index, range(first, max(rows) + 1), rows, hurry=never):
            yield int(index.number_of[row]), frame


def _steps_back(numbers: Iterable[int]) -> set[tuple[int, int]]:
    """Frames that come out after a later one, each behind that."""
    return {(a, b) for a, b in itertools.pairwise(numbers) if b <= a}


def _steps_back_there(source: Opened, steps: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those that the recording has at the same places: it may be sent in an order that its level does not allow."""
    reader, index = source
    found: set[tuple[int, int]] = set()
    for step in steps:
        rows = [int(index.display[n]) for n in step]
        stretch = range(index.key_before(min(rows)), min(max(rows) + _REORDERED_ROWS, index.pts.size))
        found |= _steps_back(int(index.number_of[row]) for row, _ in decode_rows(reader, index, stretch))
    return found


def _faults(source: Opened, rows: range) -> set[int]:
    """Frames that a picky decoder finds fault with."""
    complaints: list[int] = []
    if rows:
        for _ in decode_strictly(*source, rows, complaints):
            pass
    return {int(source[1].number_of[row]) for row in complaints}


def _stretches(index: MediaIndex, plan: Plan) -> list[tuple[int, int]]:
    """Rows of the result around every place where parts meet, overlapping ones joined.

    From a keyframe behind which all that is compared there is shown, past the next keyframe and the pictures that still
    look behind it.
    """
    edges = [0]
    for part in plan.parts:
        edges.append(edges[-1] + len(part.frames))
    found: list[tuple[int, int]] = []
    for edge in edges:
        row = int(index.display[min(edge, index.frames - 1)])
        behind = index.keys[index.keys > row]
        start = min(
            index.key_before(row),
            index.key_before(int(index.display[min(max(0, edge - BODY_FRAMES), index.frames - 1)])),
        )
        end = _past_leading(index, int(behind[0])) if behind.size else index.pts.size
        end = min(end, row + PLAYED_ROWS)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _past_leading(index: MediaIndex, key: int) -> int:
    """The row behind a keyframe and all its leading pictures."""
    shown_before = index.pts[key : key + _REORDERED_ROWS] < index.pts[key]
    leading = np.flatnonzero(shown_before)
    return min(key + 2 + (int(leading[-1]) if leading.size else 0), index.pts.size)
