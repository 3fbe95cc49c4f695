"""Recordings as they come: begun and ended anywhere, with bytes missing or too many, repeated, in other wrappings."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.media_factory import CLIPS, Clip, ClipCache, read_number
from tests.media_factory.transport import PACKET_BYTES, VIDEO_PID

from plexcut.errors import FormatUnsupported, PlexcutError
from plexcut.media.engine import Engine
from plexcut.media.frames import FrameCache, exact_frame
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, find_layout

_STRIDES = {"h264_open_gop_50p": 188, "ts_192": 192, "ts_204": 204}


def _index(path: Path, data: bytes) -> MediaIndex:
    path.write_bytes(data)
    return Engine(None).index(path)


def _shown(path: Path, index: MediaIndex, frames: list[int]) -> list[int | None]:
    cache = FrameCache()
    return [
        read_number(exact_frame(path, index, n, cache, "clip").reformat(format="gray").to_ndarray()) for n in frames
    ]


def _numbers(index: MediaIndex, last: int, fps: int) -> list[int]:
    """The number of each frame, counted back by its time from the last one, whose number is known."""
    times = index.times_us.tolist()[:-1]
    return [last - round((times[-1] - t) * fps / 1_000_000) for t in times]


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "ts_192", "ts_204", "mpeg2_interlaced_wrap", "hevc_cra"])
def test_files_begin_anywhere(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    data = clip.path.read_bytes()
    chance = random.Random(name)
    path = tmp_path / "clip.ts"
    for offset in [1, 4, 187, 188, 189, *sorted(chance.sample(range(190, int(len(data) * 0.7)), 5))]:
        index = _index(path, data[offset:])
        numbers = _numbers(index, clip.numbers[-1], int(clip.fps))
        assert numbers == list(range(numbers[0], clip.numbers[-1] + 1))
        assert numbers[0] in clip.keyframes
        some = [0, 1, index.frames // 2, index.frames - 1]
        assert _shown(path, index, some) == [numbers[n] for n in some], offset


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "ts_204", "mpeg2_interlaced_wrap", "hevc_cra", "mkv_h264"])
def test_files_end_anywhere(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    data = clip.path.read_bytes()
    chance = random.Random(name)
    path = tmp_path / f"clip{clip.path.suffix}"
    for size in sorted(chance.sample(range(int(len(data) * 0.3), len(data)), 6)):
        index = _index(path, data[:size])
        numbers = [round(t * int(clip.fps) / 1_000_000) for t in index.times_us.tolist()[:-1]]
        assert sorted(set(numbers)) == numbers
        assert set(numbers) <= set(clip.numbers)
        some = [0, index.frames // 2, max(0, index.frames - 12)]
        assert _shown(path, index, some) == [numbers[n] for n in some], size
        # The very last frames may have lost some of their bytes, or what they refer to; they never stop anything.
        for frame in range(max(0, index.frames - 6), index.frames):
            _shown(path, index, [frame])


@pytest.mark.parametrize("name", sorted(_STRIDES))
@pytest.mark.parametrize("what", ["inserted", "removed", "both"])
def test_packets_are_found_again_after_junk(clip_cache: ClipCache, tmp_path: Path, name: str, what: str) -> None:
    """Bytes too many or missing, at places and in numbers that are no multiple of a packet."""
    clip = clip_cache.get(CLIPS[name])
    original = clip.path.read_bytes()
    path = tmp_path / "clip.ts"
    for seed in range(2):
        chance = random.Random(f"{name} {what} {seed}")
        data = bytearray(original)
        for _ in range(3):
            place = chance.randrange(2000, len(data) - 2000)
            if what != "removed":
                data[place:place] = chance.randbytes(chance.choice([1, 3, 100, 187, 188, 500, 7000]))
            if what != "inserted":
                del data[place : place + chance.choice([1, 3, 100, 187, 500])]
        index = _index(path, bytes(data))
        numbers = [round(t * int(clip.fps) / 1_000_000) for t in index.times_us.tolist()[:-1]]
        if 0 not in numbers:
            numbers = _numbers(index, clip.numbers[-1], int(clip.fps))
        assert set(numbers) <= set(clip.numbers), seed
        assert len(numbers) >= len(clip.numbers) - 8 - max(clip.keyframes[1:2] or (0,))
        assert numbers[-1] == clip.numbers[-1]
        # What lies far from the damage is shown as it is.
        some = list(range(0, index.frames, 9))
        shown = _shown_or_none(path, index, some)
        assert sum(shown[i] == numbers[n] for i, n in enumerate(some)) >= len(some) // 4, seed


def _shown_or_none(path: Path, index: MediaIndex, frames: list[int]) -> list[int | None]:
    shown: list[int | None] = []
    for frame in frames:
        try:
            shown += _shown(path, index, [frame])
        except FormatUnsupported:
            shown.append(None)
    return shown


def test_a_layout_is_told_though_the_head_is_broken(clip_cache: ClipCache) -> None:
    for name, stride in _STRIDES.items():
        data = clip_cache.get(CLIPS[name]).path.read_bytes()
        broken = b"\x00" * 77 + data[:20_001] + b"junk" * 5 + data[20_100:60_007] + data[60_009:]
        layout = find_layout(broken)
        assert layout is not None and layout.stride == stride


@pytest.mark.parametrize("stride", [188, 192, 204])
@pytest.mark.parametrize("count", [7, 64, 32_768])
def test_which_packets_are_found_does_not_depend_on_where_reading_begins(
    tmp_path: Path, stride: int, count: int
) -> None:
    """Most packets have 0x47 elsewhere too, and there are holes: one pass, and reading from any packet, agree."""
    chance = random.Random(stride)
    pieces: list[bytes] = []
    for n in range(600):
        pid = b"\x01\x47" if chance.random() < 0.8 else b"\x01\x02"
        packet = b"\x47" + pid + bytes([0x10 | n % 16]) + chance.randbytes(184)
        pieces.append(packet + b"\xff" * (stride - 188))
        if chance.random() < 0.05:
            pieces.append(chance.randbytes(chance.randrange(1, 900)))
        if chance.random() < 0.03:
            pieces[-1] = pieces[-1][: chance.randrange(1, len(pieces[-1]))]
    path = tmp_path / "holes.ts"
    path.write_bytes(b"".join(pieces))
    with path.open("rb") as file:
        layout = find_layout(file.read(1 << 18))
        assert layout is not None and layout.stride == stride
        reader = PacketReader(file, layout, path.stat().st_size)
        whole = np.concatenate([block.at for block in reader.blocks(count=count)])
        data = path.read_bytes()
        assert all(data[at] == 0x47 for at in whole.tolist())
        assert len(whole) > 500
        true = sum(data[at + 1 : at + 3] in (b"\x01\x47", b"\x01\x02") for at in whole.tolist())
        assert true >= len(whole) - 12
        for begin in chance.sample(range(len(whole) - 20), 10):
            end = chance.randrange(begin + 1, begin + 20)
            stretch = [block.at for block in reader.blocks(int(whole[begin]), int(whole[end]) + 1, count=count)]
            assert np.concatenate(stretch).tolist() == whole[begin : end + 1].tolist()


def test_repeated_packets_count_once(clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    data = clip.path.read_bytes()
    chance = random.Random(3)
    doubled = bytearray()
    for at in range(0, len(data), PACKET_BYTES):
        packet = data[at : at + PACKET_BYTES]
        doubled += packet
        pid = (packet[1] & 31) << 8 | packet[2]
        if pid == VIDEO_PID and chance.random() < 0.2:
            doubled += packet
    path = tmp_path / "doubled.ts"
    index = _index(path, bytes(doubled))
    assert index.frames == len(clip.numbers)
    frames = list(range(index.frames))
    assert _shown(path, index, frames) == frames
    plain = Engine(None).index(clip.path)
    assert index.size.tolist() == plain.size.tolist()


def test_other_packets_between_change_nothing(clip_cache: ClipCache, tmp_path: Path) -> None:
    """Null packets, packets with an adaptation field alone, and damaged tables."""
    clip = clip_cache.get(CLIPS["mpeg2_progressive"])
    data = clip.path.read_bytes()
    chance = random.Random(4)
    null = b"\x47\x1f\xff\x10" + b"\xff" * 184
    padding = bytes([0x47, VIDEO_PID >> 8, VIDEO_PID & 0xFF, 0x20, 183, 0]) + b"\xff" * 182
    table = b"\x47\x40\x00\x10\x00" + chance.randbytes(183)
    mixed = bytearray()
    for at in range(0, len(data), PACKET_BYTES):
        mixed += data[at : at + PACKET_BYTES] + chance.choice([b"", null, padding, table])
    path = tmp_path / "mixed.ts"
    index = _index(path, bytes(mixed))
    assert index.frames == len(clip.numbers)
    assert _shown(path, index, [0, 40, 99]) == [0, 40, 99]


def _one_line(error: PlexcutError) -> bool:
    return bool(error.message) and len(error.line.splitlines()) == 1 and len(error.line) < 400


@pytest.mark.parametrize("name", ["h264_closed", "hevc_closed", "mpeg2_closed", "mp4_h264", "mkv_h264", "webm_vp8"])
def test_every_small_size_is_indexed_or_refused_in_one_line(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip: Clip = clip_cache.get(CLIPS[name])
    data = clip.path.read_bytes()
    path = tmp_path / f"clip{clip.path.suffix}"
    sizes = [
        *range(1, 24),
        100,
        187,
        188,
        189,
        376,
        563,
        564,
        565,
        752,
        940,
        941,
        1000,
        1500,
        1880,
        2500,
        3333,
        5000,
        8000,
    ]
    indexed = 0
    for size in [*sizes, 20_000, 40_000]:
        path.write_bytes(data[:size])
        engine = Engine(None)
        try:
            index = engine.index(path)
        except FormatUnsupported as error:
            refused = error
            assert _one_line(refused), size
        else:
            indexed += 1
            assert 1 <= index.frames <= len(clip.numbers)
            assert engine.index_state(path).state == "ready"
    assert indexed or name == "mp4_h264"
