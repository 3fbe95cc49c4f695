"""`plexcut filmstrip`, as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from plexcut.cli.app import run
from tests.media_factory import CLIPS, ClipCache, read_number


@pytest.fixture
def film(tmp_path: Path, clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEXCUT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    target = tmp_path / "work" / "film.ts"
    target.parent.mkdir()
    monkeypatch.chdir(target.parent)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, target)
    return target


def shown(path: str, tiles: list[dict[str, Any]]) -> list[int | None]:
    with av.open(path) as opened:
        image = next(opened.decode(video=0)).reformat(format="gray").to_ndarray()
    return [read_number(np.ascontiguousarray(image[t["y"] : t["y"] + t["h"], t["x"] : t["x"] + t["w"]])) for t in tiles]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_tiles_and_image(film: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    assert run(["filmstrip", "film.ts", "-o", f"out{suffix}", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(answer) == {"tiles", "path"}
    assert answer["path"] == str(film.parent / f"out{suffix}")
    assert len(answer["tiles"]) == 100
    assert all(list(tile) == ["frame", "time_s", "x", "y", "w", "h"] for tile in answer["tiles"])
    assert shown(answer["path"], answer["tiles"]) == [tile["frame"] for tile in answer["tiles"]]
    assert [tile["time_s"] for tile in answer["tiles"]] == [tile["frame"] / 50 for tile in answer["tiles"]]
    assert list((film.parent.parent / "data").rglob("filmstrip"))


def test_options(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--from", "#100", "--to", "0:02.1", "--count", "9", "--height", "61"]
    assert run(["filmstrip", "film.ts", "-o", "out.jpg", *options, "--json"]) == 0
    tiles = json.loads(capsys.readouterr().out.splitlines()[-1])["tiles"]
    assert [tile["frame"] for tile in tiles] == [100, 101, 102, 103, 104]
    assert {tile["h"] for tile in tiles} == {60}
    assert run(["filmstrip", "film.ts", "-o", "out.jpg", "--from", "500", "--count", "9"]) == 0
    assert "1 picture of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["film.ts", "-o", "out.gif"], 2),
        (["film.ts", "-o", "out.jpg", "--count", "0"], 2),
        (["film.ts", "-o", "out.jpg", "--height", "5000"], 2),
        (["film.ts", "-o", "out.jpg", "--count", "1000", "--height", "1080"], 2),
        (["film.ts", "-o", "out.jpg", "--from", "2", "--to", "1"], 2),
        (["film.ts", "-o", "out.jpg", "--from", "soon"], 2),
        (["film.ts", "-o", "film.ts"], 2),
        (["gone.ts", "-o", "out.jpg"], 3),
        (["film.ts", "-o", "nowhere/out.jpg"], 6),
    ],
)
def test_failures_are_one_line(film: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> None:
    before = film.read_bytes()
    assert run(["filmstrip", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert film.read_bytes() == before
    assert sorted(path.name for path in film.parent.iterdir()) == ["film.ts"]
