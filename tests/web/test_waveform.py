"""The route of waveforms: what it hands on, what it answers, what it refuses."""

from __future__ import annotations

from fractions import Fraction

import httpx
import pytest

from plexcut.domain.media import WaveformOrder
from plexcut.domain.timecode import FrameNumber
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC

WAVEFORM = f"/api/recordings/{REC}/waveform"


def ordered(server: Running) -> object:
    return next(what for called, what in reversed(server.plexdata.calls) if called == "waveform")


def test_what_is_asked_for(server: Running) -> None:
    client = server.client()
    assert client.get(WAVEFORM).status_code == 200
    assert ordered(server) == (REC, WaveformOrder(None, None, 1000, 0))
    client.get(f"{WAVEFORM}?from=1:23.5&to=%234175&points=50&wait_s=0")
    assert ordered(server) == (REC, WaveformOrder(Fraction("83.5"), FrameNumber(4175), 50, 0))
    client.get(f"{WAVEFORM}?from=-5&to=10")
    assert ordered(server) == (REC, WaveformOrder(Fraction(0), Fraction(10), 1000, 0))


def test_the_answer(server: Running) -> None:
    client = server.client()
    answer = client.get(f"{WAVEFORM}?points=4")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    found = answer.json()
    assert found["points"] == 4
    assert found["from_s"] == 0
    assert found["to_s"] == found["known_to_s"]
    assert found["peaks"] == [0, 0.25, 0.5, 0.75]
    assert found["tracks"] == [
        {
            "id": 258,
            "codec": "ac3",
            "language": "deu",
            "channels": 2,
            "peaks": [0, 0.25, 0.5, 0.75],
            "loudness_lufs": [-23, -23, -23, -23],
            "integrated_lufs": -23.1,
        }
    ]
    assert (found["complete"], found["percent"]) == (True, 100)


def test_waiting(server: Running) -> None:
    """The index of this one is there at the third look, and all of its sound is measured at the sixth."""
    client = server.client()
    building = WAVEFORM.replace(REC, "home~r2")
    answer = client.get(f"{building}?wait_s=0")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    client.get(f"{building}?wait_s=0")
    # What will be another answer in a moment is not kept.
    answer = client.get(f"{building}?wait_s=0")
    assert (answer.json()["complete"], answer.json()["percent"]) == (False, 40)
    assert answer.headers["Cache-Control"] == "no-store"
    server.plexdata.calls.clear()
    answer = client.get(building)
    assert (answer.json()["complete"], answer.json()["percent"]) == (True, 100)
    assert sum(name == "waveform" for name, _ in server.plexdata.calls) == 6


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("points=0", 400, "bad_request"), ("points=10001", 400, "bad_request"), ("points=many", 400, "bad_request"),
     ("wait_s=-1", 400, "bad_request"), ("wait_s=nan", 400, "bad_request"), ("from=early", 400, "bad_request"),
     ("from=1:99", 400, "bad_request"), ("from=5&to=5", 422, "span_invalid")],
)  # fmt: skip
def test_what_is_refused(client: httpx.Client, query: str, status: int, code: str) -> None:
    answer = client.get(f"{WAVEFORM}?{query}")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_an_unknown_recording(client: httpx.Client) -> None:
    answer = client.get("/api/recordings/home~none/waveform")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "recording_not_found")
