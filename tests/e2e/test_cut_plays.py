"""An MP4 result in a real browser, which goes by its edit lists: the numbered frame on the screen is the right one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from plexcut.domain.media import CutRequest
from plexcut.domain.spans import KeepList, Span
from plexcut.media.engine import Engine
from tests.e2e.test_playback import _HEIGHT, _PLAY, _PLAYER, _SEEK, _WIDTH
from tests.media_factory import CLIPS, AudioSpec, Clip, ClipCache, decode_numbers, read_number
from tests.media_factory.containers import begins_later, remuxed

_PAGE = b"<!doctype html><title>player</title>"


class _Files(BaseHTTPRequestHandler):
    """A folder over HTTP, with ranges, which seeking needs."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, *args: Any) -> None:
        self._folder = folder
        super().__init__(*args)

    def do_GET(self) -> None:
        data, kind = _PAGE, "text/html"
        if self.path.endswith(".mp4"):
            data, kind = (self._folder / self.path.rpartition("/")[2]).read_bytes(), "video/mp4"
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        end = int(found[2]) + 1 if found and found[2] else len(data)
        self.send_response(206 if found else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(min(end, len(data)) - start))
        if found:
            self.send_header("Content-Range", f"bytes {start}-{min(end, len(data)) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start:end])

    def log_message(self, *_args: Any) -> None:
        """Nobody looks at it."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, tmp_path))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class _Case:
    """What is cut: how the source is made of a clip, and which frames are kept."""

    clip: str
    made: Callable[[Path, Path], Path] | None
    spans: tuple[tuple[int, int], ...]
    seek_end: int = 0
    """Of how many frames at the end none is sought."""


_AAC = (AudioSpec("aac"),)
_CLIPS = {
    "closed": CLIPS["mp4_h264"],
    "open": CLIPS["mp4_h264_open_gop"],
    "broadcast": replace(CLIPS["h264_open_gop_50p"], name="broadcast_aac", frames=200, audio=_AAC),
    "interlaced": replace(CLIPS["h264_mbaff_tff"], name="interlaced_aac", audio=_AAC),
}


def _late(source: Path, target: Path) -> Path:
    return begins_later(source, target, Fraction(31, 25))


def _uneven(source: Path, target: Path) -> Path:
    return remuxed(source, target, lambda at: at + at * at / 8)


# In Chromium 156 no seek ever ends into the last group of an interlaced file whose keyframe is no IDR picture, not in
# what `ffmpeg -c copy` makes of the whole recording either.
_CASES = {
    "open": _Case("open", None, ((5, 40), (71, 120))),
    "edit list": _Case("closed", _late, ((0, 30), (37, 60))),
    "uneven": _Case("closed", _uneven, ((5, 43), (60, 100))),
    "from a broadcast": _Case("broadcast", None, ((5, 60), (71, 120))),
    "from an interlaced broadcast": _Case("interlaced", None, ((3, 40), (50, 75)), 12),
}


@pytest.mark.parametrize("name", _CASES)
def test_the_right_frames_are_shown(page: Page, address: str, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    page.set_default_timeout(20_000)
    case = _CASES[name]
    clip: Clip = clip_cache.get(_CLIPS[case.clip])
    source = clip.path if case.made is None else case.made(clip.path, tmp_path / "source.mp4")
    keep = KeepList(tuple(Span(a, b) for a, b in case.spans))
    request = CutRequest(source, tmp_path / "cut.mp4", keep, container="mp4")
    Engine(None).cut(request, lambda _phase, _fraction: None, lambda: False)
    shown = decode_numbers(tmp_path / "cut.mp4")
    numbers = [picture.number for picture in shown]
    times = [float(picture.time_s or 0) for picture in shown]
    page.goto(address)
    facts = page.evaluate(_PLAYER, f"{address}/cut.mp4")
    assert facts["duration"] == pytest.approx(times[-1] + (times[-1] - times[-2]), abs=0.1)
    played = page.evaluate(_PLAY, 45)["frames"]
    assert len(played) >= 20
    for frame in played:
        place = int(np.argmin(np.abs(np.array(times) - frame["time"])))
        assert abs(times[place] - frame["time"]) < 0.002
        assert _number(frame) in numbers[place : place + 3]
    # Chromium, as FFmpeg, seeks by decode times, and shows the keyframe for an open group's leading pictures.
    leading = {n for key in clip.keyframes for n in clip.leading_frames(key)}
    last = len(numbers) - case.seek_end
    for place in (0, last - 1, *range(1, last, 11)):
        if numbers[place] in leading:
            continue
        end = times[place + 1] if place + 1 < len(times) else times[place] + 0.02
        middle = (times[place] + end) / 2
        frame = page.evaluate(_SEEK, {"time": middle, "length": middle - times[place]})
        assert frame is not None, f"a seek to {middle} never ends"
        assert _number(frame) == numbers[place], middle


def _number(frame: dict[str, Any]) -> int | None:
    return read_number(np.array(frame["pixels"], np.uint8).reshape(_HEIGHT, _WIDTH))
