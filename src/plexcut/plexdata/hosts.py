"""The hosts that recordings and jobs depend on: whether they answer, and reaching them only when they do.

A host is checked by one thread of its own at a time, so that one that hangs holds up nothing but itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from plexcut.config import LibrarySettings, Settings
from plexcut.domain.catalog import RecordingFile, library_of
from plexcut.domain.places import is_share, shown
from plexcut.domain.ports import Library
from plexcut.errors import HostUnreachable, LibraryNotFound, LibraryOffline, NotAllowed, PlexcutError, RecordingNotFound
from plexcut.plexdata import views
from plexcut.plexdata.askers import Askers
from plexcut.plexdata.events import Events
from plexcut.plexdata.model import LibraryStatus, Ports

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_S = 5.0
"""An unreachable host is tried again by requests at most this often."""
HANGS_AFTER_S = 8.0
"""A check that takes longer counts as no answer."""
LOCATE_S = 10.0
"""How long finding a recording's file may take (a dead network mount blocks for ever)."""
LOCATED_S = 10.0
"""So long a file's place is not asked of its server again: stepping through frames asks many times a second."""
MAX_LOCATED = 1000
FOLDER_CHECK_S = 3.0
RELIST_S = 8.0
"""A folder is asked for changes at most this often; network file systems report none by themselves."""
RELIST_SERVER_S = 60.0
"""The same for a Plex server."""
MAX_STUCK = 16


def _nothing(library_id: str) -> None:
    del library_id


@dataclass(slots=True)
class Host:
    """What is known of one library's host. `settled` is set once it has been judged, `listed` once it was listed."""

    library: Library
    mapped: tuple[Path, ...]
    online: bool = False
    message: str = "not checked yet"
    tried_at: float = float("-inf")
    listed_at: float = float("-inf")
    files_silent_at: float = float("-inf")
    asking_since: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    settled: threading.Event = field(default_factory=threading.Event)
    listed: threading.Event = field(default_factory=threading.Event)
    locating: Askers = field(default_factory=lambda: Askers("locate"))


class Hosts:
    """All hosts.

    `on_change(library_id)` is called, in a checking thread, when a library comes or its content changed.
    """

    def __init__(self, ports: Ports, settings: Settings, events: Events, clock: Callable[[], float]) -> None:
        mapped = {library.id: tuple(mapping.here for mapping in library.paths) for library in settings.libraries}
        self._hosts = {
            library_id: Host(library, mapped.get(library_id, ())) for library_id, library in ports.libraries.items()
        }
        self._storages = {library.id: library.lies_on for library in settings.libraries}
        self._queue = ports.queue
        self._share_trouble = ports.share_trouble
        self._events = events
        self._clock = clock
        self._located: dict[str, tuple[float, RecordingFile]] = {}
        self._state = threading.Lock()
        self._queue_checking = threading.Lock()
        self.queue_checked = threading.Event()
        self.queue_online = False
        self.workers = 0
        self.on_change: Callable[[str], None] = _nothing

    # -- reaching ---------------------------------------------------------------------------------------------------

    def call(self, library_id: str, ask: Callable[[Library], T]) -> T:
        """`ask(library)`, where its host answers; a host found offline is asked again at most every `RETRY_S`.

        Raises:
            LibraryNotFound, LibraryOffline, and what `ask` raises.
        """
        host = self._host(library_id)
        self._reach(host)
        try:
            return ask(host.library)
        except LibraryOffline as error:
            self._set(host, online=False, message=error.message)
            raise
        except NotAllowed as error:
            raise self._refused(host, error) from None

    def recording(self, recording: str) -> RecordingFile:
        """Where a recording's file is, within `LOCATE_S`.

        Raises:
            RecordingNotFound, LibraryOffline.
        """
        library_id = library_of(recording)
        if library_id not in self._hosts or "~" not in recording:
            raise RecordingNotFound(f"there is no recording {recording!r}")
        host = self._hosts[library_id]
        self._reach(host)
        now = self._clock()
        located = self._located.get(recording)
        if located is not None and 0 <= now - located[0] < LOCATED_S:
            return located[1]
        if now - host.files_silent_at < RETRY_S or host.locating.under_way >= MAX_STUCK:
            raise LibraryOffline(f"the files of {host.library.name} do not answer", "is the network share mounted?")
        try:
            file = host.locating.ask(lambda: host.library.recording(recording), LOCATE_S)
            if file is None:
                raise LibraryOffline(f"the files of {host.library.name} do not answer")
        except LibraryOffline:
            # The server or the share that holds its files: a check tells which, and the other goes on.
            host.files_silent_at = now
            self._check_in_thread(host)
            raise
        except NotAllowed as error:
            raise self._refused(host, error) from None
        if host.library.kind != "folder":
            if len(self._located) > MAX_LOCATED:
                self._located.clear()
            self._located[recording] = (now, file)
        return file

    def _refused(self, host: Host, error: NotAllowed) -> LibraryOffline:
        """A server that does not take our token any more: for who asks us that is no matter of their own rights."""
        self._check_in_thread(host)
        return LibraryOffline(error.message, error.hint)

    def check_now(self, library_id: str) -> bool:
        """Ask the host at once, whatever the last answer was; whether it is online then."""
        host = self._host(library_id)
        self._check_in_thread(host).join(HANGS_AFTER_S)
        return host.online

    def _reach(self, host: Host) -> None:
        if host.online:
            return
        if host.tried_at > float("-inf") and not host.settled.is_set():
            host.settled.wait(RETRY_S)
        elif self._clock() - host.tried_at >= RETRY_S:
            self._check_in_thread(host).join(RETRY_S)
        if not host.online:
            raise LibraryOffline(f"{host.library.name} is offline: {host.message}", "it is used again once it answers")

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all libraries, in the order of the configuration."""
        return tuple(self._hosts)

    def host(self, library_id: str) -> Host:
        """What is known of a library's host. Raises `LibraryNotFound`."""
        return self._host(library_id)

    def status(self, library_id: str) -> LibraryStatus:
        """A library and whether it is online. Raises `LibraryNotFound`."""
        host = self._host(library_id)
        library = host.library
        return LibraryStatus(library.id, library.name, library.kind, host.online, host.message)

    def libraries(self) -> tuple[LibraryStatus, ...]:
        """All of them, in the order of the configuration."""
        return tuple(self.status(library_id) for library_id in self._hosts)

    def storage_of(self, recording: str) -> str:
        """What the files of a recording's library lie on, as configured."""
        library = library_of(recording)
        return self._storages.get(library, library)

    def close(self) -> None:
        """Let go of all libraries."""
        for host in self._hosts.values():
            host.locating.close()
            host.library.close()

    def _host(self, library_id: str) -> Host:
        try:
            return self._hosts[library_id]
        except KeyError:
            raise LibraryNotFound(f"there is no library {library_id!r}", "see config.toml") from None

    def _set(self, host: Host, *, online: bool, message: str) -> None:
        with self._state:
            first = not host.settled.is_set()
            changed = first or (host.online, host.message) != (online, message)
            came = online and (first or not host.online)
            host.online, host.message = online, message
            host.settled.set()
        if not changed:
            return
        if online:
            log.info("library %s is online%s", host.library.id, f": {message}" if message else "")
        else:
            log.warning("library %s is offline: %s", host.library.id, message)
        self._tell(host)
        if came:
            self.on_change(host.library.id)

    def _tell(self, host: Host) -> None:
        self._events.emit("library", views.library(self.status(host.library.id)))

    def add(self, library: Library, entry: LibrarySettings) -> threading.Thread:
        """Take in a library while everything runs, and begin to check it, in the thread that is answered."""
        host = Host(library, tuple(mapping.here for mapping in entry.paths))
        with self._state:
            self._hosts = {**self._hosts, library.id: host}
            self._storages = {**self._storages, library.id: entry.lies_on}
        return self._check_in_thread(host, relist=True)

    # -- checking ---------------------------------------------------------------------------------------------------

    def check_all(self, *, online_too: bool = True) -> None:
        """Begin to check every host that is not being checked; what hangs since long is offline.

        Without `online_too` those that were online are left in peace this time.
        """
        now = self._clock()
        for host in self._hosts.values():
            since = host.asking_since
            if since is None and (online_too or not host.online):
                self._check_in_thread(host)
            elif since is not None and now - since > HANGS_AFTER_S:
                self._set(host, online=False, message="the host does not answer")
                host.listed.set()
        threading.Thread(target=self.check_queue, name="check-queue", daemon=True).start()

    def check_queue(self) -> None:
        """Ask the queue whether it is there, and how many workers it has."""
        if not self._queue_checking.acquire(blocking=False):
            return
        try:
            online = self._queue.online()
            workers = len(self._queue.workers()) if online else 0
        except HostUnreachable:
            online, workers = False, 0
        except Exception:
            log.exception("the check of the queue failed")
            online, workers = False, 0
        finally:
            self._queue_checking.release()
        if online != self.queue_online or not self.queue_checked.is_set():
            if online:
                log.info("queue connected, %d worker(s)", workers)
            else:
                log.warning("the queue does not answer")
        self.queue_online, self.workers = online, workers
        self.queue_checked.set()

    def relist(self, library_id: str) -> None:
        """Have a library look for changes now, in a thread."""
        host = self._hosts.get(library_id)
        if host is not None and host.online:
            host.listed_at = float("-inf")
            self._check_in_thread(host, relist=True)

    def _check_in_thread(self, host: Host, *, relist: bool = False) -> threading.Thread:
        thread = threading.Thread(target=self._check, args=(host, relist), name=f"check-{host.library.id}", daemon=True)
        thread.start()
        return thread

    def _check(self, host: Host, relist: bool) -> None:
        if not host.lock.acquire(blocking=False):
            return
        try:
            host.asking_since = host.tried_at = self._clock()
            try:
                online, message = self._ask(host)
            finally:
                host.asking_since = None
            if online and (relist or host.library.kind == "folder" or host.settled.is_set()):
                self._list(host)
            self._set(host, online=online, message=message)
        finally:
            host.listed.set()
            host.lock.release()

    def _ask(self, host: Host) -> tuple[bool, str]:
        try:
            host.library.check()
        except PlexcutError as error:
            return False, error.line
        except Exception:
            log.exception("the check of library %s failed", host.library.id)
            return False, "the check failed, see the log"
        troubles = [(folder, trouble) for folder in host.mapped if (trouble := self._trouble(folder))]
        if troubles:
            missing = ", ".join(shown(folder) for folder, _ in troubles)
            return True, f"recordings in {missing} cannot be cut: the folder {troubles[0][1]}"
        return True, ""

    def _trouble(self, folder: Path) -> str:
        """Why a mapped folder cannot be used now; empty where it can."""
        found: list[str] = []

        def look() -> None:
            if not is_share(folder):
                found.append("" if folder.is_dir() else "is not there")
            elif self._share_trouble is not None:
                found.append(self._share_trouble(folder))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        thread.join(FOLDER_CHECK_S)
        return found[0] if found else "does not answer"

    def _list(self, host: Host) -> None:
        began = self._clock()
        if began - host.listed_at < (RELIST_S if host.library.kind == "folder" else RELIST_SERVER_S):
            return
        try:
            changed = host.library.refresh()
        except PlexcutError as error:
            log.warning("library %s could not be listed: %s", host.library.id, error.line)
            return
        except Exception:
            log.exception("listing library %s failed", host.library.id)
            return
        took_s = self._clock() - began
        # A large share is not listed all the time: at most a twentieth of the time goes into it.
        host.listed_at = began + 20 * took_s
        if not host.listed.is_set():
            log.info("library %s listed in %.1f s", host.library.id, took_s)
        if changed and host.settled.is_set():
            self._tell(host)
            self.on_change(host.library.id)
