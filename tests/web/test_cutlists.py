"""Cut lists over HTTP."""

from __future__ import annotations

import base64

import httpx
import pytest

from plexcut.domain.timecode import FrameNumber
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC

ADDRESS = f"/api/recordings/{REC}/cutlist"


def test_text_and_bytes_are_read(server: Running, client: httpx.Client) -> None:
    for body in ({"text": "0 1 0\n"}, {"base64": base64.b64encode(b"0 1 0\n").decode()}):
        answer = client.post(ADDRESS, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "format": "edl", "name": "", "keep": [[1.0, 2.0]], "keep_frames": [[50, 100]], "labels": [""], "notes": [],
        }  # fmt: skip
        assert server.plexdata.calls[-1] == ("read_cut_list", (REC, b"0 1 0\n"))


@pytest.mark.parametrize("body", [{}, {"text": "a", "base64": "YQ=="}, {"base64": "%%%"}, {"text": 5}, {"name": "x"}])
def test_bodies_that_are_not_possible(client: httpx.Client, body: dict[str, object]) -> None:
    answer = client.post(ADDRESS, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_keep_list_is_written(server: Running, client: httpx.Client) -> None:
    answer = client.get(ADDRESS, params={"format": "llc", "keep": "#5-#10,1:00-1:10"})
    assert answer.status_code == 200
    assert answer.content == b"0 1 0\n"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Film%20%C3%9C.edl"
    keep = [(FrameNumber(5), FrameNumber(10)), (60, 70)]
    assert server.plexdata.calls[-1] == ("write_cut_list", (REC, "llc", keep))
    assert client.get(ADDRESS).status_code == 200
    assert server.plexdata.calls[-1] == ("write_cut_list", (REC, "edl", None))
    assert client.get(ADDRESS, params={"format": "doc"}).status_code == 400
    assert client.get(ADDRESS, params={"keep": "soon"}).status_code == 400


def test_proposed_breaks(server: Running, client: httpx.Client) -> None:
    address = f"/api/recordings/{REC}/breaks"
    one = {"start_s": 0.4, "end_s": 0.8, "start_frame": 10, "end_frame": 20, "confidence": None, "evidence": ["edl"]}
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    shown = {"breaks": [{**one, "dismissed": False}], "total": 1, "name": "Film Ü.edl", "format": "edl"}
    assert answer.json() == shown
    answer = client.put(address, json={"dismissed": [["#10", "#20"]]})
    assert answer.json()["breaks"] == [{**one, "dismissed": True}]
    asked, (recording, spans) = server.plexdata.calls[-1]
    assert (asked, recording) == ("dismiss_breaks", REC)
    assert [list(span) for span in spans] == [["#10", "#20"]]
    assert client.put(address, json={"dismissed": [[1]]}).status_code == 400
