"""What a browser plays: exactly the kept frames at their times, with their sound, from any byte on."""

from __future__ import annotations

import io
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.media.ranges import MemoryRanges
from tests.media.test_tone import patches
from tests.media_factory import CLIPS, ClipCache, read_beeps, read_number

from plexcut.domain.media import PlaybackOrder
from plexcut.domain.ports import PlayableFile
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import Cancelled, SpanInvalid, UsageError
from plexcut.media.engine import Engine

_UNUSABLE = {"ts_scrambled", "audio_only"}
_DAMAGED = {"ts_damaged"}
PLAYABLE = sorted(set(CLIPS) - _UNUSABLE - _DAMAGED)

Spans = list[tuple[int, int]]


def order(*spans: tuple[int, int], **more: Any) -> PlaybackOrder:
    """These frames, nothing else; none: everything."""
    keep = tuple((FrameNumber(a), FrameNumber(b)) for a, b in spans)
    return PlaybackOrder(keep or None, **more)


def whole(file: PlayableFile) -> bytes:
    """All bytes, read as a browser reads them."""
    data = bytearray()
    while len(data) < file.size_bytes:
        data += file.read(len(data))
    assert len(data) == file.size_bytes
    return bytes(data)


def shown(data: bytes) -> list[tuple[int | None, Fraction]]:
    """Numbers and times of all pictures, in the order in which they are shown."""
    found = []
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            gray: Any = frame.reformat(format="gray").to_ndarray()
            found.append((read_number(gray), Fraction(frame.pts * frame.time_base)))
    return found


def heard(data: bytes) -> tuple[Any, int]:
    """All samples of the sound (mono), from time 0 on, and their rate."""
    parts, rate = [], 0
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            rate = frame.sample_rate
            if not parts:
                assert frame.pts == 0
            parts.append(frame.to_ndarray()[0])
    return np.concatenate(parts), rate


def expected(engine: Engine, path: Path, numbers: list[int], spans: Spans) -> list[tuple[int, Fraction]]:
    """The numbers that the kept frames carry, with their times in the result."""
    index = engine.index(path)
    found, base = [], Fraction(0)
    for start, end in spans:
        begin = index.pts_of(start)
        found += [(numbers[n], base + (index.pts_of(n) - begin) * index.time_base) for n in range(start, end)]
        base += (index.pts_of(end) - begin) * index.time_base
    return found


@pytest.mark.parametrize("name", PLAYABLE)
def test_every_kept_frame_at_its_time(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    total = engine.index(clip.path).frames
    spans: Spans = [(3, total // 3 + 1), (total // 2, total - 2)]
    data = whole(engine.play(clip.path, order(*spans)))
    numbers = clip.numbers[-total:] if name == "ts_mid_gop_start" else clip.numbers
    assert shown(data) == expected(engine, clip.path, numbers, spans)


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "hevc_cra", "webm_vp8", "mkv_h264"])
def test_the_whole_recording(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    data = whole(engine.play(clip.path, order()))
    assert shown(data) == expected(engine, clip.path, clip.numbers, [(0, len(clip.numbers))])


@pytest.mark.parametrize(
    "name", ["h264_open_gop_50p", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "mp4_h264", "mkv_h264"]
)
def test_bytes_are_the_same_from_wherever_they_are_read(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    total = Engine(None).index(clip.path).frames
    wanted = order((5, total // 2), (total // 2 + 9, total))
    data = whole(Engine(None).play(clip.path, wanted))
    chance = random.Random(name)
    for _ in range(3):
        file = Engine(None).play(clip.path, wanted)
        assert file.size_bytes == len(data)
        for start in chance.sample(range(len(data)), 6):
            piece = file.read(start)
            assert piece
            assert piece == data[start : start + len(piece)]


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "hevc_cra", "mkv_h264", "webm_vp8", "h264_mbaff_tff"])
def test_sound_is_in_its_place_across_seams(clip_cache: ClipCache, name: str) -> None:
    """Beeps of every whole second; the second span begins in the middle of one second and holds the next one's."""
    clip = clip_cache.get(CLIPS[name])
    engine = Engine(None)
    fps = clip.fps
    one = round(fps)
    spans: Spans = [(one // 2, one + one // 5), (one + 3 * one // 5, 2 * one + one // 2)]
    samples, rate = heard(whole(engine.play(clip.path, order(*spans))))
    beeps = read_beeps(samples, rate)
    first = Fraction(one - spans[0][0]) / fps
    second = Fraction(spans[0][1] - spans[0][0] + 2 * one - spans[1][0]) / fps
    assert [beep.second for beep in beeps] == [1, 2]
    assert [beep.onset_s for beep in beeps] == pytest.approx([float(first), float(second)], abs=0.002)
    length = sum(b - a for a, b in spans) / fps
    assert length * rate <= samples.size < length * rate + 1024


def test_fragments_join_without_a_click(clip_cache: ClipCache) -> None:
    """A steady hum: no sample differs from its neighbours by more than the hum does."""
    clip = clip_cache.get(CLIPS["mkv_h264"])
    samples, rate = heard(whole(Engine(None).play(clip.path, order((30, 45)))))
    quiet = samples[rate // 10 : -rate // 10]
    assert np.abs(np.diff(quiet)).max() < 0.002


def test_two_audio_tracks(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    engine = Engine(None)
    tracks = [track.id for track in engine.probe(clip.path).audio]
    for number, track in enumerate(tracks):
        samples, rate = heard(whole(engine.play(clip.path, order((0, 100), audio=track))))
        assert {beep.track for beep in read_beeps(samples, rate)} == {number}
    with pytest.raises(UsageError):
        engine.play(clip.path, order(audio=12345))


def test_a_recording_without_sound_has_no_sound(clip_cache: ClipCache) -> None:
    from tests.media_factory import ClipSpec

    clip = clip_cache.get(ClipSpec("mute", frames=30, audio=()))
    data = whole(Engine(None).play(clip.path, order()))
    with av.open(io.BytesIO(data)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    assert [number for number, _ in shown(data)] == list(range(30))


def test_a_damaged_stretch_keeps_the_number_of_frames(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["ts_damaged"])
    engine = Engine(None)
    index = engine.index(clip.path)
    file = engine.play(clip.path, order())
    data = whole(file)
    times = [time for _, time in shown(data)]
    assert times == [Fraction(int(pts - index.shown_pts[0]), 90_000) for pts in index.shown_pts.tolist()]
    readable = [number for number, _ in shown(data)[:50]]
    assert readable == list(range(50))
    fresh = Engine(None).play(clip.path, order())
    for start in random.Random(1).sample(range(len(data)), 8):
        piece = fresh.read(start)
        assert piece == data[start : start + len(piece)]


def test_pictures_are_small_and_keep_their_shape(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["mpeg2_interlaced_wrap"])
    data = whole(Engine(None).play(clip.path, order((0, 5))))
    with av.open(io.BytesIO(data)) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height, context.sample_aspect_ratio) == (352, 288, Fraction(16, 11))
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))


@pytest.mark.parametrize(
    "wanted",
    [
        order((10, 10)),
        order((50, 20)),
        order((1000, 1001)),
        PlaybackOrder(start=Fraction(100)),
        PlaybackOrder(start=Fraction(2), end=Fraction(1)),
        order((0, 10), start=FrameNumber(20)),
    ],
)
def test_impossible_spans(clip_cache: ClipCache, wanted: PlaybackOrder) -> None:
    with pytest.raises(SpanInvalid):
        Engine(None).play(clip_cache.get(CLIPS["h264_closed"]).path, wanted)


def test_from_and_to_cut_the_kept_spans(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_closed"])
    wanted = order((10, 30), (60, 90), start=Fraction(1), end=Fraction(3))
    numbers = [number for number, _ in shown(whole(Engine(None).play(clip.path, wanted)))]
    assert numbers == [25, 26, 27, 28, 29, *range(60, 75)]


def test_reading_that_nobody_waits_for_stops(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_mbaff_tff"])
    file = Engine(None).play(clip.path, order())
    with pytest.raises(Cancelled):
        file.read(file.size_bytes - 1, should_cancel=lambda: True)
    assert len(file.read(file.size_bytes - 1)) == 1


def _slices(data: bytes | Path) -> list[bytes]:
    """The last NAL unit of every H.264 sample of an MP4 file."""
    found = []
    with av.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as container:
        for packet in container.demux(video=0):
            sample, at, nal = bytes(packet), 0, b""
            while at < len(sample):
                size = int.from_bytes(sample[at : at + 4], "big")
                nal, at = sample[at + 4 : at + 4 + size], at + 4 + size
            if nal:
                found.append(nal)
    return found


def test_what_browsers_play_is_copied_but_for_the_seams(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["mp4_h264"])
    source = set(_slices(clip.path))
    engine = Engine(None)
    assert set(_slices(whole(engine.play(clip.path, order())))) == source
    # Group of 24: 24-48 and 72-90 are copied, 10-24, 48-52 and 60-72 are coded anew.
    played = _slices(whole(engine.play(clip.path, order((10, 52), (60, 90)))))
    copied = sum(nal in source for nal in played)
    assert len(played) == 72
    assert 38 <= copied <= 42


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "h264_mbaff_tff", "hevc_closed"])
def test_what_browsers_do_not_play_well_is_coded_anew(clip_cache: ClipCache, name: str) -> None:
    """No IDR pictures, interlaced, another codec: every fragment begins with an IDR picture all the same."""
    clip = clip_cache.get(CLIPS[name])
    with av.open(io.BytesIO(whole(Engine(None).play(clip.path, order())))) as container:
        assert container.streams.video[0].codec_context.codec.name == "h264"
        keys = [packet for packet in container.demux(video=0) if packet.is_keyframe]
        assert len(keys) >= 3
        assert all(bytes(packet)[4] & 31 in (5, 6) for packet in keys)


@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_hdr_is_shown_as_a_picture_of_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "hdr.ts"
    patches(path, kind, "libx265", "yuv420p10le")
    engine = Engine(None)
    with av.open(io.BytesIO(engine.frame(path, FrameNumber(2), fmt="png").data)) as opened:
        picture = next(opened.decode(video=0)).to_ndarray(format="gray").astype(int)
    with av.open(io.BytesIO(whole(engine.play(path, order())))) as container:
        frame = list(container.decode(video=0))[2]
        told = (frame.colorspace, frame.color_primaries, frame.color_trc)
        played = frame.reformat(format="gray", src_color_range=1, dst_color_range=2).to_ndarray().astype(int)
    assert told == (1, 1, 1)
    assert np.abs(played[64, 16::32] - picture[64, 16::32]).max() <= 8


@pytest.mark.parametrize("pixels", ["yuvj420p", "yuv420p"])
def test_brightness_is_kept(tmp_path: Path, pixels: str) -> None:
    """MJPEG has full range, MPEG-4 has video's: the gray that is seen is the same in both."""
    path = tmp_path / "gray.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg" if pixels == "yuvj420p" else "mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, pixels
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((96, 160, 3), 200, np.uint8), "rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(io.BytesIO(whole(Engine(None).play(path, order())))) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == "yuv420p"
        assert abs(int(frame.to_ndarray()[40, 80]) - (16 + 200 * 219 // 255)) <= 3


@pytest.mark.parametrize("name", ["h264_mbaff_tff", "mp4_h264", "h264_open_gop_50p"])
def test_over_a_network_the_same_is_played(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    local = Engine(None).play(clip.path, order((5, 40)))
    afar = Engine(None).play(MemoryRanges.of(clip.path), order((5, 40)))
    assert whole(afar) == whole(local)
