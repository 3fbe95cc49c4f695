"""The proof that the sound of a cut is the source's, whole, and with its picture."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import xxhash

from plexcut.domain.media import Check
from plexcut.media.bitstream.audio import splits
from plexcut.media.cutting.companions import TICKS, SourceClock
from plexcut.media.cutting.remux import sound_length
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.sound import SoundFrame, SoundReader
from plexcut.media.index.container import open_container
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, PayloadReader, find_layout
from plexcut.media.sources import open_source

_SLACK_S = Fraction(15, 10_000)
"""Matroska keeps whole milliseconds, twice rounded."""
_AROUND_S = 0.5


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """An audio frame: when it begins and how long it sounds, in seconds from the first picture, and a hash of it."""

    time_s: float
    length_s: float
    digest: int


Heard = dict[int, list[HeardFrame]]
"""The frames of each audio track that can be taken apart, in order, by the track's place among the audio tracks."""


def sound_check(source: tuple[Path, MediaIndex], result: tuple[Path, MediaIndex], spans: Sequence[SpanTimes]) -> Check:
    """Every track's frames: those of the source, none missing, within half a frame of their picture."""
    index = source[1]
    ours, theirs = heard(*result), heard(*source)
    base = index.time_base
    first = int(index.shown_pts[0])
    kept = [(float((s.start - first) * base), float((s.end - first) * base), float(s.base * base)) for s in spans]
    worst = 0.0
    for track, source_frames in theirs.items():
        if _uneven(source_frames):
            # Lengths and times that are told only roughly: whole packets are there, or not.
            if any(start <= f.time_s < end for start, end, _ in kept for f in source_frames) and not ours.get(track):
                return Check("sound", False, f"audio track {track + 1} is missing")
            continue
        fault, off = _compare(source_frames, ours.get(track, []), kept)
        if fault:
            return Check("sound", False, f"audio track {track + 1}: {fault}")
        worst = max(worst, off)
    return Check("sound", True, f"{len(theirs)} audio tracks, within {worst * 1000:.1f} ms of their pictures")


def _compare(
    source: Sequence[HeardFrame], result: Sequence[HeardFrame], kept: Sequence[tuple[float, float, float]]
) -> tuple[str, float]:
    """What is wrong with a track ("" for nothing), and how far a frame is from its place at most, in seconds."""
    times = [frame.time_s for frame in source]
    rough = _rough_times(source)
    slack = float(_SLACK_S)
    worst = 0.0
    at = 0
    for start, end, base in kept:
        matched: set[int] = set()
        while at < len(result):
            frame = result[at]
            time_s = frame.time_s - base + start
            found = _match(source, times, frame, time_s, slack) if time_s < end + slack else None
            if found is not None:
                worst = max(worst, abs(times[found] - time_s))
                matched.add(found)
            elif time_s >= end - frame.length_s / 2 - slack:
                # The first one of the next span.
                break
            elif not _near(rough, time_s):
                return f"the frame at {frame.time_s:.3f} s is not the source's at its place", worst
            at += 1
        wanted = range(bisect_left(times, start), bisect_left(times, end))
        # Up to a frame at either end belongs to the neighbour, or to what was cut away.
        lost = sum(not _near(rough, times[i]) for i in set(wanted[1:-1]) - matched)
        if lost:
            return f"{lost} frames between {base:.3f} s and {base + end - start:.3f} s are missing", worst
    if at < len(result) - 1:
        return "it goes on where nothing was kept", worst
    return "", worst


def _uneven(frames: Sequence[HeardFrame]) -> bool:
    lengths = [frame.length_s for frame in frames]
    return max(lengths) > 1.5 * max(min(lengths), 1e-6)


def _rough_times(source: Sequence[HeardFrame]) -> list[float]:
    """Where the source's own frames do not follow one another: gaps, overlaps, clocks that drift."""
    return [
        b.time_s
        for a, b in itertools.pairwise(source)
        if abs(b.time_s - a.time_s - a.length_s) > max(0.1 * a.length_s, float(_SLACK_S))
    ]


def _near(rough: Sequence[float], time_s: float) -> bool:
    """Whether the source itself is uneven around a time, so that frames there are chosen anew."""
    at = bisect_left(rough, time_s - _AROUND_S)
    return at < len(rough) and rough[at] <= time_s + _AROUND_S


def _match(
    source: Sequence[HeardFrame], times: Sequence[float], frame: HeardFrame, at: float, slack: float
) -> int | None:
    """The source's frame that sounds within half a frame of `at` and has the same bytes."""
    near = bisect_left(times, at)
    for i in (near - 1, near, near + 1, near - 2):
        same = 0 <= i < len(source) and source[i].digest == frame.digest
        if same and abs(times[i] - at) <= source[i].length_s / 2 + slack:
            return i
    return None


def heard(path: Path, index: MediaIndex) -> Heard:
    """All audio frames of a file, in one pass.

    Raises:
        FileUnreadable: it is gone.
    """
    return _heard_in_transport(path, index) if index.container == "mpegts" else _heard_in_container(path, index)


def _heard(frame: SoundFrame, first: int, base: Fraction) -> HeardFrame:
    return HeardFrame(
        float((frame.time - first) * base), float(frame.length * base), xxhash.xxh3_64_intdigest(frame.data)
    )


def _heard_in_transport(path: Path, index: MediaIndex) -> Heard:
    tracks = [track for track in index.tracks if track.kind == "audio"]
    numbers = {track.id: i for i, track in enumerate(tracks) if splits(track.codec)}
    readers = {t.id: (PayloadReader(), SoundReader(t.codec, TICKS)) for t in tracks if t.id in numbers}
    clock, first = SourceClock(index), int(index.shown_pts[0])
    found: Heard = {number: [] for number in numbers.values()}
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None or not readers:
            return {}
        for block in PacketReader(file, layout, index.size_bytes).blocks():
            pid = block.pid
            for this, (payloads, frames) in readers.items():
                mine = block.where(pid == this)
                if not len(mine):
                    continue
                payload = payloads.take(mine)
                marks = [(p.es, clock.ticks(p.pts, p.at)) for p in payload.pes if p.pts is not None]
                found[numbers[this]] += [
                    _heard(frame, first, index.time_base) for frame in frames.feed(payload.es.tobytes(), marks)
                ]
    return {number: sorted(frames, key=lambda f: f.time_s) for number, frames in found.items() if frames}


def _heard_in_container(path: Path, index: MediaIndex) -> Heard:
    found: Heard = {}
    base, first = index.time_base, int(index.shown_pts[0])
    with open_container(path) as container:
        numbers = {stream.index: i for i, stream in enumerate(container.streams.audio)}
        if not numbers:
            return {}
        try:
            for packet in container.demux(list(container.streams.audio)):
                time = packet.pts if packet.pts is not None else packet.dts
                if not packet.size or time is None or packet.time_base is None:
                    continue
                scale = packet.time_base / base
                length = sound_length(packet, base) or Fraction(packet.duration or 0) * scale
                frame = SoundFrame(Fraction(time) * scale, length, bytes(packet))
                found.setdefault(numbers[packet.stream_index], []).append(_heard(frame, first, base))
        except (av.FFmpegError, EOFError):
            pass
    return found
