"""What replacing, trash and journal need of a file system, as a Protocol: local folders have it, shares get it.

Paths are absolute within their file system: `Path` of a local one, `PurePosixPath` of a share. Every method raises
`OSError` with its `errno`; `EOPNOTSUPP` where the file system cannot do it at all. A method either does what it says or
leaves everything as it was, but that is all: what survives a power loss is what was synced.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, Protocol

FileKind = Literal["file", "folder", "other"]


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What a name stands for; links are not followed (`other`).

    `identity` is the same for all names of one file, and another one for another file; empty where the file system does
    not tell.
    """

    kind: FileKind
    size_bytes: int
    mtime_ns: int
    identity: str


class Files(Protocol):
    """Operations on the names and files of one file system. Safe for several threads."""

    def status(self, path: PurePath) -> FileStatus | None:
        """What is there; None where nothing is."""

    def names(self, folder: PurePath) -> list[str]:
        """The names in a folder, sorted; [] where there is no such folder."""

    def read(self, path: PurePath, start: int = 0, size: int = -1) -> bytes:
        """Bytes of a file from `start` on, fewer than `size` at its end; all of them with -1."""

    def write(self, path: PurePath, data: bytes) -> None:
        """Make a file with these bytes, synced. `FileExistsError` where there is something already."""

    def link(self, old: PurePath, new: PurePath) -> None:
        """Give a file a second name. `FileExistsError` where there is something already."""

    def exchange(self, one: PurePath, other: PurePath) -> None:
        """Exchange two files in one step."""

    def rename(self, old: PurePath, new: PurePath) -> None:
        """Rename a file in one step, over the one that has the name."""

    def rename_new(self, old: PurePath, new: PurePath) -> None:
        """Rename a file. `FileExistsError` where there is something already."""

    def unlink(self, path: PurePath) -> None:
        """Take away a name."""

    def make_folder(self, path: PurePath) -> None:
        """Make a folder, those above too; nothing happens where it is there already."""

    def remove_folder(self, path: PurePath) -> None:
        """Remove an empty folder."""

    def sync(self, path: PurePath) -> None:
        """Bring a file's bytes and attributes to the disk."""

    def sync_folder(self, path: PurePath) -> None:
        """Bring a folder's names to the disk."""

    def dress(self, path: PurePath, like: PurePath) -> tuple[str, ...]:
        """Give a file the owner, mode, extended attributes and ACL of another; what could not be carried over."""

    def set_mtime(self, path: PurePath, mtime_ns: int) -> None:
        """Set a file's modification time."""

    def same_file_system(self, one: PurePath, other: PurePath) -> bool:
        """Whether two folders lie on one file system, so that a rename leads from one into the other."""

    def writing(self, path: PurePath) -> bool:
        """Whether somebody writes into a file now; may take a second to be sure."""

    def free_bytes(self, folder: PurePath) -> int | None:
        """How much may be written there; None where nobody knows."""

    def lock(self, folder: PurePath, timeout_s: float) -> AbstractContextManager[None]:
        """Hold a folder, which is there, against other processes; it is let go when the process ends, however it ends.

        Raises:
            BlockingIOError: somebody else had it all the time.
        """

    def hold(self, path: PurePath) -> AbstractContextManager[None]:
        """Hold a recording against other processes of plexcut, as `lock` does. Raises `BlockingIOError`."""
