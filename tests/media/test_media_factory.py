"""The makers of test clips are right themselves: every number and every second comes back."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_factory import (
    CLIPS,
    ClipCache,
    ClipSpec,
    decode_numbers,
    decode_numbers_with_ffmpeg,
    decode_sound,
    draw_yuv,
    make_clip,
    make_sound,
    read_beeps,
    read_number,
    read_seconds,
)
from tests.media_factory.transport import PACKET_BYTES, PMT_PID, VIDEO_PID, crc32_mpeg

INCOMPLETE = {"ts_damaged", "ts_mid_gop_start", "ts_truncated", "ts_scrambled", "audio_only"}
WHOLE_CLIPS = sorted(set(CLIPS) - INCOMPLETE)
HALF_MS = 0.0006


@pytest.mark.parametrize("name", WHOLE_CLIPS)
def test_every_frame_is_there_in_order(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    pictures = decode_numbers(clip.path)
    assert [picture.number for picture in pictures] == clip.numbers
    if clip.spec.handmade is None or clip.spec.handmade.fields != "mixed":
        assert all(picture.interlaced == (clip.spec.interlaced is not None) for picture in pictures)
    assert clip.numbers == [number for number in range(clip.spec.frames) if number not in clip.spec.lost_frames]
    assert clip.keyframes[0] == 0


@pytest.mark.parametrize(
    "name", ["h264_open_gop_50p", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra", "mp4_h264"]
)
def test_another_decoder_agrees(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    numbers = decode_numbers_with_ffmpeg(clip.path)
    if numbers is None:
        pytest.skip("no ffmpeg program here")
    assert numbers == list(range(clip.frames))


@pytest.mark.parametrize("name", sorted(set(WHOLE_CLIPS) - {"ts_discontinuity", "ts_radio_before"}))
def test_sound_and_picture_start_together(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    start_s = decode_numbers(clip.path)[0].time_s
    assert start_s is not None
    for track in range(len(clip.spec.audio)):
        beeps = decode_sound(clip.path, track).beeps()
        assert [beep.second for beep in beeps[: int(clip.spec.duration_s)]] == list(range(int(clip.spec.duration_s)))
        for beep in beeps:
            assert beep.track == track
            assert beep.onset_s - float(start_s) == pytest.approx(beep.second, abs=HALF_MS)


def test_open_gops_have_one_idr_and_recovery_points(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    types = list(_nal_types(clip.path, "h264"))
    assert types.count(5) == 1
    assert len(clip.keyframes) > 4
    assert clip.leading_frames(24) == (21, 22, 23)


def test_pyramid_has_leading_references(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_pyramid"])
    order = clip.decode_order
    assert any(order[i] > order[i + 1] > order[i + 2] for i in range(len(order) - 2)), (
        "a B picture between two others comes first"
    )


def test_mbaff_is_declared(clip_cache: ClipCache) -> None:
    with av.open(str(clip_cache.get(CLIPS["h264_mbaff_tff"]).path)) as container:
        frame = next(container.decode(video=0))
        assert frame.interlaced_frame


def test_hevc_open_gops_have_cra_and_skipped_pictures(clip_cache: ClipCache) -> None:
    types = set(_nal_types(clip_cache.get(CLIPS["hevc_cra"]).path, "hevc"))
    assert 21 in types
    assert types & {8, 9}


def test_clock_wraps_in_the_middle(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["mpeg2_interlaced_wrap"])
    clocks = _video_clocks(clip.path)
    drops = [(a, b) for a, b in pairwise(clocks) if b < a - (1 << 32)]
    assert len(drops) == 1


def test_clock_jumps_with_an_indicator(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["ts_discontinuity"])
    packets = [packet for packet in _packets(clip.path, 188) if packet[3] & 0x20 and packet[4] and packet[5] & 0x80]
    assert {_pid(packet) for packet in packets} == {VIDEO_PID, VIDEO_PID + 1}
    times = [picture.time_s for picture in decode_numbers(clip.path)]
    steps = {b - a for a, b in pairwise(times) if a is not None and b is not None}
    assert steps == {Fraction(1, 50), Fraction(1, 50) - 5}


def test_random_access_indicator_can_be_missing(clip_cache: ClipCache) -> None:
    def flagged(name: str) -> int:
        packets = _packets(clip_cache.get(CLIPS[name]).path, 188)
        return sum(
            1 for packet in packets if _pid(packet) == VIDEO_PID and packet[3] & 0x20 and packet[4] and packet[5] & 0x40
        )

    assert flagged("h264_no_rai") == 0
    assert flagged("h264_open_gop_50p") == len(clip_cache.get(CLIPS["h264_open_gop_50p"]).keyframes)


@pytest.mark.parametrize(("name", "size", "offset"), [("broadcast", 188, 0), ("ts_192", 192, 4), ("ts_204", 204, 0)])
def test_packets_are_well_formed(clip_cache: ClipCache, name: str, size: int, offset: int) -> None:
    path = clip_cache.get(CLIPS[name]).path
    assert path.stat().st_size % size == 0
    counters: dict[int, int] = {}
    for packet in _packets(path, size, offset):
        assert packet[0] == 0x47
        assert len(packet) == PACKET_BYTES
        pid, counter = _pid(packet), packet[3] & 0x0F
        assert counters.get(pid, counter) == counter
        counters[pid] = (counter + 1) % 16
        if pid == PMT_PID:
            section = packet[5 : 5 + 3 + ((packet[6] & 0x0F) << 8 | packet[7])]
            assert crc32_mpeg(section) == 0


def test_sound_lies_behind_its_picture_and_begins_before_it(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    with av.open(str(clip.path)) as container:
        audio = container.streams.audio[0]
        first_s = next(
            packet.pts * Fraction(audio.time_base or 0) for packet in container.demux(audio) if packet.pts is not None
        )
        assert float(first_s) == pytest.approx(5_000_000_000 / 90_000 - 0.7, abs=0.04)
        assert {stream.language for stream in container.streams.audio} == {"deu", "eng"}


def test_dvb_subtitles_decode_and_teletext_is_announced(clip_cache: ClipCache) -> None:
    with av.open(str(clip_cache.get(CLIPS["broadcast"]).path)) as container:
        subtitles = [stream for stream in container.streams if stream.type == "subtitle"]
        assert [stream.language for stream in subtitles] == ["deu", "eng"]
        dvb = subtitles[1]
        shown = []
        for packet in container.demux(dvb):
            if packet.size and packet.pts is not None:
                shown.append((float(packet.pts * packet.time_base) - 5_000_000_000 / 90_000, len(packet.decode())))
    assert [(round(time_s, 3), count) for time_s, count in shown] == [
        (second + part, count) for second in range(4) for part, count in ((0.2, 1), (0.8, 0))
    ]


def test_text_subtitles_are_there(clip_cache: ClipCache) -> None:
    with av.open(str(clip_cache.get(CLIPS["mkv_with_srt"]).path)) as container:
        texts = [bytes(packet) for packet in container.demux(container.streams.subtitles[0]) if packet.size]
    assert texts == [b"Second 0", b"Second 1", b"Second 2"]


def test_a_file_that_begins_inside_a_gop_shows_its_rest(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["ts_mid_gop_start"])
    assert clip.path.read_bytes()[0] != 0x47
    numbers = [picture.number for picture in decode_numbers(clip.path)]
    assert numbers == list(range(48, clip.frames))


def test_lost_frames_leave_a_gap_in_time(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["ts_lost_frames"])
    pictures = decode_numbers(clip.path)
    assert clip.frames == len(pictures) == 146
    for picture in pictures:
        assert picture.number is not None
        assert picture.time_s == 10 + Fraction(picture.number, 50)


@pytest.mark.parametrize(("name", "programmes"), [("ts_radio_before", [2, 1]), ("ts_radio_after", [1, 2])])
def test_a_second_programme_is_sound_alone(clip_cache: ClipCache, name: str, programmes: list[int]) -> None:
    path = clip_cache.get(CLIPS[name]).path
    pat = next(packet for packet in _packets(path, 188) if _pid(packet) == 0)
    assert [pat[14], pat[18]] == programmes
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
        assert len(container.streams.audio) == 2


def test_scrambled_packets_say_so_and_decode_to_nothing(clip_cache: ClipCache) -> None:
    path = clip_cache.get(CLIPS["ts_scrambled"]).path
    assert all(packet[3] & 0x80 for packet in _packets(path, 188) if _pid(packet) == VIDEO_PID)
    assert not any(packet[3] & 0x80 for packet in _packets(path, 188) if _pid(packet) == PMT_PID)
    try:
        numbers = [picture.number for picture in decode_numbers(path)]
    except (av.error.FFmpegError, ValueError):
        numbers = []
    assert not any(number is not None for number in numbers)


def test_teletext_is_read_by_a_decoder(clip_cache: ClipCache) -> None:
    program = shutil.which("ffmpeg")
    path = clip_cache.get(CLIPS["broadcast"]).path
    command = [str(program), "-v", "error", "-txt_format", "text", "-i", str(path), "-map", "0:s:0", "-f", "srt", "-"]
    result = subprocess.run(command, capture_output=True, text=True, check=False) if program else None
    if result is None or result.returncode:
        pytest.skip("no ffmpeg with a teletext decoder here")
    assert re.findall(r"Second \d", result.stdout)[:3] == ["Second 0", "Second 1", "Second 2"]


def test_damage_stays_in_the_middle(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["ts_damaged"])
    numbers = [picture.number for picture in decode_numbers(clip.path)]
    assert numbers[:50] == list(range(50))
    assert numbers[-30:] == list(range(120, 150))
    assert numbers != list(range(150))


def test_sound_alone_has_no_picture(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["audio_only"])
    with av.open(str(clip.path)) as container:
        assert not container.streams.video
    assert [beep.second for beep in decode_sound(clip.path).beeps()] == [0, 1, 2, 3]


def test_clips_are_made_once(tmp_path: Path) -> None:
    spec = replace(CLIPS["h264_no_bframes"], frames=10)
    first = ClipCache(tmp_path).get(spec)
    stamp = first.path.stat().st_mtime_ns
    again = ClipCache(tmp_path).get(spec)
    assert again == first
    assert again.path.stat().st_mtime_ns == stamp
    assert ClipCache(tmp_path).get(replace(spec, frames=11)).path != first.path


def test_same_spec_same_bytes(tmp_path: Path) -> None:
    spec: ClipSpec = CLIPS["h264_mbaff_tff"]
    assert make_clip(spec, tmp_path / "a.ts").path.read_bytes() == make_clip(spec, tmp_path / "b.ts").path.read_bytes()


@pytest.mark.parametrize("size", [(48, 24), (64, 36), (120, 68), (320, 192), (1024, 576), (1920, 1080)])
@pytest.mark.parametrize("number", [0, 1, 2, 255, 256, 21845, 43690, 65535])
def test_numbers_survive_scaling(size: tuple[int, int], number: int) -> None:
    luma = draw_yuv(number, 320, 192)[0]
    frame = av.VideoFrame.from_ndarray(luma, format="gray").reformat(width=size[0], height=size[1])
    assert read_number(frame.to_ndarray()) == number
    assert read_number(frame.reformat(format="rgb24").to_ndarray()) == number


def test_pictures_without_an_agreeing_number_read_as_none() -> None:
    assert read_number(np.zeros((192, 320), np.uint8)) is None
    assert read_number(np.random.default_rng(1).integers(0, 255, (192, 320)).astype(np.uint8)) is None
    mixed = draw_yuv(5, 320, 192)[0].copy()
    mixed[96:] = draw_yuv(6, 320, 192)[0][96:]
    assert read_number(mixed) is None
    assert read_number(np.zeros((4, 4), np.uint8)) is None
    with pytest.raises(ValueError, match="16 bits"):
        draw_yuv(1 << 16, 320, 192)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("track", [0, 1, 2, 3])
def test_seconds_are_read_from_sound(rate: int, track: int) -> None:
    sound = make_sound(track, rate, -0.25, 40.0)
    seconds = read_seconds(sound, rate)
    assert [second for second, _ in seconds] == [second % 32 for second in range(40)]
    for second, (_, onset_s) in enumerate(seconds):
        assert onset_s == pytest.approx(second + 0.25, abs=1e-4)
    assert {beep.track for beep in read_beeps(sound, rate)} == {track}


def test_silence_and_cut_beeps_are_not_read() -> None:
    assert read_seconds(np.zeros(48_000, np.float32), 48_000) == []
    assert read_seconds(np.zeros(10, np.float32), 48_000) == []
    sound = make_sound(0, 48_000, 0.03, 2.0)
    assert [second for second, _ in read_seconds(sound, 48_000)] == [1]


def _packets(path: Path, size: int, offset: int = 0) -> Iterator[bytes]:
    data = path.read_bytes()
    for begin in range(offset, len(data), size):
        yield data[begin : begin + PACKET_BYTES]


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def _video_clocks(path: Path) -> list[int]:
    """PTS or DTS of each video PES packet, whichever comes last in the header, as written."""
    clocks = []
    for packet in _packets(path, 188):
        if _pid(packet) == VIDEO_PID and packet[1] & 0x40:
            pes = packet[4 + (1 + packet[4] if packet[3] & 0x20 else 0) :]
            field = pes[9 + pes[8] - 5 : 9 + pes[8]]
            clocks.append(
                (field[0] & 0x0E) << 29 | field[1] << 22 | (field[2] & 0xFE) << 14 | field[3] << 7 | field[4] >> 1
            )
    return clocks


def _nal_types(path: Path, codec: str) -> Iterator[int]:
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            for match in re.finditer(rb"\x00\x00\x01(.)", bytes(packet), re.DOTALL):
                first = match.group(1)[0]
                yield first & 0x1F if codec == "h264" else first >> 1 & 0x3F
