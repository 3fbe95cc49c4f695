"""Frames over HTTP, from a running server: the right ones, for many clients, and nothing twice."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import httpx
import pytest

from tests.e2e.server import Server
from tests.media_factory import CLIPS, ClipCache, read_number

_NAMES = ["h264_open_gop_pyramid", "mpeg2_interlaced_wrap", "hevc_cra", "mp4_h264_open_gop", "ts_lost_frames"]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, clip_cache: ClipCache) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server over one film for each clip; recording ids by clip."""
    root = tmp_path_factory.mktemp("films")
    for name in _NAMES:
        clip = clip_cache.get(CLIPS[name])
        target: Path = root / "Movies" / f"{name} (2020){clip.path.suffix}"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(clip.path, target)
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(root), "--no-worker")
    found = server.recordings()
    yield server, {name: next(r for title, r in found.items() if title.startswith(name)) for name in _NAMES}
    server.stop()


def number_in(data: bytes) -> int | None:
    with av.open(io.BytesIO(data)) as opened:
        return read_number(next(opened.decode(video=0)).reformat(format="gray").to_ndarray())


def test_ten_clients_get_the_frames_they_ask_for(films: tuple[Server, dict[str, str]], clip_cache: ClipCache) -> None:
    server, recordings = films
    accepts = {"image/jpeg": "*/*", "image/webp": "image/avif,image/webp,image/*,*/*;q=0.8", "image/png": "image/png"}

    def one(seed: int) -> None:
        chance = random.Random(seed)
        with httpx.Client(base_url=server.address, timeout=60) as client:
            for _ in range(20):
                name = chance.choice(_NAMES)
                numbers = clip_cache.get(CLIPS[name]).numbers
                n = chance.randrange(len(numbers))
                kind = chance.choice(["image/jpeg", "image/jpeg", "image/webp", "image/png"])
                for frame in (n, min(n + 1, len(numbers) - 1)):
                    query = {"n": frame, "width": chance.choice([160, 320])}
                    headers = {"Accept": accepts[kind]}
                    answer = client.get(f"/api/recordings/{recordings[name]}/frame", params=query, headers=headers)
                    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
                    assert answer.headers["X-Frame-Number"] == str(frame)
                    assert answer.headers["Vary"] == "Accept"
                    assert number_in(answer.content) == numbers[frame]

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(10)))


def test_by_time_as_by_number_and_not_twice(films: tuple[Server, dict[str, str]]) -> None:
    server, recordings = films
    path = f"/api/recordings/{recordings['ts_lost_frames']}/frame"
    with httpx.Client(base_url=server.address, timeout=60) as client:
        by_number = client.get(path, params={"n": 40, "width": 200})
        by_time = client.get(path, params={"at": by_number.headers["X-Frame-Time"], "width": 200})
        assert by_time.content == by_number.content
        assert by_time.headers["ETag"] == by_number.headers["ETag"]
        for query in ({"n": 40}, {"at": by_number.headers["X-Frame-Time"]}):
            known = {"If-None-Match": by_number.headers["ETag"]}
            again = client.get(path, params={**query, "width": 200}, headers=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["X-Frame-Number"] == "40"
            other = client.get(path, params={**query, "width": 220}, headers=known)
            assert other.status_code == 200
        tags = {
            client.get(path, params={"n": n, "width": w}, headers={"Accept": a}).headers["ETag"]
            for n in (40, 41)
            for w in (200, 202)
            for a in ("*/*", "image/webp", "image/png")
        }
        assert len(tags) == 12
