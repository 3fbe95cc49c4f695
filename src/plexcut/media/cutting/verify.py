"""The proof that a cut is right: the result is opened again and held against its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Check, StreamResult, Verification
from plexcut.domain.spans import KeepList, Span
from plexcut.errors import Cancelled, PlexcutError
from plexcut.media.cutting.companions import TICKS
from plexcut.media.cutting.ledger import Ledger
from plexcut.media.cutting.plan import Part, Plan
from plexcut.media.cutting.readback import Readback
from plexcut.media.cutting.reading import read_and_play
from plexcut.media.cutting.same_bytes import altered_frames, may_be_altered
from plexcut.media.cutting.sample_form import essence, of_one_form
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.cutting.seam_proof import (
    PictureDifference,
    Played,
    SeamProof,
    compare_pictures,
    places_of,
    without_picture,
)
from plexcut.media.cutting.sound_proof import compare_sound, kept_seconds, sound_check, spans_of
from plexcut.media.cutting.transport_check import transport_faults
from plexcut.media.index.build import build_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.psi import parse_pmt
from plexcut.media.indexes import Indexes
from plexcut.media.units import open_units

_EDGE_FRAMES = 4
_BODY_FRAMES = 14
_LEAST_PSNR_DB = 30.0
_NAMED_LOST = 400
_TIME_TOLERANCE_S = Fraction(11, 10_000)
"""Matroska keeps whole milliseconds."""

OnFraction = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class CutProof:
    """The checks, and the copied parts whose pictures do not come out as in the source."""

    verification: Verification
    broken_parts: tuple[Part, ...] = ()


def verify_files(
    source: Path, output: Path, keep: KeepList, indexes: Indexes, program: int | None = None
) -> Verification:
    """Check an existing result: frames, times, coded pictures, and those at all edges decoded.

    Raises:
        FileUnreadable, FormatUnsupported: one of the two cannot be opened.
    """
    index = indexes.get(source, program)
    result = build_index(output, None, lambda _fraction: None)
    checks = [_count_check(result, keep), _times_check(index, result, keep), _spacing_check(result)]
    if checks[0].ok:
        altered = _altered((source, index), (output, result), keep)
        near = may_be_altered(index, keep)
        frames = sorted({n for span in keep for n in _edges(span)} | (altered & near))
        with open_units(source, index) as a, open_units(output, result) as b:
            differences = compare_pictures((a, index), (b, result), places_of(keep, frames))
        checks.append(_pictures_check(differences, set(frames) - index.uncertain, copied=frozenset()))
        checks.append(_altered_check(altered - near, len(altered), keep.frames))
    if result.container == "mpegts":
        checks.append(_transport_check(transport_faults(output, _clock_pid(result))))
    if checks[0].ok:
        checks.append(sound_check((source, index), (output, result), spans_of(index, keep)))
    else:
        checks.append(Check("sound", False, "not compared"))
    return Verification(all(check.ok for check in checks), tuple(checks))


@dataclass(frozen=True, slots=True)
class Made:
    """How a result was made; `ledger` was kept of a transport stream; `streams`: what became of the source's."""

    plan: Plan
    schedule: Schedule
    ledger: Ledger | None = None
    streams: tuple[StreamResult, ...] = ()


def prove_cut(source: tuple[Path, MediaIndex], output: Path, made: Made, on_fraction: OnFraction) -> CutProof:
    """Check a cut that was just made: also that every copied picture has the source's own bytes.

    Raises:
        FileUnreadable: the source is gone.
    """
    try:
        if made.ledger is None:
            proof = _Proof(source, output, made, build_index(output, None, lambda f: on_fraction(0.3 * f)))
        else:
            found, played = read_and_play(
                (output, source[1]),
                (made.schedule, made.ledger),
                lambda index: _seams(source, (output, index), made.plan),
                lambda f: on_fraction(0.9 * f),
            )
            proof = _Proof(source, output, made, found.index, found, played)
    except Cancelled:
        raise
    except PlexcutError as error:
        return CutProof(Verification(False, (Check("opens", False, error.line),)))
    return proof.checked(on_fraction)


def _seams(source: tuple[Path, MediaIndex], result: tuple[Path, MediaIndex], plan: Plan) -> SeamProof:
    return SeamProof(source, result, plan, _suspects(plan), _copied_frames(plan))


@dataclass(slots=True)
class _Proof:
    """The checks of a result that was just made; `found`: what its reading brought, of a transport stream.

    `played`: its seams, where they were already.
    """

    source: tuple[Path, MediaIndex]
    output: Path
    made: Made
    result: MediaIndex
    found: Readback | None = None
    played: Played | None = None

    def checked(self, on_fraction: OnFraction) -> CutProof:
        index, keep = self.source[1], self.made.plan.keep
        checks = [_count_check(self.result, keep), _times_check(index, self.result, keep), _spacing_check(self.result)]
        if self.found is not None:
            checks.append(_transport_check(self.found.faults))
        broken: tuple[Part, ...] = ()
        if checks[0].ok:
            checks.append(self._bytes())
            more, broken = self._pictures(lambda f: on_fraction(0.9 + 0.08 * f))
            checks += more
        checks.append(self._heard())
        on_fraction(1.0)
        return CutProof(Verification(all(check.ok for check in checks), tuple(checks)), broken)

    def _pictures(self, on_fraction: OnFraction) -> tuple[list[Check], tuple[Part, ...]]:
        """The pictures at the seams, how they play, and the copied parts whose pictures do not come out right."""
        path, index = self.source
        plan = self.made.plan
        frames, copied = _suspects(plan), _copied_frames(plan)
        played = self.played or _seams(self.source, (self.output, self.result), plan).play(on_fraction)
        silent = set(frames) - {d.frame for d in played.differences}
        uncertain = index.uncertain
        if silent or played.lost:
            lost = [n for n in played.lost if n not in uncertain]
            with open_units(path, index) as reader:
                uncertain |= without_picture((reader, index), silent.union(lost[:_NAMED_LOST]))
        lost = [n for n in played.lost if n not in uncertain]
        wrong = {d.frame for d in played.differences if d.frame in copied and d.psnr_db < math.inf and not d.damaged}
        wrong = (wrong | silent) - uncertain
        broken = tuple(p for p in plan.parts if p.kind == "copy" and any(n in p.frames for n in wrong))
        checks = [_pictures_check(played.differences, set(frames) - uncertain, copied), _playing_check(played, lost)]
        return checks, broken

    def _bytes(self) -> Check:
        """Every copied picture, byte for byte; the first of a part may carry parameter sets in front."""
        schedule = self.made.schedule
        copied = np.flatnonzero(schedule.row >= 0)
        if self.result.pts.size != schedule.row.size:
            said = f"{self.result.pts.size} coded pictures instead of {schedule.row.size}"
            return Check("bytes", False, said)
        differ = self._differ() if self.found is None else self._not_in_ledger(self.found)
        same = copied.size - np.isin(copied, differ).sum()
        return Check("bytes", not differ, f"{same} of {copied.size} copied pictures identical")

    def _openings(self) -> list[int]:
        return [part.rows.start for part in self.made.plan.parts if part.rows is not None]

    def _not_in_ledger(self, found: Readback) -> list[int]:
        """Places of pictures that are not what was written, or were written otherwise than they were read."""
        schedule, ledger = self.made.schedule, self.made.ledger
        assert ledger is not None
        plain = (schedule.row >= 0) & ~np.isin(schedule.row, self._openings())
        changed = np.flatnonzero(plain & (np.array(ledger.rows, np.int64) != schedule.row))
        return sorted({*found.wrong, *changed.tolist()})

    def _differ(self) -> list[int]:
        """Places of copied pictures that are not the source's: both are read once more."""
        schedule = self.made.schedule
        openings = set(self._openings())
        copied = np.flatnonzero(schedule.row >= 0)
        breaks = np.flatnonzero((np.diff(copied) != 1) | (np.diff(schedule.row[copied]) != 1)) + 1
        differ: list[int] = []
        with open_units(*self.source) as source, open_units(self.output, self.result) as result:
            for stretch in np.split(copied, breaks):
                if not stretch.size:
                    continue
                first, row = int(stretch[0]), int(schedule.row[stretch[0]])
                pairs = zip(source.read(row, row + stretch.size), result.read(first, first + stretch.size), strict=True)
                for i, (a, b) in enumerate(pairs):
                    if row + i not in openings and not self._alike(b"".join(a), b"".join(b)):
                        differ.append(first + i)
        return differ

    def _alike(self, one: bytes, other: bytes) -> bool:
        if of_one_form(self.source[1], self.result):
            return one.strip(b"\x00") == other.strip(b"\x00")
        return essence(self.source[1], one) == essence(self.result, other)

    def _heard(self) -> Check:
        ledger = self.made.ledger
        if self.result.frames != self.made.plan.keep.frames:
            return Check("sound", False, "not compared")
        spans = spans_of(self.source[1], self.made.plan.keep)
        if self.found is None or ledger is None:
            left_out = {stream.id for stream in self.made.streams if not stream.kept}
            return sound_check(self.source, (self.output, self.result), spans, left_out)
        index = self.source[1]
        first = int(index.shown_pts[0])
        theirs = {pid: record.heard(first, TICKS) for pid, record in ledger.sound.items()}
        kept = {pid: track for pid, track in theirs.items() if track is not None}
        names = {track.id: i for i, track in enumerate(t for t in index.tracks if t.kind == "audio")}
        return compare_sound(
            {names[pid]: track for pid, track in kept.items()},
            {names[pid]: track for pid, track in self.found.heard.items()},
            kept_seconds(index, spans),
        )


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


def _altered(source: tuple[Path, MediaIndex], result: tuple[Path, MediaIndex], keep: KeepList) -> frozenset[int]:
    """Frames whose coded picture is not the source's; none where the two files write pictures in different ways."""
    alike = source[1].container == result[1].container and source[1].video.codec == result[1].video.codec
    return frozenset(altered_frames(source, result, keep).tolist()) if alike else frozenset()


def _altered_check(strange: frozenset[int], altered: int, frames: int) -> Check:
    if strange:
        named = ", ".join(map(str, sorted(strange)[:8]))
        return Check("bytes", False, f"{len(strange)} pictures away from the seams are not the source's ({named})")
    return Check("bytes", True, f"{frames - altered} of {frames} coded pictures are the source's, the others at seams")


def _clock_pid(index: MediaIndex) -> int:
    program = parse_pmt(index.pmt, index.pmt_pid)
    return index.video.id if program is None else program.pcr_pid


def _transport_check(faults: Sequence[str]) -> Check:
    return Check("transport", not faults, "; ".join(faults) or "packets, counters and clock are as they should be")


def _playing_check(played: Played, lost: Sequence[int]) -> Check:
    if not lost and not played.disordered:
        return Check("playing", True, f"{played.pictures} pictures played across the seams")
    named = ", ".join(map(str, lost[:8]))
    return Check("playing", False, f"{len(lost)} lost ({named}), {played.disordered} disordered")
