"""Routes that change the queue and the history of keep lists."""

from __future__ import annotations

from plexcut.domain.jobs import JobQuery
from plexcut.domain.naming import SpanName
from plexcut.domain.ports import Notice
from plexcut.errors import Busy, NothingToUndo, StaleRevision
from tests.web.conftest import Running
from tests.web.fake_orders import REC


def last(server: Running, name: str) -> object:
    return next(what for called, what in reversed(server.plexdata.calls) if called == name)


def test_the_history_of_a_keep_list(server: Running) -> None:
    client = server.client()
    path = f"/api/recordings/{REC}/keep"
    history = client.get(f"{path}/history?limit=7").json()
    assert last(server, "keep_history") == (REC, 7)
    assert (history["position"], history["total"], history["can_undo"], history["can_redo"]) == (0, 1, False, False)
    assert history["steps"] == [
        {"revision": 0, "keep": [], "keep_frames": [], "label": "", "saved_at": 1.0, "names": None}
    ]
    for word in ("undo", "redo"):
        assert client.post(f"{path}/{word}", json={"revision": 3, "steps": 2}).json() == history
        assert last(server, f"{word}_keep") == (REC, 3, 2)
        for wrong in ({}, {"revision": -1}, {"revision": "1"}, {"revision": 1, "steps": 0}, {"revision": 1, "x": 1}):
            assert client.post(f"{path}/{word}", json=wrong).status_code == 400
        stale = StaleRevision("changed")
        stale.current = {"keep": [[1.0, 2.0]], "keep_frames": [[50, 100]], "revision": 4, "fingerprint": "f"}
        server.plexdata.fail[f"{word}_keep"] = stale
        answer = client.post(f"{path}/{word}", json={"revision": 3})
        assert answer.status_code == 409
        assert answer.json()["error"] == {
            "code": "stale_revision",
            "message": "changed",
            "hint": "",
            "current": stale.current,
        }
        server.plexdata.fail[f"{word}_keep"] = NothingToUndo("nothing")
        answer = client.post(f"{path}/{word}", json={"revision": 3})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_undo")
    client.put(path, json={"keep": [], "revision": 0, "merge": True, "label": "split"})
    order = last(server, "save_keep")
    assert (order.merge, order.label, order.names) == (True, "split", None)  # type: ignore[attr-defined]
    names = [{"start_frame": 3, "end_frame": 9, "name": "One"}]
    client.put(path, json={"keep": [], "revision": 0, "names": names})
    assert last(server, "save_keep").names == (SpanName(3, 9, "One"),)  # type: ignore[attr-defined]
    assert client.put(path, json={"keep": [], "revision": 0, "names": [{"start_frame": -1}]}).status_code == 400


def test_the_queue_is_changed_by_hand(server: Running) -> None:
    client = server.client()
    assert client.post("/api/jobs/job-1/move", json={"position": 3}).json()["position"] == 3
    assert client.post("/api/jobs/job-1/move", json={"before": "job-9"}).status_code == 200
    assert last(server, "move_job") == ("job-1", None, "job-9")
    for wrong in ({}, {"position": 1, "before": "x"}, {"position": 0}, {"position": "1"}, {"before": ""}, {"to": 1}):
        assert client.post("/api/jobs/job-1/move", json=wrong).status_code == 400
    assert client.post("/api/jobs/job-1/priority", json={"priority": "high"}).json()["priority"] == "high"
    for wrong in ({}, {"priority": "urgent"}, {"priority": 1}):
        assert client.post("/api/jobs/job-1/priority", json=wrong).status_code == 400
    server.plexdata.fail["move_job"] = Busy("the job is running")
    assert client.post("/api/jobs/job-1/move", json={"position": 1}).status_code == 409
    assert client.post("/api/queue/pause").json()["queue"]["paused"] is True
    assert client.post("/api/queue/resume", json={}).json()["queue"]["paused"] is False
    assert client.get("/api/jobs/job-1/log").json() == {
        "lines": [{"at": 1.0, "level": "info", "message": "begun"}],
        "total": 1,
    }
    client.get("/api/jobs?state=failed&recording=home~r1&offset=2&limit=5")
    assert last(server, "jobs") == JobQuery("failed", "home~r1", 2, 5)
    assert client.get("/api/jobs?state=lost").status_code == 400
    client.post(f"/api/recordings/{REC}/cut", json={"priority": "high"})
    assert last(server, "cut")[1].priority == "high"  # type: ignore[index]


def test_what_somebody_has_to_know(server: Running) -> None:
    client = server.client()
    assert client.get("/api/notices").json() == {"notices": [], "total": 0}
    notice = {"code": "database_damaged", "message": "it was set aside", "hint": "bring back a backup"}
    server.plexdata.told = (Notice(**notice),)  # type: ignore[misc]
    assert client.get("/api/notices").json() == {"notices": [notice], "total": 1}


def test_what_batches_are_made_from(server: Running) -> None:
    client = server.client()
    assert client.get("/api/keeps").json() == {"keeps": [{"recording": REC}], "total": 1}
    assert client.get("/api/cut-options").json() == {
        "mode": "exact",
        "output": "beside",
        "outputs": ["beside", "replace", "folder"],
        "output_folder": "/results",
        "keep_original_days": 30,
    }
    assert client.get("/api/jobs/job-1/result").json() == {"path": "/media/Film 1 cut.ts", "recording": "home~r2"}
    assert client.post("/api/jobs/job-1/result").status_code == 405
