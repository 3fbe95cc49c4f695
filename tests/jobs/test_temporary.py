"""The folders that jobs render in."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from plexcut.jobs import temporary


def test_made_empty_and_removed_whole(tmp_path: Path) -> None:
    folder = temporary.make(tmp_path, tmp_path, "a")
    assert folder == tmp_path / ".plexcut" / "tmp" / "a"
    (folder / "half").write_text("x")
    assert temporary.make(tmp_path, tmp_path, "a") == folder
    assert list(folder.iterdir()) == []
    other = temporary.make(tmp_path, tmp_path, "b")
    assert temporary.remove(tmp_path, "a") is True
    assert other is not None
    assert other.is_dir()
    assert temporary.remove(tmp_path, "a") is False
    other.rmdir()
    assert temporary.remove(tmp_path, "b") is False
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    trash = tmp_path / ".plexcut" / "trash"
    trash.mkdir(parents=True)
    temporary.make(tmp_path, tmp_path, "a")
    temporary.remove(tmp_path, "a")
    assert trash.is_dir()


def test_another_file_system_and_no_place_at_all(tmp_path: Path) -> None:
    assert temporary.make(tmp_path, Path("/proc"), "a") is None
    assert list(tmp_path.iterdir()) == []
    assert temporary.make(Path("/proc"), Path("/proc"), "a") is None


def test_files_whose_writer_was_killed_are_removed(tmp_path: Path) -> None:
    for name in (".plexcut-dead.part", ".plexcut-held.part", "mine.part"):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (1_000_000_000, 1_000_000_000))
    (tmp_path / ".plexcut-new.part").write_bytes(b"half")
    (tmp_path / ".plexcut-folder.part").mkdir()
    with (tmp_path / ".plexcut-held.part").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        temporary.remove_abandoned(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".plexcut-held.part", "mine.part", ".plexcut-new.part", ".plexcut-folder.part"}
    temporary.remove_abandoned(tmp_path / "nowhere")
