"""A real Samba server on a loopback port, as a session of its own; it can be stopped, frozen and killed.

Use::

    with Samba(tmp_path) as samba:
        samba.share              # the folder that is shared for writing as smb://…/rec, and for reading as …/ro
        samba.address("Film.ts") # smb://user:password@127.0.0.1:port/rec/Film.ts
        samba.freeze(); samba.thaw(); samba.stop(); samba.start()
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import pytest

USER, PASSWORD = "nobody", "pass@wörd/1"

needs_samba = pytest.mark.skipif(
    not (shutil.which("smbd") and shutil.which("smbpasswd") and os.geteuid() == 0),
    reason="needs Samba, and root to start it (scripts/need_samba.sh)",
)


class Samba:
    """The server; a context manager. See the module. `more` are lines of the writable share."""

    def __init__(self, home: Path, more: str = "") -> None:
        self.home = home
        self.share = home / "share"
        self._server: subprocess.Popen[bytes] | None = None
        for folder in (self.share, home / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (home.parent, home, self.share):
            folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        names = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
        settings = "".join(f" {name} = {home / 'run'}\n" for name in names)
        common = f" path = {self.share}\n force user = root\n"
        self.config = home / "smb.conf"
        self.config.write_text(
            f"[global]\n server role = standalone server\n smb ports = {self.port}\n interfaces = 127.0.0.1\n"
            f" bind interfaces only = yes\n{settings} log file = {home / 'log'}\n load printers = no\n"
            f" passdb backend = tdbsam:{home / 'run' / 'passdb.tdb'}\n"
            f"[rec]\n{common} read only = no\n{more}[ro]\n{common} read only = yes\n"
        )
        subprocess.run(
            ["smbpasswd", "-c", str(self.config), "-a", "-s", USER],
            input=f"{PASSWORD}\n{PASSWORD}\n",
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def address(self, path: str = "", share: str = "rec", login: bool = True) -> str:
        """The address of a place on the share."""
        who = f"{USER}:{quote(PASSWORD, safe='')}@" if login else ""
        return f"smb://{who}127.0.0.1:{self.port}/{share}" + (f"/{quote(path)}" if path else "")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._server = subprocess.Popen(
            ["smbd", "-F", "--no-process-group", "-s", str(self.config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it ends its whole process group with itself
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    self._server.kill()
                    pytest.skip("Samba does not start here")
                time.sleep(0.05)

    def stop(self) -> None:
        """Kill it and every process of its at once, as a power loss would."""
        server, self._server = self._server, None
        if server is None:
            return
        for pid in [*self._children(server.pid), server.pid]:
            self._send(pid, signal.SIGKILL)
        server.wait(10)

    def freeze(self) -> None:
        """It accepts connections and never answers."""
        if self._server is not None:
            for pid in [self._server.pid, *self._children(self._server.pid)]:
                self._send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        if self._server is not None:
            for pid in [*self._children(self._server.pid), self._server.pid]:
                self._send(pid, signal.SIGCONT)

    @staticmethod
    def _send(pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    @staticmethod
    def _children(parent: int) -> list[int]:
        """All processes below one."""
        above: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    above[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError, IndexError):
                    continue
        found: list[int] = []
        last = {parent}
        while last:
            last = {pid for pid, ppid in above.items() if ppid in last} - set(found)
            found += last
        return found
