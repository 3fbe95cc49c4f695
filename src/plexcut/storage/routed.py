"""`domain.files.Files` for any place: this machine's own, or that of the share it lies on."""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager
from pathlib import PurePath

from plexcut.domain.files import Files, FileStatus
from plexcut.domain.places import is_share


class RoutedFiles:
    """Hands each call to who has the place. Nothing is moved from one to the other."""

    def __init__(self, local: Files, shares: Files) -> None:
        self._local = local
        self._shares = shares

    def _of(self, path: PurePath) -> Files:
        return self._shares if is_share(path) else self._local

    def _both(self, one: PurePath, other: PurePath) -> Files:
        if is_share(one) != is_share(other):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(one), None, str(other))
        return self._of(one)

    def status(self, path: PurePath) -> FileStatus | None:
        return self._of(path).status(path)

    def names(self, folder: PurePath) -> list[str]:
        return self._of(folder).names(folder)

    def read(self, path: PurePath, start: int = 0, size: int = -1) -> bytes:
        return self._of(path).read(path, start, size)

    def write(self, path: PurePath, data: bytes) -> None:
        self._of(path).write(path, data)

    def link(self, old: PurePath, new: PurePath) -> None:
        self._both(old, new).link(old, new)

    def exchange(self, one: PurePath, other: PurePath) -> None:
        self._both(one, other).exchange(one, other)

    def rename(self, old: PurePath, new: PurePath) -> None:
        self._both(old, new).rename(old, new)

    def rename_new(self, old: PurePath, new: PurePath) -> None:
        self._both(old, new).rename_new(old, new)

    def unlink(self, path: PurePath) -> None:
        self._of(path).unlink(path)

    def make_folder(self, path: PurePath) -> None:
        self._of(path).make_folder(path)

    def remove_folder(self, path: PurePath) -> None:
        self._of(path).remove_folder(path)

    def sync(self, path: PurePath) -> None:
        self._of(path).sync(path)

    def sync_folder(self, path: PurePath) -> None:
        self._of(path).sync_folder(path)

    def dress(self, path: PurePath, like: PurePath) -> tuple[str, ...]:
        return self._both(path, like).dress(path, like)

    def set_mtime(self, path: PurePath, mtime_ns: int) -> None:
        self._of(path).set_mtime(path, mtime_ns)

    def same_file_system(self, one: PurePath, other: PurePath) -> bool:
        return is_share(one) == is_share(other) and self._of(one).same_file_system(one, other)

    def writing(self, path: PurePath) -> bool:
        return self._of(path).writing(path)

    def free_bytes(self, folder: PurePath) -> int | None:
        return self._of(folder).free_bytes(folder)

    def lock(self, folder: PurePath, timeout_s: float) -> AbstractContextManager[None]:
        return self._of(folder).lock(folder, timeout_s)

    def hold(self, path: PurePath) -> AbstractContextManager[None]:
        return self._of(path).hold(path)
