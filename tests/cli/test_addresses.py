"""Commands on recordings elsewhere: those that only read take an address."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plexcut.cli.app import run
from tests.media_factory import CLIPS, Clip, ClipCache, read_number
from tests.storage.web_server import WebServer

Plexcut = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def clip(clip_cache: ClipCache) -> Clip:
    return clip_cache.get(CLIPS["h264_two_audio"])


@pytest.fixture
def web(clip: Clip) -> Iterator[WebServer]:
    server = WebServer(clip.path.read_bytes())
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def plexcut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plexcut:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def last(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def test_what_only_reads(plexcut: Plexcut, web: WebServer, clip: Clip) -> None:
    address = f"http://me:s3cret@{web.place}/films/Film%20(2010).ts?key=s3cret"
    here = last(plexcut("probe", str(clip.path), "--json")[1])
    code, out, err = plexcut("probe", address, "--json")
    assert (code, last(out), err) == (0, here, "")
    shown = plexcut("probe", address)[1]
    assert "Film (2010).ts" in shown and "s3cret" not in shown
    code, out, err = plexcut("frame", address, "#77", "-o", "a.png", "--json")
    assert (code, err, last(out)["frame"]) == (0, "", 77)
    assert read_number(np.asarray(Image.open(io.BytesIO(Path("a.png").read_bytes())))) == 77
    code, out, err = plexcut("plan", address, "--keep", "#10-#90", "--json")
    assert (code, err) == (0, "")
    assert last(out) == last(plexcut("plan", str(clip.path), "--keep", "#10-#90", "--json")[1])
    code, out, err = plexcut("filmstrip", address, "-o", "strip.jpg", "--count", "3", "--json")
    assert (code, err, len(last(out)["tiles"])) == (0, "", 3)


@pytest.mark.parametrize("command", ["cut", "verify"])
def test_what_needs_the_file_itself(plexcut: Plexcut, web: WebServer, command: str) -> None:
    more = ["-o", "b.ts"] if command == "cut" else ["b.ts"]
    code, out, err = plexcut(command, f"http://me:s3cret@{web.place}/film.ts", *more, "--keep", "1-2")
    assert (code, out) == (2, "")
    assert err == "plexcut: this needs the file itself, not an address (copy it here first, or mount its share)\n"
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("ftp://me:s3cret@host/film.ts", 2),
        ("smb://me:s3cret@host", 2),
        ("http://me:s3cret@127.0.0.1:1/film.ts", 7),
        ("http://me:s3cret@WEB/film.ts", 3),
        ("smb://me:s3cret@127.0.0.1:1/share/film.ts", 7),
    ],
)
def test_failures_are_one_line_without_the_password(plexcut: Plexcut, web: WebServer, address: str, code: int) -> None:
    web.how = "404"
    ended, out, err = plexcut("probe", address.replace("WEB", web.place), "--json")
    assert (ended, out) == (code, "")
    assert err.startswith("plexcut: ") and err.count("\n") == 1
    assert "s3cret" not in err


def test_what_is_no_recording(plexcut: Plexcut, web: WebServer) -> None:
    web.data = b"no film " * 1000
    assert plexcut("probe", f"http://{web.place}/film.ts")[0] == 4
    web.data = b""
    assert plexcut("probe", f"http://{web.place}/empty.ts")[0] == 4


def test_a_password_is_asked_for(plexcut: Plexcut, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "as/ked")
    assert plexcut("probe", f"http://me@{web.place}/film.ts")[0] == 0
    assert web.seen[-1]["authorization"] == "Basic bWU6YXMva2Vk"
