"""What a frame of the time line costs is counted by the frames of the screen."""

from __future__ import annotations

from typing import Any

from bench.timeline import main_thread, per_frame_ms

THREAD = {"pid": 1, "tid": 2}


def event(name: str, at_ms: float, took_ms: float = 0.0, phase: str = "X") -> dict[str, Any]:
    return {"name": name, "ph": phase, "ts": at_ms * 1000, "dur": took_ms * 1000, **THREAD}


def test_each_frame_of_the_screen_counts_by_itself_and_empty_ones_not_at_all() -> None:
    trace = [
        {"name": "thread_name", "ph": "M", "args": {"name": "CrRendererMain"}, **THREAD},
        *(event("BeginMainThreadFrame", at_ms, phase="I") for at_ms in (0, 16, 32, 48, 64)),
        event("FireAnimationFrame", 1, 2),
        event("Paint", 1.5, 1),  # within the callback: counted once
        event("Paint", 17, 5),  # a picture came: a frame that no callback asked for
        event("Commit", 23, 1),
        event("Commit", 33, 0.1),  # draws nothing
        event("FireAnimationFrame", 49, 3),
        event("Paint", 65, 90),  # the last one is not whole
        {**event("Paint", 20, 50), "tid": 3},  # another thread's
    ]
    assert per_frame_ms(main_thread(trace)) == [2.0, 3.0, 6.0]
