"""A child process that is started again when it ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from plexcut.jobs import processes

if TYPE_CHECKING:
    from subprocess import Popen

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.3
_MAX_BACKOFF_S = 30.0
_STEADY_S = 60.0


class Supervised:
    """One child, kept alive from `start` to `stop`; the pause before a restart doubles up to half a minute."""

    def __init__(self, command: Sequence[str], env: Callable[[], Mapping[str, str]], log: Path) -> None:
        self._command = list(command)
        self._env = env
        self._log = log
        self._process: Popen[bytes] | None = None
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervise", daemon=True)

    @property
    def pid(self) -> int | None:
        """The child's process, None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the child and the watch over it."""
        self._watcher.start()

    def stop(self, patience_s: float) -> None:
        """End the child; it is killed with all that belongs to it after `patience_s`."""
        self._over.set()
        if self._watcher.is_alive():
            self._watcher.join()
        if self._process is not None:
            processes.stop(self._process, patience_s)

    def _watch(self) -> None:
        # The child is started from this thread, which lives as long as we do: the kernel ends the child with the
        # thread that started it.
        backoff_s = 0.5
        while not self._over.is_set():
            started = time.monotonic()
            self._process = processes.start(self._command, env=self._env(), log=self._log)
            while self._process.poll() is None:
                if self._over.wait(_LOOK_EVERY_S):
                    return
            processes.stop(self._process, 0)
            if time.monotonic() - started > _STEADY_S:
                backoff_s = 0.5
            logger.warning("the worker ended (%s) and is started again", self._process.returncode)
            if self._over.wait(backoff_s):
                return
            backoff_s = min(backoff_s * 2, _MAX_BACKOFF_S)
