"""Keep lists with their history in the database: undo and redo over restarts, threads and other states of the file."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.domain.naming import SpanName
from plexcut.domain.ports import SavedKeep
from plexcut.errors import NothingToUndo, StaleRevision
from plexcut.storage import keeps
from plexcut.storage.database import Database

R = "a~r"


def listed(n: int) -> tuple[tuple[int, int], ...]:
    return ((n, n + 1),)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "plexcut.db")
    yield opened
    opened.close()


def save(database: Database, n: int, fingerprint: str = "f1", label: str = "") -> SavedKeep:
    new = SavedKeep(listed(n), database.load_keep(R).revision, fingerprint)
    return database.save_keep(R, new, label)


def shown(database: Database) -> tuple[list[int], int]:
    """The first frame of each state, and which is the saved one."""
    past = database.keep_history(R, 100)
    return [step.saved.keep[0][0] if step.saved.keep else -1 for step in past.steps], past.position


def test_undo_and_redo_survive_a_restart(database: Database, tmp_path: Path) -> None:
    assert shown(database) == ([-1], 0)
    for n in range(4):
        save(database, n, label=f"change {n}")
    assert shown(database) == ([-1, 0, 1, 2, 3], 4)
    database.step_keep(R, 4, -1)
    undone = database.step_keep(R, 5, -2)
    assert (undone.keep, undone.revision) == (listed(0), 7)
    assert shown(database) == ([-1, 0, 1, 2, 3], 1)
    database.close()
    again = Database(tmp_path / "plexcut.db")
    assert shown(again) == ([-1, 0, 1, 2, 3], 1)
    assert [step.label for step in again.keep_history(R, 100).steps][1:] == [f"change {n}" for n in range(4)]
    assert again.step_keep(R, 7, 2).keep == listed(2)
    assert shown(again) == ([-1, 0, 1, 2, 3], 3)
    save(again, 9)
    assert shown(again) == ([-1, 0, 1, 2, 9], 4)
    with pytest.raises(NothingToUndo):
        again.step_keep(R, again.load_keep(R).revision, 1)
    assert again.step_keep(R, again.load_keep(R).revision, -100).keep == ()
    with pytest.raises(NothingToUndo):
        again.step_keep(R, again.load_keep(R).revision, -1)
    assert shown(again) == ([-1, 0, 1, 2, 9], 0)
    again.close()


def test_any_walk_agrees_with_a_list_and_an_index(database: Database) -> None:
    chance = random.Random(5)
    states, at = [-1], 0
    for n in range(150):
        revision = database.load_keep(R).revision
        move = chance.choice(("save", "save", "undo", "redo", "undo", "same"))
        if move == "save":
            save(database, n)
            states, at = [*states[: at + 1], n], at + 1
        elif move == "same" and states[at] >= 0:
            save(database, states[at])
        elif move in ("undo", "redo"):
            steps = chance.randint(1, 3)
            to = max(0, at - steps) if move == "undo" else min(len(states) - 1, at + steps)
            if to == at:
                with pytest.raises(NothingToUndo):
                    database.step_keep(R, revision, -steps if move == "undo" else steps)
            else:
                database.step_keep(R, revision, -steps if move == "undo" else steps)
            at = to
        assert shown(database) == (states, at)


def test_a_stale_undo_changes_nothing(database: Database) -> None:
    save(database, 1)
    save(database, 2)
    with pytest.raises(StaleRevision):
        database.step_keep(R, 1, -1)
    assert database.load_keep(R) == SavedKeep(listed(2), 2, "f1")


def test_of_many_undos_at_once_one_happens(database: Database) -> None:
    for n in range(10):
        save(database, n)
    done: list[SavedKeep] = []

    def undo() -> None:
        try:
            done.append(database.step_keep(R, 10, -1))
        except StaleRevision:
            return

    threads = [threading.Thread(target=undo) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.keep for one in done] == [listed(8)]
    assert database.load_keep(R).revision == 11


def test_another_state_of_the_file_has_a_history_of_its_own(database: Database) -> None:
    save(database, 1, "original")
    save(database, 2, "original")
    save(database, 3, "cut in place")
    assert shown(database) == ([3], 0)
    with pytest.raises(NothingToUndo):
        database.step_keep(R, 3, -1)
    save(database, 4, "original")  # it was restored
    assert shown(database) == ([-1, 1, 2, 4], 3)


def test_any_revision_can_be_looked_up(database: Database) -> None:
    for n in range(3):
        save(database, n)
    database.step_keep(R, 3, -2)
    found = [database.keep_at(R, revision) for revision in range(7)]
    assert [one and (one.keep[0][0] if one.keep else -1) for one in found] == [-1, 0, 1, 2, 1, 0, None]


def test_old_states_are_forgotten(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeps, "STATES_KEPT", 5)
    for n in range(12):
        save(database, n)
    assert shown(database) == ([7, 8, 9, 10, 11], 4)
    assert database.step_keep(R, 12, -100).keep == listed(9)  # undoing is remembered too


def test_names_are_undone_and_done_again(database: Database) -> None:
    def name(text: str, n: int = 5) -> None:
        revision = database.load_keep(R).revision
        database.save_keep(R, SavedKeep(listed(n), revision, "f1", (SpanName(n, n + 1, text),)), "")

    def called() -> list[str]:
        return [one.name for one in database.load_names(R)]

    name("first")
    name("second")  # the same list: a step all the same
    assert called() == ["second"]
    save(database, 9)  # whoever says no names leaves them as they are
    assert called() == ["second"]
    past = database.keep_history(R, 100)
    assert [[one.name for one in step.saved.names or ()] for step in past.steps] == [
        [],
        ["first"],
        ["second"],
        ["second"],
    ]
    assert shown(database) == ([-1, 5, 5, 9], 3)

    def step(steps: int) -> None:
        database.step_keep(R, database.load_keep(R).revision, steps)

    step(-1)
    assert (called(), database.load_keep(R).keep) == (["second"], listed(5))
    step(-1)
    assert (called(), database.load_keep(R).keep) == (["first"], listed(5))
    step(-1)
    assert (called(), database.load_keep(R).keep) == ([], ())
    step(2)
    assert (called(), shown(database)[1]) == (["second"], 2)
    # The same once more is no step; names that were changed without the list belong to the state that is saved.
    before = database.keep_history(R, 100)
    name("second")
    assert shown(database) == ([-1, 5, 5, 9], 2)
    assert len(database.keep_history(R, 100).steps) == len(before.steps)
    database.save_names(R, (SpanName(5, 6, "third"),))
    step(-1)
    step(1)
    assert called() == ["third"]
