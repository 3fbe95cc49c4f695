"""The commands as a user runs them, and the real task in a real worker, on clips whose frames carry their number."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

from plexcut.domain.catalog import MovieData
from plexcut.jobs.embedded import EmbeddedValkey
from plexcut.jobs.queue import RqJobQueue
from tests.jobs.conftest import Workers, wait_for_state
from tests.media_factory import CLIPS, ClipCache, decode_numbers, read_number

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path


def plexcut(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PLEXCUT_DATA_DIR": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    command = [sys.executable, "-c", "from plexcut.cli import main; main()", *arguments]
    return subprocess.run(command, env=env, cwd=home / "work", capture_output=True, text=True, check=False)


def answer_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout.splitlines()[-1])


def clip(clip_cache: ClipCache, home: Path, name: str) -> str:
    path = clip_cache.get(CLIPS[name]).path
    target = home / "work" / f"film{path.suffix}"
    shutil.copy(path, target)
    return target.name


def numbers(path: Path) -> list[int | None]:
    return [picture.number for picture in decode_numbers(path)]


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "mp4_h264"])
def test_frame_cut_and_verify(clip_cache: ClipCache, home: Path, name: str) -> None:
    film = clip(clip_cache, home, name)
    work = home / "work"
    facts = answer_of(plexcut(home, "probe", film, "--json"))
    assert facts["frames"] == CLIPS[name].frames
    shown = answer_of(plexcut(home, "frame", film, "#37", "-o", "37.png", "--json"))
    assert shown["frame"] == 37
    with av.open(str(work / "37.png")) as picture:
        assert read_number(next(picture.decode(video=0)).reformat(format="gray").to_ndarray()) == 37
    again = answer_of(plexcut(home, "frame", film, str(shown["time_s"]), "-o", "37.png", "--json"))
    assert again["frame"] == 37
    keep = ["--keep", "#10-#31", "--keep", "#45-#58"]
    plan = answer_of(plexcut(home, "plan", film, *keep, "--json"))
    result = answer_of(plexcut(home, "cut", film, *keep, "--json"))
    assert result["verified"] is True
    assert (result["frames"], plan["frames"]) == (34, 34)
    assert result["frames_copied"] + result["frames_reencoded"] == 34
    assert numbers(Path(result["path"])) == [*range(10, 31), *range(45, 58)]
    assert plexcut(home, "verify", film, result["path"], *keep).returncode == 0
    assert plexcut(home, "verify", film, result["path"], "--keep", "#10-#32", "--keep", "#45-#58").returncode == 5
    assert sorted(path.name for path in work.iterdir()) == sorted(["37.png", film, Path(result["path"]).name])


def test_what_is_no_recording(clip_cache: ClipCache, home: Path) -> None:
    for name in ("audio_only", "ts_scrambled"):
        film = clip(clip_cache, home, name)
        for arguments in (("probe", film), ("cut", film, "--keep", "0-1"), ("frame", film, "0", "-o", "a.jpg")):
            done = plexcut(home, *arguments)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert not (home / "work" / "a.jpg").exists()


def test_a_cut_through_the_queue(clip_cache: ClipCache, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from plexcut.media.engine import Engine

    source = home / "work" / clip(clip_cache, home, "h264_open_gop_50p")
    monkeypatch.setenv("PLEXCUT_DATA_DIR", str(home / "data"))
    before = source.read_bytes()
    valkey = EmbeddedValkey(home / "valkey")
    assert valkey.start()
    queue = RqJobQueue(valkey.url)
    workers = Workers(valkey.url)
    try:
        workers.start()
        order = MovieData(
            recording="a~film",
            title="Film",
            section="a~movies",
            path=str(source),
            root=str(home / "work"),
            fingerprint=Engine(None).fingerprint(source),
            keep=((10, 31), (45, 58)),
            mode="exact",
            output="beside",
            raw_duration_s=3.0,
            cut_duration_s=0.68,
            eta_s=1.0,
        )
        done = wait_for_state(queue, queue.enqueue_cut(order, {}, 600).id, "finished", "failed", timeout_s=60)
    finally:
        workers.end()
        queue.close()
        valkey.stop()
    assert done.error is None
    assert done.result is not None
    assert done.result["verified"] is True
    assert done.result["path"] == str(home / "work" / "film cut.ts")
    assert numbers(home / "work" / "film cut.ts") == [*range(10, 31), *range(45, 58)]
    assert source.read_bytes() == before
    assert sorted(path.name for path in (home / "work").iterdir()) == ["film cut.ts", "film.ts"]


def test_a_cut_into_another_kind_of_file(clip_cache: ClipCache, home: Path) -> None:
    film = clip(clip_cache, home, "h264_subtitles")
    work = home / "work"
    keep = ["--keep", "#10-#31", "--keep", "#45-#58"]
    kept = [*range(10, 31), *range(45, 58)]
    named = answer_of(plexcut(home, "cut", film, *keep, "-o", "a.mkv", "--chapters", "--json"))
    assert [s["codec"] for s in named["streams"] if not s["kept"]] == ["dvb_teletext"]
    told = answer_of(plexcut(home, "cut", film, *keep, "--container", "mp4", "--json"))
    assert Path(told["path"]).name == "film cut.mp4"
    for name, kind in (("a.mkv", "matroska,webm"), ("film cut.mp4", "mov,mp4,m4a,3gp,3g2,mj2")):
        with av.open(str(work / name)) as container:
            assert container.format.name == kind
        assert numbers(work / name) == kept
        assert plexcut(home, "verify", film, name, *keep).returncode == 0
    before = sorted(path.name for path in work.iterdir())
    for arguments, code in (
        (["--container", "mkv", "-o", "b.mp4"], 2),
        (["--container", "avi"], 2),
        (["--container", "mkv", "--in-place"], 2),
        (["--chapters"], 4),
    ):
        refused = plexcut(home, "cut", film, *keep, *arguments)
        assert (refused.returncode, refused.stderr.count("\n")) == (code, 1), refused.stderr
    assert plexcut(home, "cut", "a.mkv", "--keep", "#0-#9", "-o", "b.ts").returncode == 4
    assert sorted(path.name for path in work.iterdir()) == before
