"""What the routes hand on and answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import httpx
import pytest

from plexcut.domain.catalog import ItemQuery
from plexcut.domain.jobs import JobPage
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import LibraryOffline, RecordingNotFound
from tests.web.conftest import Launch, Running
from tests.web.fake_orders import JOB, REC
from tests.web.fake_plexdata import MOVIES

FRAME = f"/api/recordings/{REC}/frame"


def last(server: Running, name: str) -> object:
    return next(what for called, what in reversed(server.plexdata.calls) if called == name)


def test_health(server: Running) -> None:
    client = server.client()
    assert client.get("/api/health").json() == {
        "status": "ok",
        "version": "0.1.0",
        "libraries": [{"id": "home", "name": "Home", "kind": "folder", "online": True}],
        "queue": {"online": True, "workers": 1},
    }
    server.plexdata.status = "starting"
    answer = client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "starting"}


def test_browsing(server: Running) -> None:
    client = server.client()
    assert client.get("/api/libraries").json() == {
        "libraries": [{"id": "home", "name": "Home", "kind": "folder", "online": True, "message": ""}],
        "total": 1,
    }
    assert client.get("/api/libraries/home/sections").json() == {
        "sections": [{"id": "home~movies", "title": "Movies", "section_type": "movie"}],
        "total": 1,
    }
    items = "/api/libraries/home/sections/home~movies/items"
    assert client.get(f"{items}?search=film&sort=-year&offset=1&limit=1").json()["total"] == 3
    assert last(server, "items") == ItemQuery("film", "-year", offset=1, limit=1)
    assert client.get(f"{items}?state=uncut").status_code == 200
    assert last(server, "items") == ItemQuery(state="uncut")
    assert client.get(f"{items}?state=lost").status_code == 400
    found = client.get(items).json()["items"]
    assert [one["id"] for one in found] == ["home~m1", "home~m2", "home~m3"]
    assert found[0]["thumb"] == "/api/items/home~m1/thumb"
    assert found[1]["thumb"] is None
    assert found[0]["versions"][0]["video_codec"] == "mpeg2video"
    assert client.get("/api/items/home~m1").json() == found[0]
    assert client.get("/api/items/home~m1/children").json() == {"items": [], "total": 0}


def test_poster(client: httpx.Client) -> None:
    answer = client.get("/api/items/home~m1/thumb?width=200")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    again = client.get("/api/items/home~m1/thumb", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/items/home~m2/thumb").status_code == 404
    assert client.get("/api/items/home~m1/thumb?width=5").status_code == 400


def test_frame_by_time_and_number(server: Running) -> None:
    client = server.client()
    answer = client.get(FRAME, params={"at": "00:01:02.5", "width": 640})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.content == b"jpg 3125 640"
    assert answer.headers["X-Frame-Number"] == "3125"
    assert answer.headers["X-Frame-Time"] == "62.500000"
    assert last(server, "frame") == (REC, Fraction(125, 2), 640, "jpg")
    assert client.get(FRAME, params={"n": 7}).content == b"jpg 7 None"
    assert client.get(FRAME, params={"at": "#7"}).content == b"jpg 7 None"
    assert last(server, "frame") == (REC, FrameNumber(7), None, "jpg")
    assert client.get(FRAME, params={"at": "50.02"}).headers["X-Frame-Number"] == "2501"
    again = client.get(FRAME, params={"n": 3125, "width": 640}, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert again.headers["X-Frame-Number"] == "3125"
    assert client.head(FRAME, params={"n": 7}).headers["X-Frame-Number"] == "7"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "image/jpeg"),
        ("", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/png,image/jpeg;q=0.5", "image/png"),
        ("image/jpeg,image/png;q=0.9", "image/jpeg"),
        ("image/webp", "image/webp"),
        ("image/jpeg,image/webp", "image/webp"),
        ("image/jpeg,image/webp;q=0.9", "image/jpeg"),
        ("image/webp;q=0", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/webp"),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "image/webp"),
        ("application/json", "image/jpeg"),
    ],
)
def test_format_of_the_frame(server: Running, accept: str | None, kind: str) -> None:
    client = server.client()
    if accept is None:
        del client.headers["Accept"]
    else:
        client.headers["Accept"] = accept
    assert client.get(FRAME, params={"n": 1}).headers["Content-Type"] == kind


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"at": "100000"}, 422, "position_invalid"),
        ({"at": "-1"}, 422, "position_invalid"),
        ({"n": "5000"}, 422, "position_invalid"),
        ({"at": "soon"}, 400, "bad_request"),
        ({"at": "1e3"}, 400, "bad_request"),
        ({"at": "nan"}, 400, "bad_request"),
        ({"n": "-1"}, 400, "bad_request"),
        ({"n": "1.5"}, 400, "bad_request"),
        ({"n": "1", "at": "1"}, 400, "bad_request"),
        ({}, 400, "bad_request"),
        ({"n": "1", "width": "15"}, 400, "bad_request"),
        ({"n": "1", "width": "4097"}, 400, "bad_request"),
        ({"n": "1", "width": "wide"}, 400, "bad_request"),
    ],
)
def test_frame_that_is_not_there_is_an_error_picture(
    client: httpx.Client, query: dict[str, str], status: int, code: str
) -> None:
    answer = client.get(FRAME, params=query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "image/png")
    assert answer.content.startswith(b"\x89PNG")
    assert answer.headers["X-Error-Code"] == code
    assert answer.headers["Cache-Control"] == "no-store"
    as_json = client.get(FRAME, params=query, headers={"Accept": "application/json"})
    assert as_json.status_code == status
    assert as_json.json()["error"]["code"] == code


def test_frame_of_an_offline_library_and_of_nothing(server: Running) -> None:
    client = server.client()
    for error, status in ((LibraryOffline("the host is gone"), 503), (RecordingNotFound("gone"), 404)):
        server.plexdata.fail["frame"] = error
        answer = client.get(FRAME, params={"n": 1})
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, error.code)
        assert answer.content.startswith(b"\x89PNG")


@pytest.mark.logs_error("request .* failed, id")
def test_frame_that_fails_unexpectedly_says_nothing_of_why(server: Running) -> None:
    server.plexdata.fail["frame"] = RuntimeError("secret")
    answer = server.client().get(FRAME, params={"n": 1})
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (500, "internal")
    assert b"secret" not in answer.content


def test_recording(client: httpx.Client) -> None:
    ready = client.get(f"/api/recordings/{REC}").json()
    assert ready["index"] == {"state": "ready", "percent": 100.0, "error": None}
    assert (ready["frames"], ready["video"]["codec"], ready["audio"][0]["language"]) == (5000, "h264", "deu")
    assert (ready["fingerprint"], ready["path_name"], ready["keep_revision"]) == ("fp-1", "film.ts", 0)
    building = client.get("/api/recordings/home~r2").json()
    assert building["index"]["state"] == "building"
    assert building["frames"] is building["video"] is building["duration_s"] is None
    assert set(building) == set(ready)


def test_keep_list_takes_every_written_form_and_numbers_as_written(server: Running) -> None:
    client = server.client()
    path = f"/api/recordings/{REC}/keep"
    assert client.get(path).json() == {
        "keep": [],
        "keep_frames": [],
        "revision": 0,
        "fingerprint": None,
        "applies": True,
        "imported": None,
    }
    body = b'{"keep": [[50.02, "00:01:00.5"], ["1:10", "#4000"], [90, 1.0e2]], "revision": 0, "fingerprint": "fp-1"}'
    answer = client.put(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["keep_frames"] == [[2501, 3025], [3500, 4000], [4500, 5000]]
    assert answer.json()["revision"] == 1
    order = last(server, "save_keep")
    assert order.keep[0] == (Fraction(5002, 100), Fraction(605, 10))  # type: ignore[attr-defined]
    assert order.fingerprint == "fp-1"  # type: ignore[attr-defined]
    stale = client.put(path, json={"keep": [], "revision": 0})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale_revision")
    read = client.get(path).json()
    assert client.put(path, json=read).status_code == 200


def test_plan_and_cut(server: Running) -> None:
    client = server.client()
    plan = client.post(f"/api/recordings/{REC}/plan", json={"keep": [[0, 10]], "mode": "exact"}).json()
    assert plan == {
        "frames": 500,
        "frames_copied": 480,
        "frames_reencoded": 20,
        "duration_s": 10.0,
        "bytes": 12345,
        "warnings": [],
        "keep": [[0.0, 10.0]],
        "keep_frames": [[0, 500]],
        "spans": [],
        "snap": [],
    }
    answer = client.post(f"/api/recordings/{REC}/cut")
    assert answer.status_code == 202
    job = answer.json()
    assert (job["id"], job["kind"], job["state"]) == ("job-1", "cut", "queued")
    assert (job["section"], job["raw_duration_s"], job["cut_duration_s"]) == ("home~movies", 100.0, 10.0)
    assert (job["keep"], job["in_place"], job["output_path"]) == ([[0.0, 10.0]], False, "/media/Film 1 cut.ts")
    assert last(server, "cut")[1].keep is None  # type: ignore[index]
    assert client.post(f"/api/recordings/{REC}/cut", json={"mode": "fast"}).status_code == 400


def test_jobs_and_progress(client: httpx.Client) -> None:
    assert client.get("/api/jobs").json()["total"] == 1
    assert client.get("/api/jobs/job-1").json()["id"] == "job-1"
    assert client.delete("/api/jobs/job-1").json()["state"] == "cancelled"
    retried = client.post("/api/jobs/job-1/retry")
    assert (retried.status_code, retried.json()["id"]) == (202, "job-2")
    progress = client.get("/api/progress").json()
    assert progress["state"] == "idle"
    assert set(progress) == {"state", "job", "title", "phase", "percent", "eta_s", "worker", "queue"}


def test_the_result_of_a_job(server: Running) -> None:
    whole = {
        "path": "/media/Film 1 cut.ts",
        "duration_s": 10.0,
        "frames": 500,
        "frames_copied": 480,
        "bytes": 12345,
        "frames_reencoded": 20,
        "seconds": 1.5,
        "verified": True,
        "streams": [],
        "checks": [],
        "seams": [
            {"at_s": 5.0, "source_end": 250, "source_start": 500, "frames_reencoded": 20, "av_offset_ms": [1.5, None]}
        ],
    }
    error = {"code": "cancelled", "message": "the user stopped it", "hint": ""}
    for result, failure in ((whole, None), ({"path": "/old", "other": 1}, None), (None, error)):
        state = "failed" if failure else "finished"
        job = replace(JOB, state=state, result=result, error=failure, meta={})  # type: ignore[arg-type]
        server.plexdata.job = lambda _, job=job: job  # type: ignore[method-assign, misc]
        server.plexdata.jobs = lambda _, job=job: JobPage((job,), 1)  # type: ignore[method-assign, misc]
        shown = server.client().get("/api/jobs/job-1").json()
        assert server.client().get("/api/jobs").json() == {"jobs": [shown], "total": 1}
        assert shown["error"] == failure
        assert (shown["result"] or {}).items() >= (result or {}).items()
        assert (shown["in_place"], shown["keep"]) == (False, None)


def test_timeline_and_its_pictures(server: Running, client: httpx.Client) -> None:
    order = {"basename": "frame.jpg", "pos": "0:10", "l": -1, "r": 1, "step": 2, "size": 160}
    answer = client.post("/api/timeline", json=order).json()
    assert answer["total"] == 3
    assert [frame["k"] for frame in answer["frames"]] == [-1, 0, 1]
    assert answer["frames"][1]["url"] == f"/static/{REC}/frame_00:00:10.jpg"
    for frame in answer["frames"]:
        picture = client.get(frame["url"])
        assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")
    folder = server.plexdata.static_dir
    (folder / "secret.txt").write_text("secret")
    (folder / REC / "secret.txt").write_text("secret")
    (folder / REC / ".hidden.jpg").write_text("secret")
    (folder / REC / "link.jpg").symlink_to("/etc/hostname")
    for name in ("secret.txt", ".hidden.jpg", "link.jpg", "..%2fsecret.txt", "%2e%2e%5csecret.txt", "no.jpg"):
        assert client.get(f"/static/{REC}/{name}").status_code == 404, name
    for wrong in (
        {"l": 2, "r": 1},
        {"step": 0},
        {"step": -1},
        {"size": 5},
        {"step": "#5"},
        {"basename": ""},
        {"l": "1"},
    ):
        assert client.post("/api/timeline", json={**order, **wrong}).status_code == 400, wrong


def test_names_that_are_no_unicode_reach_the_page(server: Running) -> None:
    broken = replace(MOVIES[0], title="Kn\udcf6del \ud83d\ude00")
    server.plexdata.item = lambda item: broken  # type: ignore[method-assign]
    assert server.client().get("/api/items/home~m1").json()["title"] == "Kn\ufffddel \U0001f600"


def test_openapi_and_docs(client: httpx.Client) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert set(operation["responses"]) - {"default"}, (method, path)
    assert document["components"]["schemas"]["Recording"]["properties"]["frames"]
    used = set(re.findall(r'"#/components/schemas/(\w+)"', client.get("/api/openapi.json").text))
    assert used <= set(document["components"]["schemas"])
    page = client.get("/api/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "/api/recordings/{recording}/frame" in page.text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    assert "<script" not in page.text


def test_the_document_is_the_same_each_time_it_is_printed(client: httpx.Client) -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-m", "plexcut.web.openapi"],
            capture_output=True,
            check=True,
            env={"PYTHONPATH": "src", "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert json.loads(printed.pop()) == client.get("/api/openapi.json").json()


def test_below_a_base_path(launch: Launch) -> None:
    server = launch(base_path="/cut")
    client = server.client()
    root = server.url.removesuffix("/cut")
    assert '<base href="/cut/">' in client.get("/").text
    assert "path=/cut" in client.get("/").headers.get("set-cookie", "Path=/cut").lower()
    assert client.get("/api/items/home~m1").json()["thumb"] == "/cut/api/items/home~m1/thumb"
    assert client.get("/api/openapi.json").json()["servers"] == [{"url": "/cut"}]
    assert httpx.get(f"{root}/api/health").status_code == 404
    assert httpx.get(f"{root}/api/health").json()["error"]["code"] == "route_not_found"
    assert httpx.get(f"{root}/").headers["Location"] == "/cut/"
    assert httpx.get(f"{root}/cut").headers["Location"] == "/cut/"
    assert httpx.get(f"{root}/cutter/api/health").status_code == 404
    assert f"{root}/cut/streams/" in client.get("/streams/movie.xspf").text
