"""What is right and wrong with the result of a cut: pictures by the numbers that they carry, sound by its bytes."""

from __future__ import annotations

import bisect
import contextlib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.logging
import xxhash

from bench.peers import number_in_frame
from bench.recordings import FIRST_PICTURE_S, Recording

_NEAR_S = 2.0
_SEAM_S = 0.3
"""Sound this near to a seam may belong to either side."""


@dataclass(frozen=True)
class Right:
    """What a result holds of the kept frames: how many in their place, how many others, how many not at all.

    `garbled`: pictures whose number cannot be read (of `wrong`). `uneven`: those that are not just a frame behind
    the one before. `errors`: what the decoder complained of. `lost`: streams that are not there any more.
    `offset_ms`: how far at most the sound of a track is from its picture; None where there is none.
    """

    kept: int
    wrong: int
    missing: int
    garbled: int
    uneven: int
    errors: int
    lost: int
    offset_ms: float | None

    @property
    def perfect(self) -> bool:
        """Nothing at all is wrong."""
        bad = (self.wrong, self.missing, self.uneven, self.errors, self.lost)
        return not any(bad) and self.offset_ms is not None


@dataclass(frozen=True)
class _Shown:
    """A picture of a result: the number that it carries, when it is shown, and the source's frame that it is."""

    number: int | None
    time_s: float
    frame: int | None = None


def look_at(path: Path, made: Recording, spans: Sequence[tuple[int, int]]) -> Right:
    """Decode a result of keeping `spans` and count."""
    errors: list[object] = []
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(False) as logs:
            found = list(_pictures(path))
            errors = list(logs)
    finally:
        av.logging.set_level(level)
    matched = _matched(found, made, spans)
    kept = sum(picture.frame is not None for picture in matched)
    step = 1 / made.kind.fps
    uneven = sum(abs(b.time_s - a.time_s - step) > step / 10 for a, b in itertools.pairwise(found))
    return Right(
        kept=kept,
        wrong=len(found) - kept,
        missing=sum(end - start for start, end in spans) - kept,
        garbled=sum(picture.number is None for picture in found),
        uneven=uneven,
        errors=len(errors),
        lost=max(0, _streams(made.path) - _streams(path)),
        offset_ms=_offset_ms(path, made, matched),
    )


def _matched(found: list[_Shown], made: Recording, spans: Sequence[tuple[int, int]]) -> list[_Shown]:
    """The pictures, each with the kept frame that it is; up to a second of what does not belong is passed over."""
    matched = list(found)
    numbers = [picture.number for picture in found]
    at = 0
    for frame in (n for start, end in spans for n in range(start, end)):
        with contextlib.suppress(ValueError):
            place = numbers.index(made.number_of(frame), at, at + made.kind.fps)
            matched[place] = _Shown(found[place].number, found[place].time_s, frame)
            at = place + 1
    return matched


def _pictures(path: Path) -> Iterator[_Shown]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        while True:
            with contextlib.suppress(av.FFmpegError):
                packet = next(packets, None)
                if packet is None:
                    return
                for frame in packet.decode():
                    yield _Shown(number_in_frame(frame), float(frame.time or 0.0))


def _streams(path: Path) -> int:
    with av.open(str(path)) as container:
        return len(container.streams)


def _sounds(path: Path, track: int) -> Iterator[tuple[float, int]]:
    """When each packet of an audio track is heard, and a hash of it."""
    with av.open(str(path)) as container:
        audio = container.streams.audio
        if track < len(audio):
            for packet in container.demux(audio[track]):
                if packet.pts is not None and packet.size:
                    yield float(packet.pts * packet.time_base), xxhash.xxh3_64_intdigest(bytes(packet))


def _offset_ms(path: Path, made: Recording, matched: list[_Shown]) -> float | None:
    """How far the sound is at most from the picture that is shown with it, over all tracks."""
    pictures = [picture for picture in matched if picture.frame is not None]
    if not pictures:
        return None
    times = [picture.time_s for picture in pictures]
    worst: float | None = None
    with av.open(str(made.path)) as container:
        tracks = len(container.streams.audio)
    for track in range(tracks):
        heard: dict[int, list[float]] = defaultdict(list)
        for time_s, digest in _sounds(made.path, track):
            heard[digest].append(time_s - FIRST_PICTURE_S)
        # Silence sounds alike everywhere.
        heard = {d: t for d, t in heard.items() if all(b - a > _NEAR_S for a, b in itertools.pairwise(t))}
        for time_s, digest in _sounds(path, track):
            here = bisect.bisect_right(times, time_s) - 1
            near = heard.get(digest)
            if here < 0 or not near or _by_a_seam(pictures, here, made):
                continue
            shown = pictures[here]
            assert shown.frame is not None
            source_s = float(made.time_of(shown.frame)) + time_s - shown.time_s
            place = bisect.bisect_left(near, source_s)
            off = min((abs(t - source_s) for t in near[max(0, place - 1) : place + 1]), default=_NEAR_S)
            if off < _NEAR_S:
                worst = max(worst or 0.0, 1000 * off)
    return worst


def _by_a_seam(pictures: Sequence[_Shown], here: int, made: Recording) -> bool:
    """Whether the frames around a picture do not follow one another in the source."""
    reach = round(_SEAM_S * made.kind.fps)
    a, b = max(0, here - reach), min(len(pictures) - 1, here + reach)
    first, last = pictures[a].frame, pictures[b].frame
    return first is None or last is None or last - first != b - a
