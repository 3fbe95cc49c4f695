"""What is written beside the files in the trash, and what tells one file from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from plexcut.domain.files import Files, FileStatus
from plexcut.domain.trash import EntryKind, TrashedFile
from plexcut.storage.trash.places import RECORD, Place

_PART_BYTES = 128 << 10
_PARTS = 5


class Unreadable(Exception):
    """A record that is none, or of a newer plexcut."""


def digest(files: Files, path: PurePath, size_bytes: int) -> str:
    """Of a file's size and five stretches of it, spread from beginning to end: the whole of small files.

    Recordings differ all over, so that this tells them apart; and 10 GB are not read again.
    """
    return _digest(lambda start, size: files.read(path, start, size), size_bytes)


def _digest(read: Callable[[int, int], bytes], size_bytes: int) -> str:
    found = hashlib.blake2b(size_bytes.to_bytes(8, "little"), digest_size=16)
    if size_bytes <= _PARTS * _PART_BYTES:
        found.update(read(0, size_bytes))
        return found.hexdigest()
    for part in range(_PARTS):
        found.update(read((size_bytes - _PART_BYTES) * part // (_PARTS - 1), _PART_BYTES))
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells a file from another: its size and its digest."""

    size_bytes: int
    digest: str

    @classmethod
    def of(cls, files: Files, path: PurePath, status: FileStatus | None = None) -> Mark:
        """Of the file that is there. Raises `OSError`."""
        size = (status or _there(files, path)).size_bytes
        return cls(size, digest(files, path, size))

    @classmethod
    def of_bytes(cls, data: bytes) -> Mark:
        """Of a file that is to have these bytes."""
        return cls(len(data), _digest(lambda start, size: data[start : start + size], len(data)))

    @classmethod
    def read(cls, written: Any) -> Mark:
        """From JSON. Raises `Unreadable`."""
        try:
            return cls(int(written["size_bytes"]), str(written["digest"]))
        except (KeyError, TypeError, ValueError):
            raise Unreadable("no mark of a file") from None


def _there(files: Files, path: PurePath) -> FileStatus:
    found = files.status(path)
    if found is None or found.kind != "file":
        raise FileNotFoundError(2, "no such file", str(path))
    return found


def is_marked(files: Files, path: PurePath, mark: Mark) -> bool:
    """Whether there is a file with this mark."""
    found = files.status(path)
    if found is None or found.kind != "file" or found.size_bytes != mark.size_bytes:
        return False
    return digest(files, path, found.size_bytes) == mark.digest


@dataclass(frozen=True, slots=True)
class Record:
    """An entry of the trash, as its `record.json` says; `path` below the place's base, `/` between its parts.

    `result`: what took the recording's place. `after`: the entry whose recording this is a cut of, None of an original.
    `expired_seen_at`: when it was first seen that its time is over. `kept_us`: what the cut in its place kept of it.
    """

    id: str
    path: str
    kind: EntryKind
    sequence: int
    trashed_at: float
    duration_s: float | None
    files: tuple[TrashedFile, ...]
    result: Mark | None = None
    after: str | None = None
    expired_seen_at: float | None = None
    kept_us: tuple[tuple[int, int], ...] = ()

    @property
    def recording(self) -> TrashedFile | None:
        """The recording among the files; None where only side files were left to put away."""
        return next((file for file in self.files if file.role == "recording"), None)

    def text(self) -> bytes:
        """As JSON."""
        return (json.dumps({"version": 1, **asdict(self)}, indent=1) + "\n").encode()


def parse_record(data: bytes) -> Record:
    """Raises `Unreadable`."""
    try:
        written = json.loads(data)
        if written["version"] != 1:
            raise Unreadable("a record of another version")
        files = tuple(TrashedFile(**file) for file in written["files"])
        if any(not is_plain(file.name) for file in files):
            raise Unreadable("the record's files are none")
        result = written["result"]
        return Record(
            id=str(written["id"]),
            path=str(written["path"]),
            kind="cut" if written["kind"] == "cut" else "original",
            sequence=int(written["sequence"]),
            trashed_at=float(written["trashed_at"]),
            duration_s=written["duration_s"],
            files=files,
            result=Mark.read(result) if result is not None else None,
            after=written["after"],
            expired_seen_at=written["expired_seen_at"],
            kept_us=tuple((int(start), int(end)) for start, end in written.get("kept_us", ())),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"no record: {type(error).__name__}") from None


def is_plain(name: str) -> bool:
    """Whether a name is that of a file in a folder, and nothing else."""
    return name not in ("", ".", "..", RECORD) and "/" not in name and "\0" not in name


def read_records(place: Place) -> list[Record]:
    """All records of a place in the order in which they came; what cannot be read is left out."""
    found = []
    for name in place.files.names(place.trash):
        try:
            record = parse_record(place.files.read(place.trash / name / RECORD))
            place.absolute(record.path)
        except (Unreadable, OSError, ValueError):
            continue
        if record.id == name:
            found.append(record)
    return sorted(found, key=lambda record: (record.sequence, record.id))
