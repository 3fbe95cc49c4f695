"""Pictures before the index is there: the picture that the index shows at that time, or none."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from tests.media.long_recordings import Clip, Repeated, repeat
from tests.media.ranges import MemoryRanges
from tests.media_factory import CLIPS, ClipCache, ClipSpec

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import Cancelled, FormatUnsupported, PlexcutError
from plexcut.media import indexes
from plexcut.media.engine import Engine
from plexcut.media.frames import FrameCache, exact_frame
from plexcut.media.index.build import build_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes
from plexcut.media.window import clock_line, early, transport
from plexcut.media.window.early import EarlyFrame, EarlyFrames

# How long the last picture of film in 60 fields is shown cannot be told from a few pictures.
_UNUSABLE = {"ts_scrambled", "audio_only", "mpeg2_pulldown"}
_USABLE = sorted(set(CLIPS) - _UNUSABLE)
_REPEATED = sorted(
    name
    for name, spec in CLIPS.items()
    if spec.container == "ts" and not spec.discontinuity and not spec.cut_start_bytes and name not in _UNUSABLE
)
_SECOND = 90_000


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Indexes are built only once the gate is open; what begins a file is kept small, so that windows are needed."""
    opened = threading.Event()

    def held(*args: object) -> MediaIndex:
        assert opened.wait(600)
        return build_index(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(indexes, "build_index", held)
    monkeypatch.setattr(early, "_SMALL_WAIT_S", 0.0)
    monkeypatch.setattr(transport, "_HEAD_BYTES", 20_000)
    # On a machine that has much else to do the samples would else lie farther apart.
    monkeypatch.setattr(clock_line, "_DENSE_S", 20.0)
    yield opened
    opened.set()


def decoded(source: Source, index: MediaIndex, number: int, identity: str, _cancel: ShouldCancel) -> VideoFrame:
    return exact_frame(source, index, number, FrameCache(), identity)


class Looking:
    """Looks at one recording before and after its index is there, and compares."""

    def __init__(self, path: Path, source: Source | None = None) -> None:
        self.path = path
        self.source = source or path
        self.index = build_index(path, None, lambda _: None)
        self.early = EarlyFrames(Indexes(None), decoded)

    @property
    def end_us(self) -> int:
        return int(self.index.times_us[-1])

    def look(self, time_us: int) -> EarlyFrame | None:
        """The picture that is shown early, after it was found to be the right one."""
        at = Fraction(time_us, 1_000_000)
        found = self.early.frame(self.source, at, None, never)
        if found is None:
            return None
        number = self.index.frame_at(at)
        assert found.time_us == int(self.index.times_us[number]), f"at {time_us}"
        assert found.number in (None, number)
        exact = exact_frame(self.path, self.index, number, FrameCache(), "")
        # How a decoder makes good for damage depends on what it had before.
        others = np.mean(found.decoded.to_ndarray() != exact.to_ndarray())
        assert others < 0.03, f"another picture at {time_us}"
        assert found.index.video.sample_aspect == self.index.video.sample_aspect
        return found

    def times(self, seed: object, count: int) -> list[int]:
        return [random.Random(f"{seed} {i}").randrange(self.end_us) for i in range(count)]


@pytest.mark.parametrize("name", _USABLE)
def test_every_clip(clip_cache: ClipCache, gate: threading.Event, name: str) -> None:
    looking = Looking(clip_cache.get(CLIPS[name]).path)
    found = [looking.look(time_us) for time_us in [0, *looking.times(name, 5), looking.end_us - 1]]
    assert name == "ts_discontinuity" or any(found)
    assert looking.look(looking.end_us) is None


@pytest.mark.parametrize("name", _REPEATED)
def test_longer_recordings_of_every_kind(
    clip_cache: ClipCache, gate: threading.Event, tmp_path: Path, name: str
) -> None:
    clip = clip_cache.get(CLIPS[name])
    path = tmp_path / "long.ts"
    path.write_bytes(repeat(Clip(clip.path.read_bytes()), Repeated(round(clip.spec.duration_s * _SECOND), 12)))
    looking = Looking(path)
    times = looking.times(name, 6)
    found = [looking.look(time_us) for time_us in times]
    assert all(found), [t for t, f in zip(times, found, strict=True) if f is None]
    assert any(f is not None and f.number is None for f in found), "no window was needed"
    first = looking.look(0)
    assert first is not None and first.number == 0


def _tiny(**changes: object) -> ClipSpec:
    values = {"fps": Fraction(25), "frames": 250, "gop": 25, "width": 96, "height": 64, "audio": (), **changes}
    return ClipSpec("tiny", **values)  # type: ignore[arg-type]


def test_a_clock_that_wraps_on_the_way(clip_cache: ClipCache, gate: threading.Event, tmp_path: Path) -> None:
    clip = clip_cache.get(_tiny(start_pts_90k=(1 << 33) - 95 * _SECOND))
    path = tmp_path / "wraps.ts"
    path.write_bytes(repeat(Clip(clip.path.read_bytes()), Repeated(10 * _SECOND, 20)))
    looking = Looking(path)
    for time_us in (94_990_000, 95_000_000, 95_010_000, *looking.times("wrap", 8)):
        assert looking.look(time_us) is not None, time_us


_AFAR = 123_456_789
_JUMPS = {
    **{f"by {s} s": Repeated(10 * _SECOND, 60, {20: s * _SECOND}) for s in (-3, -5, -8, -20, -100, 11, 20, 60, 5000)},
    **{f"by {s} s, as announced": Repeated(10 * _SECOND, 60, {20: s * _SECOND}, True) for s in (-5, -30, 9, 700)},
    "hole of one copy": Repeated(10 * _SECOND + 4000, 60, lost=(20,)),
    "hole of six copies": Repeated(10 * _SECOND, 60, lost=tuple(range(20, 26))),
    **{
        f"a clock of its own for {n} copies": Repeated(
            10 * _SECOND, 60, {20: _AFAR, 20 + n: -_AFAR - n * 10 * _SECOND}, announced
        )
        for n, announced in ((1, False), (2, True), (5, False))
    },
    "the same again and again": Repeated(0, 60),
    "there and back": Repeated(10 * _SECOND, 60, {20: 30 * _SECOND, 30: -30 * _SECOND}),
    "several": Repeated(10 * _SECOND, 60, {20: 5 * _SECOND, 25: -7 * _SECOND, 40: 30 * _SECOND}),
}


@pytest.mark.parametrize("what", _JUMPS)
def test_behind_a_clock_that_jumps_the_index_is_waited_for(
    clip_cache: ClipCache, gate: threading.Event, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "jumps.ts"
    path.write_bytes(repeat(Clip(clip_cache.get(_tiny()).path.read_bytes()), _JUMPS[what]))
    looking = Looking(path)
    assert looking.index.discontinuities
    before, behind = (
        [t for t in looking.times(what, 40) if t < 190_000_000],
        range(280_000_000, 590_000_000, 61_234_567),
    )
    if what != "the same again and again":
        assert any(looking.look(time_us) for time_us in before[:4])
    # Those whose line is believed are compared; most are not.
    found = [looking.look(time_us) for time_us in behind if time_us < looking.end_us]
    assert not any(found)


def test_a_short_hole_keeps_its_time(clip_cache: ClipCache, gate: threading.Event, tmp_path: Path) -> None:
    """Less than ten seconds were not received: time went on, and what is shown longer is the picture before."""
    path = tmp_path / "hole.ts"
    path.write_bytes(repeat(Clip(clip_cache.get(_tiny()).path.read_bytes()), Repeated(10 * _SECOND, 40, {20: 360_000})))
    looking = Looking(path)
    assert looking.index.discontinuities == 0
    for time_us in (199_900_000, 201_000_000, 203_900_000, 204_100_000, *looking.times("hole", 6)):
        assert looking.look(time_us) is not None, time_us


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("open_gop", [False, True])
def test_containers(clip_cache: ClipCache, gate: threading.Event, container: str, open_gop: bool) -> None:
    looking = Looking(clip_cache.get(_tiny(frames=900, gop=40, container=container, open_gop=open_gop)).path)
    found = [looking.look(time_us) for time_us in looking.times(container, 8)]
    assert sum(f is not None for f in found) >= 6
    assert any(f is not None and f.number is None for f in found)


def test_over_a_network_little_is_read(
    clip_cache: ClipCache, gate: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_line, "_DENSE_S", 0.0)
    path = tmp_path / "far.ts"
    path.write_bytes(repeat(Clip(clip_cache.get(_tiny()).path.read_bytes()), Repeated(10 * _SECOND, 600)))
    ranges = MemoryRanges.of(path, latency_s=0.01)
    looking = Looking(path, ranges)
    for time_us in looking.times("network", 3):
        asked, size = len(ranges.asked), ranges.bytes_asked
        assert looking.look(time_us) is not None
        assert len(ranges.asked) - asked < 600
        assert ranges.bytes_asked - size < 24 << 20
    asked = len(ranges.asked)
    assert looking.look(time_us + 10_000) is not None
    assert len(ranges.asked) == asked, "a picture beside the last one needs nothing more"


def test_a_host_that_goes_away_is_said(clip_cache: ClipCache, gate: threading.Event) -> None:
    ranges = MemoryRanges.of(clip_cache.get(CLIPS["broadcast"]).path)
    ranges.offline = True
    with pytest.raises(PlexcutError):
        Engine(None).frame(ranges, Fraction(1))


def test_numbers_wait_and_times_do_not(clip_cache: ClipCache, gate: threading.Event, tmp_path: Path) -> None:
    path = tmp_path / "long.ts"
    path.write_bytes(repeat(Clip(clip_cache.get(_tiny()).path.read_bytes()), Repeated(10 * _SECOND, 30)))
    engine = Engine(None)
    picture = engine.frame(path, Fraction("123.4"))
    assert (picture.frame, picture.time_us) == (None, 123_400_000)
    assert engine.index_state(path).state == "building"
    asked: list[int | None] = []
    waiting = threading.Thread(target=lambda: asked.append(engine.frame(path, FrameNumber(3085)).frame))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    gate.set()
    waiting.join(30)
    assert asked == [3085]
    again = engine.frame(path, Fraction("123.4"))
    assert (again.frame, again.time_us, again.data) == (3085, 123_400_000, picture.data)


def test_who_does_not_wait_any_more_is_told(clip_cache: ClipCache, gate: threading.Event, tmp_path: Path) -> None:
    path = tmp_path / "long.ts"
    path.write_bytes(repeat(Clip(clip_cache.get(_tiny()).path.read_bytes()), Repeated(10 * _SECOND, 30)))
    with pytest.raises(Cancelled):
        Engine(None).frame(path, Fraction(200), should_cancel=lambda: True)


@pytest.mark.parametrize("head_bytes", [30_000, 1_500_000])
def test_real_recordings(
    real_media_dir: Path, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, head_bytes: int
) -> None:
    monkeypatch.setattr(transport, "_HEAD_BYTES", head_bytes)
    shown = waited = 0
    for path in sorted(real_media_dir.iterdir()):
        try:
            looking = Looking(path)
        except FormatUnsupported:
            continue
        for time_us in looking.times(path.name, 3):
            try:
                found = looking.look(time_us)
            except av.FFmpegError:
                continue
            shown, waited = (shown + 1, waited) if found else (shown, waited + 1)
    assert shown > 8 * waited


def test_many_at_once(clip_cache: ClipCache, gate: threading.Event, tmp_path: Path) -> None:
    path = tmp_path / "long.ts"
    path.write_bytes(repeat(Clip(clip_cache.get(_tiny()).path.read_bytes()), Repeated(10 * _SECOND, 30)))
    looking = Looking(path)
    times = looking.times("many", 8)
    found: list[EarlyFrame | None] = []
    threads = [threading.Thread(target=lambda t=t: found.append(looking.look(t))) for t in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == len(times) and all(found)
