"""Where the sound and the subtitles of a time lie in a transport stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.media.engine import Engine
from plexcut.media.index.cache import IndexCache, Limits, fingerprint
from plexcut.media.index.companions import PesRows
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET, PacketReader, PayloadReader, find_layout

_NAMES = ["broadcast", "h264_two_audio", "h264_subtitles", "ts_204", "ts_pmt_change", "mpeg2_interlaced_wrap"]
_WRAP = 1 << 33


def _pes(path: Path, pid: int) -> list[tuple[int, int]]:
    """Position and raw timestamp of each PES packet of a PID."""
    with path.open("rb") as file:
        layout = find_layout(file.read(1 << 18))
        assert layout is not None
        reader, found = PayloadReader(), []
        for block in PacketReader(file, layout, path.stat().st_size).blocks():
            payload = reader.take(block.where(block.pid == pid))
            found += [(p.at, p.pts) for p in payload.pes if p.pts is not None]
    return found


def _near_video(index: MediaIndex, at: np.ndarray, pts: np.ndarray, seconds: float) -> bool:
    row = np.maximum(np.searchsorted(index.at, at, side="right") - 1, 0)
    return bool((np.abs(pts - index.dts[row]) < seconds * 90_000).all())


@pytest.mark.parametrize("name", [*_NAMES, "ts_discontinuity"])
def test_companions_are_on_the_time_line(clip_cache: ClipCache, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    index = Engine(None).index(clip.path)
    tracks = [t for t in index.tracks if t.kind in ("audio", "subtitle")]
    assert set(index.companions) == {t.id for t in tracks}
    assert tracks
    for track in tracks:
        rows = index.companions[track.id]
        expected = _pes(clip.path, track.id)
        assert rows.at.tolist() == [at for at, _ in expected]
        assert _near_video(index, rows.at, rows.pts, 3)
        if name == "ts_discontinuity":
            continue
        # But for whole turns of the clock these are the timestamps as they were sent.
        off = {(pts - raw) % _WRAP for pts, (_, raw) in zip(rows.pts.tolist(), expected, strict=True)}
        assert off <= {0}
        if track.kind == "audio":
            assert bool((np.diff(rows.pts) > 0).all())


def test_sound_goes_on_evenly_where_the_clock_is_set_anew(clip_cache: ClipCache) -> None:
    index = Engine(None).index(clip_cache.get(CLIPS["ts_discontinuity"]).path)
    assert index.discontinuities == 1
    for track in index.tracks:
        steps = np.diff(index.companions[track.id].pts)
        assert int(steps.min()) > 0
        assert int(steps.max()) < 90_000


@pytest.mark.parametrize("name", _NAMES)
def test_reading_from_there_finds_what_is_due(clip_cache: ClipCache, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    index = Engine(None).index(path)
    data = path.read_bytes()
    for track in index.tracks:
        rows = index.companions[track.id]
        for number in range(0, index.frames, 7):
            pts = index.pts_of(number)
            at = index.companion_at(track.id, pts)
            assert at is not None and data[at] == 0x47
            assert ((data[at + 1] & 31) << 8 | data[at + 2]) == track.id
            assert len(data[at : at + PACKET]) == PACKET
            which = int(np.searchsorted(rows.at, at))
            assert rows.pts[which] <= pts or which == 0
            assert which + 1 == rows.at.size or rows.pts[which + 1] > pts
        assert index.companion_at(track.id, -(10**9)) == rows.at[0]
        assert index.companion_at(track.id, 10**12) == rows.at[-1]


def test_where_nothing_is_known_nothing_is_said(clip_cache: ClipCache) -> None:
    index = Engine(None).index(clip_cache.get(CLIPS["mp4_h264"]).path)
    assert index.companions == {}
    assert index.companion_at(1, 0) is None
    assert PesRows(np.empty(0, np.int64), np.empty(0, np.int64)).position_at(5) is None


def test_the_columns_of_a_kept_index_cannot_be_written_to(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = clip_cache.get(CLIPS["broadcast"]).path
    made = Engine(tmp_path).index(path)
    index = Engine(tmp_path).index(path)
    assert index.companions == made.companions
    for name in ("pts", "dts", "at", "skip", "size", "flags", "display", "clock_at", "clock_add"):
        column = getattr(index, name)
        assert not column.flags.writeable or not column.size, name
        assert column.dtype == getattr(made, name).dtype
    assert index.facts() == made.facts()


def test_indexes_that_were_not_used_for_longest_go_first(clip_cache: ClipCache, tmp_path: Path) -> None:
    data = clip_cache.get(CLIPS["h264_closed"]).path.read_bytes()
    source = tmp_path / "a.ts"
    source.write_bytes(data)
    index = Engine(None).index(source)
    cache = IndexCache(tmp_path / "index", Limits(files=3))
    identities = [f"{len(data):x}-{n:x}-{'0' * 16}" for n in range(5)]
    for n, identity in enumerate(identities[:3]):
        cache.save(identity, None, index, f"place {n}")
        _aged(tmp_path / "index", 100)
    assert cache.load(identities[0], None) is not None
    _aged(tmp_path / "index", 100)
    cache.save(identities[3], None, index, "place 3")
    kept = [identity for identity in identities if cache.load(identity, None) is not None]
    assert kept == [identities[0], identities[2], identities[3]]
    small = IndexCache(tmp_path / "index", Limits(size_bytes=1))
    small.save(identities[4], None, index, "place 4")
    assert [i for i in identities if small.load(i, None) is not None] == [identities[4]]


def _aged(folder: Path, seconds: int) -> None:
    import os

    for path in folder.iterdir():
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


def test_of_a_recording_that_was_replaced_nothing_is_kept(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    engine = Engine(tmp_path / "data")
    identities = []
    for name in ("h264_closed", "h264_no_rai"):
        path.write_bytes(clip_cache.get(CLIPS[name]).path.read_bytes())
        engine.index(path)
        identities.append(fingerprint(path))
    kept = [file.name.partition("@")[0] for file in (tmp_path / "data" / "index").iterdir()]
    assert kept == identities[1:]
