"""The indexes of recordings, for one process: in memory, on disk, or being built in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plexcut.domain.media import IndexState, Source
from plexcut.errors import Cancelled, FileUnreadable, HostUnreachable, PlexcutError, RecordingChanged
from plexcut.media.index.build import build_index
from plexcut.media.index.cache import IndexCache, fingerprint
from plexcut.media.index.model import MediaIndex

log = logging.getLogger(__name__)

_IN_MEMORY = 12
_FAILURES_KEPT = 64
_REST_S = 0.25
_PASSING = (FileUnreadable, HostUnreachable, RecordingChanged, Cancelled)
"""Failures that may be over at the next try: a share that was away, a file that was being written."""

Key = tuple[str, int | None]


@dataclass(slots=True)
class _Build:
    future: Future[MediaIndex]
    percent: float = 0.0


class Indexes:
    """Hands out indexes; each is built once however many ask for it. Safe for several threads."""

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache = IndexCache(cache_dir)
        self._lock = threading.Lock()
        self._ready: OrderedDict[Key, MediaIndex] = OrderedDict()
        self._builds: dict[Key, _Build] = {}
        self._failures: OrderedDict[Key, PlexcutError] = OrderedDict()
        self._waiting = 0
        self._fingerprints: dict[tuple[str, int, int, int], str] = {}

    def fingerprint(self, path: Source) -> str:
        """Identity of the file's content now; read again only when size, time or inode changed."""
        try:
            key = _place(path)
        except (OSError, ValueError):
            return fingerprint(path)
        known = self._fingerprints.get(key)
        if known is None:
            known = fingerprint(path)
            with self._lock:
                if len(self._fingerprints) > 4096:
                    self._fingerprints.clear()
                self._fingerprints[key] = known
        return known

    def state(self, path: Source, program: int | None = None) -> IndexState:
        """How far the index is; starts nothing (an index on disk counts as there)."""
        key = (self.fingerprint(path), program)
        with self._lock:
            if key in self._ready:
                return IndexState("ready", 100.0)
            if key in self._builds:
                return IndexState("building", round(self._builds[key].percent, 1))
            if key in self._failures:
                return IndexState("failed", 0.0, self._failures[key].line)
        if self._load(key) is not None:
            return IndexState("ready", 100.0)
        return IndexState("none", 0.0)

    def prepare(self, path: Source, program: int | None = None) -> IndexState:
        """Start building in the background unless the index is there, under way, or known to be impossible."""
        state = self.state(path, program)
        if state.state != "none":
            return state
        key = (self.fingerprint(path), program)
        build, mine = self._claim(key)
        if build.future.done():
            return self.state(path, program)
        if mine:
            threading.Thread(target=self._run, args=(build, key, path), name="index", daemon=True).start()
        return IndexState("building", round(build.percent, 1))

    def get(
        self, path: Source, program: int | None = None, on_fraction: Callable[[float], None] | None = None
    ) -> MediaIndex:
        """The index; waits for it, building it here where nobody else does.

        Raises:
            FileUnreadable, FormatUnsupported, UsageError: as `build_index`.
            RecordingChanged: the file changed while it was read.
        """
        key = (self.fingerprint(path), program)
        found = self._load(key)
        if found is not None:
            return found
        build, mine = self._claim(key)
        if mine:
            self._run(build, key, path, on_fraction)
        return build.future.result()

    def soon(self, path: Source, program: int | None = None, timeout_s: float = 0.0) -> MediaIndex | None:
        """The index if it is there within `timeout_s`; else None, and it is being built in the background.

        Raises:
            As `get`, where building it has failed in that time.
        """
        key = (self.fingerprint(path), program)
        found = self._load(key)
        if found is not None:
            return found
        build, mine = self._claim(key)
        if mine:
            threading.Thread(target=self._run, args=(build, key, path), name="index", daemon=True).start()
        try:
            return build.future.result(timeout_s)
        except FutureTimeout:
            return None

    def is_here(self, key: Key) -> bool:
        """Whether the index of a file with this fingerprint is in memory; asks nobody."""
        with self._lock:
            return key in self._ready

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """While somebody waits for a picture that needs no index, builds rest between two blocks, never for long."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _rest(self) -> None:
        until = time.monotonic() + _REST_S
        while self._waiting and time.monotonic() < until:
            time.sleep(0.005)

    def _load(self, key: Key) -> MediaIndex | None:
        with self._lock:
            if key in self._ready:
                self._ready.move_to_end(key)
                return self._ready[key]
            if key in self._builds:
                return None
        stored = self._cache.load(*key)
        if stored is not None:
            self._keep(key, stored)
        return stored

    def _keep(self, key: Key, index: MediaIndex) -> None:
        with self._lock:
            self._ready[key] = index
            self._ready.move_to_end(key)
            while len(self._ready) > _IN_MEMORY:
                self._ready.popitem(last=False)

    def _remember(self, key: Key, error: PlexcutError) -> None:
        with self._lock:
            self._failures[key] = error
            while len(self._failures) > _FAILURES_KEPT:
                self._failures.popitem(last=False)

    def _claim(self, key: Key) -> tuple[_Build, bool]:
        with self._lock:
            running = self._builds.get(key)
            if running is not None:
                return running, False
            build = _Build(Future())
            ready = self._ready.get(key)
            if ready is not None:
                build.future.set_result(ready)
                return build, False
            self._builds[key] = build
            return build, True

    def _run(self, build: _Build, key: Key, path: Source, on_fraction: Callable[[float], None] | None = None) -> None:
        def tell(fraction: float) -> None:
            build.percent = 100.0 * fraction
            self._rest()
            if on_fraction is not None:
                on_fraction(fraction)

        try:
            index = build_index(path, key[1], tell)
            if self.fingerprint(path) != key[0]:
                raise RecordingChanged(f"{path.name} changed while it was read", "is it still being recorded?")
            self._cache.save(key[0], key[1], index)
            self._keep(key, index)
            build.future.set_result(index)
        except PlexcutError as error:
            if not isinstance(error, _PASSING):
                self._remember(key, error)
            build.future.set_exception(error)
        except BaseException as error:
            build.future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            self._remember(key, PlexcutError(f"{path.name} cannot be indexed", "the log says why"))
            log.exception("the index of a recording could not be built")
        finally:
            with self._lock:
                self._builds.pop(key, None)


def _place(source: Source) -> tuple[str, int, int, int]:
    """What tells cheaply that a file is what it was."""
    if isinstance(source, Path):
        status = source.stat()
        return str(source), status.st_size, status.st_mtime_ns, status.st_ino
    found = source.status()
    return source.key, found.size_bytes, found.version, 0
