"""Playback in a real browser: time moves, and the numbered frame on the screen is the one of that time."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.e2e.server import Server
from tests.media_factory import CLIPS, AudioSpec, ClipCache, ClipSpec, read_number

_WIDTH, _HEIGHT = 96, 48

_PLAYER = """async (url) => {
    const video = document.createElement('video');
    video.muted = true;
    video.width = 320;
    document.body.replaceChildren(video);
    window.player = video;
    const canvas = document.createElement('canvas');
    canvas.width = WIDTH; canvas.height = HEIGHT;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    window.look = () => {
        context.drawImage(video, 0, 0, WIDTH, HEIGHT);
        const pixels = context.getImageData(0, 0, WIDTH, HEIGHT).data;
        return Array.from({ length: WIDTH * HEIGHT }, (_, i) => pixels[4 * i + 1]);
    };
    window.nextFrame = () => new Promise((resolve) =>
        video.requestVideoFrameCallback((_, facts) => resolve({ time: facts.mediaTime, pixels: window.look() })));
    const ready = new Promise((resolve, reject) => {
        video.onloadeddata = resolve;
        video.onerror = () => reject(new Error(video.error.code + ' ' + video.error.message));
    });
    video.src = url;
    await ready;
    return { duration: video.duration, width: video.videoWidth, height: video.videoHeight };
}""".replace("WIDTH", str(_WIDTH)).replace("HEIGHT", str(_HEIGHT))

_PLAY = """async (count) => {
    const video = window.player;
    const frames = [];
    const first = video.currentTime;
    await video.play();
    while (frames.length < count && !video.ended) {
        const ended = new Promise((resolve) => { video.onended = () => resolve(null); });
        const frame = await Promise.race([window.nextFrame(), ended]);
        if (frame) frames.push(frame);
    }
    video.pause();
    return { frames, moved: video.currentTime - first };
}"""

# The frame of the seek before may be told once more: the last one within a second is what stays on the screen.
_SEEK = """async ({ time, length }) => {
    const video = window.player;
    let last = null;
    let done = false;
    const watch = async () => {
        while (!done) {
            const frame = await window.nextFrame();
            if (!done) last = frame;
        }
    };
    watch();
    const seeked = new Promise((resolve) => { video.onseeked = resolve; });
    video.currentTime = time;
    await seeked;
    for (let i = 0; i < 40 && !(last && last.time <= time && time < last.time + length); i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
    done = true;
    return last;
}"""

# As broadcasts are: long enough to seek in, no IDR picture but the first.
_LONG = {
    "progressive": ClipSpec(
        "played_50p", fps=CLIPS["h264_open_gop_50p"].fps, frames=600, gop=32, b_pyramid=True, audio=(AudioSpec("ac3"),)
    ),
    "interlaced": ClipSpec("played_25i", frames=250, gop=16, interlaced="tff", audio=(AudioSpec("mp2"),)),
    "mpeg2": ClipSpec("played_mpeg2", "mpeg2video", frames=250, gop=12, bframes=2, interlaced="tff"),
    "film": ClipSpec(
        "played_mp4", frames=250, gop=100, container="mp4", open_gop=False, b_pyramid=True, audio=(AudioSpec("aac"),)
    ),
}


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory, clip_cache: ClipCache) -> Iterator[Server]:
    """A server over one recording of each kind."""
    root = tmp_path_factory.mktemp("playing") / "recordings" / "Movies"
    root.mkdir(parents=True)
    for title, spec in _LONG.items():
        clip = clip_cache.get(spec)
        shutil.copy(clip.path, root / f"{title}{clip.path.suffix}")
    server = Server(tmp_path_factory.mktemp("home"), "--library", str(root.parent))
    yield server
    server.stop()


class Player:
    """A video element over frames `[a, b)`, ... of one of the recordings."""

    def __init__(self, page: Page, server: Server, title: str, *spans: tuple[int, int]) -> None:
        spec = _LONG[title]
        self.page = page
        self.fps = float(spec.fps)
        self.numbers = [n for a, b in spans or ((0, spec.frames),) for n in range(a, b)]
        recording = server.recordings()[title]
        keep = ",".join(f"%23{a}-%23{b}" for a, b in spans)
        page.goto(f"{server.address}/api/docs")
        query = f"?keep={keep}" if spans else ""
        self.facts = page.evaluate(_PLAYER, f"{server.address}/api/recordings/{recording}/video.mp4{query}")

    def check(self, frame: dict[str, Any], late: int = 0) -> int:
        """The frame on the screen is the one of its time; gives its place in the result.

        While time moves the screen may be `late` frames further when it is looked at than when it was told of.
        """
        place = round(frame["time"] * self.fps)
        pixels = np.array(frame["pixels"], np.uint8).reshape(_HEIGHT, _WIDTH)
        assert read_number(pixels) in self.numbers[place : place + late + 1], frame["time"]
        return place

    def play(self, count: int) -> list[int]:
        """Play so many frames; the places that were shown."""
        found = self.page.evaluate(_PLAY, count)
        assert found["moved"] > 0
        return [self.check(frame, late=5) for frame in found["frames"]]

    def seek(self, place: int) -> None:
        """Go to the middle of a frame's time: that very frame is shown."""
        frame = self.page.evaluate(_SEEK, {"time": (place + 0.5) / self.fps, "length": 1 / self.fps})
        assert self.check(frame) == place


@pytest.fixture
def plain_page(page: Page) -> Page:
    """A page that gives up soon."""
    page.set_default_timeout(20_000)
    return page


@pytest.mark.parametrize("title", _LONG)
def test_time_moves_and_the_right_frames_are_shown(plain_page: Page, playing: Server, title: str) -> None:
    player = Player(plain_page, playing, title)
    assert player.facts["duration"] == pytest.approx(len(player.numbers) / player.fps, abs=0.03)
    places = player.play(40)
    assert places == sorted(places)
    assert len(set(places)) >= 20


@pytest.mark.parametrize("title", _LONG)
def test_seeking_anywhere_shows_that_frame(plain_page: Page, playing: Server, title: str) -> None:
    player = Player(plain_page, playing, title)
    for place in random.Random(title).sample(range(len(player.numbers)), 25):
        player.seek(place)
    player.seek(len(player.numbers) - 1)
    player.seek(0)


@pytest.mark.parametrize("title", _LONG)
def test_kept_spans_are_played_across_their_seams(plain_page: Page, playing: Server, title: str) -> None:
    spans = ((37, 61), (83, 131), (170, 220))
    player = Player(plain_page, playing, title, *spans)
    places = player.play(10_000)
    assert places[-1] >= len(player.numbers) - 2
    for seam in (24, 24 + 48):
        player.seek(seam)
        player.seek(seam - 1)
    for place in random.Random(title).sample(range(len(player.numbers)), 10):
        player.seek(place)
