"""What is wrong with an order is said in one line, by the plan as by the cut."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.media_factory import CLIPS, ClipCache


@pytest.fixture(scope="module")
def served(clip_cache: ClipCache, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("orders")
    (home / "lib" / "Movies").mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, home / "lib" / "Movies" / "Film.ts")
    server = Server(home, "--library", str(home / "lib"), "--no-worker")
    yield server
    server.stop()


def refused(server: Server, what: str, body: dict[str, Any]) -> tuple[int, dict[str, str]]:
    (recording,) = server.recordings().values()
    request = urllib.request.Request(
        f"{server.address}/api/recordings/{recording}/{what}",
        data=json.dumps({"keep": [[0, 1]], **body}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    return caught.value.code, json.load(caught.value)["error"]


@pytest.mark.parametrize("what", ["plan", "check", "cut"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"container": "avi"}, "'avi' is no kind of file to cut to"),
        ({"container": ""}, "'' is no kind of file to cut to"),
        ({"chapters": True}, "a transport stream holds no chapters"),
        ({"container": "ts", "chapters": True}, "a transport stream holds no chapters"),
        ({"container": "mkv", "output": "replace"}, "a cut in place keeps the recording's kind of file"),
    ],
)
def test_kinds_of_files(served: Server, what: str, body: dict[str, Any], message: str) -> None:
    status, error = refused(served, what, body)
    assert (status, error["code"], error["message"]) == (422, "format_unsupported", message)
    assert "\n" not in error["hint"]
