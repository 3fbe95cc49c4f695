"""Reading past the page cache: the same index, and the usual way wherever it is not to be had."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.media.index import ahead, direct, transport_stream
from plexcut.media.index.blocks import coded_blocks
from plexcut.media.index.build import build_index
from plexcut.media.index.direct import ALIGNMENT, DirectReads, aligned
from plexcut.media.index.model import MediaIndex

_CHUNK_BYTES = 16 * ALIGNMENT
_CLIPS = ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "hevc_cra_pyramid", "ts_damaged", "ts_204", "ts_192"]


def _index(path: Path) -> MediaIndex:
    return build_index(path, None, lambda _fraction: None)


def _same(a: MediaIndex, b: MediaIndex) -> bool:
    pairs = ((getattr(a, field.name), getattr(b, field.name)) for field in fields(MediaIndex))
    return all(np.array_equal(x, y) if isinstance(x, np.ndarray) else True for x, y in pairs)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    def blocks(*args: object) -> object:
        return coded_blocks(*args, chunk_bytes=_CHUNK_BYTES)  # type: ignore[arg-type]

    monkeypatch.setattr(transport_stream, "coded_blocks", blocks)
    monkeypatch.setattr(ahead, "_JUDGED_BYTES", 0)


class _Counting(DirectReads):
    """Nothing is ever in memory; counts what was read."""

    nbytes = 0

    def in_memory(self, start: int, end: int) -> bool:
        return False

    def read_into(self, view: memoryview, at: int) -> int:
        count = super().read_into(view, at)
        _Counting.nbytes += count
        return count


@pytest.mark.parametrize("name", _CLIPS)
def test_the_index_is_the_same(
    monkeypatch: pytest.MonkeyPatch, small_chunks: None, clip_cache: ClipCache, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "recording.ts"
    path.write_bytes(clip_cache.get(CLIPS[name]).path.read_bytes())
    with path.open("rb") as file:
        if (reads := DirectReads.of(file)) is None or not reads.read_into(aligned(ALIGNMENT).data, 0):
            pytest.skip("this file system has no direct reads")
        reads.close()
    usual = _index(path)
    _Counting.nbytes = 0
    monkeypatch.setattr(ahead, "DirectReads", _Counting)
    assert _same(_index(path), usual)
    # All but the end, which is shorter than what can be read at once.
    assert path.stat().st_size - _Counting.nbytes < ALIGNMENT


@pytest.mark.parametrize("after", [0, 1])
def test_where_it_is_refused_the_usual_way_goes_on(
    monkeypatch: pytest.MonkeyPatch, small_chunks: None, clip_cache: ClipCache, after: int
) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    usual = _index(path)
    calls = 0

    def refused(fd: int, buffers: Sequence[memoryview], offset: int, flags: int = 0) -> int:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return preadv(fd, buffers, offset, flags)

    preadv = os.preadv
    monkeypatch.setattr(direct.os, "preadv", refused)
    monkeypatch.setattr(DirectReads, "in_memory", lambda *_args: False)
    assert _same(_index(path), usual)
    assert calls == after + 1


def test_a_slow_disk_is_read_the_usual_way(
    monkeypatch: pytest.MonkeyPatch, small_chunks: None, clip_cache: ClipCache
) -> None:
    _Counting.nbytes = 0
    monkeypatch.setattr(ahead, "DirectReads", _Counting)
    monkeypatch.setattr(ahead, "_JUDGED_BYTES", _CHUNK_BYTES)
    monkeypatch.setattr(ahead, "FAST_BYTES_PER_S", 1e15)
    _index(clip_cache.get(CLIPS["h264_open_gop_50p"]).path)
    # How slow it is was told by the first chunk.
    assert _Counting.nbytes == _CHUNK_BYTES


class _ReadOn(_Counting):
    """The next chunk, and one more, are always in memory: the system read them ahead."""

    at = 0

    def in_memory(self, start: int, end: int) -> bool:
        if start > self.at + _CHUNK_BYTES:
            return False
        self.at = start
        return True


def test_what_the_system_read_ahead_is_no_reason_to_go_through_its_memory(
    monkeypatch: pytest.MonkeyPatch, small_chunks: None, clip_cache: ClipCache
) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    usual = _index(path)
    _Counting.nbytes = 0
    monkeypatch.setattr(ahead, "DirectReads", _ReadOn)
    monkeypatch.setattr(ahead, "_AHEAD_BYTES", 4 * _CHUNK_BYTES)
    assert _same(_index(path), usual)
    assert _Counting.nbytes > path.stat().st_size - 3 * _CHUNK_BYTES


def test_what_is_in_memory_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(8 * ALIGNMENT))
    with path.open("rb") as file:
        reads = DirectReads.of(file)
        if reads is None:
            pytest.skip("this file system has no direct reads")
        assert reads.in_memory(0, 8 * ALIGNMENT)
        os.fsync(file.fileno())
        reads.close()
        assert not reads.possible
        reads.close()
