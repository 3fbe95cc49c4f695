"""Copied pictures are written many at once: the file is the same as if each had been written by itself."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from tests.media.cut_checks import keep_of
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.media import CutRequest
from plexcut.media.cutting import splice_ts
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.engine import Engine
from plexcut.media.ts_pictures import PictureRun
from plexcut.media.ts_writer import (
    Pat,
    PesUnit,
    Pmt,
    PmtStream,
    ProgramTables,
    TransportStreamWriter,
    build_pat,
    build_pmt,
    picture_unit,
)

_TRANSPORT = ("ts", "m2ts192", "ts204")
_NO_PICTURES = {"audio_only", "ts_scrambled"}
_KINDS = [name for name, spec in CLIPS.items() if spec.container in _TRANSPORT and name not in _NO_PICTURES]
_REAL = [
    "androidx-sample_h264.ts", "dvb_fr_1080i_h264_opengop_4eac3_17s_lossy.ts", "fate-h264_intra_first-small.ts",
    "fate-mpeg2_field_encoding.ts", "fate-scte20.ts", "tsduck-206.1_bbcnews_mpeg2_576i_opengop36.ts",
]  # fmt: skip


def _cut(path: Path, target: Path) -> bytes:
    engine = Engine(None)
    frames = engine.index(path).frames
    edges = sorted(random.Random(path.name).sample(range(frames + 1), 4))
    engine.cut(
        CutRequest(path, target, keep_of([(edges[0], edges[1]), (edges[2], edges[3])])), lambda *_: None, lambda: False
    )
    return target.read_bytes()


def _check_one_by_one(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = _cut(path, folder / "together.ts")
    monkeypatch.setattr(PictureSource, "fitted_rows", range(1 << 20))
    assert _cut(path, folder / "one by one.ts") == together


@pytest.mark.parametrize("name", _KINDS)
def test_every_kind(clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(splice_ts, "CHUNK_BYTES", 150_000)
    _check_one_by_one(clip_cache.get(CLIPS[name]).path, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", _REAL)
def test_real_recordings(real_media_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _check_one_by_one(real_media_dir / name, tmp_path, monkeypatch)


VIDEO, SOUND = 0x101, 0x102
_PMT = Pmt(7, VIDEO, b"", [PmtStream(0x1B, VIDEO, b""), PmtStream(0x03, SOUND, b"")], version=3)
_TABLES = ProgramTables(build_pat(Pat(99, [(7, 0x100)])), 0x100, build_pmt(_PMT), VIDEO)


def _run(chance: random.Random) -> PictureRun:
    """Pictures of all sizes, the largest of more packets than are buffered; now and then a long time between two."""
    sizes = [chance.choice([1, 150, 168, 400, 511, 512, 3000, chance.randrange(1, 60_000)]) for _ in range(60)]
    sizes[chance.randrange(60)] = 7_000_000
    es = np.frombuffer(chance.randbytes(sum(sizes)), np.uint8)
    size = np.array(sizes)
    dts = np.cumsum([chance.choice([0, 900, 1800, 3600, 20_000]) for _ in sizes]) + (1 << 33) - 30_000
    pts = dts + np.array([chance.choice([0, 0, 1800, 7200]) for _ in sizes])
    flips = np.array([[chance.random() < 0.3 for _ in sizes] for _ in range(2)])
    at = dts - np.array([chance.choice([63_000, 70_000, -10]) for _ in sizes])
    return PictureRun(es, np.cumsum(size) - size, size, flips[0], flips[1], at, pts, dts)


@pytest.mark.parametrize("seed", range(8))
def test_pictures_of_all_sizes(seed: int) -> None:
    chance = random.Random(seed)
    runs = [_run(chance) for _ in range(2)]
    found: list[tuple[bytes, list[int], int]] = []
    for together in (True, False):
        order, out, places = random.Random(seed), io.BytesIO(), list[int]()
        with TransportStreamWriter(out, _TABLES) as writer:
            for run in runs:
                done = 0
                while done < len(run):
                    end = min(len(run), done + order.randrange(1, 9))
                    if together:
                        places += writer.write_pictures(run, done, end)
                    else:
                        places += [writer.write(picture_unit(VIDEO, run, i), int(run.at[i])) for i in range(done, end)]
                    if order.random() < 0.5:
                        writer.write(PesUnit(SOUND, 0xC0, order.randbytes(2000), int(run.dts[done])))
                    done = end
            late = writer.late_units
        found.append((out.getvalue(), places, late))
    assert found[0] == found[1]
