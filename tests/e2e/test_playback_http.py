"""video.mp4 over HTTP: ranges, conditions, refusals, and readers that go away."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.server import Server
from tests.media_factory import CLIPS, AudioSpec, ClipCache, ClipSpec

_CLIP = ClipSpec("played_over_http", frames=500, gop=16, interlaced="tff", audio=(AudioSpec("mp2"),))


@dataclass
class Answer:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error's code."""
        found: str = json.loads(self.body)["error"]["code"]
        return found


class Video:
    """`video.mp4` of one recording."""

    def __init__(self, server: Server, recording: str) -> None:
        self.server = server
        self.path = f"/api/recordings/{recording}/video.mp4"
        self.place = urlsplit(server.address).netloc

    def ask(self, query: str = "", method: str = "GET", **headers: str) -> Answer:
        """One request; `If_Range` is the header If-Range."""
        connection = http.client.HTTPConnection(self.place, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, self.path + query, headers=named)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def leave(self, first: int) -> None:
        """Begin to read at a byte, and go away."""
        connection = http.client.HTTPConnection(self.place, timeout=30)
        connection.request("GET", self.path, headers={"Range": f"bytes={first}-"})
        if first % 2:
            connection.getresponse().read(1000)
        else:
            time.sleep(0.02)
        connection.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, clip_cache: ClipCache) -> Iterator[Video]:
    """An interlaced recording of 20 s."""
    root = tmp_path_factory.mktemp("http") / "recordings" / "Movies"
    root.mkdir(parents=True)
    shutil.copy(clip_cache.get(_CLIP).path, root / "Film.ts")
    shutil.copy(clip_cache.get(CLIPS["ts_scrambled"]).path, root / "Scrambled.ts")
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(root.parent), "--no-worker")
    yield Video(server, server.recordings()["Film"])
    server.stop()


def test_ranges_are_parts_of_the_whole(video: Video) -> None:
    whole = video.ask()
    assert whole.status == 200
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["cache-control"].startswith("private")
    size = int(whole.headers["content-length"])
    assert len(whole.body) == size
    chance = random.Random(5)
    for _ in range(20):
        first = chance.randrange(size)
        last = min(size - 1, first + chance.randrange(300_000))
        part = video.ask(Range=f"bytes={first}-{last}")
        assert part.status == 206
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert part.body == whole.body[first : last + 1]
    assert video.ask(Range="bytes=-100").body == whole.body[-100:]


def test_conditions(video: Video) -> None:
    told = video.ask("?from=1&to=2", "HEAD")
    assert (told.status, told.body) == (200, b"")
    size, tag = int(told.headers["content-length"]), told.headers["etag"]
    assert video.ask("?from=1&to=2", If_None_Match=tag).status == 304
    assert video.ask("?from=1&to=3", "HEAD").headers["etag"] != tag
    same = video.ask("?from=1&to=2", Range="bytes=10-19", If_Range=tag)
    assert (same.status, len(same.body)) == (206, 10)
    other = video.ask("?from=1&to=2", Range="bytes=10-19", If_Range='"other"')
    assert (other.status, len(other.body)) == (200, size)
    beyond = video.ask("?from=1&to=2", Range=f"bytes={size}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize(
    "same",
    [
        ("?keep=1-2,3.5-4", "?keep=%2325-%2350,00:00:03.500-0:04", "?keep=1-2&keep=3.5-4"),
        ("?from=2&to=4", "?from=%2350&to=%23100", "?keep=2-4"),
        ("?keep=1-3,5-7&from=2&to=6", "?keep=2-3,5-6"),
    ],
)
def test_spans_may_be_written_in_several_ways(video: Video, same: tuple[str, ...]) -> None:
    assert len({video.ask(query, "HEAD").headers["etag"] for query in same}) == 1


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?from=5&to=5", 422, "span_invalid"),
        ("?from=9&to=3", 422, "span_invalid"),
        ("?from=100", 422, "span_invalid"),
        ("?keep=3-1", 422, "span_invalid"),
        ("?keep=", 422, "span_invalid"),
        ("?keep=-1-5", 400, "bad_request"),
        ("?keep=abc", 400, "bad_request"),
        ("?from=abc", 400, "bad_request"),
        ("?audio=77", 400, "usage"),
        ("?audio=x", 400, "bad_request"),
        ("?fingerprint=other", 409, "recording_changed"),
    ],
)
def test_refusals(video: Video, query: str, status: int, code: str) -> None:
    refused = video.ask(query)
    assert (refused.status, refused.code) == (status, code)


def test_recordings_that_cannot_be_played(video: Video) -> None:
    assert Video(video.server, "home~nothing").ask().status == 404
    scrambled = Video(video.server, video.server.recordings()["Scrambled"]).ask()
    assert (scrambled.status, scrambled.code) == (422, "format_unsupported")


def test_nothing_is_left_of_readers_that_went_away(video: Video) -> None:
    size = int(video.ask(method="HEAD").headers["content-length"])
    process = Path("/proc") / str(video.server._process.pid)
    chance = random.Random(9)

    def files() -> int:
        return len(list((process / "fd").iterdir()))

    def busy_s() -> float:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = files()
    for _ in range(50):
        video.leave(chance.randrange(size))
    # What was begun ends within a moment; then nobody works.
    for _ in range(100):
        time.sleep(0.1)
        used = busy_s()
        time.sleep(0.5)
        if busy_s() - used < 0.1:
            break
    else:
        pytest.fail("something is still being made")
    assert files() <= before + 6
    threads = [(task / "comm").read_text().strip() for task in (process / "task").iterdir()]
    assert sum(name.startswith("av:") for name in threads) <= 6
    assert video.ask(Range=f"bytes={size - 10}-").status == 206
