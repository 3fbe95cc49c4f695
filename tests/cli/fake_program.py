"""`plexcut` with an engine that needs no media: a process of its own for the tests of signals and exit codes."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from plexcut.domain.media import (
    AudioFacts,
    Check,
    CutMode,
    CutPlan,
    CutRequest,
    CutResult,
    IndexState,
    Picture,
    RecordingFacts,
    Seam,
    StreamResult,
    Verification,
    VideoFacts,
)
from plexcut.domain.ports import OnProgress, ShouldCancel
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import FrameNumber, Position
from plexcut.errors import Cancelled, DiskFull, FormatUnsupported, PlexcutError, SpanInvalid, VerificationFailed

FPS = 25
FRAMES = 1000


class FakeEngine:
    """1000 frames at 25 per second in any file; a file's text can be the name of what is to go wrong."""

    def __init__(self, cache_dir: Path | None) -> None:
        self.cache_dir = cache_dir

    def _look(self, path: Path) -> str:
        text = path.read_text()
        if text == "text":
            raise FormatUnsupported(f"{path.name} is no recording", "name another")
        if text == "bug":
            raise ZeroDivisionError("oh")
        return text

    def fingerprint(self, path: Path) -> str:
        return "f"

    def continues(self, path: Path, fingerprint: str) -> bool:
        return fingerprint == "f"

    def prepare(self, path: Path) -> IndexState:
        return self.index_state(path)

    def index_state(self, path: Path) -> IndexState:
        self.looks = getattr(self, "looks", 0) + 1
        return IndexState("building", 50.0) if self.looks < 3 else IndexState("ready", 100.0)

    def probe(self, path: Path, program: int | None = None) -> RecordingFacts:
        self._look(path)
        video = VideoFacts("h264", 1280, 720, interlaced=False)
        audio = (AudioFacts("ac3", "deu", 6),)
        return RecordingFacts(40.0, FRAMES, 25.0, 40, video, audio, (), (), 1, "mpegts", 123456)

    def resolve_keep(
        self, path: Path, written: list[tuple[Position, Position]], program: int | None = None
    ) -> KeepList:
        self._look(path)
        spans = []
        for start, end in written:
            a, b = (at.n if isinstance(at, FrameNumber) else int(Fraction(at) * FPS) for at in (start, end))
            if b > FRAMES:
                raise SpanInvalid("outside the recording")
            spans.append(Span(a, b))
        return KeepList.of(spans)

    def picture(self, path: Path, at: Position, wish: Any) -> Picture:
        self._look(path)
        n = at.n if isinstance(at, FrameNumber) else int(at * FPS)
        return Picture(n, n * 40_000, wish.width or 1280, 720, wish.fmt.encode(), f"image/{wish.fmt}")

    def plan(self, path: Path, keep: KeepList, mode: CutMode, program: int | None = None) -> CutPlan:
        spans = tuple((span.start, span.end) for span in keep)
        seconds = tuple((a / FPS, b / FPS) for a, b in spans)
        note = "careful" if mode == "exact" else mode
        return CutPlan(keep.frames, keep.frames - 3, 3, keep.frames / FPS, 99, (note,), spans, seconds)

    def cut(self, request: CutRequest, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
        what = self._look(request.source)
        temporary = request.target.with_suffix(".part")
        temporary.write_text("half")
        try:
            on_progress("copy", 0.5)
            failures: dict[str, PlexcutError] = {
                "full": DiskFull("no space left", "free some"),
                "wrong": VerificationFailed("a seam is wrong", ""),
            }
            if what in failures:
                raise failures[what]
            while what in ("slow", "deaf"):
                time.sleep(0.02)
                if what == "slow" and should_cancel():
                    raise Cancelled("cancelled")
            temporary.replace(request.target)
        finally:
            temporary.unlink(missing_ok=True)
        frames = request.keep.frames
        seams = tuple(Seam(1.0, 10, 20, 3) for _ in range(len(request.keep) - 1))
        streams = (StreamResult(257, "h264", True), StreamResult(259, "epg", False, "unknown"))
        return CutResult(str(request.target), frames / FPS, frames, frames, 0, 99, 0.5, True, seams, streams)

    def verify(self, source: Path, output: Path, keep: KeepList, program: int | None = None) -> Verification:
        ok = output.read_text() != "wrong"
        return Verification(ok, (Check("frames", True, "100"), Check("seams", ok, "looked at")))


def install() -> None:
    import plexcut.media.engine

    module: Any = plexcut.media.engine
    module.Engine = FakeEngine


if __name__ == "__main__":
    from plexcut.cli import main

    install()
    main()
