"""Backups of the database: taken while it is written, brought back whole, and never half of anything."""

from __future__ import annotations

import json
import sqlite3
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from plexcut.domain.jobs import Job, JobOrder, StoredJob
from plexcut.domain.ports import SavedKeep
from plexcut.errors import CannotWrite, FileUnreadable, FormatUnsupported, TargetExists
from plexcut.storage import backup
from plexcut.storage.database import Database

JOB = Job("j1", "cut", "running", "Film", "a~r", "copy", 5.0, 1.0, 1.0, 2.0, None, None, None, {"section": "s"})
ORDER = JobOrder("j1", {"recording": "a~r"}, {}, 600, 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with something in it, closed."""
    file = tmp_path / "data" / "plexcut.db"
    database = Database(file)
    database.save_keep("a~r", SavedKeep(((0, 5),), 0, "f"))
    database.save_keep("a~r", SavedKeep(((0, 6),), 1, "f"))
    database.save_jobs([(StoredJob(JOB, ORDER), ())])
    database.save_jobs([(StoredJob(replace(JOB, id="j2", state="finished"), None), ())])
    database.save_follow_up("j2", {"state": "waiting"})
    database.save_follow_up("j0", {"state": "done"})
    database.secret("stream-urls")
    database.close()
    return file


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_there_and_back(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "backup.zip"
    made = backup.make(path, out)
    assert (made.path, made.bytes, made.keep_lists, made.jobs) == (str(out), out.stat().st_size, 1, 2)
    assert out.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["backup.zip", "data"]
    database = Database(path)
    key = database.secret("stream-urls")
    database.save_keep("a~r", SavedKeep(((9, 10),), 2, "f"))
    database.close()

    done = backup.restore(out, path)
    assert done.set_aside is not None
    assert (done.created_at, done.keep_lists) == (made.created_at, 1)
    again = Database(path)
    assert again.load_keep("a~r") == SavedKeep(((0, 6),), 2, "f")
    assert again.step_keep("a~r", 2, -1).keep == ((0, 5),)
    assert again.secret("stream-urls") == key
    stored = again.job("j1")
    assert stored is not None
    assert (stored.job.state, stored.job.error and stored.job.error["code"]) == ("failed", "restored")
    assert stored.order == ORDER, "it can be started again by hand"
    assert again.follow_ups() == {"j0": {"state": "done"}}
    again.close()
    aside = Database(Path(done.set_aside))
    assert aside.load_keep("a~r").keep == ((9, 10),)
    aside.close()
    assert not [name for name in names(path.parent) if name.startswith(".restore")]


def test_to_a_new_machine(path: Path, tmp_path: Path) -> None:
    backup.make(path, tmp_path / "b")
    new = tmp_path / "new"
    new.mkdir()
    assert backup.restore(tmp_path / "b", new / "plexcut.db").set_aside is None
    assert names(new) == ["plexcut.db"]


def test_while_others_write(path: Path, tmp_path: Path) -> None:
    """Two tables are always changed together; no backup has one without the other."""
    database = Database(path)
    over = threading.Event()

    def write() -> None:
        revision = 0
        while not over.is_set():
            revision = database.save_keep("busy", SavedKeep(((0, revision + 1),), revision, None)).revision

    writers = [threading.Thread(target=write)]
    for writer in writers:
        writer.start()
    try:
        for n in range(5):
            backup.make(path, tmp_path / f"{n}.zip")
    finally:
        over.set()
        for writer in writers:
            writer.join()
        database.close()
    for n in range(5):
        with zipfile.ZipFile(tmp_path / f"{n}.zip") as packed:
            packed.extract("plexcut.db", tmp_path / str(n))
        with closing(sqlite3.connect(tmp_path / str(n) / "plexcut.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (saved,) = connection.execute(
                "SELECT coalesce(max(revision), 0) FROM keeps WHERE recording = 'busy'"
            ).fetchone()
            (state,) = connection.execute(
                "SELECT coalesce(max(revision), 0) FROM keep_states WHERE recording = 'busy'"
            ).fetchone()
            assert saved == state


def test_what_cannot_be_written(path: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(TargetExists):
        backup.make(path, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    assert backup.make(path, tmp_path / "there", overwrite=True).jobs == 2
    for out in (tmp_path, tmp_path / "no" / "folder.zip"):
        with pytest.raises(CannotWrite):
            backup.make(path, out)
    with pytest.raises(FileUnreadable):
        backup.make(tmp_path / "none.db", tmp_path / "new.zip")
    path.write_bytes(path.read_bytes()[:3000] + b"\xff" * 3000)
    with pytest.raises(FormatUnsupported, match="damaged"):
        backup.make(path, tmp_path / "new.zip")
    assert names(tmp_path) == ["data", "there"]


@pytest.mark.parametrize("what", ["no zip", "empty", "cut short", "a byte changed", "another zip", "newer", "odd"])
def test_what_is_no_backup_changes_nothing(path: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "b.zip"
    backup.make(path, out)
    whole = out.read_bytes()
    if what == "no zip":
        out.write_bytes(b"something else" * 100)
    elif what == "empty":
        out.write_bytes(b"")
    elif what == "cut short":
        out.write_bytes(whole[: len(whole) // 2])
    elif what == "a byte changed":
        at = len(whole) // 2
        out.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    else:
        with zipfile.ZipFile(out) as packed:
            manifest, data = json.loads(packed.read("manifest.json")), packed.read("plexcut.db")
        manifest = {"another zip": {}, "newer": {**manifest, "revision": "9999"}, "odd": []}[what]
        with zipfile.ZipFile(out, "w") as packed:
            packed.writestr("manifest.json", json.dumps(manifest))
            packed.writestr("plexcut.db", data)
    before = path.read_bytes()
    with pytest.raises(FormatUnsupported):
        backup.restore(out, path)
    with pytest.raises(FileUnreadable):
        backup.restore(tmp_path / "none", path)
    assert path.read_bytes() == before
    assert names(path.parent) == ["plexcut.db"]


def test_a_damaged_database_is_replaced_and_kept(path: Path, tmp_path: Path) -> None:
    backup.make(path, tmp_path / "b.zip")
    path.write_bytes(b"\0" * 5000)
    done = backup.restore(tmp_path / "b.zip", path)
    assert done.set_aside is not None
    assert Path(done.set_aside).read_bytes() == b"\0" * 5000
    database = Database(path)
    assert database.load_keep("a~r").revision == 2
    assert database.notices() == ()
    database.close()


@pytest.mark.logs_error("is damaged and is set aside")
def test_a_damaged_database_is_told_until_it_is_gone(path: Path) -> None:
    path.write_bytes(b"\0" * 5000)
    database = Database(path)
    (notice,) = database.notices()
    assert notice.code == "database_damaged"
    (aside,) = path.parent.glob("plexcut.db.damaged-*")
    assert str(aside) in notice.message
    database.close()
    again = Database(path)
    assert len(again.notices()) == 1
    aside.unlink()
    assert again.notices() == ()
    again.close()
