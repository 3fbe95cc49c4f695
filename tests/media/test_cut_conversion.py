"""A transport stream as MP4 or MKV: the same frames, at the same times, with all that the other file can hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.media.cut_checks import (
    CLOCK_TICK_S,
    MATROSKA_TICK_S,
    decode_with_ffmpeg,
    expected_times,
    keep_of,
    never,
    quiet,
)
from tests.media_factory import CLIPS, AudioSpec, Clip, ClipCache, ClipSpec, decode_numbers, read_number

from plexcut.domain.containers import Container
from plexcut.domain.media import CutRequest, CutResult
from plexcut.errors import FormatUnsupported
from plexcut.media.engine import Engine

Spans = list[tuple[int, int]]
KINDS: tuple[Container, ...] = ("mp4", "mkv")
_LATM = ClipSpec("latm_video", frames=75, audio=(AudioSpec("aac", "deu", latm=True), AudioSpec("eac3", "eng")))
_CLIPS = {name: CLIPS[name] for name in (
    "broadcast", "h264_mbaff_tff", "h264_closed", "h264_2997", "h264_captions", "mpeg2_interlaced_wrap",
    "mpeg2_pulldown", "hevc_cra_pyramid", "hevc_10bit", "ts_discontinuity", "ts_192",
)} | {"latm": _LATM}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def converted(engine: Engine, clip: Clip, target: Path, kind: Container, spans: Spans) -> CutResult:
    """Cut into another kind of file, and look at every picture with two decoders."""
    target.unlink(missing_ok=True)
    result = engine.cut(CutRequest(clip.path, target, keep_of(spans), container=kind), quiet, never)
    assert result.verified
    expected = [clip.numbers[n] for a, b in spans for n in range(a, b)]
    found = decode_numbers(target)
    assert [picture.number for picture in found] == expected
    first = found[0].time_s or Fraction(0)
    slack = 2 * CLOCK_TICK_S if kind == "mp4" else MATROSKA_TICK_S
    for picture, time in zip(found, expected_times(clip, spans), strict=True):
        assert picture.time_s is not None
        assert abs(picture.time_s - first - time) <= slack
    seen = decode_with_ffmpeg(target)
    if seen is not None:
        assert seen == (expected, "")
    return result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(_CLIPS))
def test_the_same_frames_at_the_same_times(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str, kind: Container
) -> None:
    clip = clip_cache.get(_CLIPS[name])
    count = len(clip.numbers)
    target = tmp_path / f"cut.{kind}"
    for spans in ([(3, 27), (count // 2 - 1, count // 2 + 3), (count - 17, count)], [(0, count)]):
        result = converted(engine, clip, target, kind, spans)
        sounds = [s for s in result.streams if s.codec in ("ac3", "eac3", "mp2", "aac", "aac_latm")]
        assert sounds
        assert all(stream.kept for stream in sounds)
    assert result.frames_reencoded == 0
    with av.open(str(clip.path)) as source, av.open(str(target)) as cut:
        assert cut.format.name.startswith("mov" if kind == "mp4" else "matroska")
        theirs, ours = source.streams.video[0], cut.streams.video[0]
        assert (ours.width, ours.height, ours.pix_fmt) == (theirs.width, theirs.height, theirs.pix_fmt)
        assert ours.sample_aspect_ratio == theirs.sample_aspect_ratio
        assert [s.language for s in cut.streams.audio] == [s.language for s in source.streams.audio]
        if kind == "mp4" and ours.codec_context.name in ("h264", "hevc"):
            assert ours.codec_context.codec_tag == {"h264": "avc1", "hevc": "hvc1"}[ours.codec_context.name]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_go_along_is_told(engine: Engine, clip_cache: ClipCache, tmp_path: Path, kind: Container) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    result = converted(engine, clip, tmp_path / f"cut.{kind}", kind, [(10, 150)])
    why = {stream.codec: stream.why for stream in result.streams if not stream.kept}
    assert "teletext" in why.pop("dvb_teletext")
    if kind == "mp4":
        assert "MKV" in why.pop("dvb_subtitle")
    assert why == {}


def test_bitmap_subtitles_in_matroska(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """One a second, from 0.2 s on for 0.6 s; what is on the screen at a seam is taken off."""
    clip = clip_cache.get(CLIPS["h264_subtitles"])
    target = tmp_path / "cut.mkv"
    converted(engine, clip, target, "mkv", [(0, 60), (70, 100)])
    shown = []
    with av.open(str(target)) as container:
        first = decode_numbers(target)[0].time_s or Fraction(0)
        stream = container.streams.subtitles[0]
        assert (stream.codec_context.name, stream.language) == ("dvbsub", "eng")
        for packet in container.demux(stream):
            if packet.pts is not None:
                assert bytes(packet)[0] == 0x0F
                pictures = len(stream.decode(packet)) > 0
                shown.append((float(packet.pts * packet.time_base - first), pictures))
    starts = [at for at, pictures in shown if pictures]
    assert starts == pytest.approx([0.2, 1.2, 2.2, 2.8], abs=0.0025)


def test_seams_of_hevc_can_be_sought_in(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """Encoded pictures have parameter sets of their own: a copied keyframe brings its own along, wherever one seeks."""
    clip = clip_cache.get(CLIPS["mp4_hevc"])
    for suffix in (".mp4", ".mkv"):
        source = clip.path
        target = tmp_path / f"cut{suffix}"
        wanted: Container = "mp4" if suffix == ".mp4" else "mkv"
        engine.cut(CutRequest(source, target, keep_of([(3, 75)]), container=wanted), quiet, never)
        with av.open(str(target)) as container:
            stream = container.streams.video[0]
            if suffix == ".mp4":
                assert stream.codec_context.codec_tag == "hev1"
            at = {round(p.time_s * 25): p.number for p in decode_numbers(target) if p.time_s is not None}
            # From encoded pictures at the front to a copied keyframe far behind them, with the same decoder.
            next(iter(container.decode(stream)))
            container.seek(round(Fraction(60, 25) / stream.time_base), stream=stream)
            packets = [p for p in container.demux(stream) if p.size]
            assert packets[0].is_keyframe
            frames = [frame for packet in packets for frame in packet.decode()]
        for frame in frames[:4]:
            number = read_number(frame.reformat(format="gray").to_ndarray())
            assert number == at[round(frame.pts * frame.time_base * 25)]


def test_other_ways_are_refused_in_one_line(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    keep = keep_of([(3, 30)])
    mp4, ts = clip_cache.get(CLIPS["mp4_h264"]).path, clip_cache.get(CLIPS["h264_closed"]).path
    with pytest.raises(FormatUnsupported, match="transport stream"):
        engine.cut(CutRequest(mp4, tmp_path / "a.ts", keep, container="ts"), quiet, never)
    with pytest.raises(FormatUnsupported, match="no chapters"):
        engine.cut(CutRequest(ts, tmp_path / "a.ts", keep, chapters=True), quiet, never)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mp4_h264_open_gop", "mkv_with_srt"])
def test_mp4_and_mkv_into_one_another(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    kind: Container = "mkv" if name.startswith("mp4") else "mp4"
    spans = [(3, 41), (50, len(clip.numbers))]
    target = tmp_path / f"cut.{kind}"
    result = engine.cut(CutRequest(clip.path, target, keep_of(spans), container=kind), quiet, never)
    assert [p.number for p in decode_numbers(target)] == [n for a, b in spans for n in range(a, b)]
    assert [s.codec for s in result.streams if not s.kept] == (["subrip"] if kind == "mp4" else [])


@pytest.mark.parametrize("kind", KINDS)
def test_parameter_sets_that_change_go_along_in_band(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, kind: Container
) -> None:
    """Two recordings one behind the other, with different sets under the same ids."""
    parts = [clip_cache.get(CLIPS[name]) for name in ("h264_no_bframes", "h264_no_rai")]
    source, target = tmp_path / "joined.ts", tmp_path / f"cut.{kind}"
    source.write_bytes(b"".join(part.path.read_bytes() for part in parts))
    shown = [picture.number for picture in decode_numbers(source)]
    for spans in ([(0, len(shown))], [(5, 30), (60, 120)]):
        target.unlink(missing_ok=True)
        engine.cut(CutRequest(source, target, keep_of(spans), container=kind), quiet, never)
        expected = [shown[n] for a, b in spans for n in range(a, b)]
        assert [picture.number for picture in decode_numbers(target)] == expected
        seen = decode_with_ffmpeg(target)
        assert seen is None or seen == (expected, "")
        with av.open(str(target)) as container:
            if kind == "mp4":
                assert container.streams.video[0].codec_context.codec_tag == "avc3"
