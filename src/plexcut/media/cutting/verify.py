"""The proof that a cut is right: the result is opened again and held against its source."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from plexcut.domain.media import Check, Verification
from plexcut.domain.spans import KeepList, Span
from plexcut.errors import Cancelled, PlexcutError
from plexcut.media.cutting.plan import Part, Plan
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.cutting.sound_proof import sound_check
from plexcut.media.decoding import decode_rows
from plexcut.media.index.build import build_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes
from plexcut.media.units import UnitReader, open_units

_EDGE_FRAMES = 4
_BODY_FRAMES = 14
_LEAST_PSNR_DB = 30.0
_PLAYED_ROWS = 400
_TIME_TOLERANCE_S = Fraction(11, 10_000)
"""Matroska keeps whole milliseconds."""

OnFraction = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class PictureDifference:
    """How frame `frame` of the source differs from its place in the result; `psnr_db` is infinite where it does not.

    `damaged`: the decoder called the source's own picture damaged.
    """

    frame: int
    psnr_db: float
    damaged: bool


@dataclass(frozen=True, slots=True)
class CutProof:
    """The checks, and the copied parts whose pictures do not come out as in the source."""

    verification: Verification
    broken_parts: tuple[Part, ...] = ()


def verify_files(
    source: Path, output: Path, keep: KeepList, indexes: Indexes, program: int | None = None
) -> Verification:
    """Check an existing result: frames, times, and the pictures at all edges.

    Raises:
        FileUnreadable, FormatUnsupported: one of the two cannot be opened.
    """
    index = indexes.get(source, program)
    result = build_index(output, None, lambda _fraction: None)
    checks = [_count_check(result, keep), _times_check(index, result, keep), _spacing_check(result)]
    if checks[0].ok:
        frames = sorted({n for span in keep for n in _edges(span)})
        with open_units(source, index) as a, open_units(output, result) as b:
            differences = compare_pictures((a, index), (b, result), _places(keep, frames))
        checks.append(_pictures_check(differences, set(frames) - index.uncertain, copied=frozenset()))
    checks.append(_heard_check((source, index), (output, result), keep))
    return Verification(all(check.ok for check in checks), tuple(checks))


def prove_cut(
    source: tuple[Path, MediaIndex], output: Path, plan: Plan, schedule: Schedule, on_fraction: OnFraction
) -> CutProof:
    """Check a cut that was just made: also that every copied picture has the source's own bytes.

    Raises:
        FileUnreadable: the source is gone.
    """
    path, index = source
    keep = plan.keep
    try:
        result = build_index(output, None, lambda fraction: on_fraction(0.3 * fraction))
    except Cancelled:
        raise
    except PlexcutError as error:
        return CutProof(Verification(False, (Check("opens", False, error.line),)))
    checks = [_count_check(result, keep), _times_check(index, result, keep), _spacing_check(result)]
    broken: tuple[Part, ...] = ()
    if checks[0].ok:
        frames = _suspects(plan)
        with open_units(path, index) as a, open_units(output, result) as b:
            differences = compare_pictures((a, index), (b, result), _places(keep, frames))
            on_fraction(0.6)
            copied = _copied_frames(plan)
            silent = set(frames) - {d.frame for d in differences}
            uncertain = index.uncertain | _without_picture((a, index), silent)
            checks.append(_pictures_check(differences, set(frames) - uncertain, copied))
            checks.append(_bytes_check((a, index), (b, result), plan, schedule))
            on_fraction(0.8)
            checks.append(_playing_check((a, index), (b, result), plan, uncertain))
        wrong = {d.frame for d in differences if d.frame in copied and d.psnr_db < math.inf and not d.damaged}
        wrong |= set(frames) - {d.frame for d in differences}
        wrong -= uncertain
        broken = tuple(p for p in plan.parts if p.kind == "copy" and any(n in p.frames for n in wrong))
    checks.append(_heard_check(source, (output, result), keep))
    on_fraction(1.0)
    return CutProof(Verification(all(check.ok for check in checks), tuple(checks)), broken)


def _edges(span: Span) -> Iterable[int]:
    yield from range(span.start, min(span.start + _BODY_FRAMES, span.end))
    yield from range(max(span.start, span.end - _BODY_FRAMES), span.end)


def _suspects(plan: Plan) -> list[int]:
    """The frames that are looked at: all around the ends of every part."""
    frames: set[int] = set()
    for part in plan.parts:
        head, tail = (_EDGE_FRAMES, _EDGE_FRAMES) if part.kind == "encode" else (_BODY_FRAMES, _BODY_FRAMES)
        frames.update(range(part.frames.start, min(part.frames.start + head, part.frames.end)))
        frames.update(range(max(part.frames.start, part.frames.end - tail), part.frames.end))
    return sorted(frames)


def _copied_frames(plan: Plan) -> frozenset[int]:
    return frozenset(n for part in plan.parts if part.kind == "copy" for n in range(part.frames.start, part.frames.end))


def _places(keep: KeepList, frames: Sequence[int]) -> dict[int, int]:
    """Source frame to result frame."""
    wanted = set(frames)
    places: dict[int, int] = {}
    at = 0
    for span in keep:
        places.update({n: at + n - span.start for n in range(span.start, span.end) if n in wanted})
        at += len(span)
    return places


Opened = tuple[UnitReader, MediaIndex]


def compare_pictures(source: Opened, result: Opened, places: dict[int, int]) -> list[PictureDifference]:
    """Decode frames on both sides and compare them; a frame that comes out on one side only is left out.

    What differs is decoded once more from one group further ahead: a damaged picture looks different for every place
    that decoding began at.
    """
    differences: list[PictureDifference] = []
    for group in _groups(sorted(places)):
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
        found = PictureDifference(number, psnr(frame, ours[number]), bool(frame.is_corrupt))
        if number not in best or found.psnr_db > best[number].psnr_db:
            best[number] = found


def _groups(frames: Sequence[int]) -> Iterable[list[int]]:
    group: list[int] = []
    for n in frames:
        if group and (n - group[-1] > 8 or len(group) >= 40):
            yield group
            group = []
        group.append(n)
    if group:
        yield group


def _decoded(opened: Opened, frames: Sequence[int], groups_back: int) -> dict[int, VideoFrame]:
    reader, index = opened
    rows = {int(index.display[n]) for n in frames}
    first = min(index.key_before(row) for row in rows)
    earlier = index.keys[index.keys < first]
    if groups_back and earlier.size:
        first = int(earlier[-groups_back])
    stretch = range(first, max(rows) + 1)
    return {int(index.number_of[row]): frame for row, frame in decode_rows(reader, index, stretch, rows)}


def psnr(a: VideoFrame, b: VideoFrame) -> float:
    """Peak signal-to-noise ratio over all planes, in dB; infinite for equal pictures, 0 where the shapes differ."""
    if (a.width, a.height) != (b.width, b.height) or len(a.planes) != len(b.planes):
        return 0.0
    square, count = 0.0, 0
    peak = 255.0
    for one, other in zip(_planes(a), _planes(b), strict=True):
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


def _count_check(result: MediaIndex, keep: KeepList) -> Check:
    ok = result.frames == keep.frames
    return Check("frames", ok, f"{result.frames} of {keep.frames} frames")


def _times_check(index: MediaIndex, result: MediaIndex, keep: KeepList) -> Check:
    if result.frames != keep.frames:
        return Check("times", False, "not compared")
    expected: list[npt.NDArray[np.floating[Any]]] = []
    base = 0
    for span in keep:
        times = index.shown_pts[span.start : span.end]
        expected.append((times - int(times[0]) + base) * float(index.time_base))
        base += index.pts_of(span.end) - int(times[0])
    found = (result.shown_pts - int(result.shown_pts[0])) * float(result.time_base)
    worst = float(np.abs(np.concatenate(expected) - found).max())
    return Check("times", worst <= float(_TIME_TOLERANCE_S), f"frames shown within {worst * 1000:.3f} ms of their time")


def _spacing_check(result: MediaIndex) -> Check:
    if "matroska" in result.container:
        return Check("order", True, "Matroska keeps no decode times")
    decode = np.diff(result.dts)
    late = int(np.count_nonzero(result.dts > result.pts))
    ok = bool((decode > 0).all()) and late == 0
    return Check("order", ok, "decode times rise" if ok else f"{int((decode <= 0).sum())} steps back, {late} late")


def _pictures_check(differences: Sequence[PictureDifference], wanted: set[int], copied: frozenset[int]) -> Check:
    """`wanted` are the frames that must be there and right; of others, damaged in the source, nothing is asked."""
    judged = [d for d in differences if d.frame in wanted]
    missing = len(wanted) - len(judged)
    wrong = [d for d in judged if not d.damaged and d.psnr_db < (math.inf if d.frame in copied else _LEAST_PSNR_DB)]
    if missing or wrong:
        named = ", ".join(str(d.frame) for d in wrong[:8])
        return Check("pictures", False, f"{missing} missing; {len(wrong)} differ (source frames {named or '-'})")
    lossy = [d.psnr_db for d in judged if d.psnr_db < math.inf]
    quality = f", re-encoded ones at {min(lossy):.1f} dB or better" if lossy else ""
    damaged = len(differences) - len(judged)
    aside = f"; {damaged} left aside, the source is damaged there" if damaged else ""
    return Check("pictures", True, f"{len(judged)} pictures at the seams compared{quality}{aside}")


def _bytes_check(source: Opened, result: Opened, plan: Plan, schedule: Schedule) -> Check:
    """Every copied picture, byte for byte; the first of a part may carry parameter sets in front."""
    count = schedule.row.size
    if result[1].pts.size != count:
        return Check("bytes", False, f"{result[1].pts.size} coded pictures instead of {count}")
    openings = {part.rows.start for part in plan.parts if part.rows is not None}
    differ = compared = 0
    copied = np.flatnonzero(schedule.row >= 0)
    for stretch in np.split(copied, np.flatnonzero((np.diff(copied) != 1) | (np.diff(schedule.row[copied]) != 1)) + 1):
        if not stretch.size:
            continue
        first, row = int(stretch[0]), int(schedule.row[stretch[0]])
        ours = result[0].read(first, first + stretch.size)
        theirs = source[0].read(row, row + stretch.size)
        for this, (a, b) in enumerate(zip(theirs, ours, strict=True), row):
            compared += 1
            if this not in openings and b"".join(a).strip(b"\x00") != b"".join(b).strip(b"\x00"):
                differ += 1
    return Check("bytes", differ == 0, f"{compared - differ} of {compared} copied pictures identical")


def _without_picture(source: Opened, frames: Collection[int]) -> frozenset[int]:
    """Of some frames those that are damaged so that the source itself gives no picture."""
    given: set[int] = set()
    for group in _groups(sorted(frames)):
        for groups_back in (0, 1):
            given.update(_decoded(source, group, groups_back))
    return frozenset(frames) - given


def _playing_check(source: Opened, result: Opened, plan: Plan, uncertain: frozenset[int]) -> Check:
    """Play across every place where parts meet, as a player does, from two keyframes ahead: each picture comes once.

    Pictures that are damaged in the source (`uncertain`) may be missing.
    """
    reader, index = result
    source_frames = [n for span in plan.keep for n in range(span.start, span.end)]
    lost: list[int] = []
    disordered = played = 0
    for start, end in _stretches(index, plan):
        shown = [number for _, number in _played(reader, index, start, end)]
        played += len(shown)
        certain = [number for number in shown if source_frames[number] not in uncertain]
        disordered += sum(b <= a for a, b in itertools.pairwise(certain))
        numbers = index.number_of[start:end]
        expected = set(numbers[(numbers >= 0) & (index.pts[start:end] >= index.pts[start])].tolist())
        lost += sorted(n for n in expected - set(shown) if source_frames[n] not in uncertain)
    silent = _without_picture(source, {source_frames[n] for n in lost[:_PLAYED_ROWS]})
    lost = [n for n in lost if source_frames[n] not in silent]
    ok = not lost and not disordered
    named = ", ".join(str(source_frames[n]) for n in lost[:8])
    said = (
        f"{played} pictures played across the seams" if ok else f"{len(lost)} lost ({named}), {disordered} disordered"
    )
    return Check("playing", ok, said)


def _stretches(index: MediaIndex, plan: Plan) -> list[tuple[int, int]]:
    """Rows of the result around every place where parts meet, from keyframe to keyframe; overlapping ones joined."""
    edges = [0]
    for part in plan.parts:
        edges.append(edges[-1] + len(part.frames))
    found: list[tuple[int, int]] = []
    for edge in edges:
        row = int(index.display[min(edge, index.frames - 1)])
        before, behind = index.keys[index.keys <= row], index.keys[index.keys > row]
        start = int(before[max(0, before.size - 2)]) if before.size else 0
        end = int(behind[1]) if behind.size > 1 else index.pts.size
        end = min(end, row + _PLAYED_ROWS)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _played(reader: UnitReader, index: MediaIndex, start: int, end: int) -> Iterator[tuple[int, int]]:
    """`(row, frame)` of the pictures that come out when rows `[start, end)` are decoded, in the order they come."""
    for row, _frame in decode_rows(reader, index, range(start, end)):
        if index.pts[row] >= index.pts[start]:
            yield row, int(index.number_of[row])


def _heard_check(source: tuple[Path, MediaIndex], result: tuple[Path, MediaIndex], keep: KeepList) -> Check:
    if result[1].frames != keep.frames:
        return Check("sound", False, "not compared")
    spans: list[SpanTimes] = []
    base = 0
    for span in keep:
        spans.append(SpanTimes(source[1].pts_of(span.start), source[1].pts_of(span.end), base))
        base = spans[-1].base_end
    return sound_check(source, result, spans)
