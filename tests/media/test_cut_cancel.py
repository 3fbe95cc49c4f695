"""A cut can be cancelled at any moment: it ends at once, and nothing of it is left behind."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pytest
from tests.media.cut_checks import keep_of
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.media import CutRequest
from plexcut.domain.spans import KeepList, Span
from plexcut.errors import Cancelled
from plexcut.media.cutting import output, pictures
from plexcut.media.engine import Engine

_SPANS = [(5, 31), (50, 75)]
_PATIENCE_S = 30.0
"""What it must not wait for takes a minute. The second that it may take is measured by hand, see docs/performance.md:
tests share the machine with others."""


def _phases(engine: Engine, request: CutRequest) -> list[tuple[str, float]]:
    told: list[tuple[str, float]] = []
    engine.cut(request, lambda phase, fraction: told.append((phase, fraction)), lambda: False)
    return told


@pytest.mark.parametrize("name", ["broadcast", "mp4_h264"])
def test_wherever_it_is_cancelled_nothing_is_left(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    """Once behind each time that it tells how far it is; how often it asks depends on what else is going on."""
    source = clip_cache.get(CLIPS[name]).path
    folder = tmp_path / "out"
    folder.mkdir()
    engine = Engine(None)
    request = CutRequest(source, folder / f"cut{source.suffix}", keep_of(_SPANS))
    phases: set[str] = set()
    for moment in itertools.count():
        phases_told = [""]

        def told(phase: str, _fraction: float, phases_told: list[str] = phases_told) -> None:
            phases_told.append(phase)

        def now(phases_told: list[str] = phases_told, moment: int = moment) -> bool:
            return len(phases_told) > moment

        try:
            engine.cut(request, told, now)
        except Cancelled:
            phases.add(phases_told[-1])
            assert list(folder.iterdir()) == [], f"cancelled when it had told {moment} times how far it is"
        else:
            break
    assert request.target.exists()
    assert {"index", "write", "verify"} <= phases


def _waited_s(request: CutRequest, cancelled: threading.Event) -> float:
    """How long a cut goes on after it was cancelled."""
    timer: list[float] = []

    def watch() -> None:
        cancelled.wait(60)
        timer.append(time.monotonic())

    watcher = threading.Thread(target=watch)
    watcher.start()
    with pytest.raises(Cancelled):
        Engine(None).cut(request, lambda _phase, _fraction: None, cancelled.is_set)
    watcher.join()
    return time.monotonic() - timer[0]


@pytest.mark.parametrize("name", ["broadcast", "mp4_h264"])
def test_nobody_waits_for_an_encoder(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = clip_cache.get(CLIPS[name]).path
    begun, go_on = threading.Event(), threading.Event()
    encode = pictures.encode_pictures

    def slow(*args: object, **kwargs: object) -> list[bytes]:
        begun.set()
        go_on.wait(60)
        return encode(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures, "encode_pictures", slow)
    request = CutRequest(source, tmp_path / f"cut{source.suffix}", keep_of(_SPANS))
    try:
        assert _waited_s(request, begun) < _PATIENCE_S
    finally:
        go_on.set()
    assert list(tmp_path.iterdir()) == []


def test_nobody_waits_for_a_disk_that_syncs(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip_cache.get(CLIPS["broadcast"]).path
    begun, go_on = threading.Event(), threading.Event()

    def slow(_handle: int) -> None:
        begun.set()
        go_on.wait(60)

    monkeypatch.setattr(output.os, "fsync", slow)
    request = CutRequest(source, tmp_path / "cut.ts", keep_of(_SPANS))
    try:
        assert _waited_s(request, begun) < _PATIENCE_S
    finally:
        go_on.set()
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_the_end(clip_cache: ClipCache, tmp_path: Path) -> None:
    """Phase after phase, never back, from wherever the index was to exactly 1."""
    source = clip_cache.get(CLIPS["broadcast"]).path
    engine = Engine(None)
    keep = KeepList.of([Span(a, a + 6) for a in range(3, 90, 12)])
    for turn in range(2):
        told = _phases(engine, CutRequest(source, tmp_path / f"{turn}.ts", keep))
        fractions = [fraction for _, fraction in told]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0.0
        assert fractions[-1] == 1.0
        phases = [phase for phase, _ in told]
        assert sorted(phases, key=["index", "encode", "write", "verify", "move"].index) == phases
