"""A backup of the database in one file, taken while a server runs, and bringing it back.

The file is a ZIP with `manifest.json` and `plexcut.db`. It holds keys (what signs stream addresses and sessions), so
only its owner can read it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sqlite3
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plexcut import __version__
from plexcut.errors import CannotWrite, DiskFull, FileUnreadable, FormatUnsupported, TargetExists
from plexcut.storage.database import Database, newest_revision, reader
from plexcut.storage.files import free_name

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "plexcut.db"
MAX_MANIFEST_BYTES = 1 << 20
_BLOCK = 1 << 20

RESTORED = {
    "code": "restored",
    "message": "this job was waiting or running when the backup was made that was brought back",
    "hint": "start it again if it was not done since",
}


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """A backup: where it is, how large, when it was made (epoch), and how many keep lists and jobs it has.

    `set_aside` is where the database lies that a restored one took the place of; None where there was none.
    """

    path: str
    bytes: int
    created_at: float
    keep_lists: int
    jobs: int
    set_aside: str | None = None


def make(database: Path, out: Path, *, overwrite: bool = False) -> BackupFacts:
    """Write a backup of `database` to `out`; complete, or not at all.

    Raises:
        FileUnreadable: there is no database. FormatUnsupported: it is damaged.
        TargetExists: `out` exists, and `overwrite` was not said. CannotWrite, DiskFull.
    """
    if not database.is_file():
        raise FileUnreadable(f"there is no database {database}", "plexcut makes it when it serves; check data_dir")
    if out.is_dir():
        raise CannotWrite(f"{out} is a folder", "name a file")
    if os.path.lexists(out) and not overwrite:
        raise TargetExists(f"{out} exists", "name another file, or say --overwrite")
    with _written(out.parent), tempfile.TemporaryDirectory(prefix=".plexcut-backup-", dir=out.parent) as folder:
        copy, archive = Path(folder) / DATABASE, Path(folder) / "backup.zip"
        try:
            with closing(reader(database)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
                _check(target, database)
                target.execute("PRAGMA journal_mode=DELETE")
                facts = _facts(target)
        except sqlite3.DatabaseError as error:
            raise _unreadable(error, database) from None
        facts |= {"format": FORMAT, "plexcut": __version__, "created_at": time.time(), "sha256": _sha256(copy)}
        with archive.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                packed.writestr(MANIFEST, json.dumps(facts, indent=1))
                packed.write(copy, DATABASE)
            file.flush()
            os.fsync(file.fileno())
        nbytes = archive.stat().st_size
        if overwrite:
            archive.replace(out)
        else:
            try:
                os.link(archive, out)
            except FileExistsError:
                raise TargetExists(f"{out} exists", "name another file, or say --overwrite") from None
            except OSError:  # a file system without links
                archive.rename(out)
        _sync_folder(out.parent)
    return BackupFacts(str(out.absolute()), nbytes, facts["created_at"], facts["keep_lists"], facts["jobs"])


def restore(archive: Path, database: Path) -> BackupFacts:
    """Put the database of a backup in the place of `database`, which is set aside. The caller holds the data folder.

    What waited or ran when the backup was made is not begun again by itself: nobody knows what was done since.

    Raises:
        FileUnreadable: there is no such file. FormatUnsupported: it is no backup, is damaged, or was made by a newer
        plexcut. CannotWrite, DiskFull. After any of them the old database is where it was.
    """
    manifest = _manifest(archive)
    with _written(database.parent), tempfile.TemporaryDirectory(prefix=".restore-", dir=database.parent) as folder:
        copy = Path(folder) / DATABASE
        _unpack(archive, copy, manifest)
        try:
            with closing(sqlite3.connect(copy)) as connection:
                _check(connection, archive)
        except sqlite3.DatabaseError as error:
            raise _unreadable(error, archive) from None
        Database(copy).close()  # brings its tables up to date, or says that they are newer
        with closing(sqlite3.connect(copy)) as connection:
            facts = _facts(connection)
            _calm(connection)
            connection.execute("PRAGMA journal_mode=DELETE")
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        aside = _set_aside(database)
        copy.replace(database)
        _sync_folder(database.parent)
    return BackupFacts(
        str(archive.absolute()),
        archive.stat().st_size,
        float(manifest["created_at"]),
        facts["keep_lists"],
        facts["jobs"],
        None if aside is None else str(aside),
    )


def _manifest(archive: Path) -> dict[str, Any]:
    not_one = FormatUnsupported(f"{archive} is no backup of plexcut", "`plexcut backup` makes one")
    try:
        with zipfile.ZipFile(archive) as packed:
            if packed.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
                raise not_one
            manifest = json.loads(packed.read(MANIFEST))
            packed.getinfo(DATABASE)
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise not_one from None
    except OSError as error:
        raise FileUnreadable(f"{archive} cannot be read: {error.strerror or error}", "check the path") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("created_at"), (int, float)):
        raise not_one
    if manifest.get("format") != FORMAT or str(manifest.get("revision", "")) > newest_revision():
        raise FormatUnsupported(f"{archive} was made by a newer plexcut ({manifest.get('plexcut')})", "update plexcut")
    return manifest


def _unpack(archive: Path, copy: Path, manifest: dict[str, Any]) -> None:
    damaged = FormatUnsupported(f"{archive} is damaged", "take another backup")
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(DATABASE) as source, copy.open("xb") as target:
            os.fchmod(target.fileno(), 0o600)
            while block := source.read(_BLOCK):
                digest.update(block)
                try:
                    target.write(block)
                except OSError as error:
                    raise _Full(error) from None
    except _Full as full:
        raise full.error from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error):
        raise damaged from None
    if digest.hexdigest() != manifest.get("sha256"):
        raise damaged


class _Full(Exception):
    """Writing failed, not reading."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def _check(connection: sqlite3.Connection, what: Path) -> None:
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != ("ok",):
        raise FormatUnsupported(f"the database in {what} is damaged", "take a backup that was made before")


def _facts(connection: sqlite3.Connection) -> dict[str, Any]:
    """What a database has; one of an older plexcut has fewer tables."""
    facts: dict[str, Any] = {"revision": "", "keep_lists": 0, "jobs": 0}
    for key, query in (
        ("revision", "SELECT version_num FROM alembic_version"),
        ("keep_lists", "SELECT count(*) FROM keeps"),
        ("jobs", "SELECT count(*) FROM jobs"),
    ):
        with contextlib.suppress(sqlite3.OperationalError):
            found = connection.execute(query).fetchone()
            facts[key] = found[0] if found else facts[key]
    return facts


def _calm(connection: sqlite3.Connection) -> None:
    """Let nothing begin by itself that was under way when the backup was made."""
    rows = connection.execute("SELECT id, job FROM jobs WHERE state IN ('queued', 'running')").fetchall()
    for job, data in rows:
        ended = {**json.loads(data), "state": "failed", "phase": "failed", "error": RESTORED, "eta_s": None}
        connection.execute("UPDATE jobs SET state = 'failed', job = ? WHERE id = ?", (json.dumps(ended), job))
    connection.execute("DELETE FROM follow_ups WHERE json_extract(data, '$.state') != 'done'")
    connection.commit()


def _set_aside(database: Path) -> Path | None:
    if not database.exists():
        return None
    aside = free_name(database, "before-restore")
    with contextlib.suppress(sqlite3.DatabaseError), closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    try:
        os.link(database, aside)  # the old one stays in its place until the new one takes it
    except OSError:
        database.rename(aside)
    for suffix in ("-wal", "-shm"):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _unreadable(error: sqlite3.DatabaseError, what: Path) -> FormatUnsupported | CannotWrite:
    text = str(error)
    if "full" in text:
        return DiskFull("the disk is full", "make room on it")
    if "unable to open" in text or "readonly" in text:
        return CannotWrite(f"{what} cannot be read: {text}", "check its permissions")
    return FormatUnsupported(f"the database in {what} is damaged ({text})", "take a backup that was made before")


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """What goes wrong while files are written into `folder`, in our words."""
    try:
        yield
    except (CannotWrite, FileUnreadable):
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{folder} is full", "make room on it, or name another place") from None
        raise CannotWrite(f"{folder} cannot be written: {error.strerror or error}", "check the folder") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
