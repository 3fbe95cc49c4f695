"""Recordings, frames and the timeline."""

from __future__ import annotations

import os
import threading
from fractions import Fraction

import pytest

from plexcut.domain.media import IndexState
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import ItemNotFound, PositionInvalid, UsageError
from plexcut.plexdata import views
from plexcut.plexdata.frames import Frames
from plexcut.plexdata.timeline import Timeline, TimelineOrder
from tests.plexdata.world import World


@pytest.fixture(autouse=True)
def _started(world: World) -> None:
    world.plexdata.start()
    assert world.plexdata.wait_ready(10)


def test_a_recording_tells_its_facts_once_the_index_is_there(world: World) -> None:
    world.engine.state = IndexState("building", 40.0)
    shown = views.recording(world.plexdata.recording("a~r.m1"))
    assert world.engine.prepared == 1
    assert (shown["index"]["state"], shown["index"]["percent"], shown["frames"]) == ("building", 40.0, None)
    world.engine.state = IndexState("ready", 100.0)
    shown = views.recording(world.plexdata.recording("a~r.m1"))
    assert (shown["frames"], shown["duration_s"], shown["fingerprint"]) == (3000, 120.0, "f1")
    assert (shown["path_name"], shown["item"], shown["keep_revision"]) == ("m1.ts", "a~m1", 0)


@pytest.mark.parametrize(
    ("at", "frame"), [(1.0, 25), ("1:00.5", 1512), ("#77", 77), (FrameNumber(3), 3), (Fraction(1, 5), 5), (0, 0)]
)
def test_every_written_form_of_a_position(world: World, at: object, frame: int) -> None:
    assert world.plexdata.frame("a~r.m1", at).frame == frame  # type: ignore[arg-type]


def test_impossible_frames(world: World) -> None:
    for at in (-1, "x", 120.0, "#3000"):
        with pytest.raises(PositionInvalid):
            world.plexdata.frame("a~r.m1", at)
    for width in (0, 15, 4097):
        with pytest.raises(UsageError):
            world.plexdata.frame("a~r.m1", 0, width)
    with pytest.raises(UsageError):
        world.plexdata.frame("a~r.m1", 0, None, "gif")  # type: ignore[arg-type]


def timeline(world: World, basename: str = "frame.jpg", pos: object = 60, step: object = 1, **more: int) -> list[str]:
    first, last = more.get("l", -1), more.get("r", 1)
    found = world.plexdata.timeline(None, basename, pos, first, last, step, more.get("size", 160))  # type: ignore[arg-type]
    assert [frame.k for frame in found] == list(range(first, last + 1))
    for frame in found:
        assert (world.plexdata.static_dir / frame.recording / frame.name).is_file()
    return [frame.name for frame in found]


def test_pictures_are_named_by_their_time(world: World) -> None:
    assert timeline(world) == ["frame_00:00:59.jpg", "frame_00:01:00.jpg", "frame_00:01:01.jpg"]
    picture = world.plexdata.static_dir / "a~r.m1" / "frame_00:01:00.jpg"
    assert picture.read_bytes() == b"m1:1500:160:jpg"
    assert timeline(world, "f.png", step=0.5, l=0) == ["f_00:01:00.png", "f_00:01:00.500.png"]
    assert timeline(world, "two.dots.JPEG", pos="#1", l=0, r=0) == ["two.dots_00:00:00.040.JPEG"]


def test_positions_are_clamped_to_the_recording(world: World) -> None:
    assert timeline(world, pos=0, step=10, l=-2, r=1) == ["frame_00:00:00.jpg"] * 3 + ["frame_00:00:10.jpg"]
    assert timeline(world, pos=119, step=5, l=0, r=2) == ["frame_00:01:59.jpg"] + ["frame_00:01:59.960.jpg"] * 2
    assert timeline(world, pos=10**9, l=0, r=0) == ["frame_00:01:59.960.jpg"]


def test_the_answer_has_addresses(world: World) -> None:
    frames = world.plexdata.timeline(None, "frame.jpg", 1.01, 0, 0, 1, 160)
    assert views.timeline(frames) == {
        "frames": [{"k": 0, "pos_s": 1.01, "frame": 25, "time_s": 1.0, "url": "/static/a~r.m1/frame_00:00:01.010.jpg"}],
        "total": 1,
    }


@pytest.mark.parametrize(
    "basename",
    ["", ".jpg", "frame", "frame.gif", "../f.jpg", "a/b.jpg", "..jpg", "a..jpg", "/etc/x.jpg", "a\\b.jpg", "a\0.jpg",
     "a\n.jpg", "x" * 101 + ".jpg"],
)  # fmt: skip
def test_other_names_are_refused(world: World, basename: str) -> None:
    with pytest.raises(UsageError):
        timeline(world, basename)
    assert not world.plexdata.static_dir.exists()


@pytest.mark.parametrize(
    "wrong", [{"l": 2, "r": 1}, {"l": 0, "r": 500}, {"size": 0}, {"size": 5000}, {"step": 0}, {"step": "#5"}]
)
def test_impossible_ranges_are_refused(world: World, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        timeline(world, **wrong)  # type: ignore[arg-type]


def test_without_a_movie_there_is_no_timeline(world: World) -> None:
    for library in world.libraries:
        library.online = False
    world.restart()
    with pytest.raises(ItemNotFound):
        timeline(world)


def test_the_static_folder_is_bounded_and_the_oldest_go_first(world: World) -> None:
    frames: Frames = world.plexdata._frames
    bounded = Timeline(frames, world.plexdata.static_dir, max_bytes=16 * 10)
    movie = world.plexdata.item("a~m1")
    folder = world.plexdata.static_dir / "a~r.m1"
    for n in range(30):
        bounded.timeline(TimelineOrder(movie, "frame.jpg", n, 0, 0, 1, 160))
        os.utime(folder / f"frame_00:00:{n:02d}.jpg", (n, n))
    left = sorted(path.name for path in folder.iterdir())
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 160
    assert left[-1] == "frame_00:00:29.jpg"
    assert "frame_00:00:00.jpg" not in left
    bounded.timeline(TimelineOrder(movie, "frame.jpg", 0, 0, 29, 1, 160))
    assert len(list(folder.iterdir())) == 30


def test_many_at_once_leave_whole_pictures(world: World) -> None:
    def ask(size: int) -> None:
        for _ in range(5):
            timeline(world, l=0, r=3, size=size)

    threads = [threading.Thread(target=ask, args=(size,)) for size in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = world.plexdata.static_dir / "a~r.m1"
    assert len(list(folder.iterdir())) == 4
    assert (folder / "frame_00:01:00.jpg").read_bytes() in {b"m1:1500:%d:jpg" % size for size in (100, 200, 300)}
