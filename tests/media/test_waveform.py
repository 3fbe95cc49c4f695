"""Waveforms: what sounds at a time is in the point of that time, at every zoom, whatever the file; measured once."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media.ranges import MemoryRanges
from tests.media.test_audio import without_packets
from tests.media_factory import CLIPS, AudioSpec, Clip, ClipCache, ClipSpec
from tests.media_factory.tones import BEEP_S

from plexcut.domain.media import Source, TrackWaveform, Waveform, WaveformOrder
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import Cancelled, FileUnreadable, LibraryOffline, SpanInvalid, UsageError
from plexcut.media import indexes
from plexcut.media.engine import Engine
from plexcut.media.waveform import passes, service
from plexcut.media.waveform.levels import Grid, empty_levels
from plexcut.media.waveform.store import LevelStore

_FIRST_AUDIO_PID = 258


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "cache")


def ten_ms(engine: Engine, source: Source, **order: object) -> Waveform:
    """The whole recording in points of 10 ms (but for the last one)."""
    facts = engine.probe(source)
    points = int(facts.duration_s * 100)
    return engine.waveform(source, WaveformOrder(end=Fraction(points, 100), points=points, **order))  # type: ignore[arg-type]


def beep_middles_s(track: TrackWaveform, width_s: float) -> list[float]:
    """Where the peaks are high: the middle of each stretch, in seconds. Beeps are 0.5 high, the hum is 0.004."""
    loud = np.flatnonzero(np.array(track.peaks) > 0.2)
    stretches = np.split(loud, np.flatnonzero(np.diff(loud) > 0.04 / width_s) + 1) if loud.size else []
    return [float(stretch[0] + stretch[-1] + 1) / 2 * width_s for stretch in stretches]


@pytest.mark.parametrize(
    "name",
    ["h264_open_gop_50p", "h264_two_audio", "h264_2997", "mpeg2_interlaced_wrap", "ts_discontinuity", "ts_lost_frames",
     "ts_pmt_change", "ts_radio_before", "ts_192", "mp4_h264", "mp4_hevc", "mkv_h264", "webm_vp8", "broadcast"],
)  # fmt: skip
def test_each_beep_is_in_its_point(engine: Engine, clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    # From a decoding of the range, and once it has been measured from what is kept.
    answers = [ten_ms(engine, clip.path)]
    _measured(engine, clip.path)
    answers.append(ten_ms(engine, clip.path))
    for found in answers:
        assert found.complete
        assert found.peaks == found.tracks[0].peaks
        assert [(track.language, track.codec) for track in found.tracks] == [
            (audio.language, audio.codec) for audio in clip.spec.audio
        ]
        for track in found.tracks:
            assert len(track.peaks) == len(track.loudness_lufs) == found.points
            middles = beep_middles_s(track, 0.01)
            assert len(middles) >= int(found.end_us / 1e6 - BEEP_S)
            for second, middle in enumerate(middles):
                assert abs(middle - second - BEEP_S / 2) <= 0.01
            assert max(track.loudness_lufs) > -30 > -45 > min(track.loudness_lufs)
    assert all(one.integrated_lufs is not None for one in answers[1].tracks)


def _measured(engine: Engine, source: Source) -> Waveform:
    """Ask until all of the recording is measured."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = engine.waveform(source, WaveformOrder(points=10))
        if found.percent == 100 or not found.tracks:
            return found
        time.sleep(0.02)
    raise AssertionError("it does not come to an end")


@pytest.fixture
def clip(clip_cache: ClipCache) -> Clip:
    return clip_cache.get(
        ClipSpec("for_waveform", frames=250, gop=25, audio=(AudioSpec("ac3"), AudioSpec("mp2", "eng")))
    )


def test_every_zoom_shows_the_same(engine: Engine, clip: Clip) -> None:
    _measured(engine, clip.path)
    base = np.array(engine.waveform(clip.path, WaveformOrder(points=1000)).peaks)
    for points in (1, 3, 10, 100, 333, 500):
        found = np.array(engine.waveform(clip.path, WaveformOrder(points=points)).peaks)
        assert found.size == points
        assert found.max() == base.max()
        if 1000 % points == 0:
            assert np.array_equal(found, base.reshape(points, -1).max(axis=1))
    # Finer than what is kept: 0.5 ms.
    fine = engine.waveform(clip.path, WaveformOrder(Fraction(3), Fraction(31, 10), 200))
    assert fine.complete
    by_ten_ms = np.array(fine.peaks).reshape(10, 20).max(axis=1)
    assert np.abs(by_ten_ms - base[300:310]).max() <= 0.0001
    # Finer than samples: every point holds one.
    finest = engine.waveform(clip.path, WaveformOrder(Fraction("3.04"), Fraction("3.0405"), 240))
    assert min(np.array(finest.peaks).reshape(24, 10).max(axis=1)) > 0


def test_frame_numbers_and_bounds(engine: Engine, clip: Clip) -> None:
    found = engine.waveform(clip.path, WaveformOrder(FrameNumber(25), FrameNumber(50), 100))
    assert (found.start_us, found.end_us, found.points) == (1_000_000, 2_000_000, 100)
    found = engine.waveform(clip.path, WaveformOrder(Fraction(9), Fraction(99), 100))
    assert (found.start_us, found.end_us) == (9_000_000, 10_000_000)
    assert len(found.peaks) == 100
    for points in (0, -1, 10_001):
        with pytest.raises(UsageError):
            engine.waveform(clip.path, WaveformOrder(points=points))
    for start, end in ((Fraction(5), Fraction(5)), (Fraction(6), Fraction(5)), (Fraction(11), None)):
        with pytest.raises(SpanInvalid):
            engine.waveform(clip.path, WaveformOrder(start, end))
    with pytest.raises(FileUnreadable):
        engine.waveform(clip.path.with_name("gone.ts"), WaveformOrder())


def test_without_sound_there_are_zeros(engine: Engine, clip_cache: ClipCache) -> None:
    mute = clip_cache.get(ClipSpec("mute", frames=50, audio=()))
    found = engine.waveform(mute.path, WaveformOrder(points=20))
    assert found.peaks == (0.0,) * 20
    assert found.tracks == ()
    assert found.complete


def test_a_track_that_begins_late_and_one_that_ends_early(engine: Engine, clip: Clip, tmp_path: Path) -> None:
    data = without_packets(clip.path.read_bytes(), _FIRST_AUDIO_PID, lambda share: share < 0.5)
    data = without_packets(data, _FIRST_AUDIO_PID + 1, lambda share: share > 0.5)
    path = tmp_path / "half.ts"
    path.write_bytes(data)
    for found in (ten_ms(engine, path), _measured(engine, path) and ten_ms(engine, path)):
        late, early = (beep_middles_s(track, 0.01) for track in found.tracks)
        assert [round(middle) for middle in late] == [round(middle) for middle in late if middle > 4]
        assert [round(middle) for middle in early] == [round(middle) for middle in early if middle < 6]
        assert len(late) >= 4 <= len(early)
        assert all(abs(middle % 1 - BEEP_S / 2) <= 0.01 for middle in late + early)
        assert found.tracks[0].peaks[:300] == (0.0,) * 300
        assert found.tracks[0].loudness_lufs[100] == -70


def test_the_pass_goes_over_the_file_once(engine: Engine, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    measure = passes.measure_all

    def counted(*args: object) -> None:
        runs.append(args)
        time.sleep(0.1)
        measure(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(passes, "measure_all", counted)
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    found: list[Waveform] = []
    threads = [
        threading.Thread(target=lambda: found.append(engine.waveform(clip.path, WaveformOrder(points=50))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1
    assert len(found) == 6
    assert len({one.peaks for one in found}) == 1
    assert all(one.complete for one in found)


def test_who_does_not_wait_gets_what_is_known(engine: Engine, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    measure = passes.measure_all

    def held(*args: object) -> None:
        go_on.wait(20)
        measure(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(passes, "measure_all", held)
    engine.probe(clip.path)
    # Short enough to be decoded at once, whether it is measured or not.
    short = engine.waveform(clip.path, WaveformOrder(points=100, wait_s=0))
    assert short.complete
    assert short.percent < 100
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    found = engine.waveform(clip.path, WaveformOrder(points=100, wait_s=0))
    assert not found.complete
    assert found.known_to_us == 0
    assert found.peaks == (0.0,) * 100
    assert found.tracks[0].integrated_lufs is None
    asked = time.monotonic()
    with pytest.raises(Cancelled):
        engine.waveform(clip.path, WaveformOrder(points=100), should_cancel=lambda: time.monotonic() > asked + 0.2)
    go_on.set()
    found = engine.waveform(clip.path, WaveformOrder(points=100))
    assert found.complete
    assert np.abs(np.array(found.peaks) - short.peaks).max() <= 0.0001


def test_it_is_kept_for_other_processes(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    first = Engine(tmp_path / "cache").waveform(clip.path, WaveformOrder(points=100))
    (kept,) = (tmp_path / "cache" / "waveform").iterdir()

    def must_not(*_args: object) -> None:
        raise AssertionError("it is measured again")

    with monkeypatch.context() as patched:
        patched.setattr(passes, "measure_all", must_not)
        assert Engine(tmp_path / "cache").waveform(clip.path, WaveformOrder(points=100)) == first
    # What was damaged, or cut off, is made again.
    whole = kept.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[:3000] + bytes([whole[3000] ^ 255]) + whole[3001:],
        b"",
        b"nonsense",
    ):
        kept.write_bytes(damaged)
        assert Engine(tmp_path / "cache").waveform(clip.path, WaveformOrder(points=100)) == first
        assert kept.read_bytes() == whole
    # Another content has its own.
    copy = tmp_path / "copy.ts"
    copy.write_bytes(clip.path.read_bytes()[: -188 * 600])
    shorter = Engine(tmp_path / "cache").waveform(copy, WaveformOrder(points=100))
    assert shorter.end_us < first.end_us


def test_a_recording_that_grows_meanwhile(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits gets what there was; it is not kept for what there is now."""
    audio = (AudioSpec("ac3"), AudioSpec("mp2", "eng"))
    clip = clip_cache.get(ClipSpec("for_growth", width=160, height=96, frames=500, gop=25, audio=audio))
    path = tmp_path / "grows.ts"
    data = clip.path.read_bytes()
    path.write_bytes(data[: -188 * 1500])
    measure = passes.measure_all
    begun = []

    def growing(*args: object) -> None:
        begun.append(args[2][0].grid.start_s)  # type: ignore[index]
        measure(*args)  # type: ignore[arg-type]
        path.write_bytes(data)

    monkeypatch.setattr(passes, "measure_all", growing)
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    monkeypatch.setattr(indexes, "_PRESENT_S", 0)
    engine = Engine(tmp_path / "cache")
    before = engine.waveform(path, WaveformOrder(points=100))
    assert before.complete
    engine.index(path)
    after = engine.waveform(path, WaveformOrder(points=100))
    assert after.end_us > before.end_us
    assert after.complete
    # Only what was new, and what may still have changed, was measured; the same comes out as of the whole.
    assert begun[0] == 0 < begun[1]
    whole = Engine(None).waveform(clip.path, WaveformOrder(points=100))
    assert after.peaks == whole.peaks
    for ours, theirs in zip(after.tracks, whole.tracks, strict=True):
        assert ours.peaks == theirs.peaks
        assert np.abs(np.array(ours.loudness_lufs) - theirs.loudness_lufs).max() <= 0.1
        assert ours.integrated_lufs == pytest.approx(theirs.integrated_lufs, abs=0.1)


def test_without_a_cache_folder(clip: Clip) -> None:
    engine = Engine(None)
    assert _measured(engine, clip.path).tracks[0].integrated_lufs is not None


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    levels = (empty_levels(1, Grid(Fraction(0), Fraction(1, 100), 10_000)),)
    store = LevelStore(tmp_path, limit_bytes=80_000)
    for name in ("a", "b", "c"):
        store.save(name, levels)
        time.sleep(0.01)
    assert store.load("a", (1,), 10_000) is not None
    time.sleep(0.01)
    store.save("d", levels)
    assert {path.stem for path in tmp_path.iterdir()} == {"a", "c", "d"}
    assert store.load("a", (2,), 10_000) is None
    assert store.load("a", (1,), 9_999) is None


def test_over_a_network(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(None)
    ranges = MemoryRanges(clip.path.read_bytes())
    near = engine.waveform(ranges, WaveformOrder(Fraction(2), Fraction(4), 200))
    here = Engine(None).waveform(clip.path, WaveformOrder(Fraction(2), Fraction(4), 200))
    assert replace(near, percent=0.0) == replace(here, percent=0.0)
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    assert _measured(engine, ranges).complete
    away = MemoryRanges(clip.path.read_bytes(), "away.ts")
    engine.index(away)
    away.key += "/later"  # nothing of it is in memory any more
    away.offline = True
    with pytest.raises(LibraryOffline):
        engine.waveform(away, WaveformOrder())
    away.offline = False
    assert engine.waveform(away, WaveformOrder(points=10)).complete


def test_a_failure_is_told_to_who_asks_again(engine: Engine, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    engine.probe(clip.path)

    def fails(*_args: object) -> None:
        raise FileUnreadable("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(passes, "measure_all", fails)
        with pytest.raises(FileUnreadable):
            for _ in range(200):
                engine.waveform(clip.path, WaveformOrder(wait_s=0))
                time.sleep(0.01)
        with pytest.raises(FileUnreadable):
            engine.waveform(clip.path, WaveformOrder())
    # Who was told tries again.
    assert engine.waveform(clip.path, WaveformOrder()).complete


def test_closing_ends_the_pass(engine: Engine, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_AT_ONCE_S", 0)
    engine.close()
    with pytest.raises(Cancelled):
        engine.waveform(clip.path, WaveformOrder())


def test_real_recordings(engine: Engine, real_media_dir: Path) -> None:
    """Every recording has a waveform, the same from a decoding at once and from the pass."""
    for name in ("tsduck-206.1_bbcnews_mpeg2_576i_opengop36.ts", "dvb_fr_1080i_h264_opengop_4eac3_17s_lossy.ts",
                 "autoeditor-example_42s.mp4", "bbb_62s_720p_h264_aac.ts", "mediaelement-echo_44s.webm"):  # fmt: skip
        path = real_media_dir / name
        at_once = engine.waveform(path, WaveformOrder(Fraction(1), Fraction(4), 300))
        _measured(engine, path)
        kept = engine.waveform(path, WaveformOrder(Fraction(1), Fraction(4), 300))
        assert kept.percent == 100
        for ours, theirs in zip(at_once.tracks, kept.tracks, strict=True):
            # Decoders fill bands with noise, which differs from run to run.
            assert np.abs(np.array(ours.peaks) - theirs.peaks).max() < 0.1
            assert np.abs(np.array(ours.loudness_lufs) - theirs.loudness_lufs).max() < 1.0
            assert max(theirs.peaks) > 0.01
