"""A library on a real Samba server through a whole plexcut: browsed, looked at, cut, replaced and restored; frozen."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.spans import KeepList, Span
from plexcut.media.engine import Engine
from tests.e2e.server import Server
from tests.media_factory import ClipCache, ClipSpec, read_number
from tests.samba import Samba, needs_samba

pytestmark = needs_samba

_CLIP = ClipSpec("cut_on_a_share", frames=600, gop=25, interlaced="tff")
KEEP = [["#40", "#300"], ["#410", "#590"]]
SPANS = KeepList.of([Span(40, 300), Span(410, 590)])


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as server:
        yield server


@pytest.fixture(scope="module")
def clip(clip_cache: ClipCache) -> Path:
    return clip_cache.get(_CLIP).path


@pytest.fixture(scope="module")
def plexcut(samba: Samba, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("plexcut")
    (home / "local" / "Movies").mkdir(parents=True)
    shutil.copy(clip, home / "local" / "Movies" / "Near (2000).ts")
    (samba.share / "Movies").mkdir()
    (home / "config.toml").write_text(
        f'[[library]]\nid = "nas"\nkind = "folder"\npath = "{samba.address()}"\n'
        f'[[library]]\nid = "local"\nkind = "folder"\npath = "{home / "local"}"\n'
    )
    server = Server(home, "--config", str(home / "config.toml"))
    yield server
    server.stop()


@pytest.fixture
def film(samba: Samba, plexcut: Server, clip: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """A recording of its own on the share: its id, and its file as the server has it."""
    name = f"Film {request.node.name.replace('[', ' ').replace(']', '')}"
    file = samba.share / "Movies" / f"{name}.ts"
    shutil.copy(clip, file)
    file.with_suffix(".nfo").write_text("what it is")
    until(lambda: name in plexcut.recordings(), 60)
    yield plexcut.recordings()[name], file
    for left in file.parent.glob(f"{name}*"):
        left.unlink()


def until(condition: Any, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def post(server: Server, path: str, body: dict[str, Any]) -> Any:
    data = json.dumps(body).encode()
    wish = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(wish, timeout=60) as answer:
        return json.load(answer)


def cut(server: Server, recording: str, output: str) -> dict[str, Any]:
    """Order it, and wait until it has ended; the job."""
    job = post(server, f"/api/recordings/{recording}/cut", {"keep": KEEP, "output": output})
    until(lambda: server.get(f"/api/jobs/{job['id']}")["state"] not in ("queued", "running"), 120)
    found: dict[str, Any] = server.get(f"/api/jobs/{job['id']}")
    return found


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def check_cut(original: Path, made: Path) -> None:
    engine = Engine(None)
    try:
        found = engine.verify(original, made, SPANS)
        assert found.ok, found
    finally:
        engine.close()


def left_on(samba: Samba) -> list[str]:
    """What of ours is on the share."""
    return [str(path.relative_to(samba.share)) for path in samba.share.rglob("*") if "plexcut" in str(path)]


def test_pictures(plexcut: Server, film: tuple[str, Path]) -> None:
    import io

    import numpy as np
    from PIL import Image

    for number in (0, 123, 599):
        with urllib.request.urlopen(
            f"{plexcut.address}/api/recordings/{film[0]}/frame?n={number}", timeout=60
        ) as answer:
            assert answer.headers["X-Frame-Number"] == str(number)
            picture = np.asarray(Image.open(io.BytesIO(answer.read())).resize((160, 96)))
        assert read_number(picture) == number


def test_cut_beside(plexcut: Server, samba: Samba, film: tuple[str, Path], clip: Path) -> None:
    recording, file = film
    before = digest(file)
    job = cut(plexcut, recording, "beside")
    assert job["state"] == "finished", job["error"]
    made = file.with_name(f"{file.stem} cut.ts")
    assert job["result"]["path"] == f"{samba.address(login=False)}/Movies/{made.name}"
    assert job["result"]["bytes"] == made.stat().st_size and job["result"]["verified"]
    assert digest(file) == before and left_on(samba) == []
    check_cut(file, made)
    again = cut(plexcut, recording, "beside")
    assert again["result"]["path"].endswith(f"{file.stem} cut 2.ts")
    assert digest(file.with_name(f"{file.stem} cut 2.ts")) == digest(made)


def test_replace_and_restore(plexcut: Server, samba: Samba, film: tuple[str, Path], clip: Path) -> None:
    recording, file = film
    before, status = digest(file), file.stat()
    job = cut(plexcut, recording, "replace")
    assert job["state"] == "finished", job["error"]
    assert job["result"]["path"] == f"{samba.address(login=False)}/Movies/{file.name}"
    check_cut(clip, file)
    assert file.with_suffix(".nfo").read_text() == "what it is"
    assert file.stat().st_mtime_ns != status.st_mtime_ns
    kept = [path for path in samba.share.rglob(file.name) if ".plexcut" in str(path)]
    assert [digest(path) for path in kept] == [before]
    answer = post(plexcut, f"/api/recordings/{recording}/restore", {})
    assert answer["path"] == f"{samba.address(login=False)}/Movies/{file.name}"
    assert digest(file) == before and file.stat().st_mtime_ns == status.st_mtime_ns
    assert plexcut.recordings()[file.stem] == recording


def test_the_server_is_restarted_in_the_middle_of_a_cut(plexcut: Server, samba: Samba, film: tuple[str, Path]) -> None:
    recording, file = film
    before = digest(file)
    job = post(plexcut, f"/api/recordings/{recording}/cut", {"keep": KEEP, "output": "beside"})
    until(lambda: plexcut.get(f"/api/jobs/{job['id']}")["percent"] > 20, 60)
    samba.stop()
    time.sleep(1)
    samba.start()
    until(lambda: plexcut.get(f"/api/jobs/{job['id']}")["state"] not in ("queued", "running"), 180)
    job = plexcut.get(f"/api/jobs/{job['id']}")
    assert digest(file) == before
    made = sorted(file.parent.glob(f"{file.stem} cut*"))
    if job["state"] == "finished":
        check_cut(file, made[0])
    else:
        assert job["error"]["code"] in ("library_offline", "file_unreadable"), job["error"]
        assert made == []


def test_a_frozen_share_holds_up_nothing_else(plexcut: Server, samba: Samba, film: tuple[str, Path]) -> None:
    plexcut.get(f"/api/recordings/{film[0]}")

    def timed(path: str, most_s: float) -> tuple[int, dict[str, Any]]:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(plexcut.address + path, timeout=60) as answer:
                found = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            found = error.code, json.loads(error.read())
        assert time.monotonic() - began < most_s, path
        return found

    def nas() -> dict[str, Any]:
        libraries: list[dict[str, Any]] = timed("/api/libraries", 20)[1]["libraries"]
        return libraries[0]

    assert nas()["online"]
    samba.freeze()
    try:
        status, answer = timed(f"/api/recordings/{film[0]}", 55)
        assert status == 503 and answer["error"]["code"] == "library_offline", answer
        for _ in range(5):
            assert timed("/api/health", 20)[0] == 200
            assert timed("/api/libraries/local/sections", 20)[0] == 200
        until(lambda: not nas()["online"], 60)
        assert "does not answer" in nas()["message"]
        assert timed(f"/api/recordings/{film[0]}", 40)[0] == 503
    finally:
        samba.thaw()
    until(lambda: nas()["online"], 60)
    assert timed(f"/api/recordings/{film[0]}", 55)[0] == 200
