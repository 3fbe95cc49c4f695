"""Asking what may never be answered."""

from __future__ import annotations

import threading

import pytest

from plexcut.plexdata.askers import Askers


def test_a_thread_that_was_answered_asks_again() -> None:
    askers = Askers("test")
    names = {askers.ask(threading.get_ident, 10) for _ in range(20)}
    assert len(names) == 1
    assert names != {threading.get_ident()}
    askers.close()


def test_one_that_hangs_holds_up_nobody_and_is_used_again_when_it_comes_back() -> None:
    askers, go = Askers("test"), threading.Event()
    assert askers.ask(lambda: go.wait(20), 0.05) is None
    assert askers.under_way == 1
    others = {askers.ask(threading.get_ident, 10) for _ in range(5)}
    assert (len(others), askers.under_way) == (1, 1)
    go.set()
    while askers.under_way:
        threading.Event().wait(0.01)
    before = threading.active_count()
    meet = threading.Barrier(2)
    both = [threading.Thread(target=askers.ask, args=(lambda: meet.wait(10), 10)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert threading.active_count() == before
    askers.close()


def test_what_fails_fails_for_who_asked() -> None:
    askers = Askers("test")

    def fail() -> int:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        askers.ask(fail, 10)
    assert askers.ask(lambda: 5, 10) == 5
    assert askers.under_way == 0
    askers.close()
