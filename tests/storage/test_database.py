"""The database: what it remembers, over restarts, threads, processes and damage."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from plexcut.domain.ports import SavedKeep
from plexcut.errors import CannotWrite, FormatUnsupported, StaleRevision
from plexcut.storage.database import Database
from plexcut.storage.tables import metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder with 100%" / "plexcut.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(path)
    yield opened
    opened.close()


def test_everything_survives_a_restart(database: Database, path: Path) -> None:
    database.save_selection("x", {"movie": "a~1", "pos_s": 1.5})
    database.save_selection("x", {"movie": "a~2", "pos_s": 2.5})
    database.save_keep("a~r", SavedKeep(((0, 5), (7, 9)), 0, "f1"))
    key = database.secret("stream-urls")
    database.record_speed("cut", 300, 2.0)
    database.close()
    again = Database(path)
    assert again.load_selection("x") == {"movie": "a~2", "pos_s": 2.5}
    assert again.load_selection("y") is None
    assert again.load_keep("a~r") == SavedKeep(((0, 5), (7, 9)), 1, "f1")
    assert again.load_keep("a~other") == SavedKeep((), 0, None)
    assert (again.secret("stream-urls"), len(key)) == (key, 32)
    assert again.secret("another") != key
    assert (again.speed("cut"), again.speed("detect")) == (150.0, None)
    again.close()


def test_a_stale_revision_is_refused(database: Database) -> None:
    for revision in (1, 5):
        with pytest.raises(StaleRevision):
            database.save_keep("r", SavedKeep(((0, 1),), revision, None))
    assert database.save_keep("r", SavedKeep(((0, 1),), 0, "f")).revision == 1
    with pytest.raises(StaleRevision):
        database.save_keep("r", SavedKeep(((0, 2),), 0, "f"))
    assert database.save_keep("r", SavedKeep((), 1, None)) == SavedKeep((), 2, None, ())


def test_of_many_saves_at_once_one_wins(database: Database) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def save(n: int) -> None:
        start.wait()
        for revision in range(5):
            try:
                database.save_keep("r", SavedKeep(((0, n + 1),), revision, None))
            except StaleRevision:
                continue
            won.append(revision)

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(len(won)))
    assert database.load_keep("r").revision == len(won) >= 1


def test_two_processes_agree_on_a_secret(database: Database, path: Path) -> None:
    other = Database(path)
    assert other.secret("k") == database.secret("k")
    other.close()


def test_the_speed_is_the_median_of_the_last(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.storage.database.SPEEDS_KEPT", 15)
    for nbytes in (1, *[100] * 9, 10_000):
        database.record_speed("cut", nbytes, 1.0)
    database.record_speed("cut", 0, 1.0)
    database.record_speed("cut", 1, 0.0)
    assert database.speed("cut") == 100.0
    for _ in range(20):
        database.record_speed("cut", 7, 1.0)
    with sqlite3.connect(database._path) as raw:
        assert raw.execute("select count(*) from speeds").fetchone() == (15,)


@pytest.mark.logs_error("is damaged and is set aside")
@pytest.mark.parametrize("damage", ["text", "middle", "short"])
def test_a_damaged_database_is_set_aside(database: Database, path: Path, damage: str) -> None:
    for n in range(100):
        database.save_selection(f"client {n}", {"movie": "x" * 600})
    database.close()
    whole = path.read_bytes()
    if damage == "text":
        path.write_bytes(b"this is no database at all\n" * 500)
    elif damage == "middle":
        path.write_bytes(whole[:4096] + b"\xaa" * (len(whole) - 4096))
    else:
        path.write_bytes(whole[: len(whole) // 2])
    damaged = path.read_bytes()
    again = Database(path)
    assert again.load_selection("client 1") is None
    again.save_selection("x", {"movie": "a~1"})
    again.close()
    (aside,) = path.parent.glob("plexcut.db.damaged-*")
    assert aside.read_bytes() == damaged


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    database = Database(path)
    assert database.load_keep("r").revision == 0
    database.close()


def test_a_database_of_a_newer_plexcut_is_left_alone(database: Database, path: Path) -> None:
    database.save_selection("x", {"movie": "a~1"})
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(FormatUnsupported, match="newer plexcut"):
        Database(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("select client from selections").fetchall() == [("x",)]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite):
        Database(tmp_path / "file" / "plexcut.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(CannotWrite):
        Database(tmp_path / "folder.db")


def test_only_the_owner_can_read_it(database: Database, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_migrations_make_the_tables_that_the_code_uses(database: Database, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_selections_of_clients_long_gone_are_forgotten(database: Database, path: Path) -> None:
    database.save_selection("old", {"movie": "a~1"})
    database.save_selection("new", {"movie": "a~1"})
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("update selections set saved_at = saved_at - 181 * 86400 where client = 'old'")
    again = Database(path)
    assert (again.load_selection("old"), again.load_selection("new")) == (None, {"movie": "a~1"})
    again.close()
