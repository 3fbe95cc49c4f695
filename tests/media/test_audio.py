"""Decoded sound lies where its timestamps say, from wherever the reading begins, whatever happened to the file."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.media.ranges import MemoryRanges
from tests.media_factory import CLIPS, AudioSpec, ClipCache, ClipSpec, read_beeps
from tests.media_factory.tones import BEEP_S

from plexcut.domain.media import Source
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.audio import AudioSpan, audio_tracks, read_audio, to_s16
from plexcut.media.engine import Engine
from plexcut.media.index.model import MediaIndex

Samples = npt.NDArray[np.float32]

_MEASURING_S = 0.0007
"""How exactly a beep's start is found again; Matroska rounds to whole milliseconds besides."""
_PACKET = 188
_FIRST_AUDIO_PID = 258
_RATE = 48_000


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def read(source: Source, index: MediaIndex, track: int, start_s: Fraction, end_s: Fraction) -> Samples:
    """Mono samples at 48 kHz of `[start_s, end_s)` on the recording's time line; checks that no block is missing."""
    first = int(index.shown_pts[0])
    span = AudioSpan(track, first + start_s / index.time_base, first + end_s / index.time_base, _RATE, "mono")
    blocks = list(read_audio(source, index, span))
    at = 0
    for block in blocks:
        assert block.at == at
        assert block.samples.dtype == np.float32
        at += block.samples.shape[1]
    assert at == span.samples(index)
    return np.concatenate([block.samples for block in blocks], axis=1)[0]


def whole(source: Source, index: MediaIndex, track: int) -> Samples:
    return read(source, index, track, Fraction(0), Fraction(int(index.times_us[-1]), 1_000_000))


def check_beeps(samples: Samples, track: int, seconds: range, shift_s: float = 0.0) -> None:
    """The beeps of all these seconds sound, each at its time, and no other one."""
    found = {beep.second: beep.onset_s for beep in read_beeps(samples, _RATE) if beep.track == track}
    assert set(found) == set(seconds)
    for second, onset_s in found.items():
        assert abs(onset_s + shift_s - second) < _MEASURING_S, f"second {second}: {onset_s}"


def whole_seconds(duration_s: float, shift_s: float = 0.0) -> range:
    """The seconds whose beeps are wholly within a recording that begins at `shift_s`."""
    return range(int(np.ceil(shift_s)), int(np.floor(duration_s + shift_s - BEEP_S)) + 1)


@pytest.mark.parametrize(
    "name",
    ["h264_open_gop_50p", "h264_closed", "h264_2997", "h264_two_audio", "h264_eac3_51", "mpeg2_interlaced_wrap",
     "hevc_10bit", "mp4_h264", "mp4_h264_open_gop", "mkv_h264", "mkv_with_srt", "webm_vp8", "ts_192", "ts_204",
     "ts_discontinuity", "ts_lost_frames", "ts_radio_before", "ts_pmt_change", "ts_mid_gop_start", "ts_damaged",
     "broadcast"],
)  # fmt: skip
def test_each_second_sounds_at_its_time(engine: Engine, clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    index = engine.index(clip.path)
    lost = clip.spec.frames - index.frames if name == "ts_mid_gop_start" else 0
    shift_s = float(lost / clip.spec.fps)
    chance = random.Random(name)
    for number, track in enumerate(audio_tracks(index)):
        samples = whole(clip.path, index, track)
        check_beeps(samples, number, whole_seconds(samples.size / _RATE, shift_s), shift_s)
        # Wherever the reading begins, the same samples come out; lossy decoders add some noise of their own.
        for _ in range(6):
            begin = chance.randrange(samples.size - _RATE // 2)
            part = read(clip.path, index, track, Fraction(begin, _RATE), Fraction(begin + _RATE // 3, _RATE))
            if clip.spec.container == "webm":
                continue
            assert np.abs(part - samples[begin : begin + part.size]).max() < 0.001


def test_other_rates_and_channels(engine: Engine, clip_cache: ClipCache) -> None:
    for audio in (AudioSpec("mp2", rate=44_100), AudioSpec("aac", rate=32_000, channels=1), AudioSpec("ac3", "deu", 6)):
        clip = clip_cache.get(ClipSpec(f"rate_{audio.codec}_{audio.rate}", frames=60, gop=20, audio=(audio,)))
        index = engine.index(clip.path)
        (track,) = audio_tracks(index)
        check_beeps(whole(clip.path, index, track), 0, range(3))
        part = read(clip.path, index, track, Fraction(1, 2), Fraction(3, 2))
        check_beeps(part, 0, range(1, 2), 0.5)
        for rate, layout, channels in ((22_050, "stereo", 2), (44_100, "5.1", 6)):
            span = AudioSpan(track, int(index.shown_pts[0]), index.end_pts, rate, layout)
            blocks = [block.samples for block in read_audio(clip.path, index, span)]
            assert {block.shape[0] for block in blocks} == {channels}
            assert sum(block.shape[1] for block in blocks) == span.samples(index) == round(2.4 * rate)


def test_channels_that_change_on_the_way(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """As stations do around a film: AC-3 with two channels, then with six, under one PID."""
    first = ClipSpec("layout_stereo", frames=75, gop=25, open_gop=False, audio=(AudioSpec("ac3"),))
    second = replace(
        first, name="layout_51", audio=(AudioSpec("ac3", channels=6),), start_pts_90k=first.start_pts_90k + 75 * 3600
    )
    path = tmp_path / "changes.ts"
    path.write_bytes(clip_cache.get(first).path.read_bytes() + clip_cache.get(second).path.read_bytes())
    index = engine.index(path)
    (track,) = audio_tracks(index)
    samples = whole(path, index, track)
    onsets = sorted(beep.onset_s for beep in read_beeps(samples, _RATE))
    assert np.abs(np.array(onsets) - [0, 1, 2, 3, 4, 5]).max() < _MEASURING_S
    part = read(path, index, track, Fraction(5, 2), Fraction(9, 2))
    assert np.abs(part - samples[_RATE * 5 // 2 : _RATE * 9 // 2]).max() < 0.001


def without_packets(data: bytes, pid: int, drop: Callable[[float], bool]) -> bytes:
    """The stream less the packets of one PID at those shares (0..1) of the file that `drop` names."""
    kept = bytearray()
    for at in range(0, len(data), _PACKET):
        packet = data[at : at + _PACKET]
        if (packet[1] & 31) << 8 | packet[2] != pid or not drop(at / len(data)):
            kept += packet
    return bytes(kept)


@pytest.mark.parametrize(
    ("drop", "there", "gone"),
    [(lambda share: share < 0.5, {4, 5}, {0, 1}), (lambda share: share > 0.5, {0, 1}, {4, 5}),
     (lambda share: 0.2 < share < 0.8, {0, 5}, {2, 3}), (lambda _share: True, set(), set(range(6)))],
)  # fmt: skip
def test_what_is_missing_is_silence(
    engine: Engine,
    clip_cache: ClipCache,
    tmp_path: Path,
    drop: Callable[[float], bool],
    there: set[int],
    gone: set[int],
) -> None:
    """A track that begins late, ends early, has a hole, or holds nothing."""
    clip = clip_cache.get(ClipSpec("for_gaps", frames=150, gop=25, audio=(AudioSpec("mp2"), AudioSpec("ac3", "eng"))))
    path = tmp_path / "gaps.ts"
    path.write_bytes(without_packets(clip.path.read_bytes(), _FIRST_AUDIO_PID, drop))
    index = engine.index(path)
    samples = whole(path, index, _FIRST_AUDIO_PID)
    beeps = {beep.second: beep.onset_s for beep in read_beeps(samples, _RATE)}
    assert there <= set(beeps)
    assert not gone & set(beeps)
    assert all(abs(onset_s - second) < _MEASURING_S for second, onset_s in beeps.items())
    assert bool((samples == 0).any())
    check_beeps(whole(path, index, _FIRST_AUDIO_PID + 1), 1, range(6))
    # In the middle of the gap, and across its edges.
    for start, end in ((Fraction(29, 10), Fraction(31, 10)), (Fraction(1, 2), Fraction(11, 2))):
        part = read(path, index, _FIRST_AUDIO_PID, start, end)
        begin = int(start * _RATE)
        assert np.abs(part - samples[begin : begin + part.size]).max() < 0.001


def test_damaged_frames_are_silence(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """One byte of every packet is changed: AC-3 has a checksum over each frame, and noise would be at full scale."""
    clip = clip_cache.get(ClipSpec("for_damage", frames=75, gop=25, audio=(AudioSpec("ac3"),)))
    data = bytearray(clip.path.read_bytes())
    chance = random.Random(5)
    for at in range(len(data) // 3 // _PACKET * _PACKET, len(data) * 2 // 3 // _PACKET * _PACKET, _PACKET):
        if (data[at + 1] & 31) << 8 | data[at + 2] == _FIRST_AUDIO_PID:
            data[at + chance.randrange(40, _PACKET)] ^= 0x55
    path = tmp_path / "damaged.ts"
    path.write_bytes(bytes(data))
    index = engine.index(path)
    samples = whole(path, index, _FIRST_AUDIO_PID)
    assert float(np.abs(samples).max()) < 0.75
    assert bool((samples[_RATE * 7 // 5 : _RATE * 8 // 5] == 0).all())
    beeps = {beep.second: beep.onset_s for beep in read_beeps(samples, _RATE)}
    assert set(beeps) == {0, 2}
    assert all(abs(onset_s - second) < _MEASURING_S for second, onset_s in beeps.items())


def test_before_the_beginning_and_behind_the_end(engine: Engine, clip_cache: ClipCache) -> None:
    """Sound begins 0.7 s before the first picture here."""
    clip = clip_cache.get(CLIPS["broadcast"])
    index = engine.index(clip.path)
    track = audio_tracks(index)[0]
    samples = read(clip.path, index, track, Fraction(-2), Fraction(6))
    assert bool((samples[: int(1.2 * _RATE)] == 0).all())
    assert bool((samples[int(1.4 * _RATE) : int(5.9 * _RATE)] != 0).mean() > 0.99)
    assert bool((samples[int(6.1 * _RATE) :] == 0).all())
    check_beeps(samples, 0, range(5), -2.0)
    span = AudioSpan(track, 90_000, 90_000)
    assert list(read_audio(clip.path, index, span)) == []


def test_over_a_network_only_the_stretch_is_read(engine: Engine, clip_cache: ClipCache) -> None:
    spec = ClipSpec(
        "for_ranges", fps=Fraction(50), frames=1000, gop=50, width=640, height=384, audio=(AudioSpec("ac3"),)
    )
    for container in ("ts", "mp4", "mkv"):
        clip = clip_cache.get(replace(spec, name=f"for_ranges_{container}", container=container))
        index = engine.index(clip.path)
        (track,) = audio_tracks(index)
        ranges = MemoryRanges(clip.path.read_bytes())
        part = read(ranges, index, track, Fraction(12), Fraction(14))
        check_beeps(part, 0, range(12, 14), 12.0)
        assert ranges.bytes_asked < len(ranges.data)


def test_it_can_be_given_up(engine: Engine, clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    index = engine.index(clip.path)
    span = AudioSpan(audio_tracks(index)[0], int(index.shown_pts[0]), index.end_pts)
    with pytest.raises(Cancelled):
        list(read_audio(clip.path, index, span, lambda: True))


def test_a_track_that_is_none(engine: Engine, clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    index = engine.index(clip.path)
    with pytest.raises(FormatUnsupported):
        list(read_audio(clip.path, index, AudioSpan(index.video.id, 0, 90_000)))


def test_sixteen_bits() -> None:
    floats = np.array([[0.0, 0.5, -1.0, 1.0, 1.5, -2.0, 1 / 32768]], np.float32)
    assert to_s16(floats).tolist() == [[0, 16384, -32768, 32767, 32767, -32768, 1]]


def test_real_recordings(engine: Engine, real_media_dir: Path) -> None:
    """Of every track of every real recording: what is read from the middle is what is there in the whole."""
    checked = 0
    for path in sorted(real_media_dir.iterdir()):
        try:
            index = engine.index(path)
        except FormatUnsupported:
            continue
        for track in index.tracks:
            if track.kind != "audio":
                continue
            samples = whole(path, index, track.id)
            middle = samples.size // 2
            part = read(path, index, track.id, Fraction(middle, _RATE), Fraction(middle + samples.size // 8, _RATE))
            ours, theirs = float(np.abs(part).max()), float(np.abs(samples[middle : middle + part.size]).max())
            assert abs(ours - theirs) < 0.05
            checked += 1
    assert checked > 20
