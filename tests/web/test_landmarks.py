"""The routes of what stands out in a recording."""

from __future__ import annotations

from fractions import Fraction

from plexcut.domain.timecode import FrameNumber
from plexcut.plexdata.landmarks import RangeOrder
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC

BASE = f"/api/recordings/{REC}"


def test_marks(server: Running) -> None:
    found = server.client().get(f"{BASE}/marks").json()
    assert found == {
        "clock": [[0, 0.0], [5000, 100.0]],
        "chapters": [
            {"title": "One", "start_s": 0.0, "end_s": 5.0, "origin": "file"},
            {"title": "", "start_s": 0.0, "end_s": 7.0, "origin": "library"},
        ],
        "markers": [{"kind": "commercial", "start_s": 1.0, "end_s": 2.0}],
        "silences": [[2.0, 2.5]],
        "silences_known_s": 9.0,
    }


def test_keyframes(server: Running) -> None:
    client = server.client()
    found = client.get(f"{BASE}/keyframes?from=-3&to=%23100&limit=3").json()
    assert found == {"keyframes": [0, 25, 50], "total": 200, "from_frame": 0, "to_frame": 5000}
    asked = next(what for name, what in reversed(server.plexdata.calls) if name == "keyframes")
    assert asked == (RangeOrder(REC, Fraction(0), FrameNumber(100)), 3)
    assert client.get(f"{BASE}/keyframes?limit=0").status_code == 400


def test_copy_points(server: Running) -> None:
    found = server.client().get(f"{BASE}/copy-points?from=0&to=2").json()
    assert found == {
        "starts": [{"frame": 0, "reencoded": 0}, {"frame": 25, "reencoded": 2}],
        "ends": [4, 8],
        "from_frame": 0,
        "to_frame": 100,
    }


def test_of_a_recording_that_is_not_there(server: Running) -> None:
    client = server.client()
    for what in ("marks", "keyframes", "copy-points"):
        answer = client.get(f"/api/recordings/home~nothing/{what}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "recording_not_found")
