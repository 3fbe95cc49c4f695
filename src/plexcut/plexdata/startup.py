"""The seed's start: settings, hosts, libraries, initial selection, queue; and watching the hosts from then on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from plexcut import __version__
from plexcut.config import Settings
from plexcut.plexdata.hosts import Host, Hosts
from plexcut.plexdata.model import Health
from plexcut.plexdata.selecting import Selecting

log = logging.getLogger(__name__)

CHECK_S = 3.0
"""How often offline hosts are looked for; those that are online are checked every `ONLINE_ROUNDS`-th time."""
ONLINE_ROUNDS = 3
PATIENCE_S = 3.0
"""How long the initial selection waits for a host that does not say a word."""
LISTING_S = 600.0
RECOVER_S = 10.0
"""How long the start waits until interrupted cuts are settled; in a share that hangs that goes on by itself."""


class Startup:
    """Runs the steps in threads, and tells how far they are."""

    def __init__(self, hosts: Hosts, selecting: Selecting, settings: Settings, recover: Callable[[], None]) -> None:
        self._hosts = hosts
        self._selecting = selecting
        self._settings = settings
        self._recover = recover
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; returns at once."""
        log.info("start 1/5: configuration from %s", self._settings.file or "defaults and environment")
        self._hosts.on_change = self._library_changed
        for name, work in (("start", self._initialise), ("monitor", self._monitor)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the threads; a check that hangs is left to end by itself."""
        self._ended.set()
        for thread in self._threads:
            thread.join(2)

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the initial selection stands; whether it does."""
        return self._ready.wait(timeout_s)

    def health(self) -> Health:
        """What the last checks found."""
        return Health(
            status="ok" if self._ready.is_set() else "starting",
            version=__version__,
            libraries=self._hosts.libraries(),
            queue_online=self._hosts.queue_online,
            workers=self._hosts.workers,
        )

    def _initialise(self) -> None:
        began = time.monotonic()
        self._hosts.check_all()
        hosts = [self._hosts.host(library) for library in self._hosts.ids]
        for host in hosts:
            self._wait_for(host, began)
        for host in hosts:
            log.info("start 2/5: host of library %s: %s", host.library.id, "online" if host.online else host.message)
        recovering = threading.Thread(target=self._recover, name="recover", daemon=True)
        recovering.start()
        recovering.join(RECOVER_S)
        log.info("start 3/5: %d library interface(s) and the media engine are built", len(hosts))
        try:
            selection = self._selecting.begin()
            log.info("start 4/5: initial selection: %s", selection.movie.id if selection.movie else "none")
        except Exception:
            log.exception("start 4/5: the initial selection failed")
        self._ready.set()
        self._hosts.queue_checked.wait(PATIENCE_S)
        log.info("start 5/5: queue VueCutter %s", "connected" if self._hosts.queue_online else "does not answer yet")

    def _wait_for(self, host: Host, began: float) -> None:
        """Until the host is judged (a folder that answers: listed), `PATIENCE_S` at most for one that says nothing."""
        while not self._ended.is_set() and not host.settled.wait(0.1):
            listing = host.tried_at > float("-inf") and host.asking_since is None
            if time.monotonic() - began > (LISTING_S if listing else PATIENCE_S):
                return

    def _monitor(self) -> None:
        rounds = 0
        while not self._ended.wait(CHECK_S):
            rounds += 1
            self._hosts.check_all(online_too=rounds % ONLINE_ROUNDS == 0)

    def _library_changed(self, library: str) -> None:
        self._selecting.library_changed(library)
        if self._ready.is_set():
            self._selecting.begin()
