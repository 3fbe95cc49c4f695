"""What is kept for the next request, and let go when none comes."""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from plexcut.media import heap

IDLE_S = 6.0
"""How long things that nobody asks for are kept: people who look at pictures ask for the next one sooner."""

_LOOK_EVERY_S = 1.0
_OF_EACH = 2

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class IdleStore(Generic[K, V]):
    """Values by key, each with its size; safe for several threads.

    The least used go when their sizes together exceed `limit` (the newest stays whatever its size), and all of them
    when they have not been asked for in `idle_s` (0: `IDLE_S`). `on_drop` gets each value that goes, in any thread, and
    all of them when the store itself goes; it must not hold the store.
    """

    def __init__(self, limit: int, on_drop: Callable[[V], None] | None = None, idle_s: float = 0) -> None:
        self._limit = limit
        self._idle_s = idle_s
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._held = 0
        self._entries: OrderedDict[K, tuple[V, int, float]] = OrderedDict()
        if on_drop is not None:
            # Before Python finalizes what the values hold, open files among it, in whatever order.
            weakref.finalize(self, _let_all_go, self._entries, on_drop)

    def get(self, key: K) -> V | None:
        """The value, which counts as used; None where there is none."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            self._entries[key] = (found[0], found[1], time.monotonic())
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value, in place of the one that was there."""
        dropped = []
        with self._lock:
            before = self._entries.pop(key, None)
            if before is not None:
                self._held -= before[1]
                dropped.append(before[0])
            self._entries[key] = (value, size, time.monotonic())
            self._held += size
            while self._held > self._limit and len(self._entries) > 1:
                _, (old, freed, _) = self._entries.popitem(last=False)
                self._held -= freed
                dropped.append(old)
        self._let_go(dropped)
        _sweeper.watch(self)

    def take(self, key: K) -> V | None:
        """The value, which is not kept any more; `on_drop` does not get it."""
        with self._lock:
            found = self._entries.pop(key, None)
            if found is None:
                return None
            self._held -= found[1]
            return found[0]

    def items(self) -> list[tuple[K, V]]:
        """What there is, least used first."""
        with self._lock:
            return [(key, value) for key, (value, _, _) in self._entries.items()]

    def sweep(self, now: float) -> bool:
        """Let go what was not asked for in time, at `now` (`time.monotonic`); whether nothing is left."""
        before = now - (self._idle_s or IDLE_S)
        dropped = []
        with self._lock:
            while self._entries:
                key, (value, size, used) = next(iter(self._entries.items()))
                if used > before:
                    break
                del self._entries[key]
                self._held -= size
                dropped.append(value)
            empty = not self._entries
        self._let_go(dropped)
        return empty

    def _let_go(self, values: list[V]) -> None:
        if self._on_drop is not None:
            for value in values:
                self._on_drop(value)


def _let_all_go(entries: OrderedDict[Any, tuple[V, int, float]], on_drop: Callable[[V], None]) -> None:
    while entries:
        on_drop(entries.popitem()[1][0])


class IdlePool(Generic[K, V]):
    """Things that are used again by whoever needs the same next, and let go with `IDLE_S`; a few of each kind."""

    def __init__(self, limit: int) -> None:
        self._store: IdleStore[tuple[K, int], V] = IdleStore(limit)

    def take(self, key: K) -> V | None:
        """One that nobody else uses; None where there is none."""
        return next((found for slot in range(_OF_EACH) if (found := self._store.take((key, slot))) is not None), None)

    def give(self, key: K, value: V, size: int) -> None:
        """It is not used any more."""
        taken = {slot for (kind, slot), _ in self._store.items() if kind == key}
        self._store.put((key, next((slot for slot in range(_OF_EACH) if slot not in taken), 0)), value, size)


class _Sweeper:
    """Looks through the stores of the process from time to time, as long as anything is in them."""

    def __init__(self) -> None:
        self._stores: weakref.WeakSet[IdleStore[Any, Any]] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, store: IdleStore[Any, Any]) -> None:
        """Look after a store until it is empty."""
        with self._lock:
            self._stores.add(store)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="plexcut-idle", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            now = time.monotonic()
            with self._lock:
                emptied = [store for store in tuple(self._stores) if store.sweep(now)]
                self._stores.difference_update(emptied)
                done = not self._stores
                if done:
                    self._thread = None
            if emptied:
                # Not only when all are empty: what plays is kept ten times as long as pictures.
                heap.give_back()
            if done:
                break


_sweeper = _Sweeper()
