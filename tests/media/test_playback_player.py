"""Many who play at once: each part is made once, only so many at a time, and nothing is kept for long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from tests.media.test_playback import order, whole
from tests.media_factory import CLIPS, ClipCache

from plexcut.errors import Cancelled, NotReady
from plexcut.media.engine import Engine
from plexcut.media.playback import player as player_module
from plexcut.media.playback.movie import Movie, MovieOrder, MovieRun
from plexcut.media.playback.player import MAKERS, Player


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the fragments that were made, in order; each takes a moment."""
    numbers: list[int] = []
    make = MovieRun.make

    def count(self: MovieRun, fragment, should_cancel):  # type: ignore[no-untyped-def]
        numbers.append(fragment.number)
        time.sleep(0.05)
        return make(self, fragment, should_cancel)

    monkeypatch.setattr(MovieRun, "make", count)
    return numbers


def movie_order(clip_cache: ClipCache) -> MovieOrder:
    """All of an interlaced clip."""
    clip = clip_cache.get(CLIPS["h264_mbaff_tff"])
    engine = Engine(None)
    index = engine.index(clip.path)
    keep = engine.resolve_keep(clip.path, [(Fraction(0), Fraction(3))])
    return MovieOrder(clip.path, index, engine.fingerprint(clip.path), keep, None)


def test_a_part_is_made_once_however_many_ask(clip_cache: ClipCache, made: list[int]) -> None:
    player = Player()
    wanted = movie_order(clip_cache)
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(lambda _: whole(player.open(wanted)), range(8)))
    assert len(results) == 1
    assert sorted(made) == sorted(set(made))


def test_who_gives_up_does_not_take_it_from_others(clip_cache: ClipCache, made: list[int]) -> None:
    player = Player()
    file = player.open(movie_order(clip_cache))
    begun = threading.Event()

    def first() -> None:
        def gone() -> bool:
            begun.set()
            return True

        with pytest.raises(Cancelled):
            file.read(file.size_bytes - 1, should_cancel=gone)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        begun.wait(60)
        two = pool.submit(file.read, file.size_bytes - 1)
        one.result(10)
        assert len(two.result(10)) == 1


def test_too_many_at_once_are_told_so(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> None:
    player = Player(wait_s=0.3)
    file = player.open(movie_order(clip_cache))
    blocked, go_on = threading.Semaphore(0), threading.Event()

    def stuck(self: MovieRun, fragment, should_cancel):  # type: ignore[no-untyped-def]
        blocked.release()
        go_on.wait(60)
        raise Cancelled("given up")

    monkeypatch.setattr(MovieRun, "make", stuck)
    movie: Movie = file._movie
    with ThreadPoolExecutor(MAKERS) as pool:
        places = [len(movie.header) + fragment.at for fragment in movie.fragments]
        for place in places[:MAKERS]:
            pool.submit(file.read, place)
        for _ in range(MAKERS):
            assert blocked.acquire(timeout=5)
        with pytest.raises(NotReady):
            file.read(places[MAKERS])
        go_on.set()


def test_what_nobody_goes_on_with_is_let_go(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_RUN_IDLE_S", 0.2)
    closed = threading.Event()
    close = MovieRun.close

    def told(self: MovieRun) -> None:
        close(self)
        closed.set()

    monkeypatch.setattr(MovieRun, "close", told)
    file = Player().open(movie_order(clip_cache))
    head = file.read(0)
    assert file.read(len(head))
    assert closed.wait(60)


def test_what_was_made_is_kept_within_bounds(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_MADE_BYTES", 1)
    player = Player()
    data = whole(player.open(movie_order(clip_cache)))
    assert len(player._made.items()) == 1
    assert whole(player.open(movie_order(clip_cache))) == data


def test_the_order_decides_the_bytes(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    engine = Engine(None)
    tracks = [track.id for track in engine.probe(clip.path).audio]
    orders = [order(), order((0, 50)), order((0, 50), (60, 70)), *(order(audio=track) for track in tracks)]
    tags = [engine.play(clip.path, one).tag for one in orders]
    assert len(set(tags)) == 4
    assert tags[0] == tags[3]
