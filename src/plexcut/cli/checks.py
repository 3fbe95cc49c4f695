"""What `plexcut doctor` looks at."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plexcut import config
from plexcut.config import LibrarySettings, Settings
from plexcut.domain.places import is_share
from plexcut.errors import CannotWrite, FileUnreadable, FormatUnsupported, LibraryOffline, PlexcutError, QueueOffline

_LOW_DISK_BYTES = 2_000_000_000
_CODECS = ("h264", "hevc", "mpeg2video")
_ENCODERS = {"h264": "libx264", "hevc": "libx265", "mpeg2video": "mpeg2video"}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at; `exit_code` is what the command ends with if this is the first that is wrong."""

    what: str
    name: str
    ok: bool
    detail: str
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """The row without its exit code."""
        return {"what": self.what, "name": self.name, "ok": self.ok, "detail": self.detail}


def examine(config_file: Path | None) -> list[Row]:
    """All rows. A configuration that cannot be read is the only row then."""
    try:
        settings = config.load(config.Choices(config=config_file))
    except PlexcutError as error:
        return [_bad("config", "", error)]
    where = str(settings.file) if settings.file else "no file, all defaults"
    rows = [Row("config", "", True, where)]
    for library in settings.libraries:
        rows += _library(library, settings)
    rows += _database(settings)
    rows += _queue(settings)
    rows += _codecs()
    rows += _disks(settings)
    return rows


def _bad(what: str, name: str, error: PlexcutError) -> Row:
    return Row(what, name, False, error.line, error.exit_code)


def _library(library: LibrarySettings, settings: Settings) -> Iterator[Row]:
    if library.kind == "folder" and library.path is not None:
        if library.id == config.DEMO_LIBRARY_ID and settings.demo and not library.path.exists():
            yield Row("host", library.id, True, "the demo library is made when plexcut serves for the first time")
            return
        yield _place("host", library.id, library.path, library)
        return
    yield _plex(library)
    for mapping in library.paths:
        yield _place("path", f"{library.id}: {mapping.plex}", mapping.here, library)


def _place(what: str, name: str, folder: Path, library: LibrarySettings) -> Row:
    return _share(what, name, folder, library) if is_share(folder) else _folder(what, name, folder)


def _plex(library: LibrarySettings) -> Row:
    from plexcut import bootstrap

    try:
        adapter = bootstrap.library(library)
        try:
            adapter.check()
            sections = adapter.sections()
        finally:
            adapter.close()
    except PlexcutError as error:
        return _bad("host", library.id, error)
    return Row("host", library.id, True, f"{library.url}: {len(sections)} sections")


def _share(what: str, name: str, folder: Path, library: LibrarySettings) -> Row:
    """Reach the folder on its share, and write into it by trying."""
    from plexcut import bootstrap

    try:
        detail = bootstrap.try_share(library, folder)
    except PlexcutError as error:
        return _bad(what, name, error)
    return Row(what, name, True, detail)


def _folder(what: str, name: str, folder: Path) -> Row:
    """Read the folder, and write into it by trying: results are made beside the recordings."""
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError as error:
        reason = f"{folder} cannot be read: {error.strerror}"
        offline = LibraryOffline if what == "host" else FileUnreadable
        return _bad(what, name, offline(reason, "is it mounted?"))
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"plexcut")
    except OSError as error:
        return _bad(what, name, CannotWrite(f"{folder} cannot be written: {error.strerror}", "cuts are made there"))
    return Row(what, name, True, f"{folder} can be read and written")


def _database(settings: Settings) -> Iterator[Row]:
    from plexcut.storage.database import damaged, quick_check

    wrong = quick_check(settings.database)
    if wrong:
        broken = FileUnreadable(f"{settings.database} is damaged: {wrong}", "stop plexcut and bring back a backup")
        yield _bad("database", "", broken)
    else:
        there = settings.database.exists()
        yield Row("database", "", True, str(settings.database) if there else "it is made when plexcut serves")
    for path in damaged(settings.database):
        lies = FileUnreadable(
            f"a damaged database was set aside as {path}", "bring back a backup, or move that file away"
        )
        yield _bad("database", "set aside", lies)


def _queue(settings: Settings) -> Iterator[Row]:
    from plexcut.jobs.connection import address
    from plexcut.jobs.embedded import find_server, socket_of
    from plexcut.jobs.queue import RqJobQueue

    url = settings.queue.url or socket_of(settings.data_dir / "valkey") or ""
    if not settings.queue.url:
        try:
            program = find_server()
        except PlexcutError as error:
            yield _bad("queue", "", error)
            return
        if not url:
            yield Row("queue", "", True, f"plexcut starts {program} when it serves")
            return
    queue = RqJobQueue(url)
    try:
        if not queue.online():
            if settings.queue.url:
                hint = "start it, or check queue.url"
                yield _bad("queue", "", QueueOffline(f"{address(url)} does not answer", hint))
            else:
                yield Row("queue", "", True, "plexcut starts its own when it serves")
            return
        yield Row("queue", "", True, address(url))
        workers = queue.workers()
        names = ", ".join(f"{worker.name} ({worker.state})" for worker in workers)
        if workers:
            yield Row("workers", "", True, names)
        else:
            yield _bad("workers", "", QueueOffline("no worker is running", "start `plexcut worker`"))
    except PlexcutError as error:
        yield _bad("queue", "", error)
    finally:
        queue.close()


def _codecs() -> Iterator[Row]:
    from plexcut.media import codecs

    for name in _CODECS:
        missing = codecs.missing(name, _ENCODERS[name])
        if missing:
            lacks = FormatUnsupported(f"PyAV has no {' and no '.join(missing)}", "install the wheel of PyPI")
            yield _bad("codec", name, lacks)
        else:
            yield Row("codec", name, True, "decoder and encoder are there")


def _disks(settings: Settings) -> Iterator[Row]:
    folders = [settings.data_dir]
    folders += [library.path for library in settings.libraries if library.path is not None]
    folders += [mapping.here for library in settings.libraries for mapping in library.paths]
    seen: set[int] = set()
    for folder in folders:
        if is_share(folder):
            continue  # its row says what is free there
        there = next((path for path in (folder, *folder.parents) if path.exists()), None)
        if there is None or there.stat().st_dev in seen:
            continue
        seen.add(there.stat().st_dev)
        free = shutil.disk_usage(there).free
        detail = f"{free / 1e9:.1f} GB free at {there}"
        low = free < _LOW_DISK_BYTES
        yield Row("disk", str(folder), not low, detail, CannotWrite.exit_code if low else 0)
