"""The proof that the sound of a cut is the source's, whole, and with its picture."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import xxhash

from plexcut.domain.media import Check, Source
from plexcut.domain.spans import KeepList
from plexcut.media.bitstream.audio import splits
from plexcut.media.cutting.ledger import F64, U64, HeardTrack, TrackRecord
from plexcut.media.cutting.payloads import PayloadTap
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.sound import SoundReader
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.index.blocks import packet_blocks
from plexcut.media.index.container import open_container
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import find_layout, pid_of
from plexcut.media.sources import open_source

_SLACK_S = Fraction(15, 10_000)
"""Matroska keeps whole milliseconds, twice rounded."""
_AROUND_S = 0.5
_AGAIN_S = 0.25
_AT_ONCE = 1 << 16
_SHIFTS = np.array([-2, -1, 0, 1])
_CHUNK_BYTES = 4 << 20


I64 = npt.NDArray[np.int64]
Heard = dict[int, HeardTrack]
"""The tracks that can be taken apart into frames, by the track's place among the audio tracks."""

Kept = tuple[float, float, float]
"""A kept span in seconds: where it begins and ends in the source, and where it begins in the result."""


def spans_of(index: MediaIndex, keep: KeepList) -> list[SpanTimes]:
    """The kept spans on the time lines of source and result."""
    spans: list[SpanTimes] = []
    base = 0
    for span in keep:
        spans.append(SpanTimes(index.pts_of(span.start), index.pts_of(span.end), base))
        base = spans[-1].base_end
    return spans


def kept_seconds(index: MediaIndex, spans: Sequence[SpanTimes]) -> list[Kept]:
    """The same in seconds from the first picture of each."""
    base, first = index.time_base, int(index.shown_pts[0])
    return [(float((s.start - first) * base), float((s.end - first) * base), float(s.base * base)) for s in spans]


@dataclass(frozen=True, slots=True)
class Heed:
    """A part of a kept span in which a track was heard, as `Kept`; `opens`: the span begins with it."""

    kept: Kept
    opens: bool


def heeded(kept: Sequence[Kept], joints: Sequence[tuple[float, float] | None], frame_s: float) -> list[Heed]:
    """Where a track was heard that went along whole in each span from the first to the second time of its joint.

    `joints`: one for each span, None where the track was heard throughout; frames of the track begin at both times.
    """
    found: list[Heed] = []
    for (start, end, base), joint in zip(kept, joints, strict=True):
        if joint is None:
            found.append(Heed((start, end, base), opens=True))
            continue
        # Half a frame further, for frames that are not quite where they should be.
        first, again = joint[0] + frame_s / 2, joint[1] - frame_s / 2
        found.append(Heed((start, min(first, end), base), opens=True))
        if again < end:
            found.append(Heed((again, end, base + again - start), opens=False))
    return found


@dataclass(frozen=True, slots=True)
class SoundProof:
    """The check, and for each audio track how much too late it is where each span begins, in ms; None: not known."""

    check: Check
    offsets_ms: tuple[tuple[float | None, ...], ...] = ()


def sound_check(
    source: tuple[Source, MediaIndex],
    result: tuple[Path, MediaIndex],
    spans: Sequence[SpanTimes],
    left_out: Collection[int] | None = None,
) -> SoundProof:
    """Every track's frames: those of the source, none missing, within half a frame of their picture; both are read.

    `left_out`: ids of tracks that were not to go along; None where that is not known.
    """
    bare = source[1].container == "mpegts" and result[1].container != "mpegts"
    theirs, ours = heard(*source, bare=bare), heard(*result)
    places = _places(source[1], result[1], left_out)
    return compare_sound(
        {places[n]: track for n, track in theirs.items() if n in places}, ours, kept_seconds(source[1], spans)
    )


_ALIKE = {"aac_latm": "aac", "mp1": "mp2", "mp3": "mp2", "mp3float": "mp2"}
"""Codecs that another file may call by another's name."""


def _places(source: MediaIndex, result: MediaIndex, left_out: Collection[int] | None) -> dict[int, int]:
    """Which audio track of the result is that of the source, both by their place among the audio tracks."""
    theirs = [track for track in source.tracks if track.kind == "audio"]
    if left_out is None and source.container != result.container:
        codecs = [_ALIKE.get(t.codec, t.codec) for t in result.tracks if t.kind == "audio"]
        places: dict[int, int] = {}
        for number, track in enumerate(theirs):
            if len(places) < len(codecs) and _ALIKE.get(track.codec, track.codec) == codecs[len(places)]:
                places[number] = len(places)
        return places
    kept = [number for number, track in enumerate(theirs) if track.id not in (left_out or ())]
    return {number: place for place, number in enumerate(kept)}


def compare_sound(
    source: Heard, result: Heard, kept: Sequence[Kept], heard_in: Mapping[int, Sequence[Heed]] | None = None
) -> SoundProof:
    """The same for what was heard; `heard_in`: of tracks that were not heard everywhere, where they were."""
    everywhere = [Heed(each, opens=True) for each in kept]
    worst = 0.0
    offsets: dict[int, tuple[float | None, ...]] = {}
    for track, theirs in source.items():
        ours = result.get(track, _SILENCE)
        if _is_uneven(theirs):
            # Lengths and times that are told only roughly: whole packets are there, or not.
            times = theirs.times_s
            if any(((start <= times) & (times < end)).any() for start, end, _ in kept) and not len(ours):
                return SoundProof(Check("sound", False, f"audio track {track + 1} is missing"))
            continue
        found = _compare(theirs, ours, (heard_in or {}).get(track, everywhere))
        if found.fault:
            return SoundProof(Check("sound", False, f"audio track {track + 1}: {found.fault}"))
        worst = max(worst, found.worst_s)
        offsets[track] = tuple(None if s is None else round(1000 * s, 3) for s in found.late_s)
    said = f"{len(source)} audio tracks, within {worst * 1000:.1f} ms of their pictures"
    unknown = (None,) * len(kept)
    tracks = range(max(source, default=-1) + 1)
    return SoundProof(Check("sound", True, said), tuple(offsets.get(track, unknown) for track in tracks))


@dataclass(slots=True)
class _Compared:
    """What is wrong with a track ("" for nothing), how far a frame is from its place at most, and how much too late the
    first one of each span is (None: there is none), in seconds.
    """

    fault: str = ""
    worst_s: float = 0.0
    late_s: list[float | None] = field(default_factory=list)


def _compare(source: HeardTrack, result: HeardTrack, where: Sequence[Heed]) -> _Compared:
    rough = _rough_times(source)
    # Where it is heard again it was not sent unevenly.
    again = [heed.kept[0] for heed in where if not heed.opens]
    rough = [time for time in rough if not any(0 <= time - start <= _AGAIN_S for start in again)]
    slack = float(_SLACK_S)
    done = _Compared()
    at = 0
    for heed in where:
        start, end, base = heed.kept
        last = int(np.searchsorted(result.times_s, base + end - start + slack, side="left"))
        times = result.times_s[at:last] - base + start
        found = _matches(source, result.digests[at:last], times, slack)
        matched = found[found >= 0]
        late = times[found >= 0] - source.times_s[matched]
        done.worst_s = max(done.worst_s, float(np.abs(late).max(initial=0.0)))
        if heed.opens:
            done.late_s.append(float(late[0]) if late.size else None)
        lengths = result.lengths_s[at:last]
        # The first one of the next span may lie before this one's end.
        following = (found < 0) & (times >= end - lengths / 2 - slack)
        count = int(np.argmax(following)) if following.any() else times.size
        for i in np.flatnonzero(found[:count] < 0).tolist():
            if not _near(rough, float(times[i])):
                done.fault = f"the frame at {result.times_s[at + i]:.3f} s is not the source's at its place"
                return done
        at += count
        first, behind = np.searchsorted(source.times_s, (start, end), side="left").tolist()
        # Up to a frame at either end belongs to the neighbour, or to what was cut away.
        inside = found[:count][(found[:count] > first) & (found[:count] < behind - 1)]
        gone = np.ones(max(behind - 1 - (first + 1), 0), np.bool_)
        gone[inside - (first + 1)] = False
        missing = first + 1 + np.flatnonzero(gone)
        lost = sum(not _near(rough, float(source.times_s[i])) for i in missing.tolist())
        if lost:
            done.fault = f"{lost} frames between {base:.3f} s and {base + end - start:.3f} s are missing"
            return done
    if at < len(result) - 1:
        done.fault = "it goes on where nothing was kept"
    return done


def _is_uneven(track: HeardTrack) -> bool:
    return float(track.lengths_s.max()) > 1.5 * max(float(track.lengths_s.min()), 1e-6)


def _rough_times(source: HeardTrack) -> list[float]:
    """Where the source's own frames do not follow one another: gaps, overlaps, clocks that drift, or go back."""
    times, lengths = source.times_s, source.lengths_s
    off = np.abs(np.diff(times) - lengths[:-1]) > np.maximum(0.1 * lengths[:-1], float(_SLACK_S))
    return sorted([*times[1:][off].tolist(), *source.disordered_s.tolist()])


def _near(rough: Sequence[float], time_s: float) -> bool:
    """Whether the source itself is uneven around a time, so that frames there are chosen anew."""
    at = bisect_left(rough, time_s - _AROUND_S)
    return at < len(rough) and rough[at] <= time_s + _AROUND_S


def _matches(source: HeardTrack, digests: U64, times: F64, slack: float) -> I64:
    """For frames of the result the source's frame with the same bytes within half a frame of its time, or -1.

    In silence neighbours have the same bytes: there frames that follow one another are those of the source that do.
    """
    near = np.searchsorted(source.times_s, times)
    same = np.empty((_SHIFTS.size, times.size), np.bool_)
    found = np.empty(times.size, np.int64)
    for begin in range(0, times.size, _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        candidates = near[some] + _SHIFTS[:, None]
        i = np.clip(candidates, 0, len(source) - 1)
        away = np.abs(source.times_s[i] - times[some])
        alike = (candidates == i) & (source.digests[i] == digests[some]) & (away <= source.lengths_s[i] / 2 + slack)
        nearest = np.argmin(np.where(alike, away, np.inf), axis=0)
        same[:, some] = alike
        found[some] = np.where(alike.any(axis=0), near[some] + _SHIFTS[nearest], -1)
    several = np.count_nonzero(same, axis=0)
    certain = several == 1
    if not certain.any():
        certain[np.flatnonzero(several)[:1]] = True
    anchors, doubtful = np.flatnonzero(certain), np.flatnonzero((several > 1) & ~certain)
    if doubtful.size:
        # By the one before it that is certain; where that is not possible by the one behind.
        place = np.searchsorted(anchors, doubtful)
        for which in (np.minimum(place, anchors.size - 1), np.maximum(place - 1, 0)):
            following = found[anchors[which]] + doubtful - anchors[which]
            fits = (same[:, doubtful] & (near[doubtful] + _SHIFTS[:, None] == following)).any(axis=0)
            found[doubtful[fits]] = following[fits]
    return found


def heard(path: Source, index: MediaIndex, *, bare: bool = False) -> Heard:
    """All audio frames of a file, in one pass; of a transport stream `bare`, as other files hold them.

    Raises:
        FileUnreadable: it is gone.
    """
    return (
        _heard_in_transport(path, index, bare=bare) if index.container == "mpegts" else _heard_in_container(path, index)
    )


def _heard_in_transport(path: Source, index: MediaIndex, *, bare: bool) -> Heard:
    from plexcut.media.cutting.bare_sound import BareRecord

    tracks = [track for track in index.tracks if track.kind == "audio"]
    numbers = {track.id: i for i, track in enumerate(tracks) if splits(track.codec)}
    readers = {
        t.id: (PayloadTap(), SoundReader(t.codec, TICKS), BareRecord(t.codec) if bare else TrackRecord())
        for t in tracks
        if t.id in numbers
    }
    clock, first = SourceClock(index), int(index.shown_pts[0])
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None or not readers:
            return {}
        for block in packet_blocks(file, layout, (0, index.size_bytes), index.size_bytes, _CHUNK_BYTES):
            heads = block.heads()
            pids = pid_of(heads)
            for this, (payloads, frames, record) in readers.items():
                which = np.flatnonzero(pids == this)
                if not which.size:
                    continue
                payload = payloads.take(block, which, heads[which])
                for run in frames.feed_runs(payload.es.tobytes(), clock.marks(payload.pes)):
                    record.add(run)
    found = {numbers[this]: record.heard(first, TICKS) for this, (_, _, record) in readers.items()}
    return {number: track for number, track in found.items() if track is not None}


def _heard_in_container(path: Source, index: MediaIndex) -> Heard:
    from plexcut.media.cutting.remux import sound_length

    found: dict[int, list[tuple[float, float, int]]] = {}
    base, first = index.time_base, int(index.shown_pts[0])
    with open_container(path) as container:
        numbers = {stream.index: i for i, stream in enumerate(container.streams.audio)}
        if not numbers:
            return {}
        try:
            for packet in container.demux(list(container.streams.audio)):
                time = packet.pts if packet.pts is not None else packet.dts
                if not packet.size or packet.is_discard or time is None or packet.time_base is None:
                    continue
                scale = packet.time_base / base
                length = sound_length(packet, base) or Fraction(packet.duration or 0) * scale
                found.setdefault(numbers[packet.stream_index], []).append(
                    (
                        float((time * scale - first) * base),
                        float(length * base),
                        xxhash.xxh3_64_intdigest(bytes(packet)),
                    )
                )
        except (av.FFmpegError, EOFError):
            pass
    return {number: _track(frames) for number, frames in found.items()}


def _track(frames: Sequence[tuple[float, float, int]]) -> HeardTrack:
    times, lengths, digests = zip(*frames, strict=True)
    return HeardTrack(np.array(times), np.array(lengths), np.array(digests, np.uint64))


_SILENCE = HeardTrack(np.empty(0), np.empty(0), np.empty(0, np.uint64))
