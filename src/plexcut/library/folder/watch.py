"""Noticing changes in a folder, and its coming and going."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

_POLL_S = 3.0
"""How often to look where the system gives no notice (a missing folder, no inotify watches left)."""

_SAFETY_S = 30.0
"""How often to look in any case: changes that another machine makes on a network mount cause no notice here."""

_REST = 20
"""Looking takes at most one part in so many of the time, however large the folder."""

Look = Callable[[], bool]
"""Looks for changes; False where the folder is not there."""


class FolderWatch:
    """A thread that calls `look` when something changed below `root`, and now and then."""

    def __init__(self, root: Path, look: Look) -> None:
        self._root = root
        self._look = look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plexcut-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; waits briefly for it."""
        self._stop.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._look():
                self._stop.wait(_POLL_S)
                continue
            try:
                self._follow()
            except (OSError, RuntimeError) as error:
                log.debug("no notice of changes below %r, looking now and then: %s", str(self._root), error)
                self._stop.wait(_POLL_S)

    def _follow(self) -> None:
        """Look at each change, until the folder goes away or another one stands in its place."""
        import watchfiles

        which = self._root.stat().st_ino
        looked_at = 0.0  # the first look comes after the watch has begun, so that nothing falls between the two
        for changes in watchfiles.watch(
            self._root,
            watch_filter=self._concerns_us,
            debounce=1000,
            step=200,
            stop_event=self._stop,
            rust_timeout=1000,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            if not changes and time.monotonic() - looked_at < _SAFETY_S:
                continue
            began = time.monotonic()
            if not self._look() or self._root.stat().st_ino != which:
                return
            looked_at = time.monotonic()
            self._stop.wait((looked_at - began) * _REST)

    def _concerns_us(self, change: object, path: str) -> bool:
        """Whether it is no hidden file (plexcut's own work in progress among them)."""
        below = Path(os.path.relpath(path, os.path.realpath(self._root)))
        return not any(part.startswith(".") for part in below.parts if part != "..")
