"""BIF files, and the provisional filmstrips made of them."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plex.bif import gray_jpeg, gray_previews, write_bif

from plexcut.domain.media import Filmstrip, FilmstripOrder
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import FormatUnsupported, SpanInvalid, UsageError
from plexcut.media.bif import MARK, parse_bif
from plexcut.media.engine import Engine

GOOD = gray_previews(40)


def levels(strip: Filmstrip) -> list[int]:
    """The gray of each tile."""
    with av.open(io.BytesIO(strip.data)) as opened:
        image = next(opened.decode(video=0)).reformat(format="gray").to_ndarray()
    return [int(image[t.y + 2 : t.y + t.h - 2, t.x + 2 : t.x + t.w - 2].mean().round()) for t in strip.tiles]


def test_pictures_and_times() -> None:
    found = parse_bif(write_bif([(0, b"one"), (2000, b"two!"), (6000, b"three")], 2000))
    assert found.times_ms == (0, 2000, 6000)
    assert [found.picture(n) for n in range(3)] == [b"one", b"two!", b"three"]
    assert found.end_ms == 9000
    assert parse_bif(write_bif([(3000, b"x")])).end_ms == 4000


def test_a_unit_of_nothing_is_a_second() -> None:
    data = bytearray(write_bif([(0, b"a"), (2000, b"b")], 1000))
    data[16:20] = bytes(4)
    assert parse_bif(bytes(data)).times_ms == (0, 2000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MARK,
        b"<html>".ljust(100),
        MARK.ljust(64, b"\0"),
        MARK + struct.pack("<III", 1, 1, 1000) + GOOD[20:],
        MARK + struct.pack("<III", 0, 0xFFFFFFFF, 1000).ljust(56, b"\0"),
        GOOD[:70],
    ],
)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(FormatUnsupported):
        parse_bif(data)


def test_a_file_that_was_cut_off_gives_what_it_has() -> None:
    assert 1 <= len(parse_bif(GOOD[: len(GOOD) // 2])) < 40


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_garbage_gives_pictures_inside_of_the_file_or_is_refused(data: st.DataObject) -> None:
    raw = bytearray(GOOD[:4000])
    for _ in range(data.draw(st.integers(0, 12))):
        raw[data.draw(st.integers(8, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    try:
        found = parse_bif(bytes(raw))
    except FormatUnsupported:
        return
    assert len(found) > 0
    assert list(found.times_ms) == sorted(set(found.times_ms))
    assert found.end_ms > found.times_ms[-1]
    assert all(64 <= start < end <= len(raw) for start, end in found.places)
    Engine(None).preview_strip(bytes(raw), FilmstripOrder(count=5))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_mark(tail: bytes) -> None:
    Engine(None).preview_strip(MARK + tail, FilmstripOrder(count=3, height=16))


def test_a_provisional_strip() -> None:
    engine = Engine(None)
    strip = engine.preview_strip(GOOD, FilmstripOrder(count=10))
    assert strip is not None
    assert (strip.provisional, strip.start_us, strip.end_us) == (True, 0, 80_000_000)
    assert all(tile.frame is None for tile in strip.tiles)
    assert [tile.time_us for tile in strip.tiles] == [8_000_000 * n for n in range(10)]
    assert levels(strip) == pytest.approx([8 * n for n in range(10)], abs=2)
    assert {(tile.w, tile.h) for tile in strip.tiles} == {(160, 90)}
    part = engine.preview_strip(GOOD, FilmstripOrder(Fraction(21), Fraction(29), 100))
    assert part is not None
    assert [tile.time_us for tile in part.tiles] == [20_000_000 + 2_000_000 * n for n in range(5)]
    far = engine.preview_strip(GOOD, FilmstripOrder(Fraction(500), None, 100))
    assert far is not None
    assert [tile.time_us for tile in far.tiles] == [78_000_000]


def test_what_previews_cannot_serve() -> None:
    engine = Engine(None)
    assert engine.preview_strip(GOOD, FilmstripOrder(FrameNumber(3))) is None
    assert engine.preview_strip(GOOD, FilmstripOrder(step=4)) is None
    assert engine.preview_strip(b"<html>", FilmstripOrder()) is None
    assert engine.preview_strip(write_bif([(0, b"no picture")]), FilmstripOrder()) is None
    with pytest.raises(SpanInvalid):
        engine.preview_strip(GOOD, FilmstripOrder(Fraction(3), Fraction(2)))
    with pytest.raises(UsageError):
        engine.preview_strip(GOOD, FilmstripOrder(count=0))


def test_a_broken_picture_is_left_out_and_a_huge_one_too() -> None:
    pictures = [(0, gray_jpeg(10)), (2000, b"\xff\xd8broken"), (4000, gray_jpeg(9, 4000, 3000)), (6000, gray_jpeg(30))]
    strip = Engine(None).preview_strip(write_bif(pictures), FilmstripOrder())
    assert strip is not None
    assert [tile.time_us for tile in strip.tiles] == [0, 6_000_000]
