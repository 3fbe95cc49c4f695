"""State that survives restarts, in one SQLite file: an adapter of `domain.ports.Store`."""

from __future__ import annotations

import glob
import logging
import secrets as random_bytes
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, select, text
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, SQLAlchemyError

from plexcut.domain.jobs import Job, JobPage, JobQuery, LogLine, StoredJob
from plexcut.domain.naming import SpanName
from plexcut.domain.ports import EditedRecordings, KeepHistory, Notice, SavedKeep
from plexcut.errors import CannotWrite, DiskFull, FormatUnsupported
from plexcut.storage import history
from plexcut.storage import keeps as keep_lists
from plexcut.storage import names as span_names
from plexcut.storage.files import free_name, make_data_folder
from plexcut.storage.tables import choices, follow_ups, keeps, secrets, selections, speeds

log = logging.getLogger(__name__)

BUSY_S = 10.0
"""How long one connection waits for another's write."""
FORGET_SELECTIONS_S = 180 * 24 * 3600.0
"""Selections of clients that were not seen for so long go when the database is opened."""
FORGET_FOLLOW_UPS_S = 60 * 24 * 3600.0
"""Longer than the queue remembers a job, so that none is told twice."""
SPEEDS_COUNTED = 10
"""So many last jobs make the speed: their median, because one slow disk evening says little."""
SPEEDS_KEPT = 200

_BACK = "original back: "
_DISMISSED = "dismissed."
_MIGRATIONS = Path(__file__).parent / "migrations"
DAMAGED = "damaged"
"""How a damaged database is called from then on: `plexcut.db.damaged-<time>`."""
_DAMAGED = ("malformed", "not a database", "disk image", "quick_check")


class Database:
    """The store. One file beside its write-ahead log; any number of threads and processes."""

    def __init__(self, path: Path) -> None:
        """Open the file, make or migrate its tables. A damaged one is set aside, and a new one begun.

        Raises:
            CannotWrite: it cannot be opened or written. FormatUnsupported: a newer plexcut wrote it.
        """
        make_data_folder(path.parent)
        self._path = path
        try:
            self._engine = self._open()
        except DatabaseError as error:
            if not _is_damage(error):
                raise self._failure(error) from None
            log.error("the database %s is damaged and is set aside as %s; a new one is begun", path, self._set_aside())
            try:
                self._engine = self._open()
            except DatabaseError as again:
                raise self._failure(again) from None
        self._forget()

    # -- selections -------------------------------------------------------------------------------------------------

    def load_selection(self, client: str) -> dict[str, Any] | None:
        with self._connection() as connection:
            found = connection.execute(select(selections.c.ids).where(selections.c.client == client)).scalar()
        return dict(found) if isinstance(found, dict) else None

    def save_selection(self, client: str, selection: dict[str, Any]) -> None:
        values = {"ids": selection, "saved_at": time.time()}
        statement = sqlite_insert(selections).values(client=client, **values)
        with self._connection() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["client"], set_=values))

    # -- keep lists -------------------------------------------------------------------------------------------------

    def load_keep(self, recording: str) -> SavedKeep:
        with self._connection() as connection:
            return keep_lists.load(connection, recording)

    def save_keep(self, recording: str, new: SavedKeep, label: str = "") -> SavedKeep:
        with self._connection() as connection:
            return keep_lists.save(connection, recording, new, label)

    def recall_keep(self, recording: str, fingerprint: str) -> SavedKeep | None:
        with self._connection() as connection:
            return keep_lists.recall(connection, recording, fingerprint)

    def keep_at(self, recording: str, revision: int) -> SavedKeep | None:
        with self._connection() as connection:
            return keep_lists.at_revision(connection, recording, revision)

    def step_keep(self, recording: str, revision: int, steps: int) -> SavedKeep:
        with self._connection() as connection:
            return keep_lists.step(connection, recording, revision, steps)

    def keep_history(self, recording: str, limit: int) -> KeepHistory:
        with self._connection() as connection:
            return keep_lists.history(connection, recording, limit)

    def load_names(self, recording: str) -> tuple[SpanName, ...]:
        with self._connection() as connection:
            return span_names.load(connection, recording)

    def save_names(self, recording: str, names: tuple[SpanName, ...]) -> None:
        with self._connection() as connection:
            keep_lists.rename(connection, recording, names)

    # -- secrets and speeds -----------------------------------------------------------------------------------------

    def secret(self, name: str) -> bytes:
        wanted = select(secrets.c.value).where(secrets.c.name == name)
        with self._connection() as connection:
            found = connection.execute(wanted).scalar()
        if found is None:
            new = sqlite_insert(secrets).values(name=name, value=random_bytes.token_bytes(32))
            with self._connection() as connection:
                connection.execute(new.on_conflict_do_nothing())
                found = connection.execute(wanted).scalar_one()
        return bytes(found)

    def choice(self, name: str) -> Any:
        with self._connection() as connection:
            return connection.execute(select(choices.c.value).where(choices.c.name == name)).scalar()

    def save_choice(self, name: str, value: Any) -> None:
        statement = sqlite_insert(choices).values(name=name, value=value)
        with self._connection() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    def record_speed(self, kind: str, nbytes: int, seconds: float, storage: str = "") -> None:
        if nbytes <= 0 or seconds <= 0:
            return
        with self._connection() as connection:
            connection.execute(insert(speeds).values(kind=kind, nbytes=nbytes, seconds=seconds, storage=storage))
            oldest_kept = (
                select(speeds.c.id).where(speeds.c.kind == kind).order_by(speeds.c.id.desc()).offset(SPEEDS_KEPT - 1)
            ).limit(1)
            newest = connection.execute(oldest_kept).scalar()
            if newest is not None:
                connection.execute(delete(speeds).where((speeds.c.kind == kind) & (speeds.c.id < newest)))

    def speed(self, kind: str, storage: str = "") -> float | None:
        last = select(speeds.c.nbytes, speeds.c.seconds).where(speeds.c.kind == kind)
        newest = last.order_by(speeds.c.id.desc()).limit(SPEEDS_COUNTED)
        with self._connection() as connection:
            found = connection.execute(newest.where(speeds.c.storage == storage)).all() if storage else []
            found = found or connection.execute(newest).all()
        return statistics.median(row.nbytes / row.seconds for row in found) if found else None

    # -- jobs -------------------------------------------------------------------------------------------------------

    def save_jobs(self, entries: Sequence[tuple[StoredJob, tuple[LogLine, ...]]]) -> None:
        with self._connection() as connection:
            for stored, lines in entries:
                history.save(connection, stored, lines)

    def jobs(self, query: JobQuery) -> JobPage:
        with self._connection() as connection:
            return JobPage(*history.page(connection, query))

    def job(self, job: str) -> StoredJob | None:
        with self._connection() as connection:
            return history.one(connection, job)

    def job_log(self, job: str) -> tuple[LogLine, ...]:
        with self._connection() as connection:
            return history.log_of(connection, job)

    def job_states(self, newest: int) -> dict[str, Job]:
        with self._connection() as connection:
            return history.states(connection, newest)

    # -- what was done with recordings --------------------------------------------------------------------------------

    def edited(self) -> EditedRecordings:
        with self._connection() as connection:
            kept = connection.execute(select(keeps.c.recording, keeps.c.keep)).all()
            cut = history.last_cuts(connection)
            back = connection.execute(select(choices.c.name, choices.c.value).where(choices.c.name.startswith(_BACK)))
            away = connection.execute(
                select(choices.c.name, choices.c.value).where(choices.c.name.startswith(_DISMISSED))
            ).all()
            restored = {row.name.removeprefix(_BACK): float(row.value) for row in back}
        lasting = {recording for recording, at in cut.items() if at > restored.get(recording, 0.0)}
        dismissed = {row.name.removeprefix(_DISMISSED): row.value["stamp"] for row in away if row.value["stamp"]}
        return EditedRecordings(frozenset(row.recording for row in kept if row.keep), frozenset(lasting), dismissed)

    def load_dismissed(self, recording: str) -> tuple[tuple[int, int], ...]:
        found = self.choice(_DISMISSED + recording)
        return tuple((int(a), int(b)) for a, b in found["frames"]) if found else ()

    def save_dismissed(self, recording: str, frames: tuple[tuple[int, int], ...], stamp: str) -> None:
        self.save_choice(_DISMISSED + recording, {"frames": [list(span) for span in frames], "stamp": stamp})

    def forget_cut(self, recording: str) -> None:
        self.save_choice(_BACK + recording, time.time())

    # -- follow-ups -------------------------------------------------------------------------------------------------

    def follow_ups(self) -> dict[str, dict[str, Any]]:
        with self._connection() as connection:
            found = connection.execute(select(follow_ups.c.job, follow_ups.c.data)).all()
        return {row.job: dict(row.data) for row in found if isinstance(row.data, dict)}

    def save_follow_up(self, job: str, follow_up: dict[str, Any]) -> None:
        values = {"data": follow_up, "saved_at": time.time()}
        statement = sqlite_insert(follow_ups).values(job=job, **values)
        with self._connection() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["job"], set_=values))

    def notices(self) -> tuple[Notice, ...]:
        return tuple(
            Notice(
                "database_damaged",
                f"the database was damaged and was set aside as {path}; what it held is missing here",
                "bring back a backup with `plexcut restore-backup`; this is told until that file is gone from there",
            )
            for path in damaged(self._path)
        )

    def close(self) -> None:
        self._engine.dispose()

    # -- the file ---------------------------------------------------------------------------------------------------

    def _open(self) -> Engine:
        if not self._path.exists():
            self._path.touch(mode=0o600)
        engine = create_engine(
            f"sqlite:///{self._path}", connect_args={"timeout": BUSY_S}, pool_size=8, max_overflow=24
        )
        event.listen(engine, "connect", _set_up)
        try:
            with engine.begin() as connection:
                answer = connection.execute(text("PRAGMA quick_check(1)")).scalar()
                if answer != "ok":
                    raise DatabaseError("PRAGMA quick_check", {}, sqlite3.DatabaseError(f"quick_check: {answer}"))
                self._migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _migrate(self, connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise FormatUnsupported(
                f"the database {self._path} was written by a newer plexcut ({error})", "update plexcut"
            ) from None

    def _set_aside(self) -> Path:
        aside = free_name(self._path, DAMAGED)
        for suffix in ("-wal", "-shm", ""):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return aside

    def _forget(self) -> None:
        with self._connection() as connection:
            connection.execute(delete(selections).where(selections.c.saved_at < time.time() - FORGET_SELECTIONS_S))
            history.forget(connection)
            connection.execute(delete(follow_ups).where(follow_ups.c.saved_at < time.time() - FORGET_FOLLOW_UPS_S))

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection in a transaction; what fails is told in our words."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._failure(error) from None

    def _failure(self, error: SQLAlchemyError) -> CannotWrite:
        cause = str(getattr(error, "orig", None) or error)
        if "full" in cause:
            return DiskFull(f"the database {self._path} cannot grow: the disk is full", "make room on it")
        return CannotWrite(f"the database {self._path} cannot be used: {cause}", "check data_dir")


def damaged(database: Path) -> tuple[Path, ...]:
    """Databases that were set aside because they were damaged, and are still there."""
    found = database.parent.glob(f"{glob.escape(database.name)}.{DAMAGED}-*")
    return tuple(sorted(path for path in found if not path.name.endswith(("-wal", "-shm"))))


def reader(database: Path) -> sqlite3.Connection:
    """A connection to a database that is there, also while a server writes. Raises `sqlite3.Error`.

    It may write, because one that may not leaves the files of the write-ahead log behind.
    """
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)


def quick_check(database: Path) -> str:
    """Empty where the database is sound, or not there yet; else what is wrong with it."""
    if not database.exists():
        return ""
    try:
        with closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
        ) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return "" if answer == ("ok",) else str(answer[0])


def newest_revision() -> str:
    """What the newest migration is called."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head() or ""


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _is_damage(error: DatabaseError) -> bool:
    if isinstance(error, OperationalError):
        return "malformed" in str(error.orig)
    return any(word in str(error.orig) for word in _DAMAGED)
