"""Turns that hang are given to others."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.media import indexes as indexes_module
from plexcut.media.indexes import Indexes
from plexcut.media.turns import Turns


def test_so_many_at_once() -> None:
    turns = Turns(2, silence_s=60)
    first, second = turns.take(), turns.take()
    assert first is not None and second is not None
    assert turns.busy == 2
    assert turns.take(0.01) is None
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(turns.take, 30)
        turns.give_back(first)
        assert third.result() is not None


def test_who_is_silent_holds_up_nobody_for_long() -> None:
    turns = Turns(2, silence_s=0.2)
    hanging = [turns.take() for _ in range(2)]
    with turns.turn():
        assert turns.busy == 1
    for turn in hanging:
        assert turn is not None
        turns.give_back(turn)
    assert turns.busy == 0


def test_who_shows_signs_of_life_keeps_the_turn() -> None:
    turns = Turns(1, silence_s=5)
    with turns.turn() as turn:
        turn._seen -= 4  # as if it had been silent for so long
        turn.alive()
        assert turns.take(0.01) is None
        turn._seen -= 6
        assert turns.take(0.01) is not None


def test_indexes_that_hang_leave_others_their_turn(
    tmp_path: Path, clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two recordings on a dead mount had all indexes of all libraries wait for ever."""
    gate, build = threading.Event(), indexes_module.build_index

    def hangs(path, *rest):
        if path.name.startswith("dead"):
            gate.wait(60)
        return build(path, *rest)

    monkeypatch.setattr(indexes_module, "build_index", hangs)
    indexes = Indexes(None)
    indexes._turns = Turns(2, silence_s=0.2)
    data = clip_cache.get(CLIPS["h264_open_gop_50p"]).path.read_bytes()
    for n in range(4):
        (tmp_path / f"dead{n}.ts").write_bytes(data + bytes(188 * n))
        indexes.prepare(tmp_path / f"dead{n}.ts")
    alive = tmp_path / "alive.ts"
    alive.write_bytes(data + bytes(188 * 9))
    assert indexes.get(alive).frames
    assert indexes.state(tmp_path / "dead0.ts").state == "building"
    gate.set()
    until = time.monotonic() + 60
    while indexes.state(tmp_path / "dead3.ts").state == "building" and time.monotonic() < until:
        time.sleep(0.02)
    assert indexes.state(tmp_path / "dead3.ts").state == "ready"
