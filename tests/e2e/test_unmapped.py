"""A Plex server whose files no path mapping reaches: everything but a cut works, through the server."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image

from tests.e2e.server import Server
from tests.media_factory import CLIPS, Clip, ClipCache, read_number
from tests.plex.server import PlexStandIn

TOKEN = "unmapped-token-9c2e"
NAMED = "/volume1/tv/Harbour Light (2011).ts"


@pytest.fixture(scope="module")
def clip(clip_cache: ClipCache) -> Clip:
    return clip_cache.get(CLIPS["broadcast"])


@pytest.fixture(scope="module")
def plex(clip: Clip) -> Iterator[PlexStandIn]:
    with PlexStandIn(TOKEN) as plex:
        section = plex.add_section("Films", "movie", "/volume1/tv")
        plex.add_movie(section, "Harbour Light", [NAMED], year=2011, duration=4000)
        plex.hand_out(NAMED, clip.path)
        yield plex


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def api(home: Path, plex: PlexStandIn) -> Iterator[httpx.Client]:
    config = home / "config.toml"
    config.write_text(f'[[library]]\nid = "home"\nkind = "plex"\nurl = "{plex.url}"\ntoken = "{TOKEN}"\n')
    config.chmod(0o600)
    server = Server(home, "--config", str(config))
    with httpx.Client(base_url=server.address, timeout=30) as client:
        yield client
    server.stop()


@pytest.fixture(scope="module")
def recording(api: httpx.Client) -> str:
    deadline = time.monotonic() + 20
    while True:
        movie = api.get("/api/selection").json()["movie"]
        if movie is not None or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    found = f"/api/recordings/{movie['recording']}"
    while (info := api.get(found).json())["index"]["state"] != "ready":
        assert time.monotonic() < deadline, info
        time.sleep(0.05)
    return found


def test_it_is_shown(api: httpx.Client, recording: str, clip: Clip) -> None:
    info: dict[str, Any] = api.get(recording).json()
    assert (info["title"], info["path_name"], info["frames"]) == (
        "Harbour Light",
        "Harbour Light (2011).ts",
        clip.frames,
    )
    for number in (0, 150, 77, 78):
        answer = api.get(f"{recording}/frame", params={"n": number, "width": 320})
        assert answer.headers["X-Frame-Number"] == str(number)
        assert read_number(np.asarray(Image.open(io.BytesIO(answer.content)))) == number
    assert api.put(f"{recording}/keep", json={"keep": [["#10", "#60"]], "revision": 0}).json()["keep_frames"] == [
        [10, 60]
    ]
    assert (
        api.post(
            "/api/timeline", json={"basename": "f.jpg", "pos": 1, "l": 0, "r": 1, "step": 1, "size": 160}
        ).status_code
        == 200
    )


def test_it_is_played(api: httpx.Client, recording: str, clip: Clip) -> None:
    found = re.search(r"<location>([^<]+)</location>", api.get("/streams/movie.xspf").text)
    assert found is not None
    data = clip.path.read_bytes()
    answer = api.get(found[1], headers={"Range": "bytes=1000-50000"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (206, "video/mp2t")
    assert answer.content == data[1000:50001]
    assert api.get(found[1]).content == data


def test_filmstrip_sound_and_playback(api: httpx.Client, recording: str) -> None:
    strip = api.get(f"{recording}/filmstrip", params={"from": "#20", "to": "#60", "count": 4, "height": 64}).json()
    assert [tile["frame"] for tile in strip["tiles"]] == sorted({tile["frame"] for tile in strip["tiles"]})
    assert api.get(f"{recording}/filmstrip.jpg", params={"count": 3}).headers["Content-Type"] == "image/jpeg"
    assert api.get(f"{recording}/waveform", params={"from": 0, "to": 2, "points": 10}).status_code == 200
    film = api.get(f"{recording}/video.mp4", params={"from": "#20", "to": "#40"})
    assert film.status_code in {200, 206}
    with av.open(io.BytesIO(film.content)) as played:
        numbers = [read_number(frame.to_ndarray(format="gray")) for frame in played.decode(video=0)]
    assert numbers == list(range(20, 40))


def test_a_cut_is_planned_with_a_warning_and_refused(api: httpx.Client, recording: str) -> None:
    body = {"keep": [["#10", "#60"]], "mode": "exact", "output": "beside"}
    plan = api.post(f"{recording}/plan", json=body).json()
    assert plan["frames"] == 50
    assert "can only be read through the Plex server" in plan["warnings"][0]
    refused = api.post(f"{recording}/cut", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "cannot_write")
    assert "[[library.path]]" in refused.json()["error"]["hint"]
    assert api.get("/api/jobs").json()["total"] == 0


def test_an_outage_passes(api: httpx.Client, recording: str, plex: PlexStandIn) -> None:
    plex.fail("gone")
    answer = api.get(f"{recording}/frame", params={"n": 5, "width": 111}, headers={"Accept": "application/json"})
    assert answer.status_code in {200, 503}  # what was read already may be enough
    plex.fail(None)
    deadline = time.monotonic() + 20
    while api.get(f"{recording}/frame", params={"n": 6, "width": 112}).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_token_is_nowhere(api: httpx.Client, recording: str, home: Path, plex: PlexStandIn) -> None:
    assert TOKEN not in api.get(recording).text + api.get("/api/health").text + api.get("/streams/movie.xspf").text
    assert TOKEN not in (home / "server.log").read_text()
    assert not any(TOKEN in request.path for request in plex.requests)
    assert any(request.path.startswith("/library/parts/") for request in plex.requests)
