"""Makes the demo library's files: each appears whole or not at all, and what is there is not made again."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from plexcut.demo.plan import DEMO_VERSION, DemoRecording, Poster, posters, recordings
from plexcut.errors import CannotWrite, DiskFull

log = logging.getLogger(__name__)

_MARKER = ".plexcut-demo"
_MADE = "{version} {path}\n"
_TEMPORARY_SUFFIX = ".part"
# Two at a time: encoders run outside Python's lock, and more would only share the same two cores of a small machine.
_WORKERS = 2
_POLL_S = 0.2


class _Stopped(Exception):
    """Ends the work of a thread; never leaves this module."""


def demo_is_complete(target: Path) -> bool:
    """Whether every file of the demo library was made in `target` by this version and is still there."""
    return not _missing(target)


def make_demo_library(target: Path, on_progress: Callable[[float, str], None]) -> None:
    """Make what is missing of the demo library below `target`.

    `on_progress(share, what)` is called from this thread with 0..1 and the title being made; what it raises, and
    Ctrl-C, ends the work without leaving a part of a file. A call that finds everything there returns at once.
    Recordings that were changed since (cut, replaced) stay as they are, unless plexcut's newer version makes another
    demo library. Raises: CannotWrite, DiskFull.
    """
    missing = _missing(target)
    if not missing:
        on_progress(1.0, "")
        return
    try:
        target.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        _make(target, missing, on_progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space left for the demo library in {target}", "free about 150 MB") from error
        raise CannotWrite(f"cannot write the demo library to {target}: {error.strerror or error}") from error
    on_progress(1.0, "")


def _missing(target: Path) -> list[DemoRecording | Poster]:
    try:
        made = set((target / _MARKER).read_text(encoding="utf-8").splitlines(keepends=True))
    except OSError:
        made = set()
    wanted: list[DemoRecording | Poster] = [*posters(), *recordings()]
    return [
        item
        for item in wanted
        if _MADE.format(version=DEMO_VERSION, path=item.path) not in made or not (target / item.path).exists()
    ]


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files of a maker that was killed."""
    for path in target.rglob(f".*{_TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)


class _Progress:
    """Seconds made so far, counted by all threads, and the title that moved last."""

    def __init__(self, total_s: int) -> None:
        self._lock = threading.Lock()
        self._total_s = max(1, total_s)
        self._done_s = 0
        self._title = ""
        self.stop = threading.Event()

    def step(self, title: str, seconds: int = 1) -> None:
        """Count made seconds. Raises: _Stopped when the work is to end."""
        if self.stop.is_set():
            raise _Stopped
        with self._lock:
            self._done_s += seconds
            self._title = title

    def read(self) -> tuple[float, str]:
        """(share below 1, title)."""
        with self._lock:
            return min(0.999, self._done_s / self._total_s), self._title


def _make(target: Path, missing: list[DemoRecording | Poster], on_progress: Callable[[float, str], None]) -> None:
    films = [item for item in missing if isinstance(item, DemoRecording)]
    progress = _Progress(sum(-(-film.duration_ms // 1000) for film in films))
    # The longest first, so that both threads end at about the same time.
    films.sort(key=lambda film: film.duration_ms, reverse=True)
    for item in missing:
        if isinstance(item, Poster):
            _make_file(target, item, progress)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="demo") as pool:
        futures: set[Future[None]] = {pool.submit(_make_file, target, film, progress) for film in films}
        try:
            while futures:
                done, futures = wait(futures, timeout=_POLL_S, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                on_progress(*progress.read())
        finally:
            # After an error, or Ctrl-C: the running ones end at their next second, the others do not begin.
            progress.stop.set()
            for future in futures:
                future.cancel()


_marker_lock = threading.Lock()


def _make_file(target: Path, item: DemoRecording | Poster, progress: _Progress) -> None:
    """Make one file under a temporary name, move it into place, and note it in the marker."""
    path = target / item.path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{_TEMPORARY_SUFFIX}")
    try:
        if isinstance(item, Poster):
            from plexcut.demo.pictures import draw_poster

            draw_poster(item).save(temporary, "JPEG", quality=88)
        else:
            from plexcut.demo.recorder import write_recording

            write_recording(item, temporary, lambda: progress.step(item.lines[0]))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    with _marker_lock, (target / _MARKER).open("a", encoding="utf-8") as marker:
        marker.write(_MADE.format(version=DEMO_VERSION, path=item.path))
    log.info("made %s", item.path)
