"""Noticing changes in a folder, and its coming and going."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

from plexcut.library.folder.notices import Notices

log = logging.getLogger(__name__)

_POLL_S = 3.0
"""How often to look where the system gives no notice (a missing folder, no watches left)."""

_SAFETY_S = 30.0
"""How often to look in any case: changes that another machine makes on a network mount cause no notice here."""

_WAIT_S = 5.0

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
        self._lock = threading.Lock()
        self._notices: Notices | None = None
        self._thread = threading.Thread(target=self._run, name="plexcut-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; waits briefly for it."""
        self._stop.set()
        with self._lock:
            if self._notices is not None:
                self._notices.wake()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._look():
                self._stop.wait(_POLL_S)
                continue
            try:
                self._follow()
            except OSError as error:
                log.debug("no notice of changes below %r, looking now and then: %s", str(self._root), error)
                self._stop.wait(_POLL_S)

    def _follow(self) -> None:
        """Look at each change, until the folder goes away or another one stands in its place."""
        which = self._root.stat().st_ino
        with Notices(self._root) as notices:
            self._show(notices)
            try:
                self._look_at_each(notices, which)
            finally:
                self._show(None)

    def _look_at_each(self, notices: Notices, which: int) -> None:
        # The first look comes after the watch has begun, so that nothing falls between the two.
        looked_at = -math.inf
        while not self._stop.is_set():
            changed = looked_at > 0 and notices.wait(_WAIT_S)
            if self._stop.is_set() or (not changed and time.monotonic() - looked_at < _SAFETY_S):
                continue
            began = time.monotonic()
            if not self._look() or self._root.stat().st_ino != which:
                return
            looked_at = time.monotonic()
            self._stop.wait((looked_at - began) * _REST)

    def _show(self, notices: Notices | None) -> None:
        """What `close` is to wake."""
        with self._lock:
            self._notices = notices
