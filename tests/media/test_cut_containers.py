"""MP4 and MKV files with what broadcasts do not have: edit lists, turned pictures, uneven times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.media.cut_checks import decode_with_ffmpeg, keep_of, never, quiet
from tests.media_factory import CLIPS, ClipCache, decode_numbers
from tests.media_factory.containers import begins_later, remuxed, turned

from plexcut.domain.media import CutRequest, CutResult
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
