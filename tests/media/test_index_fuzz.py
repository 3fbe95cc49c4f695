"""Whole files with damage anywhere, and damaged caches: a picture, or an error of ours, and never anything else."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.timecode import FrameNumber
from plexcut.errors import FileUnreadable, FormatUnsupported
from plexcut.media.engine import Engine
from plexcut.media.index.cache import IndexCache, fingerprint
from plexcut.media.index.model import INDEX_VERSION, MediaIndex

_NAMES = ["h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra", "ts_204", "mp4_h264_open_gop", "mkv_h264", "webm_vp8"]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """With bits turned, stretches blanked, moved, doubled or taken out; the head is hit more often than the rest."""
    wrong = bytearray(data)
    for _ in range(chance.choice([1, 3, 20, 200])):
        at = chance.randrange(chance.choice([200, 4000, len(wrong)])) % len(wrong)
        kind = chance.randrange(6)
        length = chance.choice([1, 2, 4, 50, 1000])
        if kind < 3:
            wrong[at] = chance.choice([0, 0xFF, chance.randrange(256), wrong[at] ^ 1 << chance.randrange(8)])
        elif kind == 3:
            wrong[at : at + length] = bytes(len(wrong[at : at + length]))
        elif kind == 4:
            wrong[at:at] = wrong[at : at + length]
        elif len(wrong) > 5000:
            del wrong[at : at + length]
    return bytes(wrong)


@pytest.mark.parametrize("name", _NAMES)
def test_damaged_files(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    data = clip.path.read_bytes()
    path = tmp_path / f"clip{clip.path.suffix}"
    for seed in range(14):
        chance = random.Random(f"{name} {seed}")
        path.write_bytes(damaged(data, chance))
        engine = Engine(tmp_path / "data")
        try:
            facts = engine.probe(path)
        except FormatUnsupported:
            continue
        assert facts.frames > 0 and facts.duration_s >= 0
        index = engine.index(path)
        assert bool((np.diff(index.times_us) >= 0).all()), seed
        for frame in chance.sample(range(facts.frames), min(3, facts.frames)):
            with suppress(FormatUnsupported, FileUnreadable):
                assert engine.frame(path, FrameNumber(frame), width=64).frame == frame


@pytest.mark.parametrize("name", ["mpeg2_interlaced_wrap", "h264_mbaff_tff", "hevc_cra"])
def test_start_codes_that_overlap(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    data = clip_cache.get(CLIPS[name]).path.read_bytes()
    path = tmp_path / "clip.ts"
    chance = random.Random(name)
    for _ in range(6):
        wrong = bytearray(data)
        for _ in range(40):
            at = chance.randrange(len(wrong) // 188) * 188 + chance.randrange(40, 170)
            wrong[at : at + 9] = b"\x00\x00\x01\x00\x00\x01\x00\x00\x01"
        path.write_bytes(wrong)
        assert Engine(None).probe(path).frames > 20


def _same(a: MediaIndex, b: MediaIndex) -> bool:
    return all(
        np.array_equal(one, two) if isinstance(one, np.ndarray) else one == two
        for one, two in ((getattr(a, f.name), getattr(b, f.name)) for f in fields(MediaIndex))
    )


@pytest.mark.parametrize("name", ["broadcast", "mkv_with_srt", "ts_discontinuity", "mpeg2_interlaced_wrap"])
def test_an_index_on_disk_is_the_same(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    index = Engine(tmp_path).index(path)
    again = IndexCache(tmp_path / "index").load(fingerprint(path), None)
    assert again is not None and _same(index, again)
    assert IndexCache(tmp_path / "index").load(fingerprint(path), 1) is None
    assert IndexCache(None).load(fingerprint(path), None) is None


def test_a_damaged_cache_is_made_again(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    index = Engine(tmp_path).index(path)
    (kept,) = (tmp_path / "index").iterdir()
    good = kept.read_bytes()
    chance = random.Random(5)
    cases = [b"", b"\x00", b"garbage" * 100, good[: len(good) // 2], good[:-1], b"PK\x03\x04" + bytes(100)]
    for _ in range(25):
        wrong = bytearray(good)
        for _ in range(chance.choice([1, 5, 50])):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        cases.append(bytes(wrong))
    for case in cases:
        kept.unlink()  # an index that is mapped stays what it was
        kept.write_bytes(case)
        engine = Engine(tmp_path)
        assert _same(engine.index(path), index)
        assert engine.frame(path, FrameNumber(60), width=64).frame == 60


def test_a_cache_that_says_something_else_is_not_believed(clip_cache: ClipCache, tmp_path: Path) -> None:
    """Whole as a file, but with rows of other lengths, other types, another version, or without a field."""
    path = clip_cache.get(CLIPS["h264_open_gop_50p"]).path
    index = Engine(tmp_path).index(path)
    (kept,) = (tmp_path / "index").iterdir()
    good = kept.read_bytes()
    columns = {name: getattr(index, name) for name in ("pts", "at", "size", "flags", "display", "clock_add")}
    changes: list[dict[str, object]] = [
        {"pts": columns["pts"][:-1]},
        {"display": columns["display"] + 10**6},
        {"display": -1 - columns["display"]},
        {"display": columns["display"][:0]},
        {"flags": columns["flags"][:3]},
        {"at": np.append(columns["at"], 1)},
        {"clock_add": columns["clock_add"][:0]},
        {"tracks": (replace(index.tracks[0], id="x"), "no track")},
        {"time_base": Fraction(0)},
        {"size_bytes": 1},
    ]
    for change in changes:
        wrong = replace(index, **change)  # type: ignore[arg-type]
        with suppress(Exception):
            _overwritten(kept, wrong, fingerprint(path))
        assert _same(Engine(tmp_path).index(path), index), change
    for piece in (good.replace(b'"video"', b'"other"'), good.replace(b'"hint_bits"', b'"hint_bets"')):
        kept.unlink()
        kept.write_bytes(piece)
        assert _same(Engine(tmp_path).index(path), index)
    version = good.index(b"\x00") + 1
    kept.unlink()
    kept.write_bytes(good[:version] + (INDEX_VERSION + 1).to_bytes(4, "little") + good[version + 4 :])
    assert _same(Engine(tmp_path).index(path), index)


def _overwritten(kept: Path, wrong: MediaIndex, identity: str) -> None:
    """The file of a cache, whole but with another index."""
    other = IndexCache(kept.parent / "other")
    other.save(identity, None, wrong)
    (made,) = (kept.parent / "other").iterdir()
    made.replace(kept)
    (kept.parent / "other").rmdir()


def test_a_cache_that_cannot_be_written_stops_nothing(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = clip_cache.get(CLIPS["h264_closed"]).path
    (tmp_path / "index").write_text("a file where the folder should be")
    assert Engine(tmp_path).probe(path).frames == 100
    assert Engine(tmp_path / "index" / "deeper").probe(path).frames == 100


def test_the_fingerprint_tells_files_apart(tmp_path: Path) -> None:
    chance = random.Random(1)
    data = bytearray(chance.randbytes(300_000))
    path = tmp_path / "a.ts"
    seen = set()
    for at in (0, 65_535, 299_999, 240_000):
        data[at] ^= 1
        path.write_bytes(data)
        seen.add(fingerprint(path).rsplit("-", 1)[1])
    assert len(seen) == 4
    assert fingerprint(path) == fingerprint(path)
    assert Engine(None).fingerprint(path).replace("-", "").replace(".", "").isalnum()
