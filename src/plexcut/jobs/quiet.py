"""Standing back from the disk while a recording is being written in the same library."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

EVERY_S = 15.0
_SYSCALLS = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314, "i686": 289, "ppc64le": 273, "s390x": 282}
_WHO_PROCESS = 1
_IDLE, _NORMAL = 3 << 13, 0


class StandBack:
    """While it is open: idle I/O priority for all threads of this process as long as `recorded()` says so.

    Only Linux has that; elsewhere nothing happens.
    """

    def __init__(self, recorded: Callable[[], bool]) -> None:
        self._recorded = recorded
        self._over = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stand-back", daemon=True)
        self.idle = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(1.0)

    def wait_for_look(self, timeout_s: float) -> bool:
        """Wait until it has looked for the first time; whether it has."""
        return self._looked.wait(timeout_s)

    def _run(self) -> None:
        while True:
            try:
                idle = self._recorded()
            except OSError:
                idle = False
            if idle != self.idle:
                logger.info("I/O priority is %s", "idle: a recording is being written" if idle else "normal again")
            if idle or self.idle:
                set_priority(idle=idle)  # threads that came since the last time, too
            self.idle = idle
            self._looked.set()
            if self._over.wait(EVERY_S):
                break
        if self.idle:
            set_priority(idle=False)


def set_priority(*, idle: bool) -> None:
    """The I/O priority of every thread of this process. Never fails."""
    number = _SYSCALLS.get(platform.machine())
    if number is None or not Path("/proc/self/task").is_dir():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for thread in _threads():
        libc.syscall(number, _WHO_PROCESS, thread, _IDLE if idle else _NORMAL)


def priority(thread: int = 0) -> int | None:
    """The I/O priority class of a thread of ours, 0: this one. 3 is idle; None: nobody knows."""
    number = _SYSCALLS.get(platform.machine())
    if number is None:
        return None
    found: int = ctypes.CDLL(None).syscall(number + 1, _WHO_PROCESS, thread)
    return found >> 13 if found >= 0 else None


def _threads() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/task")]  # noqa: PTH208 - names alone
    return []
