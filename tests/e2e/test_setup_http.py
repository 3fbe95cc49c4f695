"""Adding libraries over HTTP, to a running server with a worker, against a Plex server that answers and fails."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from tests.e2e.server import Server
from tests.e2e.setting_up import TOKEN, fake_demo, fill_plex, read_only
from tests.media_factory import CLIPS, Clip, ClipCache
from tests.plex.server import PlexStandIn
from tests.plex.test_tls import Authority, direct


@pytest.fixture(scope="module")
def clip(clip_cache: ClipCache) -> Clip:
    return clip_cache.get(CLIPS["h264_open_gop_50p"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def plex(files: Path, clip: Clip) -> Iterator[PlexStandIn]:
    with PlexStandIn(TOKEN) as plex:
        fill_plex(plex, files / "nas" / "recordings", clip)
        yield plex


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, clip: Clip) -> Path:
    home = tmp_path_factory.mktemp("home")
    fake_demo(home, clip)
    (home / "config.toml").write_text("# mine\n[cut]\nmode = 'exact'  # said by me\n")
    (home / "config.toml").chmod(0o644)
    return home


@pytest.fixture(scope="module")
def api(home: Path) -> Iterator[httpx.Client]:
    server = Server(home)
    with httpx.Client(base_url=server.address, timeout=40) as client:
        yield client
    server.stop()


def step(api: httpx.Client, name: str, address: str, token: str = TOKEN) -> dict[str, Any]:
    answer = api.post("/api/setup/plex/try", json={"address": address, "token": token, "step": name})
    assert answer.status_code == 200, answer.text
    assert TOKEN not in answer.text
    found: dict[str, Any] = answer.json()
    return found


def mappings(api: httpx.Client, plex: PlexStandIn, **more: Any) -> list[dict[str, Any]]:
    answer = api.post("/api/setup/plex/mappings", json={"address": plex.url, "token": TOKEN, **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["mappings"]
    return found


def folder(api: httpx.Client, path: Path, below: Path | None = None) -> dict[str, Any]:
    body = {"path": str(path), **({"below": str(below)} if below else {})}
    found: dict[str, Any] = api.post("/api/setup/folder", json=body).json()
    return found


def until(api: httpx.Client, path: str, what: Any, timeout_s: float = 90) -> Any:
    end = time.monotonic() + timeout_s
    while not what(found := api.get(path).json()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_nothing_is_set_up_yet(api: httpx.Client, home: Path) -> None:
    until(api, "/api/health", lambda found: found["status"] == "ok")
    assert api.get("/api/libraries").json() == {"libraries": [], "total": 0}
    assert api.get("/api/setup").json() == {
        "closed": "",
        "configured": 0,
        "config_file": str(home / "config.toml"),
        "demo": {"state": "none", "percent": 0, "message": ""},
        "demo_stays": True,
        "other_workers": False,
    }


def test_a_plex_server_step_by_step(api: httpx.Client, plex: PlexStandIn) -> None:
    for name in ("address", "certificate", "server", "token", "sections"):
        found = step(api, name, plex.url + "/web/index.html")
        assert found["tried"]["ok"], found
        assert found["address"] == plex.url
    assert [(one["title"], one["recordings"]) for one in found["sections"]] == [("Films", 2), ("Shows", 2)]
    wrong = step(api, "token", plex.url, "guess")
    assert (wrong["tried"]["ok"], wrong["tried"]["code"]) == (False, "token_refused")
    assert step(api, "certificate", plex.url.replace("http:", "https:"))["tried"]["code"] == "tls_none"
    plex.fail("html")
    assert step(api, "server", plex.url)["tried"]["code"] == "not_plex"
    plex.fail("slow")
    began = time.monotonic()
    assert step(api, "server", plex.url)["tried"]["code"] == "silent"
    assert time.monotonic() - began < 35
    plex.fail(None)


def test_mappings_that_are_not_found_and_wrong_ones(api: httpx.Client, plex: PlexStandIn, files: Path) -> None:
    name = "films/Harbour Light (2011)/Harbour Light (2011).ts"
    (files / "other" / name).parent.mkdir(parents=True)
    (files / "other" / name).write_bytes(b"another file")
    given = [
        {"plex": "/share/plexrecords/films", "here": str(files / "other" / "films")},
        {"plex": "/share/plexrecords/shows", "here": str(files / "other")},
        {"plex": "/share/plexrecords/shows", "here": str(files / "gone")},
    ]
    found = mappings(api, plex, mappings=given)
    assert [one["state"] for one in found] == ["wrong_size", "not_found", "not_there"]
    assert found[0]["example"] == str(files / "other" / name)
    refused = api.post("/api/setup/plex/mappings", json={"address": plex.url, "token": "guess"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")


def test_a_folder_is_tried_by_doing(api: httpx.Client, files: Path, home: Path) -> None:
    root = files / "nas" / "recordings" / "films"
    found = folder(api, root)
    assert [one["step"] for one in found["steps"]] == ["there", "read", "write", "rename", "remove", "recordings"]
    assert (found["readable"], found["writable"], found["recordings"]) == (True, True, 2)
    assert sorted(one.name for one in root.iterdir()) == ["Harbour Light (2011)", "Zebra Crossing (2020)"]
    below = root / "Harbour Light (2011)"
    with read_only(below):
        found = folder(api, root, below)
        assert (found["readable"], found["writable"]) == (True, False)
        assert [one["code"] for one in found["steps"] if not one["ok"]] == ["denied"]
    assert folder(api, files / "gone")["steps"][0]["code"] == "not_there"
    assert folder(api, Path("/etc"))["steps"][0]["code"] == "system"
    for wrong in ("relative", "/media/../etc", "smb://nas/x", str(home / "data"), "~nobody-here/x"):
        answer = api.post("/api/setup/folder", json={"path": wrong})
        assert answer.status_code == 400, wrong
        assert answer.json()["error"]["hint"]


def test_the_systems_folders_and_plexcuts_own_are_no_library(api: httpx.Client, home: Path, files: Path) -> None:
    before = (home / "config.toml").read_text()
    for wrong in ("/", "/etc/ssl", "/proc/self", str(home / "data")):
        for body in ({"path": wrong}, {"path": str(files), "output_folder": wrong}):
            answer = api.post("/api/libraries", json={"kind": "folder", "name": "x", **body})
            assert answer.status_code == 400, (body, answer.text)
    mapped = {"kind": "plex", "name": "x", "address": "http://192.0.2.1", "mappings": [{"plex": "/a", "here": "/etc"}]}
    assert api.post("/api/libraries", json=mapped).status_code == 400
    assert (home / "config.toml").read_text() == before


def test_folders_are_completed_and_files_are_not_told(api: httpx.Client, files: Path, home: Path) -> None:
    def offered(path: str) -> Any:
        return api.get("/api/setup/folders", params={"path": path}).json()["folders"]

    assert offered(f"{files}/") == sorted([str(files / "nas"), str(files / "other")])
    assert offered(f"{files}/N") == [str(files / "nas")]
    (files / "nas" / ".hidden").mkdir()
    (files / "nas" / "link").symlink_to("/etc")
    (files / "nas" / "file.txt").write_text("x")
    assert offered(f"{files}/nas/") == [str(files / "nas" / "recordings")]
    assert offered(f"{files}/gone/x") == offered("~nobody-here/x") == []
    assert not set(offered("/")) & {"/etc", "/proc", "/sys", "/dev", "/usr"}
    for closed in ("/etc/", "/proc/self/", f"{files}/nas/link/", f"{home}/data/"):
        assert api.get("/api/setup/folders", params={"path": closed}).status_code == 403, closed


def test_plex_is_added_and_cut_without_a_restart(api: httpx.Client, plex: PlexStandIn, files: Path, home: Path) -> None:
    found = mappings(api, plex, sections=[1], folders=[str(files / "nas")])
    assert [(one["plex"], one["here"], one["state"], one["same_bytes"]) for one in found] == [
        ("/share/plexrecords/films", str(files / "nas/recordings/films"), "found", True)
    ]
    body = {
        "kind": "plex",
        "name": "Living room",
        "address": plex.url,
        "token": TOKEN,
        "sections": [{"key": 1, "title": "Films"}],
        "mappings": [{"plex": found[0]["plex"], "here": found[0]["here"]}],
    }
    added = api.post("/api/libraries", json=body)
    assert (added.status_code, added.json()["id"], added.json()["online"]) == (201, "living-room", True)
    assert TOKEN not in added.text
    file = home / "config.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("# mine\n[cut]\nmode = 'exact'  # said by me\n")
    assert tomllib.loads(file.read_text())["library"][0]["token"] == TOKEN
    sections = api.get("/api/libraries/living-room/sections").json()["sections"]
    assert [one["title"] for one in sections] == ["Films"]
    items = api.get(f"/api/libraries/living-room/sections/{sections[0]['id']}/items").json()["items"]
    recording = f"/api/recordings/{items[0]['recording']}"
    until(api, recording, lambda info: info["index"]["state"] == "ready")
    job = api.post(f"{recording}/cut", json={"keep": [["#20", "#60"]]})
    assert job.status_code == 202, job.text
    done = until(api, f"/api/jobs/{job.json()['id']}", lambda job: job["state"] in ("finished", "failed"), 60)
    assert done["state"] == "finished", done
    assert Path(done["result"]["path"]).parent == files / "nas/recordings/films/Harbour Light (2011)"
    assert api.get("/api/setup").json()["configured"] == 1
    again = api.post("/api/libraries", json=body)
    assert (again.status_code, "already" in again.json()["error"]["message"]) == (400, True)


def test_a_read_only_folder_with_a_folder_for_results(api: httpx.Client, files: Path, home: Path, clip: Clip) -> None:
    locked, results = files / "locked", files / "results"
    locked.mkdir()
    results.mkdir()
    (locked / "Old Film (1999).ts").write_bytes(clip.path.read_bytes())
    with read_only(locked):
        found = folder(api, locked)
        assert (found["readable"], found["writable"], found["recordings"]) == (True, False, 1)
        body = {"kind": "folder", "name": "Old", "path": str(locked), "output_folder": str(results)}
        added = api.post("/api/libraries", json=body)
        assert added.status_code == 201, added.text
        assert tomllib.loads((home / "config.toml").read_text())["cut"]["output_folder"] == str(results)
        section = until(api, "/api/libraries/old/sections", lambda found: found.get("sections"))["sections"][0]
        items = api.get(f"/api/libraries/old/sections/{section['id']}/items").json()["items"]
        recording = f"/api/recordings/{items[0]['recording']}"
        until(api, recording, lambda info: info["index"]["state"] == "ready")
        checks = api.post(f"{recording}/check", json={"keep": [["#20", "#60"]]}).json()["checks"]
        assert all(check["ok"] for check in checks), checks
        job = api.post(f"{recording}/cut", json={"keep": [["#20", "#60"]]}).json()
        done = until(api, f"/api/jobs/{job['id']}", lambda job: job["state"] in ("finished", "failed"), 60)
        assert done["state"] == "finished", done
        assert Path(done["result"]["path"]).parent == results


def test_the_demo_is_started_and_cut(api: httpx.Client) -> None:
    state = api.post("/api/setup/demo", json={})
    assert state.status_code == 202
    until(api, "/api/setup", lambda found: found["demo"]["state"] == "ready")
    assert api.get("/api/setup").json()["demo_stays"] is False
    library = until(
        api, "/api/libraries", lambda found: any(one["id"] == "demo" and one["online"] for one in found["libraries"])
    )
    assert library["total"] == 3
    section = api.get("/api/libraries/demo/sections").json()["sections"][0]
    items = api.get(f"/api/libraries/demo/sections/{section['id']}/items").json()["items"]
    recording = f"/api/recordings/{items[0]['recording']}"
    until(api, recording, lambda info: info["index"]["state"] == "ready")
    job = api.post(f"{recording}/cut", json={"keep": [["#20", "#60"]]}).json()
    done = until(api, f"/api/jobs/{job['id']}", lambda job: job["state"] in ("finished", "failed"), 60)
    assert done["state"] == "finished", done


def test_the_token_is_nowhere_but_in_the_file(api: httpx.Client, plex: PlexStandIn, home: Path) -> None:
    told = "".join(api.get(path).text for path in ("/api/setup", "/api/libraries", "/api/health", "/api/jobs"))
    logs = "".join(path.read_text(errors="replace") for path in (home / "data" / "logs").rglob("*") if path.is_file())
    assert TOKEN not in told + logs + (home / "server.log").read_text()
    assert TOKEN not in (home / "data" / "served.json").read_text()
    assert not any(TOKEN in request.path for request in plex.requests)
    wrong = api.post("/api/setup/plex/try", json={"address": 5, "token": TOKEN, "step": "token"})
    assert (wrong.status_code, TOKEN in wrong.text) == (400, False)


def test_other_sites_may_not(api: httpx.Client) -> None:
    refused = api.post("/api/setup/folder", json={"path": "/tmp"}, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert api.get("/api/setup/folders", headers={"Host": "evil.example"}).status_code == 403
    plain = api.post("/api/libraries", content=json.dumps({}), headers={"Content-Type": "text/plain"})
    assert plain.status_code == 400


def test_a_server_with_tls(api: httpx.Client, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "config.toml").write_text("")
    server = Server(tmp_path, "--no-worker", SSL_CERT_FILE=str(authority.file))
    try:
        with (
            PlexStandIn(TOKEN, tls=authority.server(direct())) as plex,
            httpx.Client(base_url=server.address, timeout=40) as client,
        ):
            plex.add_section("Films", "movie")
            for name in ("address", "certificate", "server", "token", "sections"):
                assert step(client, name, plex.url)["tried"] == {
                    "step": name,
                    "ok": True,
                    "code": "",
                    "message": "",
                    "hint": "",
                }
            mismatch = step(client, "certificate", f"https://localhost:{plex.port}")["tried"]
            assert (mismatch["ok"], mismatch["code"]) == (False, "tls_name")
            assert "plex.direct" in mismatch["hint"]
            untrusted = step(api, "certificate", plex.url)["tried"]
            assert (untrusted["ok"], untrusted["code"]) == (False, "tls_untrusted")
            body = {"kind": "plex", "name": "Safe", "address": plex.url, "token": TOKEN}
            added = client.post("/api/libraries", json=body)
            assert (added.status_code, added.json()["online"]) == (201, True), added.text
    finally:
        server.stop()


def test_the_very_first_library_of_a_start_without_any_file(
    tmp_path: Path, files: Path, clip: Clip, plex: PlexStandIn
) -> None:
    """The demo is there by itself, until a configuration file is; the worker finds that file too."""
    assert plex.url  # its files are there
    fake_demo(tmp_path, clip)
    place = files / "nas" / "recordings" / "shows"
    server = Server(tmp_path)
    with httpx.Client(base_url=server.address, timeout=40) as client:
        state = client.get("/api/setup").json()
        file = tmp_path / "config" / "plexcut" / "config.toml"
        assert (state["configured"], state["demo"]["state"], state["demo_stays"]) == (0, "ready", True)
        assert (state["config_file"], file.exists()) == (str(file), False)
        added = client.post("/api/libraries", json={"kind": "folder", "name": "Serien", "path": str(place)})
        assert added.status_code == 201, added.text
        assert file.stat().st_mode & 0o777 == 0o600
        state = client.get("/api/setup").json()
        assert (state["configured"], state["demo"]["state"], state["demo_stays"]) == (1, "ready", False)
        assert added.json()["online"], added.text
        section = until(client, "/api/libraries/serien/sections", lambda found: found.get("sections"))["sections"][0]
        show = client.get(f"/api/libraries/serien/sections/{section['id']}/items").json()["items"][0]
        season = client.get(f"/api/items/{show['id']}/children").json()["items"][0]
        episode = client.get(f"/api/items/{season['id']}/children").json()["items"][0]
        recording = f"/api/recordings/{episode['recording']}"
        until(client, recording, lambda info: info["index"]["state"] == "ready")
        job = client.post(f"{recording}/cut", json={"keep": [["#20", "#60"]]}).json()
        done = until(client, f"/api/jobs/{job['id']}", lambda job: job["state"] in ("finished", "failed"), 60)
        assert done["state"] == "finished", done
        Path(done["result"]["path"]).unlink()
    server.stop()
    server = Server(tmp_path, "--no-worker")
    assert [one["id"] for one in server.get("/api/libraries")["libraries"]] == ["serien"]
    server.stop()


def test_a_start_with_library_and_a_guarded_and_a_closed_one(tmp_path: Path, files: Path) -> None:
    server = Server(tmp_path / "a", "--library", str(files), "--no-worker")
    assert server.get("/api/setup")["closed"] == "command_line"
    answer = httpx.get(f"{server.address}/api/setup/folders")
    assert (answer.status_code, "--library" in answer.text) == (403, True)
    server.stop()
    password = PasswordHasher(time_cost=1, memory_cost=1024).hash("open sesame")
    settings = {"PLEXCUT_SERVER__HOST": "0.0.0.0", "PLEXCUT_SERVER__PASSWORD": password, "PLEXCUT_SERVER__SETUP": "off"}
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "config.toml").write_text("")
    server = Server(tmp_path / "b", "--no-worker", **settings)
    with httpx.Client(base_url=server.address) as client:
        for path in ("/api/setup", "/api/setup/folders"):
            assert client.get(path).status_code == 401
        assert client.post("/api/setup/folder", json={"path": "/tmp"}).status_code == 401
        assert client.post("/api/libraries", json={}).status_code == 401
        assert client.post("/api/session", json={"password": "open sesame"}).status_code == 200
        assert client.get("/api/setup").json()["closed"] == "off"
        assert client.get("/api/setup/folders").status_code == 403
        assert client.post("/api/setup/demo", json={}).status_code == 403
    server.stop()
