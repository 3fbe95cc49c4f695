"""Reading over SMB from a real Samba server, where one is installed (and may be started)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.errors import FileUnreadable, HostUnreachable
from plexcut.media.sources import open_source
from plexcut.storage.remote import remote_source

pytestmark = pytest.mark.skipif(
    not (shutil.which("smbd") and shutil.which("smbpasswd") and os.geteuid() == 0),
    reason="needs Samba, and root to start it",
)

USER, PASSWORD = "nobody", "pass@wörd/1"
WRITTEN = "pass%40w%C3%B6rd%2F1"
NAME = "Film (2010) ä#1.ts"
DATA = bytes(range(256)) * 8000


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its address, and the shared folder."""
    home = tmp_path_factory.mktemp("samba")
    for folder in ("share", "run"):
        (home / folder).mkdir()
    for folder in (home, home.parent, home / "share"):
        folder.chmod(0o755)
    (home / "share" / NAME).write_bytes(DATA)
    (home / "share" / NAME).chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    names = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
    settings = "".join(f" {name} = {home / 'run'}\n" for name in names)
    (home / "smb.conf").write_text(
        f"[global]\n server role = standalone server\n smb ports = {port}\n interfaces = 127.0.0.1\n"
        f" bind interfaces only = yes\n{settings} log file = {home / 'log'}\n load printers = no\n"
        f" passdb backend = tdbsam:{home / 'run' / 'passdb.tdb'}\n"
        f"[rec]\n path = {home / 'share'}\n force user = root\n read only = yes\n"
    )
    config = str(home / "smb.conf")
    subprocess.run(
        ["smbpasswd", "-c", config, "-a", "-s", USER], input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=True
    )
    server = subprocess.Popen(
        ["smbd", "-F", "--no-process-group", "-s", config],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it ends its whole process group with itself
    )
    deadline = time.monotonic() + 15
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                server.kill()
                pytest.skip("Samba does not start here")
            time.sleep(0.1)
    yield f"127.0.0.1:{port}", home / "share"
    server.terminate()
    server.wait(20)


def test_reading_over_smb(samba: tuple[str, Path]) -> None:
    place, share = samba
    source = remote_source(f"smb://{USER}:{WRITTEN}@{place}/rec/{NAME}")
    assert source.name == NAME
    assert source.status().size_bytes == len(DATA)
    assert abs(source.status().version - (share / NAME).stat().st_mtime_ns) < 1_000_000
    assert source.read(1000, 300_000) == DATA[1000:301_000]
    with open_source(source) as file:
        assert file.read() == DATA
    assert remote_source(f"smb://{USER}@{place}/rec/{NAME}", PASSWORD).read(7, 3) == DATA[7:10]


def test_failures(samba: tuple[str, Path]) -> None:
    place, _ = samba
    with pytest.raises(FileUnreadable, match="has no file"):
        remote_source(f"smb://{USER}:{WRITTEN}@{place}/rec/other.ts").status()
    with pytest.raises(FileUnreadable, match="has no file"):
        remote_source(f"smb://{USER}:{WRITTEN}@{place}/nothing/other.ts").status()
    with pytest.raises(FileUnreadable, match="does not accept user and password"):
        remote_source(f"smb://somebody:wrong@{place}/rec/{NAME}").status()
    with pytest.raises(HostUnreachable):
        remote_source(f"smb://{USER}:{WRITTEN}@127.0.0.1:1/rec/{NAME}").status()
