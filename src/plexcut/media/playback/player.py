"""Everything that is being played: which files were handed out, what was made of them, who goes on making."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future

from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import Cancelled, NotReady, PlexcutError
from plexcut.media.playback.layout import Fragment
from plexcut.media.playback.movie import Look, Movie, MovieOrder, MovieRun, look_at
from plexcut.media.turns import Turns
from plexcut.media.viewing.idle import IdleStore

MAKERS = 2
"""So many fragments are made at once; each keeps about one core busy."""

_WAIT_S = 20.0
_LOOK_S = 0.1
_MOVIES = 12
_LOOKS = 100
_MADE_BYTES = 48 << 20
_MADE_IDLE_S = 60.0
"""Made fragments wait so long for somebody who goes back."""
_RUNS = 3
_RUN_IDLE_S = 15.0
"""A reader that takes no more for so long begins anew: its decoders hold some ten megabytes."""


class Player:
    """Hands out playable files and makes their bytes; bounded in threads and memory; safe for several threads."""

    def __init__(self, wait_s: float = _WAIT_S) -> None:
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._movies: OrderedDict[str, Movie] = OrderedDict()
        self._looks: OrderedDict[tuple[str, int | None], Look] = OrderedDict()
        self._made: IdleStore[tuple[str, int], bytes] = IdleStore(_MADE_BYTES, idle_s=_MADE_IDLE_S)
        self._under_way: dict[tuple[str, int], Future[bytes]] = {}
        self._makers = Turns(MAKERS)
        self._runs = _IdleRuns()

    def open(self, order: MovieOrder) -> PlayedFile:
        """A file to play.

        Raises:
            FormatUnsupported, FileUnreadable.
        """
        key = order.key
        with self._lock:
            movie = self._movies.get(key)
        if movie is None:
            movie = Movie(order, self._look(order))
        with self._lock:
            movie = self._movies.setdefault(key, movie)
            self._movies.move_to_end(key)
            while len(self._movies) > _MOVIES:
                self._movies.popitem(last=False)
        return PlayedFile(self, movie)

    def close(self) -> None:
        """Close all files; parts that are asked for later open them again."""
        self._runs.close()

    def _look(self, order: MovieOrder) -> Look:
        """What was found out once about a recording; it costs decoding a picture."""
        key = (order.fingerprint, order.index.program)
        with self._lock:
            look = self._looks.get(key)
        if look is None:
            look = look_at(order.source, order.index)
            with self._lock:
                self._looks[key] = look
                while len(self._looks) > _LOOKS:
                    self._looks.popitem(last=False)
        return look

    def fragment(self, movie: Movie, fragment: Fragment, should_cancel: ShouldCancel) -> bytes:
        """The bytes of a fragment; one that is under way is waited for, not made twice.

        Raises:
            Cancelled, FormatUnsupported, FileUnreadable. NotReady: too many others are being made.
        """
        key = (movie.key, fragment.number)
        until = time.monotonic() + self._wait_s
        while True:
            with self._lock:
                held = self._made.get(key)
                if held is not None:
                    return held
                future = self._under_way.get(key)
                mine = future is None
                if future is None:
                    future = self._under_way[key] = Future()
            if mine:
                return self._make(movie, fragment, future, should_cancel)
            found = self._waited_for(future, should_cancel, until)
            if found is not None:
                return found

    def _waited_for(self, future: Future[bytes], should_cancel: ShouldCancel, until: float) -> bytes | None:
        """What somebody else makes; None where that one gave up."""
        while True:
            try:
                return future.result(timeout=_LOOK_S)
            except TimeoutError:
                _check(should_cancel, until)
            except (Cancelled, NotReady):
                return None

    def _make(self, movie: Movie, fragment: Fragment, future: Future[bytes], should_cancel: ShouldCancel) -> bytes:
        key = (movie.key, fragment.number)
        try:
            until = time.monotonic() + self._wait_s
            while (turn := self._makers.take(_LOOK_S)) is None:
                _check(should_cancel, until)
            try:
                data = self._by_a_run(movie, fragment, should_cancel)
            finally:
                self._makers.give_back(turn)
        except BaseException as error:
            with self._lock:
                self._under_way.pop(key, None)
            future.set_exception(error if isinstance(error, PlexcutError) else Cancelled("this part was given up"))
            raise
        with self._lock:
            self._under_way.pop(key, None)
            self._made.put(key, data, len(data))
        future.set_result(data)
        return data

    def _by_a_run(self, movie: Movie, fragment: Fragment, should_cancel: ShouldCancel) -> bytes:
        run = self._runs.take(movie.key, fragment.number) or movie.run()
        try:
            data = run.make(fragment, should_cancel)
        except BaseException:
            run.close()
            raise
        if fragment.number + 1 < len(movie.fragments):
            self._runs.put(movie.key, run)
        else:
            run.close()
        return data


def _check(should_cancel: ShouldCancel, until: float) -> None:
    if should_cancel():
        raise Cancelled("nobody waits for this part any more")
    if time.monotonic() > until:
        raise NotReady("too many recordings are being played at once", "try again in a moment")


class _IdleRuns:
    """Runs that wait for their reader to go on; the oldest go first, and all after a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[tuple[str, int], tuple[MovieRun, float]] = OrderedDict()
        self._timer: threading.Timer | None = None

    def take(self, key: str, number: int) -> MovieRun | None:
        """The run that goes on with this fragment, if there is one."""
        with self._lock:
            found = self._waiting.pop((key, number), None)
        return found[0] if found else None

    def put(self, key: str, run: MovieRun) -> None:
        """Keep a run until it is taken, or too old."""
        with self._lock:
            before = self._waiting.pop((key, run.next), None)
            self._waiting[key, run.next] = (run, time.monotonic())
            old = [before[0]] if before else []
            while len(self._waiting) > _RUNS:
                old.append(self._waiting.popitem(last=False)[1][0])
            self._watch()
        for gone in old:
            gone.close()

    def close(self) -> None:
        """Close all that wait."""
        with self._lock:
            gone = [run for run, _ in self._waiting.values()]
            self._waiting.clear()
        for run in gone:
            run.close()

    def _watch(self) -> None:
        """Look again when the oldest is too old. Call it with the lock held."""
        if self._timer is None and self._waiting:
            self._timer = threading.Timer(_RUN_IDLE_S, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            self._timer = None
            limit = time.monotonic() - _RUN_IDLE_S
            old = [key for key, (_, since) in self._waiting.items() if since <= limit]
            gone = [self._waiting.pop(key)[0] for key in old]
            self._watch()
        for run in gone:
            run.close()


class PlayedFile:
    """A file that can be read from any byte on."""

    def __init__(self, player: Player, movie: Movie) -> None:
        self._player = player
        self._movie = movie

    @property
    def size_bytes(self) -> int:
        return self._movie.size_bytes

    @property
    def tag(self) -> str:
        return self._movie.key

    def read(self, start: int, *, should_cancel: ShouldCancel = never) -> bytes:
        movie = self._movie
        fragment = movie.fragment_at(start)
        if fragment is None:
            return movie.header[start:]
        data = self._player.fragment(movie, fragment, should_cancel)
        return data[start - len(movie.header) - fragment.at :]
