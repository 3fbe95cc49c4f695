"""What the editor's time line costs the browser: scripting and painting for each frame of the screen, from traces.

    python -m bench.timeline http://127.0.0.1:5200/edit/RECORDING

Needs a running plexcut, a recording whose index is ready and which has a kept span, Playwright, and a Chromium at
`--chromium`. Counted is the CPU time of the page's main thread, so that it means something on a busy machine too.
"""

from __future__ import annotations

import argparse
import bisect
import json
import sys
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

_WORK = {
    "FireAnimationFrame", "EventDispatch", "TimerFire", "UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize",
    "Commit",
}  # fmt: skip
_FRAME = "BeginMainThreadFrame"
_FRAMES = ("devtools.timeline.frame", "disabled-by-default-devtools.timeline.frame")
_STEPS = 60
_STEP_MS = 16
_BAR_Y, _STRIP_Y = 47, 100

Event = dict[str, Any]


def main_thread(events: list[Event]) -> list[Event]:
    """The events of the page's main thread: of several renderers the one that draws."""
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    grouped: dict[tuple[int, int], list[Event]] = {thread: [] for thread in threads}
    for event in events:
        frame = event.get("name") == _FRAME
        if (event.get("ph") == "X" or frame) and (event.get("pid"), event.get("tid")) in grouped:
            grouped[event["pid"], event["tid"]].append(event)
    return max(grouped.values(), key=lambda found: sum(event["name"] == "FireAnimationFrame" for event in found))


def per_frame_ms(events: list[Event]) -> list[float]:
    """CPU time of scripting and painting for each frame of the screen, sorted.

    A frame begins where the browser begins it. Counting from one animation callback to the next would add up frames:
    a picture that comes is painted in a frame that no callback asked for. Frames that draw nothing do not count.
    """
    found = sorted((event for event in events if event["name"] in _WORK), key=lambda event: float(event["ts"]))
    starts = sorted(float(event["ts"]) for event in events if event["name"] == _FRAME)
    sums = [0.0] * (len(starts) + 1)
    drawn = set()
    end = -1.0
    for event in found:
        if event["name"] in {"FireAnimationFrame", "Paint"}:
            drawn.add(bisect.bisect_right(starts, event["ts"]))
        if event["ts"] < end:
            continue  # within another one
        end = event["ts"] + event["dur"]
        sums[bisect.bisect_right(starts, event["ts"])] += float(event.get("tdur") or event["dur"]) / 1000
    return sorted(sums[at] for at in sorted(drawn) if 0 < at < len(starts))


def measured(browser: Browser, page: Page, run: Callable[[], None]) -> dict[str, float]:
    """Median, 95 % and the most of what `run` costs for each frame."""
    browser.start_tracing(
        page=page, categories=["devtools.timeline", "disabled-by-default-devtools.timeline", *_FRAMES]
    )
    run()
    trace = json.loads(browser.stop_tracing())["traceEvents"]
    sums = per_frame_ms(main_thread(trace))
    if not sums:
        return {"frames": 0}
    at = {"median_ms": 0.5, "p95_ms": 0.95, "most_ms": 1.0}
    return {
        "frames": len(sums),
        **{name: round(sums[min(len(sums) - 1, int(share * len(sums)))], 2) for name, share in at.items()},
    }


def main() -> int:
    """Measure zooming, panning and dragging; print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(options.address)
        line = page.get_by_test_id("timeline")
        line.wait_for()
        page.wait_for_timeout(5000)
        box = line.bounding_box()
        assert box is not None
        total = int(line.get_attribute("aria-valuemax") or 0) + 1
        start = int(page.locator("li.span [data-frame]").first.get_attribute("data-frame") or 0)
        middle = (box["x"] + box["width"] / 2, box["y"] + _STRIP_Y)

        def wheel(dx: float, dy: float) -> None:
            page.mouse.move(*middle)
            for step in range(2 * _STEPS):
                way = 1 if step < _STEPS else -1
                page.mouse.wheel(way * dx, way * dy)
                page.wait_for_timeout(_STEP_MS)

        def drag() -> None:
            x, y = box["x"] + start / total * box["width"], box["y"] + _BAR_Y
            page.mouse.move(x, y)
            page.mouse.down()
            for step in range(2 * _STEPS):
                page.mouse.move(x + min(step, 2 * _STEPS - step) * 0.5, y)
                page.wait_for_timeout(_STEP_MS)
            page.mouse.up()

        found = {"zoom": measured(browser, page, lambda: wheel(0, -60))}
        page.keyboard.press("0")
        found["drag"] = measured(browser, page, drag)
        page.keyboard.press("Control+z")
        page.mouse.move(*middle)
        for _ in range(25):
            page.mouse.wheel(0, -80)
        page.wait_for_timeout(1000)
        found["pan"] = measured(browser, page, lambda: wheel(40, 0))
        browser.close()
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
