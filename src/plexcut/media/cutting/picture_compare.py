"""Pictures of two files held against one another."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame

from plexcut.domain.spans import KeepList
from plexcut.media.decoding import decode_rows
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader

_FOLLOWING_ROWS = 2

Opened = tuple[UnitReader, MediaIndex]


@dataclass(frozen=True, slots=True)
class PictureDifference:
    """How frame `frame` of the source differs from its place in the result; `psnr_db` is infinite where it does not.

    `damaged`: the decoder called the source's own picture damaged.
    """

    frame: int
    psnr_db: float
    damaged: bool


def difference(number: int, theirs: VideoFrame, ours: VideoFrame) -> PictureDifference:
    """How a picture of the result differs from the source's, whose `number` it has."""
    return PictureDifference(number, psnr(theirs, ours), bool(theirs.is_corrupt))


def places_of(keep: KeepList, frames: Sequence[int]) -> dict[int, int]:
    """Source frame to result frame."""
    wanted = set(frames)
    places: dict[int, int] = {}
    at = 0
    for span in keep:
        places.update({n: at + n - span.start for n in range(span.start, span.end) if n in wanted})
        at += len(span)
    return places


def compare_pictures(source: Opened, result: Opened, places: dict[int, int]) -> list[PictureDifference]:
    """Decode frames on both sides and compare them; a frame that comes out on one side only is left out.

    What differs is decoded once more from one group further ahead: a damaged picture looks different for every place
    that decoding began at.
    """
    differences: list[PictureDifference] = []
    for group in near_groups(sorted(places)):
        best: dict[int, PictureDifference] = {}
        for groups_back in (0, 1):
            todo = [n for n in group if n not in best or best[n].psnr_db < math.inf]
            if todo:
                ours = _decoded(result, [places[n] for n in todo], groups_back)
                theirs = _decoded(source, todo, groups_back)
                _keep_best(best, theirs, {n: ours[places[n]] for n in todo if places[n] in ours})
        differences += best.values()
    return differences


def _keep_best(best: dict[int, PictureDifference], theirs: dict[int, VideoFrame], ours: dict[int, VideoFrame]) -> None:
    for number, frame in theirs.items():
        if number not in ours:
            continue
        found = difference(number, frame, ours[number])
        if number not in best or found.psnr_db > best[number].psnr_db:
            best[number] = found


def near_groups(frames: Sequence[int]) -> Iterable[list[int]]:
    """Frames in order, those together that are decoded together."""
    group: list[int] = []
    for n in frames:
        if group and (n - group[-1] > 8 or len(group) >= 40):
            yield group
            group = []
        group.append(n)
    if group:
        yield group


def _decoded(opened: Opened, frames: Sequence[int], groups_back: int, following: int = 0) -> dict[int, VideoFrame]:
    reader, index = opened
    rows = {int(index.display[n]) for n in frames}
    first = min(index.key_before(row) for row in rows)
    earlier = index.keys[index.keys < first]
    if groups_back and earlier.size:
        first = int(earlier[-groups_back])
    stretch = range(first, min(max(rows) + 1 + following, index.pts.size))
    return {int(index.number_of[row]): frame for row, frame in decode_rows(reader, index, stretch, rows)}


def unsettled(source: Opened, frames: Collection[int]) -> frozenset[int]:
    """Of some frames those that are damaged so that their picture is another one each time.

    What no slice covers is what a decoder's memory held before, with some codecs: one that may use its memory again is
    held against one that may not.
    """
    found: set[int] = set()
    for group in near_groups(sorted(frames)):
        once = _decoded(source, group, 0)
        reader, index = source
        rows = [int(index.display[n]) for n in group]
        stretch = range(min(index.key_before(row) for row in rows), max(rows) + 1)
        anew = {int(index.number_of[row]): frame for row, frame in decode_rows(reader, index, stretch)}
        found.update(n for n in group if n in once and n in anew and psnr(once[n], anew[n]) < math.inf)
    return frozenset(found)


def psnr(a: VideoFrame, b: VideoFrame) -> float:
    """Peak signal-to-noise ratio over all planes, in dB; infinite for equal pictures, 0 where the shapes differ."""
    if (a.width, a.height) != (b.width, b.height) or len(a.planes) != len(b.planes):
        return 0.0
    pairs = list(zip(_planes(a), _planes(b), strict=True))
    if all(np.array_equal(one, other) for one, other in pairs):
        return math.inf
    square, count = 0.0, 0
    peak = 255.0
    for one, other in pairs:
        if one.dtype == np.uint16:
            peak = 1023.0
        difference = one.astype(np.int32) - other
        square += float(np.einsum("ij,ij->", difference, difference, dtype=np.float64))
        count += difference.size
    return math.inf if square == 0 else 10 * math.log10(peak * peak * count / square)


def _planes(frame: VideoFrame) -> Iterable[np.ndarray[tuple[int, int], np.dtype[np.uint8 | np.uint16]]]:
    wide = any(component.bits > 8 for component in frame.format.components)
    for plane in frame.planes:
        data = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        row = plane.width * (2 if wide else 1)
        lines = np.ascontiguousarray(data[: plane.height, :row])
        yield lines.view(np.uint16) if wide else lines


def without_picture(source: Opened, frames: Collection[int]) -> frozenset[int]:
    """Of some frames those that are damaged so that the source itself gives no picture."""
    given: set[int] = set()
    for group in near_groups(sorted(frames)):
        for groups_back in (0, 1):
            # A decoder may give out what is left of the very last one, which it drops where others follow.
            given.update(_decoded(source, group, groups_back, _FOLLOWING_ROWS))
    return frozenset(frames) - given
