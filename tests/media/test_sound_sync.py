"""Sound stays with its picture over any number of seams, in every track of every kind of file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.media.cut_checks import Cut, make_cut
from tests.media_factory import CLIPS, AudioSpec, Clip, ClipCache, ClipSpec, decode_numbers, decode_sound
from tests.media_factory.tones import BEEP_S, SECONDS_MODULO

from plexcut.domain.containers import Container
from plexcut.media.engine import Engine

_SAMPLES = {"mp2": 1152, "ac3": 1536, "eac3": 1536, "aac": 1024}
_MEASURING_S = 0.001
"""How exactly a beep's start is found again."""

_MP2, _AC3 = AudioSpec("mp2", "deu"), AudioSpec("ac3", "eng")
_EAC3, _AAC = AudioSpec("eac3", "fra"), AudioSpec("aac", "ita")
_LONG = ClipSpec("long", frames=22 * 25, gop=24, audio=(_MP2, _AC3, _EAC3, _AAC))
_LONG_CLIPS = {
    "ts": replace(_LONG, audio_lead_s=Fraction(7, 10), start_pts_90k=(1 << 33) - 500_000),
    "ts_groups": replace(
        _LONG, audio=(replace(_MP2, frames_per_pes=5), replace(_AC3, frames_per_pes=3), replace(_AAC, frames_per_pes=4))
    ),
    "mp4": replace(_LONG, container="mp4", open_gop=False, audio=(_AAC, _AC3)),
    "mkv": replace(_LONG, container="mkv", audio=(_AC3, _AAC, _MP2, _EAC3)),
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def _around_each_second(frames: int) -> list[tuple[int, int]]:
    """Spans around each whole second but the last, each of another length and with the second at another place."""
    spans = [(25 * k - 4 - 5 * k % 7, 25 * k + 7 + 3 * k % 8) for k in range(1, frames // 25 - 1)]
    assert spans[-1][1] <= frames
    return spans


def _check_beeps(cut: Cut, track: int) -> int:
    """Each whole second inside a kept span sounds within half an audio frame of its picture; how many there were."""
    spec = cut.clip.spec
    audio = spec.audio[track]
    frame_s = _SAMPLES[audio.codec] / audio.rate
    pictures = decode_numbers(cut.path)
    shown = {picture.number: float(picture.time_s) for picture in pictures if picture.time_s is not None}
    onsets: dict[int, list[float]] = {}
    for beep in decode_sound(cut.path, track).beeps():
        if beep.track == track:
            onsets.setdefault(beep.second, []).append(beep.onset_s)
    numbers = [*cut.clip.numbers, cut.clip.numbers[-1] + 1]
    expected: list[int] = []
    for start, end in cut.spans:
        start_s, end_s = numbers[start] / float(spec.fps), numbers[end] / float(spec.fps)
        for second in range(int(start_s), int(end_s) + 1):
            if start_s + frame_s <= second <= end_s - BEEP_S - frame_s:
                expected.append(second)
                number = round(second * spec.fps)
                found = onsets.get(second % SECONDS_MODULO)
                assert found, f"second {second} of track {track} does not sound"
                error_s = min((onset - shown[number] for onset in found), key=abs)
                assert abs(error_s) <= frame_s / 2 + _MEASURING_S, f"second {second} of track {track}: {error_s:.4f} s"
    assert expected
    return len(expected)


def _check_contiguous(path: Path, track: int, tolerance_s: Fraction) -> None:
    """No gap and no overlap in the track's clock from its first frame to its last."""
    sound = decode_sound(path, track)
    worst = max(abs(time - sound.start_s - Fraction(index, sound.rate)) for index, time in sound.frame_times)
    assert worst <= tolerance_s


def _languages(path: Path) -> list[tuple[str, str | None]]:
    with av.open(str(path)) as container:
        # MP4 has one number for all layers of MPEG audio.
        alike = {"mp3float": "mp2"}
        found = [(stream.codec_context.name, stream.metadata.get("language")) for stream in container.streams.audio]
        return [(alike.get(name, name), language) for name, language in found]


def _check_tracks(cut: Cut) -> None:
    assert _languages(cut.path) == _languages(cut.clip.path)
    assert all(stream.kept for stream in cut.result.streams)
    # The sound begins and ends with the picture, to a frame.
    tick = Fraction(1, 1000) if cut.path.suffix == ".mkv" else Fraction(1, 90_000)
    pictures = decode_numbers(cut.path)
    first, last = pictures[0].time_s, pictures[-1].time_s
    assert first is not None
    assert last is not None
    for track, audio in enumerate(cut.clip.spec.audio):
        _check_contiguous(cut.path, track, 2 * tick)
        sound = decode_sound(cut.path, track)
        end = sound.start_s + Fraction(sound.samples.size, sound.rate)
        frame = Fraction(_SAMPLES[audio.codec], audio.rate)
        # An AAC decoder in MP4 leaves out the priming frame.
        assert -frame / 2 <= sound.start_s - first + 2 * tick <= frame + 4 * tick
        assert abs(end - last - 1 / cut.clip.fps) <= frame + 2 * tick


@pytest.mark.parametrize(
    ("kind", "container"), [*((kind, None) for kind in _LONG_CLIPS), ("ts", "mp4"), ("ts", "mkv"), ("ts_groups", "mkv")]
)
def test_twenty_seams_do_not_add_up(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, kind: str, container: Container | None
) -> None:
    spec = _LONG_CLIPS[kind]
    clip = clip_cache.get(replace(spec, name=f"long_{kind}"))
    cut = make_cut(engine, clip, tmp_path, _around_each_second(clip.frames), container=container)
    assert len(cut.result.seams) == 19
    for track in range(len(spec.audio)):
        assert _check_beeps(cut, track) >= 18
    _check_tracks(cut)


_ODD_SOUND = ClipSpec(
    "odd_sound",
    width=96,
    height=64,
    frames=103 * 25,
    gop=24,
    audio_lead_s=Fraction(7, 10),
    audio=(
        AudioSpec("aac", "deu", latm=True, frames_per_pes=2),
        AudioSpec("eac3", "eng", channels=6, dependent=True),
        AudioSpec("ac3", "fra", later=(37, 1)),
        AudioSpec("aac", "ita", channels=1, later=(61, 2)),
    ),
)


def test_a_hundred_seams_of_unusual_sound(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """AAC in LATM, E-AC-3 of two substreams, tracks that change their channels: nothing adds up, nothing is lost."""
    clip = clip_cache.get(_ODD_SOUND)
    cut = make_cut(engine, clip, tmp_path, _around_each_second(clip.frames))
    assert len(cut.result.seams) == 100
    for track in range(len(_ODD_SOUND.audio)):
        assert _check_beeps(cut, track) >= 95
    _check_tracks(cut)


def _two_seams(clip: Clip) -> list[tuple[int, int]]:
    """A second in each of the kept spans, which end and begin off the audio frames."""
    rate, count = int(clip.fps), len(clip.numbers)
    spans = [(3, rate + rate // 4 + 3), (2 * rate - rate // 3, min(count, 2 * rate + rate // 2))]
    return [*spans, (3 * rate - rate // 4, count)] if count > 3 * rate + rate // 4 else spans


@pytest.mark.parametrize(
    "name",
    ["broadcast", "mpeg2_interlaced_wrap", "ts_discontinuity", "ts_lost_frames", "ts_192", "ts_radio_before",
     "h264_2997", "h264_closed", "mp4_hevc", "mkv_with_srt", "ts_mid_gop_start"],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_each_second_sounds_at_its_picture(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str, mode: str
) -> None:
    clip = clip_cache.get(CLIPS[name])
    if name == "ts_mid_gop_start":
        clip = replace(clip, decode_order=tuple(range(48, 150)))
    cut = make_cut(engine, clip, tmp_path, _two_seams(clip), "exact" if mode == "exact" else "keyframe")
    for track in range(len(clip.spec.audio)):
        _check_beeps(cut, track)
        _check_contiguous(cut.path, track, Fraction(2, 1000 if clip.spec.container == "mkv" else 90_000))
    assert _languages(cut.path) == [(audio.codec, audio.language) for audio in clip.spec.audio]


def test_a_track_that_the_first_table_does_not_name(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """It is in the file all the time, but named from frame 50 on only."""
    clip = clip_cache.get(CLIPS["ts_pmt_change"])
    cut = make_cut(engine, clip, tmp_path, [(20, 35), (60, 90)])
    assert _languages(cut.path) == [("mp2", "eng"), ("ac3", "deu")]
    assert _check_beeps(cut, 0) == 2
    assert _check_beeps(cut, 1) >= 1
