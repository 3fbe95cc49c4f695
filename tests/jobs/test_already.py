"""A worker that dies between the swap and its last word: the next attempt finds the work done, and proves it again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from plexcut import bootstrap
from plexcut.domain.media import CutRequest
from plexcut.domain.spans import KeepList, Span
from plexcut.jobs.already import result_in_place
from plexcut.jobs.placing import placed
from plexcut.media.engine import Engine
from tests.media_factory import CLIPS, ClipCache

KEEP = [[13, 61], [87, 140]]


@pytest.fixture
def movie(tmp_path: Path, clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The order of a cut in place."""
    monkeypatch.setenv("PLEXCUT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    film = tmp_path / "lib" / "Movies" / "Film.ts"
    film.parent.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, film)
    fingerprint = Engine(None).fingerprint(film)
    return {
        "path": str(film), "root": str(tmp_path / "lib"), "fingerprint": fingerprint, "keep": KEEP, "mode": "exact",
        "output": "replace",
    }  # fmt: skip


def cut_in_place(movie: dict[str, Any], keep: list[list[int]]) -> None:
    engine, source = Engine(None), Path(movie["path"])
    with placed(movie, "job", bootstrap.task_files()) as placing:
        spans = KeepList.of(Span(a, b) for a, b in keep)
        request = CutRequest(source, placing.target, spans, hand_over=placing.hand_over, temp_dir=placing.temp_dir)
        engine.cut(request, lambda _phase, _fraction: None, lambda: False)


def test_what_is_done_is_told_with_its_certificate(movie: dict[str, Any]) -> None:
    files = bootstrap.task_files()
    assert result_in_place(movie, Engine(None), files) is None
    cut_in_place(movie, KEEP)
    found = result_in_place(movie, Engine(None), files)
    assert found is not None
    assert found["verified"] is True
    assert found["frames"] == 101
    assert found["path"] == movie["path"]
    assert all(check["ok"] for check in found["checks"])


def test_another_cut_or_another_file_is_not_this_job_s(movie: dict[str, Any]) -> None:
    cut_in_place(movie, [[13, 61], [87, 139]])
    files = bootstrap.task_files()
    assert result_in_place(movie, Engine(None), files) is None
    Path(movie["path"]).write_bytes(b"something else")
    assert result_in_place(movie, Engine(None), files) is None
