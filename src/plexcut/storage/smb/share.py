"""One share: its connection, made when it is needed and made again when it broke, and a time limit on every call.

smbclient waits for answers without a limit. So each call runs on a thread of its own; when it was silent for too long
its connection is shut down, which ends the thread too, and for a moment nobody asks again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Generic, TypeVar

import smbclient
from smbprotocol.connection import Connection

from plexcut.config.shares import Login, SmbAddress
from plexcut.storage.smb.failures import Broken, as_os_error

log = logging.getLogger(__name__)
logging.getLogger("smbprotocol").setLevel(logging.WARNING)
logging.getLogger("smbclient").setLevel(logging.ERROR)
logging.getLogger("spnego").setLevel(logging.WARNING)

T = TypeVar("T")

TIMEOUT_S = 8.0
_REST_S = 2.0
"""For how long a server that did not answer in time is not asked again."""
_AT_ONCE = 4
"""Calls at once on one connection: more would only wait for each other, each of them silent for longer."""
_IDLE_S = 4.0
"""A connection that was idle for so long is tried before anything is done that must not be done twice."""


class Link:
    """A connection with its session. `ask` hands it to a function of smbclient."""

    def __init__(self, address: SmbAddress, login: Login, timeout_s: float) -> None:
        self._address = address
        self._cache: dict[str, Any] = {}
        self._timeout_s = timeout_s
        self._options: dict[str, Any] = {
            "username": login.user or "guest",
            "password": login.password,
            "port": address.port,
            "connection_timeout": timeout_s,
            "connection_cache": self._cache,
            "require_signing": bool(login.user),
            "auth_protocol": "ntlm" if _is_number(address.host) or not login.user else "negotiate",
        }
        self.used_at = time.monotonic()

    def unc(self, path: PurePath) -> str:
        """A place on the share as SMB writes it."""
        rest = str(path).strip("/").replace("/", "\\")
        return f"\\\\{self._address.host}\\{self._address.share}\\{rest}".rstrip("\\")

    def ask(self, function: Callable[..., Any], path: PurePath, *more: Any, **options: Any) -> Any:
        """`function(path, …)` of smbclient over this connection."""
        return function(self.unc(path), *more, **options, **self._options)

    def connect(self) -> None:
        """Connect and log in.

        As a client of its own: servers hand connections of one client to the same process of theirs, and where one of
        them closes while another logs in, Samba answers neither.
        """
        host, port = self._address.host, self._address.port
        connection = Connection(uuid.uuid4(), host, port, require_signing=self._options["require_signing"])
        self._cache[f"{host.lower()}:{port}"] = connection  # where smbclient looks for it, and `drop` too
        connection.connect(timeout=self._timeout_s)
        smbclient.register_session(host, **self._options)

    def alive(self) -> bool:
        """Whether the server still answers on it; asks only where it was idle for a while."""
        if time.monotonic() - self.used_at < _IDLE_S:
            return True
        try:
            for connection in list(self._cache.values()):
                for session in list(connection.session_table.values()):
                    connection.echo(sid=session.session_id, timeout=max(1, int(self._timeout_s / 2)))
        except Exception:  # noqa: BLE001 - whatever it is, this connection is of no use
            return False
        return True

    def drop(self) -> None:
        """Shut it down at once, without a word; whoever waits on it fails."""
        for connection in list(self._cache.values()):
            with contextlib.suppress(Exception):
                connection.transport.close()


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


class _Call(Generic[T]):
    """One call on a thread of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name="smb-call", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            self._error = error
        self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended."""
        return self._done.wait(timeout_s)

    def result(self) -> T:
        """What it answered, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._value[0]


class Share:
    """A share, reached by one login, from any thread. Every method raises `OSError` with its errno."""

    def __init__(self, address: SmbAddress, login: Login, timeout_s: float | None = None) -> None:
        """`timeout_s` None: the usual time limit."""
        self.address = address
        self.login = login
        self._timeout_s = timeout_s or TIMEOUT_S
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._link: Link | None = None
        self._silent_until = 0.0
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    @property
    def host(self) -> str:
        """The server, for people."""
        return self.address.host

    def call(self, work: Callable[[Link], T], name: str, *, again: bool = True, timeout_s: float | None = None) -> T:
        """What `work` answers with the connection, within the time limit; `name` is what it is about.

        `again`: it may be done twice, where a connection broke in the middle.

        Raises:
            OSError: ETIMEDOUT: the server is silent. EHOSTUNREACH (`Broken`): it is not there, or broke off.
        """
        for attempt in (1, 2):
            if time.monotonic() < self._silent_until:
                raise OSError(errno.ETIMEDOUT, "the file server does not answer", name)
            link, fresh = self._linked(name, try_it=not again)
            try:
                return self._bounded(link, lambda link=link: work(link), name, timeout_s)  # type: ignore[misc]
            except Broken:
                self._forget(link)
                if fresh or not again or attempt == 2:
                    raise
        raise AssertionError

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.drop()

    def _linked(self, name: str, *, try_it: bool) -> tuple[Link, bool]:
        """The connection, and whether it was just made."""
        with self._lock:
            link = self._link
        if link is not None and try_it and not self._bounded(link, link.alive, name):
            self._forget(link)
            link = None
        if link is not None:
            return link, False
        if not self._connecting.acquire(timeout=self._timeout_s):
            raise OSError(errno.ETIMEDOUT, "the file server does not answer", name)
        try:
            with self._lock:
                link = self._link
            if link is not None:  # another call made it meanwhile
                return link, False
            if time.monotonic() < self._silent_until:
                raise OSError(errno.ETIMEDOUT, "the file server does not answer", name)
            link = Link(self.address, self.login, self._timeout_s)
            self._bounded(link, link.connect, name)
            with self._lock:
                self._link = link
        finally:
            self._connecting.release()
        return link, True

    def _bounded(self, link: Link, work: Callable[[], T], name: str, timeout_s: float | None = None) -> T:
        limit_s = timeout_s or self._timeout_s
        if not self._turns.acquire(timeout=limit_s):
            raise OSError(errno.ETIMEDOUT, "the file server does not answer", name)
        try:
            call: _Call[T] = _Call(work)
            in_time = call.wait(limit_s)
        finally:
            self._turns.release()
        if not in_time:
            self._silent_until = time.monotonic() + _REST_S
            self._forget(link)
            log.info("%s does not answer", self.address.root)
            raise OSError(errno.ETIMEDOUT, "the file server does not answer", name)
        try:
            result = call.result()
        except Exception as error:  # noqa: BLE001 - smbclient raises all kinds; what is not its own comes out again
            found = as_os_error(error, name)
            if isinstance(found, Broken):
                log.debug("%s: %s", self.address.root, error)
            raise found from None
        link.used_at = time.monotonic()
        return result

    def _forget(self, link: Link) -> None:
        with self._lock:
            if self._link is link:
                self._link = None
        link.drop()
