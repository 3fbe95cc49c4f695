"""The two routes of a filmstrip: its tiles and its image."""

from __future__ import annotations

from fractions import Fraction
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from plexcut.domain.media import FilmstripOrder
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import LibraryOffline
from plexcut.plexdata.filmstrip import StripOrder
from tests.web.conftest import Launch, Running

REC, EARLY = "home~r1", "home~r2"
STRIP = f"/api/recordings/{REC}/filmstrip"


def orders(server: Running) -> list[StripOrder]:
    return [what for name, what in server.plexdata.calls if name == "filmstrip"]


def test_tiles_and_image(server: Running) -> None:
    client = server.client()
    answer = client.get(STRIP, params={"from": "#10", "to": "0:01:02.5", "count": 2, "height": 90})
    assert answer.status_code == 200
    found = answer.json()
    assert found["tiles"] == [
        {"frame": 12, "time_s": 0.24, "x": 0, "y": 0, "w": 160, "h": 90},
        {"frame": 40, "time_s": 0.8, "x": 160, "y": 0, "w": 160, "h": 90},
    ]
    assert (found["width"], found["height"], found["from_s"], found["to_s"]) == (320, 90, 0.0, 2.0)
    assert (found["step"], found["provisional"], found["fingerprint"]) == (16, False, "fp-1")
    pictures = FilmstripOrder(FrameNumber(10), Fraction(125, 2), 2, 90)
    assert orders(server) == [StripOrder(REC, pictures, "jpg", "fp-1")]
    image = client.get(found["url"])
    assert (image.status_code, image.content, image.headers["content-type"]) == (200, b"exact", "image/jpeg")
    assert orders(server)[1] == orders(server)[0]
    assert image.headers["vary"] == "Accept"
    assert "max-age" in image.headers["cache-control"]


def test_the_image_is_webp_for_those_who_name_it(server: Running) -> None:
    client = server.client()
    jpeg = client.get(f"{STRIP}.jpg")
    chrome = {"Accept": "image/avif,image/webp,image/apng,*/*;q=0.8"}
    webp = client.get(f"{STRIP}.jpg", headers=chrome)
    assert [jpeg.headers["content-type"], webp.headers["content-type"]] == ["image/jpeg", "image/webp"]
    assert jpeg.headers["etag"] != webp.headers["etag"]
    mixed = client.get(f"{STRIP}.jpg", headers={**chrome, "If-None-Match": jpeg.headers["etag"]})
    assert mixed.status_code == 200


def test_without_parameters(server: Running) -> None:
    assert server.client().get(STRIP).status_code == 200
    assert orders(server)[0].pictures == FilmstripOrder(None, None, 100, 90)


def test_what_lies_before_the_recording_is_its_beginning(server: Running) -> None:
    assert server.client().get(STRIP, params={"from": "-12.5", "to": 3}).status_code == 200
    assert orders(server)[0].pictures == FilmstripOrder(Fraction(0), Fraction(3), 100, 90)


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("count=0", 400, "count"),
        ("count=1001", 400, "count"),
        ("count=many", 400, "count"),
        ("height=15", 400, "height"),
        ("height=1081", 400, "height"),
        ("step=0", 400, "step"),
        ("from=soon", 400, "soon"),
        ("to=1:99", 400, "1:99"),
        ("count=7", 422, "empty"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".jpg"])
def test_what_is_not_possible(client: httpx.Client, query: str, status: int, named: str, suffix: str) -> None:
    answer = client.get(f"{STRIP}{suffix}?{query}")
    assert answer.status_code == status
    assert named in answer.json()["error"]["message"]
    assert "\n" not in answer.json()["error"]["message"]


def test_unknown_and_offline(server: Running) -> None:
    client = server.client()
    assert client.get("/api/recordings/home~x/filmstrip").json()["error"]["code"] == "recording_not_found"
    server.plexdata.fail["filmstrip"] = LibraryOffline("the library is offline")
    assert client.get(STRIP).status_code == 503


@pytest.mark.parametrize("suffix", ["", ".jpg"])
def test_what_the_client_has_is_not_made_again(server: Running, suffix: str) -> None:
    client = server.client()
    first = client.get(f"{STRIP}{suffix}?count=3")
    etag = first.headers["etag"]
    again = client.get(f"{STRIP}{suffix}?count=3", headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert len(orders(server)) == 1
    for other in ("count=4", "count=3&height=64", "count=3&from=1", "count=3&to=9", "count=3&step=2"):
        answer = client.get(f"{STRIP}{suffix}?{other}", headers={"If-None-Match": etag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != etag
    server.plexdata.now = "fp-2"
    assert client.get(f"{STRIP}{suffix}?count=3", headers={"If-None-Match": etag}).status_code == 200


def test_an_image_of_another_state_of_the_file_is_none_of_these_tiles(server: Running) -> None:
    client = server.client()
    url = client.get(STRIP).json()["url"]
    assert parse_qs(urlsplit(url).query)["fingerprint"] == ["fp-1"]
    server.plexdata.now = "fp-2"
    refused = client.get(url)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "recording_changed")


def test_provisional_tiles_have_their_own_image_and_are_not_kept(server: Running) -> None:
    client = server.client()
    answer = client.get(f"/api/recordings/{EARLY}/filmstrip?from=0&to=2")
    assert answer.json()["provisional"] is True
    assert [tile["frame"] for tile in answer.json()["tiles"]] == [None, None]
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    image = client.get(answer.json()["url"])
    assert (image.content, image.headers["cache-control"]) == (b"early", "no-store")
    assert orders(server)[-1].provisional


def test_below_a_base_path(launch: Launch) -> None:
    server = launch(base_path="/cut")
    client = server.client()
    url = client.get(f"{STRIP}?from=%235").json()["url"]
    assert url.startswith(f"/cut{STRIP}.jpg?from=%235&")
    assert client.get(url.removeprefix("/cut")).content == b"exact"
