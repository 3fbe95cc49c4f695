"""The small parts of MP4 and MKV cuts: chapters, subtitles, bare audio frames, names."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from plexcut.domain.containers import named, of_format, suffix_for, written_as
from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream.bare_aac import LatmReader, adts_of, from_adts
from plexcut.media.cutting.captions import Caption, caption_cutter, segments
from plexcut.media.cutting.chapters import Chapter, cut_chapters
from plexcut.media.cutting.schedule import SpanTimes
from tests.media_factory.containers import pgs_set
from tests.media_factory.spec import AudioSpec
from tests.media_factory.wrapped import loas_frame

_BASE = Fraction(1, 100)
_SPANS = (SpanTimes(100, 200, 0), SpanTimes(300, 450, 100))


def _chapter(start: int, end: int, title: str) -> Chapter:
    return Chapter(Fraction(start), Fraction(end), (("title", title),) if title else ())


def _cut(chapters: list[Chapter], *, at_seams: bool) -> list[tuple[int, int, str]]:
    found = cut_chapters(chapters, _SPANS, _BASE, at_seams=at_seams)
    return [(int(c.start), int(c.end), dict(c.metadata).get("title", "")) for c in found]


def test_chapters_move_and_go_on_over_seams() -> None:
    chapters = [_chapter(0, 150, "a"), _chapter(150, 350, "b"), _chapter(350, 400, "c"), _chapter(500, 600, "d")]
    assert _cut(chapters, at_seams=False) == [(0, 50, "a"), (50, 150, "b"), (150, 200, "c")]
    assert _cut(chapters, at_seams=True) == [(0, 50, "a"), (50, 100, "b"), (100, 150, "b"), (150, 200, "c")]


def test_every_span_begins_a_chapter_on_request() -> None:
    assert _cut([], at_seams=False) == []
    assert _cut([], at_seams=True) == [(0, 100, "Chapter 1"), (100, 250, "Chapter 2")]
    assert _cut([_chapter(320, 900, "x")], at_seams=True) == [
        (0, 100, "Chapter 1"),
        (100, 120, "Chapter 2"),
        (120, 250, "x"),
    ]


def test_what_is_left_of_a_chapter_may_be_too_little() -> None:
    """Five hundredths of a second of it are kept."""
    assert _cut([_chapter(0, 105, "a"), _chapter(105, 500, "b")], at_seams=False) == [(5, 250, "b")]


def _captions(codec: str, given: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    cutter = caption_cutter(codec)
    found: list[Caption] = []
    for span in _SPANS:
        cutter.begin(span)
        for time, length, data in given:
            found += cutter.take(Caption(Fraction(time), Fraction(length), data))
        found += cutter.end()
    return [(int(c.time), int(c.length), c.data) for c in found]


def test_a_subtitle_is_shown_as_long_as_it_is_kept() -> None:
    given = [(0, 50, b"gone"), (90, 20, b"a"), (190, 120, b"both"), (440, 30, b"z"), (460, 5, b"gone")]
    expected = [(0, 10, b"a"), (90, 10, b"both"), (100, 10, b"both"), (240, 10, b"z")]
    assert _captions("subrip", given) == expected


def test_ass_events_get_numbers_of_their_own() -> None:
    found = _captions("ass", [(190, 120, b"7,0,Default,,0,0,0,,one, two")])
    assert [data for _, _, data in found] == [b"0,0,Default,,0,0,0,,one, two", b"1,0,Default,,0,0,0,,one, two"]


def test_a_bitmap_is_put_on_and_taken_off_at_seams() -> None:
    on, off = pgs_set(1, shown=True), pgs_set(2, shown=False)
    found = _captions("hdmv_pgs_subtitle", [(50, 0, on), (110, 0, off), (180, 0, on), (310, 0, off), (320, 0, on)])
    shown = [(at, data[13]) for at, _, data in found]
    assert shown == [(0, 1), (10, 0), (80, 1), (100, 0), (100, 1), (110, 0), (120, 1), (250, 0)]
    cleared = list(segments(found[3][2]))
    assert [kind for kind, _ in cleared] == [0x16, 0x17, 0x80]


def test_mov_text_leaves_the_gaps_to_the_writer() -> None:
    assert _captions("mov_text", [(100, 50, b"\0\0"), (150, 20, b"\0\1x")]) == [(50, 20, b"\0\1x")]


def test_adts_and_latm_are_unwrapped() -> None:
    payload = bytes(range(200)) * 3
    for channels in (1, 2, 6):
        audio = AudioSpec("aac", channels=channels, latm=True)
        reader = LatmReader()
        # The second frame points back to the configuration of the first.
        for number in (0, 1):
            found = reader.read(loas_frame(audio, payload, number))
            assert found is not None
            assert found.data == payload
        wrapped = adts_of(found.config, payload)
        again = from_adts(wrapped)
        assert again is not None
        assert again.data == payload
        assert again.config[:2] == found.config[:2]


def test_latm_without_a_configuration_waits_for_one() -> None:
    audio = AudioSpec("aac", latm=True)
    reader = LatmReader()
    assert reader.read(loas_frame(audio, b"abc", 1)) is None
    reader.prime(loas_frame(audio, b"def", 4))
    found = reader.read(loas_frame(audio, b"abc", 1))
    assert found is not None
    assert found.data == b"abc"


def test_noise_is_no_frame_and_no_bitmap() -> None:
    noise = random.Random(3)
    reader = LatmReader()
    for _ in range(3000):
        data = noise.randbytes(noise.randrange(60))
        reader.read(b"\x56\xe0\x00" + data)
        from_adts(b"\xff\xf1" + data)
        _captions("hdmv_pgs_subtitle", [(120, 0, data), (130, 0, b"\x16\x00\x0b" + data)])
        _captions("mov_text", [(120, 10, data)])
        _captions("ass", [(120, 10, data)])


def test_names_and_kinds() -> None:
    assert [named(Path(n)) for n in ("a.TS", "a.m4v", "a.webm", "a.avi", "a")] == ["ts", "mp4", "mkv", None, None]
    assert [of_format(n) for n in ("mpegts", "mov,mp4,m4a", "matroska,webm", "avi")] == ["ts", "mp4", "mkv", None]
    assert suffix_for(Path("a.M2TS"), "ts") == ".M2TS"
    assert suffix_for(Path("a.ts"), "mkv") == ".mkv"
    assert written_as("a", None, None, chapters=False) is None
    with pytest.raises(FormatUnsupported):
        written_as("a", "mkv", "ts", chapters=False)
    with pytest.raises(FormatUnsupported):
        written_as("a", None, None, chapters=True)
