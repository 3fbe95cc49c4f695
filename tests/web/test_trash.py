"""The trash over HTTP, restoring, and what stands in the way of a cut."""

from __future__ import annotations

import httpx
import pytest

from plexcut.errors import CannotWrite, DiskFull, LibraryOffline, NoOriginal, RecordingBusy, RecordingChanged
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC
from tests.web.fake_trash import ENTRY


@pytest.mark.parametrize("body", [None, b"{}"])
def test_restore_takes_no_body_or_an_empty_one(client: httpx.Client, body: bytes | None) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    answer = client.post(f"/api/recordings/{REC}/restore", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"path": "/media/Film 1.ts", "duration_s": 100.0})
    assert client.post(f"/api/recordings/{REC}/restore", json={"to": "/etc"}).status_code == 400


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NoOriginal("none"), 409, "no_original"),
        (RecordingBusy("busy"), 409, "recording_busy"),
        (RecordingChanged("changed"), 409, "recording_changed"),
        (DiskFull("full"), 507, "disk_full"),
        (CannotWrite("no"), 409, "cannot_write"),
        (LibraryOffline("away"), 503, "library_offline"),
    ],
)
def test_why_a_restore_fails(server: Running, client: httpx.Client, error: Exception, status: int, code: str) -> None:
    server.plexdata.fail = {"restore": error}
    answer = client.post(f"/api/recordings/{REC}/restore")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_trash_is_listed_and_emptied(server: Running, client: httpx.Client) -> None:
    listed = client.get("/api/trash").json()
    assert (listed["total"], listed["size_bytes"]) == (1, 1010)
    (entry,) = listed["entries"]
    assert entry["id"] == ENTRY.id
    assert (entry["name"], entry["kind"], entry["path"]) == ("Film 1.ts", "original", "/media/Film 1.ts")
    assert [file["role"] for file in entry["files"]] == ["recording", "retimed"]
    assert client.post(f"/api/trash/{ENTRY.id}/restore").json()["duration_s"] == 100.0
    assert client.delete(f"/api/trash/{ENTRY.id}").json() == {"deleted": [ENTRY.id], "freed_bytes": 1010, "kept": []}
    assert client.delete("/api/trash").status_code == 200
    assert client.delete("/api/trash/other").json()["error"]["code"] == "entry_not_found"


def test_what_stands_in_the_way_of_a_cut(client: httpx.Client) -> None:
    found = client.post(f"/api/recordings/{REC}/check", json={"keep": [[0, 1]], "output": "replace"}).json()
    assert found["ok"] is False
    assert found["checks"] == [
        {"name": "file", "ok": True, "vital": True, "code": None, "message": "", "hint": ""},
        {
            "name": "space",
            "ok": False,
            "vital": True,
            "code": "disk_full",
            "message": "there are 3 MB free",
            "hint": "make room",
        },
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", f"/api/recordings/{REC}/restore"), ("DELETE", "/api/trash"), ("DELETE", "/api/trash/x")],
)
def test_another_site_changes_nothing(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path, headers={"Origin": "https://evil.example"}).status_code == 403
