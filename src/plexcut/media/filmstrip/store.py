"""Pictures that are kept: in memory and in a folder, both bounded, the least recently used go first."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import xxhash

log = logging.getLogger(__name__)

_MARK = b"plexcut1"
_HEAD_BYTES = len(_MARK) + 8
_USED_AGAIN_S = 60.0
"""A file that is used is marked so at most this often."""
_ABANDONED_S = 3600.0
_PRUNE_EACH = 8
"""The folder is looked through whenever this fraction of its limit was written."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes are kept."""

    memory_bytes: int = 32 << 20
    disk_bytes: int = 512 << 20


class PictureStore:
    """Bytes by name. Safe for several threads, and for several processes in one folder (None: memory alone).

    What is damaged on disk is as if it were not there; where the folder cannot be written nothing is kept in it.
    """

    def __init__(self, folder: Path | None, limits: Limits | None = None) -> None:
        self._folder = folder
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._held_bytes = 0
        self._unpruned_bytes = self._limits.disk_bytes
        self._token = secrets.token_hex(4)
        self._written = 0

    def get(self, name: str) -> bytes | None:
        """What was put under this name, if it is still there."""
        with self._lock:
            found = self._held.get(name)
            if found is not None:
                self._held.move_to_end(name)
                return found
        read = self._read(name)
        if read is not None:
            self._hold(name, read)
        return read

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under a name."""
        self._hold(name, data)
        if self._folder is None:
            return
        self._write(self._path(self._folder, name), name, data)
        with self._lock:
            self._unpruned_bytes += len(data)
            due = self._unpruned_bytes * _PRUNE_EACH >= self._limits.disk_bytes
            if due:
                self._unpruned_bytes = 0
        if due:
            self._prune(self._folder)

    def _hold(self, name: str, data: bytes) -> None:
        with self._lock:
            self._held_bytes += len(data) - len(self._held.pop(name, b""))
            self._held[name] = data
            while self._held_bytes > self._limits.memory_bytes and len(self._held) > 1:
                self._held_bytes -= len(self._held.popitem(last=False)[1])

    # -- the folder -------------------------------------------------------------------------------------------------

    @staticmethod
    def _path(folder: Path, name: str) -> Path:
        digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
        return folder / digest[:2] / digest[2:]

    @staticmethod
    def _check(name: str, data: bytes) -> bytes:
        """Of the name too, so that no file passes for another one."""
        return xxhash.xxh3_64_digest(name.encode() + b"\0" + data)

    def _read(self, name: str) -> bytes | None:
        if self._folder is None:
            return None
        path = self._path(self._folder, name)
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
                data = file.read()
                used_at = os.fstat(file.fileno()).st_mtime
        except OSError:
            return None
        if head != _MARK + self._check(name, data):
            log.info("picture cache %s is of no use and is made again", path.name)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        if time.time() - used_at > _USED_AGAIN_S:
            with contextlib.suppress(OSError):
                os.utime(path)
        return data

    def _write(self, path: Path, name: str, data: bytes) -> None:
        with self._lock:
            self._written += 1
            temporary = path.with_name(f"{path.name}.{self._token}{self._written:x}.part")
        content = _MARK + self._check(name, data) + data
        try:
            try:
                temporary.write_bytes(content)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            log.info("picture cache %s cannot be written: %s", path.name, error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _prune(self, folder: Path) -> None:
        """Remove the files that were not used for the longest time, until what is left is within the limit."""
        found: list[tuple[float, int, str]] = []
        now = time.time()
        with contextlib.suppress(OSError):
            for shelf in os.scandir(folder):
                with contextlib.suppress(OSError), os.scandir(shelf) as files:
                    for file in files:
                        status = file.stat(follow_symlinks=False)
                        left_over = file.name.endswith(".part") and now - status.st_mtime > _ABANDONED_S
                        found.append((0.0 if left_over else status.st_mtime, status.st_size, file.path))
        total = sum(size for _, size, _ in found)
        aim = self._limits.disk_bytes - self._limits.disk_bytes // _PRUNE_EACH
        for used_at, size, path in sorted(found):
            if total <= aim and used_at > 0.0:
                return
            with contextlib.suppress(OSError):
                Path(path).unlink()
                total -= size
