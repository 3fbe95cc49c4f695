"""One server for a data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plexcut.errors import CannotWrite, DataFolderInUse
from plexcut.storage.files import DataFolderLock


def test_one_server_for_a_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with DataFolderLock(folder):
        assert folder.stat().st_mode & 0o077 == 0
        with pytest.raises(DataFolderInUse, match=str(os.getpid())):
            DataFolderLock(folder)
    with DataFolderLock(folder) as lock:
        lock.close()
        DataFolderLock(folder).close()


def test_a_killed_server_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from plexcut.storage.files import DataFolderLock\n"
        "lock = DataFolderLock(pathlib.Path(sys.argv[1]))\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, env=env) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataFolderInUse, match=str(holder.pid)):
            DataFolderLock(tmp_path)
        holder.kill()
    DataFolderLock(tmp_path).close()


def test_a_data_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite):
        DataFolderLock(tmp_path / "file")
    with pytest.raises(CannotWrite):
        DataFolderLock(tmp_path / "file" / "below")
