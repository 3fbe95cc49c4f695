"""Tasks for real workers in tests: the real task around an engine that is told what to do by the file it gets."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from rq import get_current_job

from plexcut.domain.media import CutRequest, CutResult
from plexcut.domain.ports import OnProgress, ShouldCancel
from plexcut.errors import Cancelled, VerificationFailed
from plexcut.jobs import tasks
from plexcut.jobs.control import JobControl


class ScriptedEngine:
    """Reads from the source what to do: `{"steps": 10, "step_s": 0.05, "end": "ok|fail|crash|hang|die"}`."""

    def fingerprint(self, path: Path) -> str:
        return f"{path.name}-{path.stat().st_size}"

    def cut(self, request: CutRequest, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
        script: dict[str, Any] = json.loads(request.source.read_text())
        assert request.temp_dir is not None
        temporary = request.temp_dir / "result.part"
        temporary.write_text("half")
        try:
            self._work(script, on_progress, should_cancel)
            temporary.replace(request.target)
        finally:
            temporary.unlink(missing_ok=True)
        frames = request.keep.frames
        return CutResult(str(request.target), frames / 50, frames, frames, 0, 4, 0.1, True)

    def _work(self, script: dict[str, Any], on_progress: OnProgress, should_cancel: ShouldCancel) -> None:
        steps = script.get("steps", 5)
        for step in range(steps):
            phase = "copy" if step < 0.7 * steps else "verify"
            on_progress(phase, step / steps)
            time.sleep(script.get("step_s", 0.02))
            if script.get("end") == "hang":
                while True:
                    time.sleep(0.1)
            if should_cancel():
                raise Cancelled("stopped")
        if script.get("end") == "fail":
            raise VerificationFailed("the seam at 1.0 s is wrong", "tell us")
        if script.get("end") == "crash":
            raise ZeroDivisionError("a bug with a secret in it")
        if script.get("end") == "die":
            os.kill(os.getpid(), 9)


def cut(movie: dict[str, Any]) -> dict[str, Any]:
    engine: Any = ScriptedEngine()
    return tasks.perform(movie, lambda: engine)


def cut_somewhere(movie: dict[str, Any]) -> dict[str, Any]:
    """As `cut`, on one of several machines: leaves a note of which one it was, and where it found the recording."""
    from plexcut import bootstrap

    class Noting(ScriptedEngine):
        def cut(self, request: CutRequest, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
            note = f"{os.environ['TEST_MACHINE']} {request.source}"
            request.source.with_suffix(".where").write_text(note)
            return super().cut(request, on_progress, should_cancel)

    engine: Any = Noting()
    return tasks.perform(movie, lambda: engine, tasks.Tools(bootstrap.task_places))


def wait_until_nobody_watches(movie: dict[str, Any]) -> dict[str, Any]:
    """Waits as a task does that is about to swap, as long as a file is there."""
    rq_job = get_current_job()
    assert rq_job is not None
    control = JobControl(rq_job, movie["recording"])
    watched = Path(os.environ["TEST_WATCHED"])
    with control.watching():
        control.hold_on(lambda: "Anna is watching" if watched.exists() else "", 50)
    control.finished({})
    return {}


def count(movie: dict[str, Any]) -> dict[str, Any]:
    """Notes that it ran."""
    with Path(os.environ["TEST_RAN"]).open("a") as file:
        file.write(f"{movie['recording']}\n")
    return {}
