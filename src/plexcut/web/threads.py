"""The one way from the event loop to blocking calls: pools of threads, so that no kind of call starves another.

A Plex server that answers slowly fills the library pool and nothing else; frames and everything that is local go on.
Each library has pools of its own: one whose disk hangs fills those, and the others go on.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal, ParamSpec, TypeVar

from plexcut.errors import Cancelled, HostUnreachable, NotReady, PlexcutError

Pool = Literal["library", "frames", "waiting", "strips", "sound", "playback", "work", "streams", "rest"]
P = ParamSpec("P")
T = TypeVar("T")

THREADS: dict[Pool, int] = {
    "library": 10,
    "frames": 8,
    "waiting": 16,
    "strips": 6,
    "sound": 4,
    "playback": 6,
    "work": 8,
    "streams": 4,
    "rest": 4,
}
"""Together 66, begun when they are needed: enough for several users, few enough for their stacks and file handles.

`library`: whatever may ask a Plex server. `frames`: one picture each. `waiting`: pictures of which only an index that
is being built can tell which they are. `strips`: many pictures each, which may wait for an index too. `sound`:
waveforms, which may wait for a pass over the file. `playback`: making parts of what is played. `work`: what may wait
for an index (keep lists, plans, cuts, the timeline). `streams`: reading pieces of files. `rest`: what is at hand.
"""

LIMIT_S: dict[Pool, float] = {
    "library": 30.0,
    "frames": 60.0,
    "waiting": 120.0,
    "strips": 120.0,
    "sound": 120.0,
    "playback": 60.0,
    "work": 120.0,
    "streams": 30.0,
    "rest": 30.0,
}
"""How long a request waits for a call. The adapters' own limits on a host are shorter; what waits for an index may
need a while."""


about: ContextVar[str] = ContextVar("about", default="")
"""The library that the request is about, one of those that there are; empty: none, or not known before."""


class _Pool:
    """Daemon threads that work through a queue. Daemons, so that a call that hangs cannot hold up the program's end
    (`ThreadPoolExecutor` waits for its threads when the interpreter exits).
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._free = count
        self._idle = 0
        self._count = count
        self._begun_s: dict[int, float] = {}
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._started = 0
        self._closed = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                future.cancel()
                return future
            if self._idle == 0 and self._free > 0:
                self._free -= 1
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
            else:
                self._idle = max(self._idle - 1, 0)
        self._calls.put((future, call))
        return future

    def _work(self) -> None:
        while (entry := self._calls.get()) is not None:
            future, call = entry
            tell: Callable[[], None] | None = None
            if future.set_running_or_notify_cancel():
                with self._lock:
                    self._begun_s[id(future)] = time.monotonic()
                try:
                    tell = partial(future.set_result, call())
                except BaseException as error:  # noqa: BLE001  (handed over whole to whoever waits)
                    tell = partial(future.set_exception, error)
            with self._lock:
                self._begun_s.pop(id(future), None)
                self._idle += 1
            if tell is not None:
                tell()
            del entry, future, call, tell

    def hangs(self, limit_s: float) -> bool:
        """Whether all its threads are in calls that have lasted longer than that."""
        with self._lock:
            late = time.monotonic() - limit_s
            return len(self._begun_s) == self._count and all(begun < late for begun in self._begun_s.values())

    def close(self) -> None:
        """Drop what waits and let the threads end after their present call."""
        with self._lock:
            self._closed = True
        while True:
            try:
                entry = self._calls.get_nowait()
            except queue.Empty:
                break
            if entry is not None:
                entry[0].cancel()
        for _ in range(self._started):
            self._calls.put(None)


class Threads:
    """Owns the pools. A call that outlives its limit is answered as an error; its thread ends when the call does."""

    def __init__(self) -> None:
        self._pools: dict[tuple[Pool, str], _Pool] = {}
        self._closed = False
        self._stoppable: weakref.WeakSet[threading.Event] = weakref.WeakSet()

    async def run(self, pool: Pool, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function(*args, **kwargs)`, run in a thread of `pool` for the library that `about` names.

        A call that has not begun when the request is given up is never made; one that has is left alone.

        Raises:
            HostUnreachable, NotReady: it took longer than `LIMIT_S`, or all threads that could take it have been at
                something else for longer than that.
            Exception: whatever the call raises.
        """
        return await self._wait(pool, partial(function, *args, **kwargs))

    async def run_stoppable(self, pool: Pool, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """As `run`, for a function that takes `should_cancel: ShouldCancel` as a keyword and looks at it on the way.

        It is true from the moment on in which the request's task is cancelled (Quart does that when the client has
        gone away), the limit is over, or the server stops. What the call gives or raises after that nobody sees.
        """
        given_up = threading.Event()
        self._stoppable.add(given_up)
        try:
            return await self._wait(pool, partial(function, *args, should_cancel=given_up.is_set, **kwargs))
        except Cancelled:
            # The server stops, and the request's task has not been cancelled yet: no failure of ours.
            raise NotReady("the server is stopping", "try again in a moment") from None
        finally:
            given_up.set()

    async def _wait(self, pool: Pool, call: Callable[[], T]) -> T:
        threads = self._pool(pool)
        if threads.hangs(LIMIT_S[pool]):
            raise _late(pool)
        future = asyncio.wrap_future(threads.submit(call))
        try:
            done, _ = await asyncio.wait((future,), timeout=LIMIT_S[pool])
        finally:
            future.cancel()
        if not done:
            raise _late(pool)
        return future.result()

    def _pool(self, name: Pool) -> _Pool:
        """The pool of this name, for the library that this is about where it matters."""
        library = "" if name == "rest" else about.get()
        found = self._pools.get((name, library))
        if found is None:
            found = self._pools[name, library] = _Pool(f"plexcut-{name}", THREADS[name])
            if self._closed:
                found.close()
        return found

    def close(self) -> None:
        """Let the threads end; calls that wait are dropped, running ones are told to stop but not waited for."""
        self._closed = True
        for given_up in tuple(self._stoppable):
            given_up.set()
        for pool in self._pools.values():
            pool.close()


def _late(pool: Pool) -> PlexcutError:
    limit_s = LIMIT_S[pool]
    if pool == "library":
        return HostUnreachable(f"the library did not answer within {limit_s:.0f} s", "try again")
    return NotReady(f"this took longer than {limit_s:.0f} s", "try again in a moment")
