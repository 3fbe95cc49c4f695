"""Trying whether results can be made in a folder: by making one, not by looking at its mode."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

from plexcut.domain.setup import Tried

_LIMIT_S = 8.0
_CODES = {errno.EROFS: "read_only", errno.EACCES: "denied", errno.EPERM: "denied", errno.ENOSPC: "full"}


def try_write(folder: Path, limit_s: float = _LIMIT_S) -> tuple[Tried, ...]:
    """Create, rename and remove a small file of ours; what follows a step that failed is left out.

    Nothing stays behind, unless the folder lets files be created and not removed: its name begins `.plexcut-`.
    """
    steps: list[Tried] = []
    ended = threading.Event()

    def work() -> None:
        _try(folder, steps)
        ended.set()

    threading.Thread(target=work, name="try-write", daemon=True).start()
    if not ended.wait(limit_s):
        name = ("write", "rename", "remove")[min(len(steps), 2)]
        return (*steps, Tried(name, False, "silent", f"{folder} does not answer", "is the network share mounted?"))
    return tuple(steps)


def _try(folder: Path, steps: list[Tried]) -> None:
    first = folder / f".plexcut-{os.urandom(6).hex()}.part"
    second = first.with_suffix(".try")

    def create() -> None:
        handle = os.open(first, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(handle, b"plexcut tries whether it may write here\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    works: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("write", "created", create),
        ("rename", "renamed", lambda: first.rename(second)),
        ("remove", "removed", second.unlink),
    )
    try:
        for step, what, work in works:
            try:
                work()
            except OSError as error:
                code = _CODES.get(error.errno or 0, "failed")
                message = f"no file can be {what} in {folder}: {error.strerror}"
                steps.append(Tried(step, False, code, message, "check who may write there"))
                return
            steps.append(Tried(step, ok=True))
    finally:
        for left in (first, second):
            with contextlib.suppress(OSError):
                left.unlink()
