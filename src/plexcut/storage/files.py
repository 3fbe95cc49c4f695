"""Local folders: the data folder, and one server for it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from plexcut.errors import CannotWrite, DataFolderInUse

LOCK_NAME = "server.lock"


def make_data_folder(folder: Path) -> None:
    """Make the data folder, readable by its owner alone: it holds keys.

    Raises:
        CannotWrite: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"the data folder {folder} cannot be made: {error.strerror}", "check data_dir") from None


def free_name(path: Path, why: str) -> Path:
    """A name beside a file that is not taken: `<name>.<why>-<time>`."""
    mark = time.strftime("%Y%m%d-%H%M%S")
    aside, n = path.with_name(f"{path.name}.{why}-{mark}"), 1
    while aside.exists():
        n += 1
        aside = path.with_name(f"{path.name}.{why}-{mark}-{n}")
    return aside


class DataFolderLock:
    """Holds a data folder for one server, from its making until `close`, or until the process ends however it ends.

    The lock is the kernel's (`flock`), so a killed server leaves none behind; the file itself stays.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock; makes the folder.

        Raises:
            DataFolderInUse: another server has it. CannotWrite: no lock can be made there.
        """
        make_data_folder(folder)
        path = folder / LOCK_NAME
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotWrite(f"{path} cannot be written: {error.strerror}", "check data_dir") from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._handle, 20, 0).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise DataFolderInUse(
                f"another plexcut server{f' (process {holder})' if holder else ''} uses the data folder {folder}",
                "stop it, or give this one another data_dir",
            ) from None
        except OSError as error:
            os.close(self._handle)
            raise CannotWrite(f"{path} cannot be locked: {error.strerror}", "put data_dir on a local disk") from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        self._open = True

    def close(self) -> None:
        """Let go of the folder; does nothing the second time."""
        if self._open:
            self._open = False
            os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
