"""The proof that a cut is right: the result is opened again and held against its source."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from plexcut.domain.media import Check, Source, StreamResult, Verification
from plexcut.domain.spans import KeepList
from plexcut.errors import Cancelled, PlexcutError
from plexcut.media import heap
from plexcut.media.cutting.ledger import Ledger
from plexcut.media.cutting.observed import looked_at, observed_plan, own_bytes_check, seams_of
from plexcut.media.cutting.passed_edges import hear_edges
from plexcut.media.cutting.picture_compare import PictureDifference, without_picture
from plexcut.media.cutting.plan import Part, Plan
from plexcut.media.cutting.readback import Readback
from plexcut.media.cutting.reading import read_and_play
from plexcut.media.cutting.same_bytes import altered_frames, may_be_altered
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.cutting.seam_proof import Played, SeamProof
from plexcut.media.cutting.sound_proof import SoundProof, compare_sound, heeded, kept_seconds, sound_check, spans_of
from plexcut.media.cutting.source_clock import TICKS
from plexcut.media.cutting.stream_proof import kept_streams, streams_check
from plexcut.media.cutting.transport_check import transport_faults
from plexcut.media.index.build import build_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.psi import parse_pmt
from plexcut.media.indexes import Indexes
from plexcut.media.units import open_units

_LEAST_PSNR_DB = 30.0
_NAMED_LOST = 400
_AT_ONCE = 1 << 16
_TIME_TOLERANCE_S = Fraction(11, 10_000)
"""Matroska keeps whole milliseconds."""

OnDone = Callable[[str, float], None]
"""Told of `read` and `play`, how much of each is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CutProof:
    """The checks, and the copied parts whose pictures do not come out as in the source."""

    verification: Verification
    broken_parts: tuple[Part, ...] = ()


def verify_files(
    source: Source, output: Path, keep: KeepList, indexes: Indexes, program: int | None = None
) -> Verification:
    """Check an existing result: frames, times, coded pictures, and those at all edges decoded.

    Raises:
        FileUnreadable, FormatUnsupported: one of the two cannot be opened.
    """
    index = indexes.get(source, program)
    result = build_index(output, None, lambda _fraction: None)
    checks = [_count_check(result, keep), _times_check(index, result, keep), _spacing_check(result)]
    transport = result.container == index.container == "mpegts"
    if result.container == "mpegts":
        checks.append(_transport_check(transport_faults(output, _clock_pid(result), (0, result.pmt_pid))))
    if not checks[0].ok:
        return Verification(False, (*checks, Check("sound", False, "not compared")))
    files = (source, index), (output, result)
    altered = _altered(*files, keep)
    plan = observed_plan(keep, altered)
    strange = altered - may_be_altered(index, keep)
    checks.append(_altered_check(strange) or own_bytes_check(len(altered), keep.frames))
    if strange:
        # What is compared are the seams, and these are elsewhere.
        plan = observed_plan(keep, ())
    copied = _copied_of(plan, looked_at(plan))
    looked = _Looked(SeamProof(*files, plan, looked_at(plan), copied).play(lambda _: None), index.uncertain)
    checks += looked.checks(files[0], looked_at(plan), copied if altered else frozenset())
    spans = spans_of(index, keep)
    if transport:
        checks.append(streams_check(*files, kept_seconds(index, spans)))
    sound = sound_check(*files, spans)
    checks.append(sound.check)
    return Verification(all(c.ok for c in checks), tuple(checks), seams_of(index, plan, sound.offsets_ms))


@dataclass(slots=True)
class _Looked:
    """What was played, and frames of which nothing can be asked: those damaged in the recording."""

    played: Played
    uncertain: frozenset[int]

    def checks(self, source: tuple[Source, MediaIndex], frames: Sequence[int], copied: frozenset[int]) -> list[Check]:
        """Of `frames`, those `copied` must be equal."""
        played = self.played
        silent = set(frames) - {d.frame for d in played.differences}
        if silent or played.lost:
            lost = [n for n in played.lost if n not in self.uncertain]
            with open_units(*source) as reader:
                self.uncertain |= without_picture((reader, source[1]), silent.union(lost[:_NAMED_LOST]))
        lost = [n for n in played.lost if n not in self.uncertain]
        return [
            _pictures_check(played.differences, set(frames) - self.uncertain, copied),
            _playing_check(played, lost),
            _faults_check(played),
        ]


@dataclass(frozen=True, slots=True)
class Made:
    """How a result was made; `ledger` was kept of a transport stream; `streams`: what became of the source's."""

    plan: Plan
    schedule: Schedule
    ledger: Ledger | None = None
    streams: tuple[StreamResult, ...] = ()

    def altered(self) -> frozenset[int]:
        """By the ledger: the kept frames whose coded picture is not the recording's."""
        assert self.ledger is not None
        own = (self.schedule.row >= 0) & (self.ledger.rows.values() == self.schedule.row)
        return frozenset(self.schedule.frame[~own].tolist())


def prove_cut(source: tuple[Source, MediaIndex], output: Path, made: Made, on_done: OnDone) -> CutProof:
    """Check a cut that was just made: also that every copied picture has the source's own bytes.

    Raises:
        FileUnreadable: the source is gone.
    """
    try:
        if made.ledger is None:
            proof = _Proof(source, output, made, build_index(output, None, lambda f: on_done("read", f)))
        else:
            hear_edges(made.ledger, source[1])
            found, played = read_and_play(
                (output, source[1]),
                (made.schedule, made.ledger),
                lambda index: _seams(source, (output, index), made, observed_plan(made.plan.keep, made.altered())),
                on_done,
            )
            heap.give_back()
            proof = _Proof(source, output, made, found.index, found, played)
    except Cancelled:
        raise
    except PlexcutError as error:
        return CutProof(Verification(False, (Check("opens", False, error.line),)))
    return proof.checked(on_done)


def _seams(source: tuple[Source, MediaIndex], result: tuple[Path, MediaIndex], made: Made, observed: Plan) -> SeamProof:
    frames = looked_at(observed)
    return SeamProof(source, result, observed, frames, _copied_of(made.plan, frames))


@dataclass(slots=True)
class _Proof:
    """The checks of a result that was just made; `found`: what its reading brought, of a transport stream.

    `played`: its seams, where they were already.
    """

    source: tuple[Source, MediaIndex]
    output: Path
    made: Made
    result: MediaIndex
    found: Readback | None = None
    played: Played | None = None

    def checked(self, on_done: OnDone) -> CutProof:
        index, keep = self.source[1], self.made.plan.keep
        checks = [_count_check(self.result, keep), _times_check(index, self.result, keep), _spacing_check(self.result)]
        if self.found is not None:
            checks.append(_transport_check(self.found.faults))
        if not checks[0].ok:
            return CutProof(Verification(False, (*checks, Check("sound", False, "not compared"))))
        altered, bytes_check = self._bytes()
        checks.append(bytes_check)
        observed = observed_plan(keep, altered)
        more, broken = self._pictures(observed, lambda f: on_done("play", f))
        checks += more
        if self.made.ledger is not None:
            program = parse_pmt(index.pmt, index.pmt_pid)
            streams = 0 if program is None else len(program.streams)
            checks.append(Check("streams", True, kept_streams(streams, self.made.ledger.others)))
        sound = self._heard()
        checks.append(sound.check)
        on_done("play", 1.0)
        seams = seams_of(index, observed, sound.offsets_ms)
        return CutProof(Verification(all(check.ok for check in checks), tuple(checks), seams), broken)

    def _pictures(self, observed: Plan, on_fraction: Callable[[float], None]) -> tuple[list[Check], tuple[Part, ...]]:
        """The pictures at the seams, how they play, and the copied parts whose pictures do not come out right."""
        plan = self.made.plan
        frames = looked_at(observed)
        copied = _copied_of(plan, frames)
        played = self.played or _seams(self.source, (self.output, self.result), self.made, observed).play(on_fraction)
        looked = _Looked(played, self.source[1].uncertain)
        checks = looked.checks(self.source, frames, copied)
        wrong = {d.frame for d in played.differences if d.frame in copied and d.psnr_db < math.inf and not d.damaged}
        wrong |= set(frames) - {d.frame for d in played.differences}
        wrong -= looked.uncertain
        broken = [p for p in plan.parts if p.kind == "copy" and any(n in p.frames for n in wrong)]
        broken += [part for n in played.complaints if (part := _copied_around(plan, n)) is not None]
        return checks, tuple(broken)

    def _bytes(self) -> tuple[frozenset[int], Check]:
        """Every copied picture, byte for byte; the first of a part may carry parameter sets in front.

        And the frames whose bytes are not the recording's.
        """
        schedule, plan = self.made.schedule, self.made.plan
        if self.result.pts.size != schedule.row.size:
            said = f"{self.result.pts.size} coded pictures instead of {schedule.row.size}"
            return frozenset(), Check("bytes", False, said)
        wrong: list[int] = []
        if self.found is None or self.made.ledger is None:
            altered = frozenset(altered_frames(self.source, (self.output, self.result), plan.keep).tolist())
        else:
            altered = self.made.altered()
            wrong = schedule.frame[self.found.wrong].tolist()
        openings = [row for part in plan.parts if part.rows is not None for row in [part.rows.start]]
        # Of millions of copied pictures those that are altered are a few.
        places = np.flatnonzero((schedule.row >= 0) & np.isin(schedule.frame, np.array(sorted(altered), np.int32)))
        plain = places[~np.isin(schedule.row[places], openings)]
        differ = sorted({*wrong, *schedule.frame[plain].tolist()})
        if differ:
            named = ", ".join(map(str, differ[:8]))
            return altered, Check("bytes", False, f"{len(differ)} copied pictures are not the recording's ({named})")
        return altered, own_bytes_check(len(altered), plan.keep.frames)

    def _heard(self) -> SoundProof:
        ledger = self.made.ledger
        spans = spans_of(self.source[1], self.made.plan.keep)
        if self.found is None or ledger is None:
            left_out = {stream.id for stream in self.made.streams if not stream.kept}
            return sound_check(self.source, (self.output, self.result), spans, left_out)
        index = self.source[1]
        first = int(index.shown_pts[0])
        theirs = {pid: record.heard(first, TICKS) for pid, record in ledger.sound.items()}
        kept = {pid: track for pid, track in theirs.items() if track is not None}
        names = {track.id: i for i, track in enumerate(t for t in index.tracks if t.kind == "audio")}
        seconds = kept_seconds(index, spans)
        heard_in = {
            names[pid]: heeded(seconds, _in_seconds(joints, first), float(kept[pid].lengths_s.max()))
            for pid, joints in ledger.joints.items()
            if pid in kept
        }
        return compare_sound(
            {names[pid]: track for pid, track in kept.items()},
            {names[pid]: track for pid, track in self.found.heard.items()},
            seconds,
            heard_in,
        )


def _in_seconds(joints: Sequence[tuple[int, int] | None], first: int) -> list[tuple[float, float] | None]:
    return [None if joint is None else ((joint[0] - first) / TICKS, (joint[1] - first) / TICKS) for joint in joints]


def _copied_of(plan: Plan, frames: Sequence[int]) -> frozenset[int]:
    """Of frames in order those that are copied."""
    stretches = (part.frames for part in plan.parts if part.kind == "copy")
    places = ((bisect_left(frames, each.start), bisect_left(frames, each.end)) for each in stretches)
    return frozenset(n for first, end in places for n in frames[first:end])


def _copied_around(plan: Plan, frame: int) -> Part | None:
    """The copied part that a frame is in, or that its re-encoded one leads into."""
    parts = plan.parts
    at = next((i for i, part in enumerate(parts) if frame in part.frames), len(parts))
    return next((part for part in parts[at:] if part.kind == "copy"), None)


def _count_check(result: MediaIndex, keep: KeepList) -> Check:
    ok = result.frames == keep.frames
    return Check("frames", ok, f"{result.frames} of {keep.frames} frames")


def _times_check(index: MediaIndex, result: MediaIndex, keep: KeepList) -> Check:
    if result.frames != keep.frames:
        return Check("times", False, "not compared")
    base = at = 0
    worst, first = 0.0, int(result.shown_pts[0])
    for span in keep:
        begin = int(index.shown_pts[span.start])
        for start in range(span.start, span.end, _AT_ONCE):
            times = index.shown_pts[start : min(start + _AT_ONCE, span.end)]
            expected = (times - begin + base) * float(index.time_base)
            found = (result.shown_pts[at : at + times.size] - first) * float(result.time_base)
            worst = max(worst, float(np.abs(expected - found).max()))
            at += times.size
        base += index.pts_of(span.end) - begin
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


def _altered(source: tuple[Source, MediaIndex], result: tuple[Path, MediaIndex], keep: KeepList) -> frozenset[int]:
    """Frames whose coded picture is not the source's; none where the two files are of different codecs."""
    alike = source[1].video.codec == result[1].video.codec
    return frozenset(altered_frames(source, result, keep).tolist()) if alike else frozenset()


def _altered_check(strange: frozenset[int]) -> Check | None:
    if not strange:
        return None
    named = ", ".join(map(str, sorted(strange)[:8]))
    return Check("bytes", False, f"{len(strange)} pictures away from the seams are not the recording's ({named})")


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


def _faults_check(played: Played) -> Check:
    if not played.complaints:
        return Check("decoding", True, "a decoder finds no fault at the seams that the recording does not have")
    named = ", ".join(map(str, played.complaints[:8]))
    return Check("decoding", False, f"a decoder finds fault with {len(played.complaints)} pictures ({named})")
