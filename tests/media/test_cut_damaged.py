"""Damage in a recording is carried around, never a reason to refuse a cut; the cut passes its own proof."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media.cut_checks import Spans, keep_of, never, quiet
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.media import CutMode, CutRequest
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.sound import SoundCutter, SoundFrame, SoundRun
from plexcut.media.engine import Engine
from plexcut.media.index.pes import UNKNOWN
from plexcut.media.index.sent import WRAP
from plexcut.media.index.torn_clocks import forget_torn

_PACKET = 188
_HEAD = 4


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def _packets(data: bytes) -> list[bytes]:
    return [data[i : i + _PACKET] for i in range(0, len(data) - _PACKET + 1, _PACKET)]


def _flipped(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(30):
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _with_losses(data: bytes, draw: random.Random) -> bytes:
    packets = _packets(data)
    gone = set(draw.sample(range(len(packets)), 30))
    for _ in range(2):
        begin = draw.randrange(len(packets) - 10)
        gone.update(range(begin, begin + draw.randrange(5, len(packets) // 10)))
    return b"".join(packet for i, packet in enumerate(packets) if i not in gone)


def _out_of_order(data: bytes, draw: random.Random) -> bytes:
    packets = _packets(data)
    for _ in range(20):
        begin = draw.randrange(len(packets) - 30)
        some = packets[begin : begin + 20]
        draw.shuffle(some)
        packets[begin : begin + 20] = some
    return b"".join(packets)


def _bytes_missing(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(3):
        at = draw.randrange(len(changed) - 500)
        del changed[at : at + draw.randrange(1, 400)]
    return bytes(changed)


def _swapped(data: bytes, _draw: random.Random) -> bytes:
    half = len(data) // _PACKET // 2 * _PACKET
    return data[half:] + data[:half]


_DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bytes flipped": _flipped,
    "packets lost": _with_losses,
    "packets out of order": _out_of_order,
    "bytes missing": _bytes_missing,
    "halves swapped": _swapped,
}
_KINDS = ("h264_open_gop_pyramid", "h264_mbaff_tff", "h264_paff", "hevc_10bit", "mpeg2_interlaced_wrap", "h264_closed")


def _spans(frames: int, draw: random.Random) -> Spans:
    edges = sorted(draw.sample(range(frames + 1), 2 * draw.choice((1, 2))))
    return list(zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize("damage", _DAMAGES)
@pytest.mark.parametrize("name", _KINDS)
def test_a_damaged_recording_is_cut(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str, damage: str
) -> None:
    good = clip_cache.get(CLIPS[name]).path.read_bytes()
    for seed in range(3):
        draw = random.Random(f"{name} {damage} {seed}")
        path, target = tmp_path / f"{seed}.ts", tmp_path / f"{seed} cut.ts"
        path.write_bytes(_DAMAGES[damage](good, draw))
        for mode in ("exact", "keyframe"):
            spans = _spans(engine.probe(path).frames, draw)
            made = _cut(engine, (path, target), spans, mode)
            assert made, (seed, mode, spans)


def _cut(engine: Engine, paths: tuple[Path, Path], spans: Spans, mode: CutMode) -> bool:
    source, target = paths
    request = CutRequest(source=source, target=target, keep=keep_of(spans), mode=mode, overwrite=True)
    return engine.cut(request, quiet, never).verified


# ------------------------------------------------------------------------------------------------------------- clocks


def _clocks(count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dts = (WRAP - 90_000 + 3600 * np.arange(count)) % WRAP
    return (dts + 7200) % WRAP, dts, 1000 * np.arange(count)


@pytest.mark.parametrize("bit", [24, 28, 32])
@pytest.mark.parametrize("both", [True, False])
def test_a_torn_time_stamp_is_forgotten(bit: int, both: bool) -> None:
    pts, dts, at = _clocks()
    pts[20] ^= 1 << bit
    if both:
        dts[20] ^= 1 << bit
    forget_torn(pts, dts, at, np.empty(0, np.int64))
    assert np.flatnonzero(pts == UNKNOWN).tolist() == np.flatnonzero(dts == UNKNOWN).tolist() == [20]


def test_a_clock_that_is_set_anew_is_none() -> None:
    pts, dts, at = _clocks()
    for column in (pts, dts):
        column[30:] = (column[30:] + (1 << 30)) % WRAP
    before = pts.copy(), dts.copy()
    forget_torn(pts, dts, at, np.array([30_000]))
    assert np.array_equal(pts, before[0])
    assert np.array_equal(dts, before[1])


def test_a_picture_between_two_announced_clocks_keeps_its_own() -> None:
    pts, dts, at = _clocks()
    pts[20] ^= 1 << 30
    dts[20] ^= 1 << 30
    forget_torn(pts, dts, at, np.array([19_500, 20_500]))
    assert not (dts == UNKNOWN).any()


def test_one_torn_time_stamp_moves_no_picture(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_pyramid"])
    whole = engine.probe(clip.path)
    data = bytearray(clip.path.read_bytes())
    begun = [i for i in range(0, len(data), _PACKET) if _begins_video(data, i)]
    # The highest bits of the PTS.
    data[_pes_at(data, begun[40]) + 9] ^= 0x04
    path = tmp_path / "torn.ts"
    path.write_bytes(data)
    torn = engine.probe(path)
    assert (torn.frames, torn.duration_s, torn.discontinuities) == (whole.frames, whole.duration_s, 0)
    assert _cut(engine, (path, tmp_path / "cut.ts"), [(25, 60), (70, 90)], "exact")


def _begins_video(data: bytearray, at: int) -> bool:
    pes = _pes_at(data, at)
    return bool(data[at + 1] & 0x40) and data[pes : pes + 3] == b"\0\0\1" and data[pes + 3] & 0xF0 == 0xE0


def _pes_at(data: bytearray, at: int) -> int:
    return at + _HEAD + (1 + data[at + _HEAD] if data[at + 3] & 0x20 else 0)


# -------------------------------------------------------------------------------------------------------------- sound


def test_silence_at_the_end_of_a_span_is_not_filled_with_what_was_cut_away() -> None:
    length = Fraction(1920)
    # The first span's sound breaks off after 10 of 30 frames; that around the second one is whole.
    first, second = SpanTimes(0, 57_600, 0), SpanTimes(180_000, 237_600, 57_600)
    one, runs = SoundCutter(), SoundCutter()
    for start, count, span in ((0, 10, first), (60, 90, second)):
        times = [(start + i) * length for i in range(count)]
        placed = [found for time in times if (found := one.place(SoundFrame(time, length, b""), span)) is not None]
        assert all(abs(sound.time - span.base) >= 0 and sound.time >= span.base - length / 2 for sound in placed)
        run = SoundRun(times[0], length, bytes(count), range(count + 1))
        together = runs.place_run(run, span)
        assert together is not None
        assert (together.time, together.end - together.first) == (placed[0].time, len(placed))


def test_a_matroska_file_that_ends_too_soon_keeps_its_sound(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path
) -> None:
    """It has no table of what is where, and a seek in it leads nowhere."""
    data = clip_cache.get(CLIPS["mkv_h264"]).path.read_bytes()
    path = tmp_path / "short.mkv"
    path.write_bytes(data[: len(data) * 2 // 3])
    frames = engine.probe(path).frames
    assert _cut(engine, (path, tmp_path / "cut.mkv"), [(1, frames // 3), (frames // 2, frames - 2)], "exact")
