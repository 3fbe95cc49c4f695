"""A library on a disk that cannot be written: results go to the output folder, by command and by HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_in_place import plexcut
from tests.cli.test_somebody_watches import ask, becomes
from tests.e2e.server import Server
from tests.media_factory import CLIPS, ClipCache

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a disk is mounted read-only by root alone")
KEEP = {"keep": [[0, 1.5]]}


@pytest.fixture
def film(tmp_path: Path, clip_cache: ClipCache) -> Iterator[Path]:
    """A recording on a disk of its own, which then cannot be written any more."""
    disk = tmp_path / "lib"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", disk], check=True)
    try:
        film = disk / "Movies" / "Film.ts"
        film.parent.mkdir()
        shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, film)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield film
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def configure(home: Path, *, folder: bool) -> Path:
    config = home / "config.toml"
    cut = f'[cut]\noutput_folder = "{home / "out"}"\n' if folder else ""
    config.write_text(f'{cut}[[library]]\nid = "tv"\nkind = "folder"\npath = "{home / "lib"}"\n')
    return config


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha1(path.read_bytes()).hexdigest() for path in files}


def test_by_command(tmp_path: Path, film: Path) -> None:
    before = content(tmp_path / "lib")
    config = str(configure(tmp_path, folder=True))
    for name in ("Film cut.ts", "Film cut 2.ts"):
        done = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--config", config, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        assert (result["path"], result["verified"]) == (str(tmp_path / "out" / "Movies" / name), True)
    assert sorted(content(tmp_path / "out")) == ["Movies/Film cut 2.ts", "Movies/Film cut.ts"]
    in_place = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--in-place", "--config", config)
    assert (in_place.returncode, in_place.stderr.count("\n")) == (6, 1), in_place.stderr
    assert "Read-only file system" in in_place.stderr
    assert content(tmp_path / "lib") == before


def test_by_command_without_such_a_folder(tmp_path: Path, film: Path) -> None:
    config = str(configure(tmp_path, folder=False))
    refused = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--config", config)
    assert (refused.returncode, refused.stderr.count("\n")) == (6, 1), refused.stderr
    named = plexcut(tmp_path, "cut", str(film), "--keep", "0-1.5", "--config", config, "-o", str(tmp_path / "x.ts"))
    assert named.returncode == 0


def served(home: Path, *, folder: bool) -> Server:
    return Server(home, "--config", str(configure(home, folder=folder)))


def checks(server: Server, recording: str, output: str) -> dict[str, Any]:
    status, found = ask(server, f"/api/recordings/{recording}/check", {**KEEP, "output": output})
    assert status == 200
    return {check["name"]: check for check in found["checks"] if not check["ok"]}


def test_by_http(tmp_path: Path, film: Path) -> None:
    before = content(tmp_path / "lib")
    server = served(tmp_path, folder=True)
    try:
        (recording,) = server.recordings().values()
        assert checks(server, recording, "beside") == {}
        assert "writable" in checks(server, recording, "replace")
        for name in ("Film cut.ts", "Film cut 2.ts"):
            status, job = ask(server, f"/api/recordings/{recording}/cut", KEEP)
            wanted = str(tmp_path / "out" / "Movies" / name)
            assert (status, job["output_path"]) == (202, wanted)
            done = becomes(server, job["id"], lambda job: job["state"] in ("finished", "failed"))
            assert (done["state"], done["result"]["path"], done["result"]["verified"]) == ("finished", wanted, True)
        status, refused = ask(server, f"/api/recordings/{recording}/cut", {**KEEP, "output": "replace"})
        assert (status, refused["error"]["code"]) == (409, "cannot_write")
        assert "Read-only file system" in refused["error"]["message"]
    finally:
        server.stop()
    assert content(tmp_path / "lib") == before
    assert sorted(content(tmp_path / "out")) == ["Movies/Film cut 2.ts", "Movies/Film cut.ts"]
    assert not (tmp_path / "out" / ".plexcut").exists()


def test_by_http_without_such_a_folder(tmp_path: Path, film: Path) -> None:
    server = served(tmp_path, folder=False)
    try:
        (recording,) = server.recordings().values()
        assert "writable" in checks(server, recording, "beside")
        status, refused = ask(server, f"/api/recordings/{recording}/cut", KEEP)
        assert (status, refused["error"]["code"]) == (409, "cannot_write")
        assert "output_folder" in refused["error"]["hint"]
    finally:
        server.stop()
