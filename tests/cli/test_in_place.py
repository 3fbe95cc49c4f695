"""`cut --in-place` and `restore` as a user runs them, killed at random moments."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.media_factory import CLIPS, ClipCache

ROOT = Path(__file__).resolve().parents[2]
SRT = "1\n00:00:00,500 --> 00:00:00,900\none\n\n2\n00:00:03,000 --> 00:00:03,500\ntwo\n"


@pytest.fixture
def film(tmp_path: Path, clip_cache: ClipCache) -> Path:
    """A library with one recording and its side files."""
    folder = tmp_path / "lib" / "Movies"
    folder.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, folder / "Film.ts")
    (folder / "Film.de.srt").write_text(SRT)
    (folder / "Film.edl").write_text("0 1 0\n")
    (folder / "Film.nfo").write_text("<movie/>")
    return folder / "Film.ts"


def started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PLEXCUT_DATA_DIR": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    command = [sys.executable, "-c", "from plexcut.cli import main; main()", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def plexcut(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = started(home, *arguments)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def tree(folder: Path) -> dict[str, str]:
    """All files beside the trash, by their content."""
    return {
        str(path.relative_to(folder)): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "/.plexcut/trash/" not in str(path)
    }


def test_a_cut_in_place_and_the_way_back(tmp_path: Path, film: Path) -> None:
    before, status = tree(film.parent), film.stat()
    done = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--in-place", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["path"], result["verified"]) == (str(film), True)
    assert result["bytes"] == film.stat().st_size < status.st_size
    assert (film.parent / "Film.de.srt").read_text() == SRT[: SRT.index("\n\n") + 1]
    assert not (film.parent / "Film.edl").exists()
    again = plexcut(tmp_path, "cut", str(film), "--keep", "0-0.5", "--in-place")
    assert again.returncode == 0, again.stderr
    listed = json.loads(plexcut(tmp_path, "trash", "--json").stdout)
    assert [entry["kind"] for entry in listed["entries"]] == ["cut", "original"]
    back = plexcut(tmp_path, "restore", str(film), "--json")
    answer = json.loads(back.stdout)
    assert answer["path"] == str(film)
    assert tree(film.parent) == before
    now = film.stat()
    assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    probed = json.loads(plexcut(tmp_path, "probe", str(film), "--json").stdout.splitlines()[-1])
    assert answer["duration_s"] == probed["duration_s"]
    none = plexcut(tmp_path, "restore", str(film))
    assert (none.returncode, none.stdout, none.stderr.count("\n")) == (3, "", 1)
    assert plexcut(tmp_path, "trash", "--empty").returncode == 0
    assert plexcut(tmp_path, "trash").stdout == "nothing is in the trash\n"
    assert sorted(path.name for path in film.parent.iterdir()) == ["Film.de.srt", "Film.edl", "Film.nfo", "Film.ts"]


def test_bad_names_are_told_in_one_line(tmp_path: Path, film: Path) -> None:
    (film.parent / "notes.txt").write_text("hello world\n")
    avi = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "-o", str(tmp_path / "film.avi"))
    assert (avi.returncode, avi.stdout, avi.stderr.count("\n")) == (2, "", 1)
    assert ".mkv" in avi.stderr
    notes = plexcut(tmp_path, "plan", str(film), "--list", str(film.parent / "notes.txt"))
    assert (notes.returncode, notes.stdout, notes.stderr.count("\n")) == (4, "", 1)
    assert "notes.txt" in notes.stderr
    assert "'hello' is not a time" in notes.stderr


def test_in_place_names_its_place_itself(tmp_path: Path, film: Path) -> None:
    for more in (("-o", str(tmp_path / "x.ts")), ("--overwrite",), ("--container", "mkv")):
        assert plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--in-place", *more).returncode == 2


def test_while_somebody_still_writes_it_is_refused(tmp_path: Path, film: Path) -> None:
    with film.open("ab"):
        refused = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--in-place")
    assert (refused.returncode, refused.stderr.count("\n")) == (8, 1)
    assert "still being written" in refused.stderr
    assert not (film.parent / ".plexcut").exists()


def killed_at_random(tmp_path: Path, film: Path, times: int) -> None:
    """Kill cuts in place, and look after each what is there; a file that was cut is restored for the next one."""
    original = tree(film.parent)
    began = time.monotonic()
    assert plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--in-place").returncode == 0
    whole_s = time.monotonic() - began
    cut = tree(film.parent)
    assert plexcut(tmp_path, "restore", str(film)).returncode == 0
    assert tree(film.parent) == original
    assert plexcut(tmp_path, "trash", "--empty").returncode == 0
    ends = set()
    chance = random.Random(times)
    for n in range(times):
        process = started(tmp_path, "cut", str(film), "--keep", "0-1.5", "--in-place")
        # The replacing itself is at the very end.
        time.sleep(whole_s * (chance.uniform(0.05, 1.0) if n % 2 else chance.uniform(0.8, 1.05)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert film.exists()
        listed = plexcut(tmp_path, "trash", str(film.parent), "--json")  # the next start
        assert listed.returncode == 0, listed.stderr
        entries = json.loads(listed.stdout.splitlines()[-1])["entries"]
        now = tree(film.parent)
        assert now in (original, cut), (n, now)
        ends.add(now == cut)
        if now == cut:
            assert [entry["kind"] for entry in entries] == ["original"]
            assert plexcut(tmp_path, "restore", str(film)).returncode == 0
            assert tree(film.parent) == original
            assert plexcut(tmp_path, "trash", str(film.parent), "--empty").returncode == 0
        else:
            assert not entries
        assert not (film.parent / ".plexcut").exists()


def test_killed_at_random_moments(tmp_path: Path, film: Path) -> None:
    killed_at_random(tmp_path, film, 6)


@pytest.mark.torture
def test_killed_at_a_hundred_random_moments(tmp_path: Path, film: Path) -> None:
    killed_at_random(tmp_path, film, 100)
