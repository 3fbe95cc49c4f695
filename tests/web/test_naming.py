"""The routes of the names of spans."""

from __future__ import annotations

from plexcut.domain.naming import SpanName
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC

NAMES = f"/api/recordings/{REC}/names"


def test_names_go_out_and_come_in(server: Running) -> None:
    client = server.client()
    found = client.get(NAMES).json()
    assert found == {
        "names": [
            {"start_frame": 0, "end_frame": 100, "name": "Part one"},
            {"start_frame": 100, "end_frame": 200, "name": ""},
        ],
        "total": 2,
    }
    answer = client.put(NAMES, json={"names": found["names"]})
    assert (answer.status_code, answer.json()) == (200, found)
    asked = next(what for name, what in reversed(server.plexdata.calls) if name == "save_names")
    assert asked == (REC, (SpanName(0, 100, "Part one"), SpanName(100, 200, "")))


def test_what_is_refused(server: Running) -> None:
    client = server.client()
    for names in ([{"start_frame": -1, "end_frame": 3, "name": ""}], [{"start_frame": 0}], "x", [{}] * 1001):
        assert client.put(NAMES, json={"names": names}).status_code == 400
    long = [{"start_frame": 0, "end_frame": 3, "name": "n" * 81}]
    assert client.put(NAMES, json={"names": long}).status_code == 400
