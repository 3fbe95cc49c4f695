"""MP4 and MKV files with what broadcasts do not have: edit lists, turned pictures, uneven times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.media.cut_checks import check_pictures, decode_with_ffmpeg, keep_of, make_cut, never, quiet
from tests.media_factory import CLIPS, AudioSpec, ClipCache, ClipSpec, decode_numbers
from tests.media_factory.containers import FONT, begins_later, remuxed, rich, turned, with_light

from plexcut.domain.media import CutRequest, CutResult
from plexcut.errors import FormatUnsupported, VerificationFailed
from plexcut.media.engine import Engine

Spans = list[tuple[int, int]]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def cut(engine: Engine, source: Path, target: Path, spans: Spans) -> CutResult:
    """Cut, and look at every picture with two decoders; frame n of the source is the n-th that is shown."""
    shown = decode_numbers(source)
    target.unlink(missing_ok=True)
    result = engine.cut(CutRequest(source, target, keep_of(spans)), quiet, never)
    expected = [shown[n].number for a, b in spans for n in range(a, b)]
    found = decode_numbers(target)
    assert [picture.number for picture in found] == expected
    times = [picture.time_s for picture in found]
    assert times == sorted(times)
    seen = decode_with_ffmpeg(target)
    if seen is not None:
        assert seen == (expected, "")
    return result


@pytest.mark.parametrize("name", ["mp4_h264_open_gop", "mp4_hevc"])
def test_what_an_edit_list_hides_is_there_to_decode_from(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str
) -> None:
    """It begins in the middle of a group: what comes before in the file is never shown, and never comes out."""
    clip = clip_cache.get(CLIPS[name])
    source = begins_later(clip.path, tmp_path / "later.mp4", 31 / clip.fps)
    numbers = [picture.number for picture in decode_numbers(source)]
    assert numbers == list(range(31, clip.frames))
    facts = engine.probe(source)
    assert facts.frames == len(numbers)
    assert Fraction(facts.duration_s).limit_denominator(1000) == len(numbers) / clip.fps
    target = tmp_path / "cut.mp4"
    for first in range(0, 30, 3):
        result = cut(engine, source, target, [(first, first + 7), (first + 9, len(numbers))])
        assert result.frames_copied > 0
    assert cut(engine, source, target, [(0, 1)]).frames_copied == 0
    cut(engine, source, target, [(0, len(numbers))])


def test_a_turned_picture_stays_turned(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    source = turned(clip_cache.get(CLIPS["mp4_h264"]).path, tmp_path / "turned.mp4")
    cut(engine, source, tmp_path / "cut.mp4", [(3, 30), (45, 60)])
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert next(container.decode(video=0)).rotation == -90


def uneven(at: Fraction) -> Fraction:
    """Slower and slower, and every third frame a little late."""
    number = round(at * 50)
    return at + Fraction(number * number, 9000) + (Fraction(1, 300) if number % 3 == 2 else 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_uneven_times_are_kept(engine: Engine, clip_cache: ClipCache, tmp_path: Path, suffix: str) -> None:
    clip = clip_cache.get(CLIPS["mp4_h264_open_gop"])
    source = remuxed(clip.path, tmp_path / f"uneven{suffix}", uneven)
    spans = [(3, 41), (60, 61), (77, clip.frames)]
    cut(engine, source, tmp_path / f"cut{suffix}", spans)
    theirs = [picture.time_s or Fraction(0) for picture in decode_numbers(source)]
    ours = [picture.time_s or Fraction(0) for picture in decode_numbers(tmp_path / f"cut{suffix}")]
    expected, base = [], Fraction(0)
    for a, b in spans:
        expected += [base + theirs[n] - theirs[a] for n in range(a, b)]
        base += (theirs[b] if b < clip.frames else theirs[-1] * 2 - theirs[-2]) - theirs[a]
    slack = Fraction(1, 1000) if suffix == ".mkv" else 0
    assert all(abs(a - b - ours[0]) <= slack for a, b in zip(ours, expected, strict=True))


def _texts(path: Path, codec: str) -> list[tuple[str, float, float]]:
    """The lines of the subtitle track with this codec: text, and from when to when it is shown, in seconds."""
    lines = []
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams.subtitles if s.codec_context.codec.canonical_name == codec)
        first = min(p.pts * p.time_base for p in container.demux(video=0) if p.pts is not None)
        container.seek(0)
        for packet in container.demux(stream):
            data = bytes(packet)
            if codec == "mov_text":
                data = data[2 : 2 + int.from_bytes(data[:2], "big")]
            if codec == "ass":
                data = data.split(b",", 8)[-1] + b"#" + data.split(b",")[0]
            if data and packet.pts is not None:
                start = packet.pts * packet.time_base - first
                lines.append((data.decode(), float(start), float(start + (packet.duration or 0) * packet.time_base)))
    return lines


_KEPT = [(10, 45), (60, 90)]
_IN_CUT = [("one", 0.0, 0.5), ("two, long", 0.6, 1.4), ("two, long", 1.4, 1.5), ("three", 1.6, 2.6)]
"""Where the lines of `rich` are when 0.4-1.8 s and 2.4-3.6 s are kept; the second on both sides of the seam."""


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_everything_goes_along(engine: Engine, clip_cache: ClipCache, tmp_path: Path, suffix: str) -> None:
    source = rich(clip_cache.get(CLIPS["mp4_h264"]).path, tmp_path / f"rich{suffix}")
    target = tmp_path / f"cut{suffix}"
    result = cut(engine, source, target, _KEPT)
    assert all(stream.kept for stream in result.streams), result.streams
    theirs, ours = _described(source), _described(target)
    assert ours == theirs
    slack = 0.0011 if suffix == ".mkv" else 1e-6
    for codec in ("subrip", "ass") if suffix == ".mkv" else ("mov_text",):
        lines = _texts(target, codec)
        numbers = [f"#{i}" if codec == "ass" else "" for i in range(len(_IN_CUT))]
        assert [line[0] for line in lines] == [f"{line[0]}{n}" for line, n in zip(_IN_CUT, numbers, strict=True)]
        for found, expected in zip(lines, _IN_CUT, strict=True):
            assert found[1:] == pytest.approx(expected[1:], abs=slack)
    with av.open(str(target)) as container:
        chapters = [(c["metadata"]["title"], float(c["start"] * c["time_base"])) for c in container.chapters()]
    shift = 0.021 if suffix == ".mkv" else 0
    assert [title for title, _ in chapters] == ["Eins", "Zwei", "Drei"]
    assert [at for _, at in chapters] == pytest.approx([0, 1.1 - shift, 2.0 - shift], abs=0.0011)


def _described(path: Path) -> list[tuple[object, ...]]:
    """All streams of a file, whatever their order, and what it says of itself."""
    with av.open(str(path)) as container:
        found: list[tuple[object, ...]] = [
            (s.type, s.codec_context.name if s.codec_context else "", s.language, int(s.disposition))
            for s in container.streams
        ]
        found += [(key.lower(), container.metadata[key]) for key in container.metadata if key.lower() in _TAGS]
    return sorted(found, key=str)


_TAGS = ("title", "comment", "filename", "mimetype")


def test_bitmap_subtitles_are_shown_and_cleared_at_seams(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """A square is on the screen from 0.2 to 0.9 s, from 1 to 2.5 s and from 2.6 to 3.9 s."""
    source = rich(clip_cache.get(CLIPS["mp4_h264"]).path, tmp_path / "rich.mkv")
    cut(engine, source, tmp_path / "cut.mkv", _KEPT)
    seen: list[tuple[float, bool]] = []
    with av.open(str(tmp_path / "cut.mkv")) as container:
        stream = next(s for s in container.streams.subtitles if s.codec_context.name == "pgssub")
        for packet in container.demux(stream):
            if packet.pts is not None:
                # The number of objects in the presentation composition, which comes first.
                seen.append((float(packet.pts * packet.time_base), bytes(packet)[13] > 0))
    times = [at for at, _ in seen]
    assert [shown for _, shown in seen] == [True, False, True, False, True, False, True, False]
    assert [at - times[0] for at in times] == pytest.approx([0, 0.5, 0.6, 1.4, 1.4, 1.5, 1.6, 2.6], abs=0.0011)


def test_a_font_is_the_same_afterwards(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    source = rich(clip_cache.get(CLIPS["mp4_h264"]).path, tmp_path / "rich.mkv")
    cut(engine, source, tmp_path / "cut.mkv", [(20, 30)])
    with av.open(str(tmp_path / "cut.mkv")) as container:
        assert [bytes(s.data) for s in container.streams.attachments] == [FONT]
        assert [s.codec_context.name for s in container.streams.video] == ["h264", "png"]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_chapters_at_the_seams(engine: Engine, clip_cache: ClipCache, tmp_path: Path, suffix: str) -> None:
    clip = clip_cache.get(CLIPS["mp4_h264" if suffix == ".mp4" else "mkv_h264"])
    target = tmp_path / f"cut{suffix}"
    spans = keep_of([(10, 45), (60, 61), (70, 90)])
    engine.cut(CutRequest(clip.path, target, spans, chapters=True), quiet, never)
    with av.open(str(target)) as container:
        found = [(c["metadata"]["title"], float(c["start"] * c["time_base"])) for c in container.chapters()]
    assert [title for title, _ in found] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert [at for _, at in found] == pytest.approx([0, 1.4, 1.44], abs=0.0011)


_POSITIONS = {
    spec.name: spec
    for spec in (
        ClipSpec("pos_h264_mp4", frames=75, gop=16, b_pyramid=True, container="mp4", audio=(AudioSpec("aac"),)),
        ClipSpec("pos_h264_mkv", frames=75, gop=16, interlaced="tff", container="mkv", audio=(AudioSpec("ac3"),)),
        ClipSpec("pos_hevc_mp4", "hevc", frames=75, gop=16, bit_depth=10, container="mp4", audio=(AudioSpec("aac"),)),
        ClipSpec("pos_hevc_mkv", "hevc", frames=75, gop=16, container="mkv", audio=(AudioSpec("mp2"),)),
        ClipSpec("pos_mpeg2_mkv", "mpeg2video", frames=60, gop=12, bframes=2, container="mkv", interlaced="tff"),
        ClipSpec(
            "pos_mpeg2_mp4", "mpeg2video", frames=60, gop=12, bframes=2, container="mp4", audio=(AudioSpec("ac3"),)
        ),
        ClipSpec("pos_intra_mp4", frames=40, gop=1, bframes=0, open_gop=False, container="mp4", audio=()),
    )
}


@pytest.mark.parametrize("name", _POSITIONS)
def test_every_position_of_a_group(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    """A seam into each picture of a group, and out of each; then one frame, neighbours, the first and the last."""
    clip = clip_cache.get(_POSITIONS[name])
    count, group = clip.frames, max(clip.spec.gop, 6)
    keeps = [
        [(1, group // 2 + i), (min(group + group // 2 + i, count - 9), min(count, 3 * group + i))]
        for i in range(0, group + 1, 2 if clip.spec.video_codec == "hevc" else 1)
    ]
    keeps += [[(0, 1), (count - 1, count)], [(group, group + 1)], [(5, 20), (20, 21), (21, 33)], [(0, count)]]
    for number, spans in enumerate(keeps):
        cut = make_cut(engine, clip, tmp_path, spans)
        assert [picture.number for picture in decode_numbers(cut.path)] == cut.frames, spans
        if number % 5 == 4:
            check_pictures(cut)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_damage_is_cut_around_or_refused_in_one_line(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, suffix: str
) -> None:
    whole = rich(clip_cache.get(CLIPS["mp4_h264"]).path, tmp_path / f"rich{suffix}").read_bytes()
    middle = len(whole) // 2
    damaged = {
        "short": whole[: len(whole) * 6 // 10],
        "hole": whole[:middle] + bytes(3000) + whole[middle + 3000 :],
        "lost": whole[:middle] + whole[middle + 2000 :],
        "more": whole + b"\xa5" * 5000,
    }
    for name, data in damaged.items():
        source, target = tmp_path / f"{name}{suffix}", tmp_path / f"{name} cut{suffix}"
        source.write_bytes(data)
        line = _damaged_cut(engine, source, target)
        assert "\n" not in line
        assert target.exists() == (not line)
        assert not target.exists() or len(decode_numbers(target)) == 25
        assert source.read_bytes() == data


def _damaged_cut(engine: Engine, source: Path, target: Path) -> str:
    """Why it was refused; "" where it was not."""
    try:
        count = engine.probe(source).frames
        result = engine.cut(CutRequest(source, target, keep_of([(3, 20), (count - 9, count - 1)])), quiet, never)
    except (FormatUnsupported, VerificationFailed) as error:
        return error.line
    assert result.verified
    return ""


def test_hdr_data_and_colours_are_kept(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """In boxes of the file, and in messages of the pictures, those that were encoded too."""
    spec = ClipSpec("hdr_mp4", "hevc", frames=60, gop=20, bit_depth=10, side_data=True, container="mp4")
    source = with_light(clip_cache.get(spec).path, tmp_path / "light.mp4")
    target = tmp_path / "cut.mp4"
    cut(engine, source, target, [(3, 31), (40, 60)])
    theirs, ours = source.read_bytes(), target.read_bytes()
    for name, size in ((b"mdcv", 24), (b"clli", 4)):
        at = theirs.index(name)
        assert theirs[at : at + 4 + size] in ours
    with av.open(str(source)) as one, av.open(str(target)) as other:
        frames = [next(container.decode(video=0)) for container in (one, other)]
        wanted, found = ({str(data.type) for data in frame.side_data} for frame in frames)
        assert any("MASTERING" in kind for kind in wanted)
        assert found >= wanted
        assert [(f.color_trc, f.color_primaries, f.colorspace, f.color_range) for f in frames[:1]] == [
            (f.color_trc, f.color_primaries, f.colorspace, f.color_range) for f in frames[1:]
        ]
