"""Pictures that are kept: bounded, checked, shared."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from plexcut.media.filmstrip.store import Limits, PictureStore


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    store = PictureStore(None, Limits(memory_bytes=1000))
    for n in range(20):
        store.put(f"p{n}", bytes(100))
        store.get("p0")
    assert store.get("p0") is not None
    assert [n for n in range(1, 20) if store.get(f"p{n}") is not None] == list(range(11, 20))
    store.put("large", bytes(5000))
    assert store.get("large") == bytes(5000)
    assert store.get("p0") is None


def test_the_folder_is_bounded_and_what_was_used_last_stays(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=1, disk_bytes=200_000)
    store = PictureStore(tmp_path, limits)
    store.put("kept", bytes(10_000))
    for n in range(60):
        for file in tmp_path.rglob("*"):
            if file.is_file():
                os.utime(file, (time.time() - 600, time.time() - 600 - (60 - n)))
        assert store.get("kept") == bytes(10_000), "using it keeps it"
        store.put(f"p{n}", os.urandom(10_000))
        assert size_of(tmp_path) <= limits.disk_bytes + 10_000
    assert store.get("p59") is not None
    assert store.get("p0") is None


def test_left_over_halves_are_removed(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    old, young = tmp_path / "ab" / "x.part", tmp_path / "ab" / "y.part"
    for file in (old, young):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    PictureStore(tmp_path).put("p", b"whole")
    assert not old.exists()
    assert young.exists()


def test_nothing_passes_for_something_else(tmp_path: Path) -> None:
    store = PictureStore(tmp_path)
    store.put("a", b"of a")
    store.put("b", b"of b")
    first, second = (file for file in tmp_path.rglob("*") if file.is_file())
    first.write_bytes(second.read_bytes())
    fresh = PictureStore(tmp_path)
    assert sorted(found for name in "ab" if (found := fresh.get(name))) in ([b"of a"], [b"of b"])
    assert sum(file.is_file() for file in tmp_path.rglob("*")) == 1, "the wrong one is gone"


@pytest.mark.parametrize("keep_bytes", [0, 5, 15, 18])
def test_cut_off_files_are_not_there(tmp_path: Path, keep_bytes: int) -> None:
    PictureStore(tmp_path).put("a", b"content")
    file = next(file for file in tmp_path.rglob("*") if file.is_file())
    file.write_bytes(file.read_bytes()[:keep_bytes])
    assert PictureStore(tmp_path).get("a") is None


def test_many_threads_and_stores(tmp_path: Path) -> None:
    stores = [PictureStore(tmp_path, Limits(memory_bytes=2000, disk_bytes=40_000)) for _ in range(3)]
    wrong: list[str] = []

    def work(seed: int) -> None:
        for n in range(200):
            name = f"p{(n * 7 + seed) % 50}"
            store = stores[(n + seed) % 3]
            found = store.get(name)
            if found is not None and found != name.encode() * 100:
                wrong.append(name)
            store.put(name, name.encode() * 100)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not list(tmp_path.rglob("*.part"))
