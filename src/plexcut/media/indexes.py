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
from plexcut.media.index.build import build_index, extend_index, without_last
from plexcut.media.index.cache import IndexCache, fingerprint, only_grew, size_of
from plexcut.media.index.model import MediaIndex
from plexcut.media.turns import Turn, Turns

log = logging.getLogger(__name__)

_IN_MEMORY = 12
_FAILURES_KEPT = 64
_REST_S = 0.25
_PASSING = (FileUnreadable, HostUnreachable, RecordingChanged, Cancelled)
"""Failures that may be over at the next try: a share that was away, a file that was being written."""

_BUILDS_AT_ONCE = 2
_PRESENT_S = 5.0
"""How long the index of a file that grows counts before it is made longer."""
_PRESENT_KEPT = 64

Key = tuple[str, int | None]


@dataclass(slots=True)
class _Build:
    place: str
    future: Future[MediaIndex]
    percent: float = 0.0


@dataclass(slots=True)
class _Present:
    """The index of what was at a place lastly, and when the file was seen to be that (monotonic seconds)."""

    key: Key
    seen_s: float


class Indexes:
    """Hands out indexes; each is built once however many ask for it. Safe for several threads.

    While a file grows, the index of what it was some seconds before counts, and is made longer from time to time.
    """

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache = IndexCache(cache_dir)
        self._lock = threading.Lock()
        self._ready: OrderedDict[Key, MediaIndex] = OrderedDict()
        self._builds: dict[Key, _Build] = {}
        self._failures: OrderedDict[Key, PlexcutError] = OrderedDict()
        self._present: OrderedDict[tuple[str, int | None], _Present] = OrderedDict()
        self._turns = Turns(_BUILDS_AT_ONCE)
        self._waiting = 0
        self._works_until = 0.0
        self._fingerprints: dict[tuple[str, int, int, int], str] = {}
        self._grown: dict[tuple[str, str], bool] = {}

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
        if self.is_here(key) or self._shorter(path, key) is not None:
            return IndexState("ready", 100.0)
        build = self._under_way(path, key)
        if build is not None:
            return IndexState("building", round(build.percent, 1))
        with self._lock:
            if key in self._failures:
                return IndexState("failed", 0.0, self._failures[key].line)
        if self._load(path, key) is not None:
            return IndexState("ready", 100.0)
        return IndexState("none", 0.0)

    def prepare(self, path: Source, program: int | None = None) -> IndexState:
        """Start building in the background unless the index is there, under way, or known to be impossible."""
        state = self.state(path, program)
        key = (self.fingerprint(path), program)
        if state.state == "ready" and self._at_hand(path, key) is None and key not in self._failures:
            self._begin(path, key)
        if state.state != "none":
            return state
        build = self._begin(path, key)
        return self.state(path, program) if build.future.done() else IndexState("building", round(build.percent, 1))

    def get(
        self, path: Source, program: int | None = None, on_fraction: Callable[[float], None] | None = None
    ) -> MediaIndex:
        """The index; waits for it, building it here where nobody else does.

        Raises:
            FileUnreadable, FormatUnsupported, UsageError: as `build_index`.
            RecordingChanged: the file changed while it was read, otherwise than by growing.
        """
        key = (self.fingerprint(path), program)
        found = self._at_hand(path, key)
        if found is not None:
            return found
        while True:
            build, mine = self._claim(path, key)
            if mine:
                self._run(build, key, path, on_fraction)
            try:
                return build.future.result()
            except Cancelled:
                # Whoever built it gave up; that was not asked for here.
                if mine:
                    raise

    def soon(self, path: Source, program: int | None = None, timeout_s: float = 0.0) -> MediaIndex | None:
        """The index if it is there within `timeout_s`; else None, and it is being built in the background.

        Raises:
            As `get`, where building it has failed in that time.
        """
        key = (self.fingerprint(path), program)
        found = self._at_hand(path, key)
        if found is not None:
            return found
        build = self._begin(path, key)
        try:
            return build.future.result(timeout_s)
        except FutureTimeout:
            return self._shorter(path, key)

    def _begin(self, path: Source, key: Key) -> _Build:
        """The build of an index, in the background."""
        build, mine = self._claim(path, key)
        if mine:
            threading.Thread(target=self._run, args=(build, key, path), name="index", daemon=True).start()
        return build

    def _at_hand(self, path: Source, key: Key) -> MediaIndex | None:
        """The index without building anything, of the file as it is or, while it grows, as it was just now."""
        found = self._load(path, key)
        if found is not None:
            return found
        with self._lock:
            present = self._present.get((_name(path), key[1]))
        if present is None or time.monotonic() - present.seen_s > _PRESENT_S:
            return None
        return self._shorter(path, key)

    def _shorter(self, path: Source, key: Key) -> MediaIndex | None:
        """The index in memory of the file as it was before it grew to what `key` says."""
        with self._lock:
            present = self._present.get((_name(path), key[1]))
            found = None if present is None else self._ready.get(present.key)
        if present is None or found is None or present.key == key:
            return None
        return found if self._grew(path, present.key, key) else None

    def _grew(self, path: Source, before: Key, now: Key) -> bool:
        """Whether the file of `now` begins with that of `before`; looked up once."""
        pair = (before[0], now[0])
        known = self._grown.get(pair)
        if known is None:
            known = only_grew(path, before[0])
            with self._lock:
                if len(self._grown) > _PRESENT_KEPT:
                    self._grown.clear()
                self._grown[pair] = known
        return known

    def is_here(self, key: Key) -> bool:
        """Whether the index of a file with this fingerprint is in memory; asks nobody."""
        with self._lock:
            return key in self._ready

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """While somebody waits for a picture that needs no index, builds rest, half the time at most."""
        with self._lock:
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _rest(self) -> None:
        begun = time.monotonic()
        if not self._waiting or begun < self._works_until:
            return
        while self._waiting and time.monotonic() < begun + _REST_S:
            time.sleep(0.005)
        self._works_until = time.monotonic() + _REST_S

    def _load(self, path: Source, key: Key) -> MediaIndex | None:
        """The index of the file as it is, from memory or disk."""
        with self._lock:
            found = self._ready.get(key)
            if found is not None:
                self._ready.move_to_end(key)
            elif key in self._builds:
                return None
        if found is None:
            found = self._cache.load(*key)
        if found is not None:
            self._keep(path, key, found)
        return found

    def _keep(self, path: Source, key: Key, index: MediaIndex) -> None:
        with self._lock:
            self._ready[key] = index
            self._ready.move_to_end(key)
            while len(self._ready) > _IN_MEMORY:
                self._ready.popitem(last=False)
            self._present[_name(path), key[1]] = _Present(key, time.monotonic())
            self._present.move_to_end((_name(path), key[1]))
            while len(self._present) > _PRESENT_KEPT:
                self._present.popitem(last=False)

    def _remember(self, key: Key, error: PlexcutError) -> None:
        with self._lock:
            self._failures[key] = error
            while len(self._failures) > _FAILURES_KEPT:
                self._failures.popitem(last=False)

    def _under_way(self, path: Source, key: Key) -> _Build | None:
        """The build of this index, or of the file as it was before it grew to this."""
        with self._lock:
            running = self._builds.get(key)
            others = [(k, b) for k, b in self._builds.items() if b.place == _name(path) and k[1] == key[1]]
        if running is not None:
            return running
        return next((build for before, build in others if self._grew(path, before, key)), None)

    def _claim(self, path: Source, key: Key) -> tuple[_Build, bool]:
        """The build to wait for, and whether it is the caller's to run."""
        running = self._under_way(path, key)
        if running is not None:
            return running, False
        with self._lock:
            running = self._builds.get(key)
            if running is not None:
                return running, False
            build = _Build(_name(path), Future())
            ready = self._ready.get(key)
            if ready is not None:
                build.future.set_result(ready)
                return build, False
            self._builds[key] = build
            return build, True

    def _run(self, build: _Build, key: Key, path: Source, on_fraction: Callable[[float], None] | None = None) -> None:
        def tell(fraction: float, turn: Turn) -> None:
            turn.alive()
            build.percent = 100.0 * fraction
            self._rest()
            if on_fraction is not None:
                on_fraction(fraction)

        try:
            with self._turns.turn() as turn:
                index = self._built(key, path, lambda fraction: tell(fraction, turn))
            if self.fingerprint(path) != key[0]:
                if not only_grew(path, key[0]):
                    raise RecordingChanged(f"{path.name} changed while it was read", "open it again")
                index = without_last(index)
            self._cache.save(*key, index, _name(path))
            # From there its memory is shared, and given back where it is needed.
            index = self._cache.load(*key) or index
            self._keep(path, key, index)
            build.future.set_result(index)
        except PlexcutError as error:
            if not isinstance(error, _PASSING):
                self._remember(key, error)
            build.future.set_exception(error)
        except OSError as error:  # a disk that fails to read, perhaps not for ever
            reason = error.strerror or type(error).__name__
            build.future.set_exception(
                FileUnreadable(f"cannot read {path.name}: {reason}", "check the disk it lies on")
            )
        except BaseException as error:
            build.future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            self._remember(key, PlexcutError(f"{path.name} cannot be indexed", "the log says why"))
            log.exception("the index of a recording could not be built")
        finally:
            with self._lock:
                self._builds.pop(key, None)

    def _built(self, key: Key, path: Source, tell: Callable[[float], None]) -> MediaIndex:
        """The index of as much of the file as `key` says, from that of an earlier state where there is one."""
        size = size_of(key[0])
        before = self._shorter(path, key) or self._cache.load_shorter(path, _name(path), key[1])
        if before is not None:
            longer = extend_index(path, before, tell, size)
            if longer is not None:
                return longer
        return build_index(path, key[1], tell, size)


def _name(source: Source) -> str:
    """What tells places apart."""
    return str(source) if isinstance(source, Path) else source.key


def _place(source: Source) -> tuple[str, int, int, int]:
    """What tells cheaply that a file is what it was."""
    if isinstance(source, Path):
        status = source.stat()
        return str(source), status.st_size, status.st_mtime_ns, status.st_ino
    found = source.status()
    return source.key, found.size_bytes, found.version, 0
