"""Notices of changes below a folder, and that a folder that hangs holds up nothing else."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.library.folder.notices import Notices
from plexcut.library.folder.watch import FolderWatch
from tests.fuse import Mount, reason
from tests.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 30.0
"""How long a notice is waited for that must come."""


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[Notices]:
    (tmp_path / "lib" / "Movies" / "Film").mkdir(parents=True)
    (tmp_path / "lib" / ".plexcut").mkdir()
    with Notices(tmp_path / "lib") as found:
        yield found


def quiet(notices: Notices) -> bool:
    return not notices.wait(0.1)


def test_what_is_noticed(notices: Notices, tmp_path: Path) -> None:
    movies = tmp_path / "lib" / "Movies"
    assert quiet(notices)
    film = movies / "Film" / "a.ts"
    film.write_bytes(b"a")
    assert notices.wait(LONG_S)
    with film.open("ab") as file:
        file.write(b"b")
    assert notices.wait(LONG_S)
    film.rename(movies / "b.ts")
    assert notices.wait(LONG_S)
    (movies / "b.ts").unlink()
    assert notices.wait(LONG_S)
    assert quiet(notices)


def test_what_is_hidden_is_not_ours_to_notice(notices: Notices, tmp_path: Path) -> None:
    (tmp_path / "lib" / ".plexcut" / "part.ts").write_bytes(b"")
    (tmp_path / "lib" / "Movies" / ".part.ts").write_bytes(b"")
    assert quiet(notices)


def test_folders_that_come_move_and_go(notices: Notices, tmp_path: Path) -> None:
    movies = tmp_path / "lib" / "Movies"
    (movies / "New" / "Deep").mkdir(parents=True)
    assert notices.wait(LONG_S)
    (movies / "New" / "Deep" / "a.ts").write_bytes(b"")
    assert notices.wait(LONG_S)
    (movies / "New").rename(tmp_path / "lib" / "Elsewhere")
    assert notices.wait(LONG_S)
    deep = tmp_path / "lib" / "Elsewhere" / "Deep"
    (deep / "Deeper").mkdir()
    assert notices.wait(LONG_S)
    (deep / "Deeper" / "b.ts").write_bytes(b"")
    assert notices.wait(LONG_S)
    (tmp_path / "lib" / "Elsewhere").rename(tmp_path / "outside")
    assert notices.wait(LONG_S)
    (tmp_path / "outside" / "Deep" / "c.ts").write_bytes(b"")
    assert quiet(notices)


def test_a_link_in_a_circle_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "again").symlink_to(tmp_path / "lib")
    (tmp_path / "link").symlink_to(tmp_path / "lib")
    with Notices(tmp_path / "link") as notices:
        (tmp_path / "lib" / "a.ts").write_bytes(b"")
        assert notices.wait(LONG_S)


def test_more_than_the_kernel_keeps(notices: Notices, tmp_path: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 100_000:
        pytest.skip("this kernel keeps very many")
    file = tmp_path / "lib" / "Movies" / "a.ts"
    for n in range(most):  # two notices each, of which no two that follow each other are the same
        file.touch() if n % 2 == 0 else file.unlink()
    (tmp_path / "lib" / "New").mkdir()
    while notices.wait(0.1):
        pass
    (tmp_path / "lib" / "New" / "b.ts").write_bytes(b"")
    assert notices.wait(LONG_S)


def test_no_folder_and_no_open_file(tmp_path: Path) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    with pytest.raises(FileNotFoundError):
        Notices(tmp_path / "none")
    with Notices(tmp_path):
        pass
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_a_watch_ends_at_once(tmp_path: Path) -> None:
    looked = threading.Event()
    watch = FolderWatch(tmp_path, lambda: looked.set() or True)
    assert looked.wait(LONG_S)
    watch.close()
    watch._thread.join(LONG_S)
    assert not watch._thread.is_alive()


BESIDE = """
import sys, time
from pathlib import Path
from plexcut.library.folder.watch import FolderWatch
sys.stdin.readline()
FolderWatch(Path(sys.argv[1]), lambda: True)
for _ in range(40):
    time.sleep(0.05)
print("went on", flush=True)
"""


@pytest.mark.skipif(bool(reason()), reason=reason())
@pytest.mark.parametrize("op", ["LOOKUP", "OPENDIR", "READDIR", "GETATTR"])
def test_a_watch_that_begins_on_a_disk_that_hangs_holds_up_nothing_else(tmp_path: Path, op: str) -> None:
    """It stopped every other thread of the process, until the disk answered: the page, all libraries, the queue."""
    (tmp_path / "behind" / "Movies" / "Film").mkdir(parents=True)
    with Mount(tmp_path / "behind", tmp_path / "lib", tmp_path / "faults") as mount:
        command = [sys.executable, "-c", BESIDE, str(mount.at)]
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None and process.stdout is not None
        mount.hang(op)
        process.stdin.write(b"go\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 60)
        mount.heal()  # before that the kernel does not let the process go
        out, _ = process.communicate()
    assert ready, "everything stood still"
    assert out == b"went on\n"


def test_a_system_without_notices_is_looked_at_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.library.folder.notices._HERE", False)
    with pytest.raises(OSError, match="inotify"):
        Notices(tmp_path)
    monkeypatch.setattr("plexcut.library.folder.watch._POLL_S", 0.05)
    looks: list[int] = []
    watch = FolderWatch(tmp_path, lambda: bool(looks.append(1)) or True)
    wait_for(lambda: len(looks) > 2, 30)
    watch.close()
