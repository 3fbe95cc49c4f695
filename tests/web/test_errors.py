"""One error shape for every failure of every route, and the status that fits."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from plexcut import errors
from plexcut.web.errors import status_of
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC, FakePlexdata

IDS = {
    "library": "nope",
    "section": "nope",
    "item": "nope",
    "recording": "nope",
    "job": "nope",
    "stream": "nope",
    "entry": "nope",
}


def assert_shape(answer: httpx.Response) -> dict[str, str]:
    assert answer.headers["Content-Type"] == "application/json", answer.text
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert all(isinstance(value, str) for value in body["error"].values())
    assert re.fullmatch(r"[a-z_]+", body["error"]["code"])
    assert body["error"]["message"]
    return body["error"]


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    document = client.get("/api/openapi.json").json()
    return [(method.upper(), path) for path, found in document["paths"].items() for method in found]


def test_every_route_with_ids_that_do_not_exist(client: httpx.Client) -> None:
    bodies = {
        "/api/recordings/{recording}/keep": {"keep": [], "revision": 0},
        "/api/recordings/{recording}/keep/undo": {"revision": 0},
        "/api/jobs/{job}/move": {"position": 1},
        "/api/jobs/{job}/priority": {"priority": "low"},
        "/api/recordings/{recording}/names": {"names": []},
        "/api/recordings/{recording}/keep/redo": {"revision": 0},
        "/api/recordings/{recording}/cutlist": {"text": "0 1 0"},
        "/api/recordings/{recording}/breaks": {"dismissed": []},
        "/api/timeline": {"basename": "f.jpg", "pos": 0, "l": 2, "r": 1, "step": 1, "size": 100},
    }
    asked = 0
    for method, path in routes(client):
        if "{" not in path:
            continue
        json_body = bodies.get(path, {}) if method in {"PUT", "POST"} else None
        query = {"n": 0} if path.endswith("/frame") else {}
        answer = client.request(
            method, path.format(**IDS), json=json_body, params=query, headers={"Accept": "application/json"}
        )
        if path.endswith(("/plan", "/cut")):
            continue  # the fake knows every recording there
        asked += 1
        assert answer.status_code == (403 if path.startswith("/streams") else 404), (method, path)
        assert assert_shape(answer)["code"].endswith(("_not_found", "not_allowed")), (method, path)
    assert asked > 10


@pytest.mark.logs_error("request .* failed, id")
def test_every_route_when_something_unknown_fails(server: Running, client: httpx.Client) -> None:
    names = {name for name in dir(FakePlexdata) if not name.startswith("_")} - {"subscribe", "secret"} | {"playlist"}
    ids = {**IDS, "recording": REC, "stream": "good.signed~token"}
    bodies = {
        "keep": {"keep": [], "revision": 0},
        "undo": {"revision": 0},
        "move": {"position": 1},
        "priority": {"priority": "low"},
        "names": {"names": []},
        "cutlist": {"text": "0 1 0"},
        "breaks": {"dismissed": []},
        "redo": {"revision": 0},
        "libraries": {"kind": "folder", "name": "x", "path": "/media/x"},
        "try": {"address": "http://h", "token": "t", "step": "token"},
        "mappings": {"address": "http://h", "token": "t"},
        "folder": {"path": "/media/x"},
        "timeline": {"basename": "f.jpg", "pos": 0, "l": 0, "r": 1, "step": 1, "size": 100},
    }
    server.plexdata.fail = {name: RuntimeError("the inner secret") for name in names}
    for method, path in routes(client):
        if path in {"/api/events", "/api/session"}:
            continue
        last = path.rpartition("/")[2]
        json_body = bodies.get(last, {}) if method in {"PUT", "POST"} else None
        answer = client.request(
            method, path.format(**ids), json=json_body, params={"at": "1"}, headers={"Accept": "application/json"}
        )
        assert answer.status_code == 500, (method, path)
        error = assert_shape(answer)
        assert error["code"] == "internal"
        assert "secret" not in answer.text
        assert re.search(r"id [0-9a-f]{12}", error["message"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("POST", "/api/nothing", 404),
        ("GET", "/api", 404),
        ("GET", "/metrics", 404),
        ("GET", f"/api/recordings/{REC}/filmstrip.png", 404),
        ("GET", f"/api/recordings/{REC}/video.mkv", 404),
        ("POST", f"/api/recordings/{REC}/detect", 404),
        ("GET", "/api/items/a%20b", 404),
        ("GET", "/api/items/%2e%2e%2fx", 404),
        ("GET", "/assets/missing.js", 404),
        ("GET", "/static/home~r1/%2e%2e%2fx", 404),
        ("POST", "/api/health", 405),
        ("DELETE", "/api/selection", 405),
        ("PATCH", "/api/selection", 405),
        ("POST", "/", 405),
    ],
)
def test_unknown_routes_and_methods(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status, answer.text
    assert_shape(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b'{"keep": [[0, NaN]], "revision": 0}',
        b'{"keep": [[0, Infinity]], "revision": 0}',
        b'{"keep": [[0, -Infinity]], "revision": 0}',
        b'{"keep": [[0, 1e999999999]], "revision": 0}',
        b'{"keep": [[0, 1e-999999999]], "revision": 0}',
        b'{"keep": [[0, ' + b"9" * 5000 + b']], "revision": 0}',
        b'{"keep": [[0, 0.' + b"1" * 5000 + b']], "revision": 0}',
        b"[" * 100_000,
        b'{"keep": [[0]], "revision": 0}',
        b'{"keep": [[0, 1, 2]], "revision": 0}',
        b'{"keep": [0, 1], "revision": 0}',
        b'{"keep": [[0, true]], "revision": 0}',
        b'{"keep": [[0, null]], "revision": 0}',
        b'{"keep": [[0, "soon"]], "revision": 0}',
        b'{"keep": [[0, "1:99"]], "revision": 0}',
        b'{"keep": [], "revision": "0"}',
        b'{"keep": [], "revision": -1}',
        b'{"keep": []}',
        b"",
    ],
)
def test_malformed_bodies_are_400(client: httpx.Client, body: bytes) -> None:
    answer = client.put(f"/api/recordings/{REC}/keep", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert_shape(answer)


def test_a_span_before_the_start_is_422(client: httpx.Client) -> None:
    for start in (-1, -0.5, "-1", "-00:00:01"):
        answer = client.put(f"/api/recordings/{REC}/keep", json={"keep": [[start, 5]], "revision": 0})
        assert answer.status_code == 422
        assert assert_shape(answer)["code"] == "span_invalid"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_body_of_another_type_is_refused(client: httpx.Client, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    request = client.build_request("PUT", "/api/selection", content=b'{"movie": "home~m2"}', headers=headers)
    answer = client.send(request)
    assert answer.status_code == 400
    assert_shape(answer)
    assert client.get("/api/selection").json()["movie"]["id"] == "home~m1"


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    answer = client.put("/api/selection", content=b" " * (2 << 20), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert assert_shape(answer)["code"] == "too_large"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "offset=-1", "sort=size", "search=" + "x" * 300],
)
def test_wrong_query_values_are_400(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/api/libraries/home/sections/home~movies/items?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in assert_shape(answer)["message"]


def test_unknown_keys_of_an_order_are_refused_and_nothing_is_cut(server: Running, client: httpx.Client) -> None:
    answer = client.post(f"/api/recordings/{REC}/cut", json={"kepe": [[0, 5]]})
    assert answer.status_code == 400
    assert not any(name == "cut" for name, _ in server.plexdata.calls)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RecordingBusy("x"), 409),
        (errors.RecordingChanged("x"), 409),
        (errors.StaleRevision("x"), 409),
        (errors.SpanInvalid("x"), 422),
        (errors.PositionInvalid("x"), 422),
        (errors.FormatUnsupported("x"), 422),
        (errors.UnknownOutput("x"), 422),
        (errors.UsageError("x"), 400),
        (errors.RecordingNotFound("x"), 404),
        (errors.FileUnreadable("x"), 404),
        (errors.LibraryOffline("x"), 503),
        (errors.QueueOffline("x"), 503),
        (errors.DiskFull("x"), 507),
        (errors.NotAllowed("x"), 403),
    ],
)
def test_status_of_each_failure(server: Running, error: errors.PlexcutError, status: int) -> None:
    assert status_of(error) == status
    server.plexdata.fail["cut"] = error
    answer = server.client().post(f"/api/recordings/{REC}/cut", json={})
    assert answer.status_code == status
    assert assert_shape(answer)["code"] == error.code


def test_the_shape_holds_any_text(server: Running) -> None:
    server.plexdata.fail["jobs"] = errors.QueueOffline('a "quote" \n <b> ümlaut \ud83d', "hint")
    answer = server.client().get("/api/jobs")
    assert answer.status_code == 503
    assert json.loads(answer.content)["error"]["message"].startswith('a "quote"')
