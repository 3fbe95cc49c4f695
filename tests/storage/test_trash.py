"""Replacing and restoring on real disks: what is carried over, what goes along, what is refused, what is deleted."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plexcut.domain.subtitles import retimed
from plexcut.domain.trash import Rendered, Restored, Spot
from plexcut.errors import CannotWrite, DiskFull, NoOriginal, RecordingBusy
from plexcut.storage.local import LocalFiles
from plexcut.storage.trash.known import KnownPlaces
from plexcut.storage.trash.records import Mark
from plexcut.storage.trash.retention import DAY_S, Retention
from plexcut.storage.trash.store import RecordingStore, StoreSettings

NOW = 1_800_000_000.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and owners need root")


class World:
    """A library with a film, and the store."""

    def __init__(self, tmp: Path, **settings: Any) -> None:
        self.tmp = tmp
        self.root = tmp / "lib"
        self.film = self.root / "Show" / "Film.ts"
        self.film.parent.mkdir(parents=True, exist_ok=True)
        self.film.write_bytes(b"original" * 1000)
        self.now = NOW
        self.told: list[str] = []
        self.store = RecordingStore(
            LocalFiles(),
            KnownPlaces(tmp / "data"),
            StoreSettings(**{"keep_days": 30, "tell": self.told.append, "clock": lambda: self.now, **settings}),
        )

    @property
    def spot(self) -> Spot:
        return Spot(self.film, self.root)

    def cut(self, data: bytes, path: Path | None = None) -> str:
        spot = self.spot if path is None else Spot(path, self.root)
        with self.store.hold(spot.path), self.store.workspace(spot, "job") as folder:
            made = folder / ".plexcut-1.part"
            made.write_bytes(data)
            return self.store.replace(spot, Rendered(made, ((0, 2_000_000),), 60.0))

    def restore(self, path: Path | None = None) -> Restored:
        return self.store.restore(self.spot if path is None else Spot(path, self.root))

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_attributes_are_carried_over(world: World) -> None:
    world.film.chmod(0o640)
    os.utime(world.film, ns=(1, 2_000_000_000_000_000_000))  # in the future: the cut must be newer all the same
    xattrs = {"user.note": b"mine", "user.dosattrib": b"x" * 40}
    try:
        for name, value in xattrs.items():
            os.setxattr(world.film, name, value)
    except OSError:
        xattrs = {}
    if os.geteuid() == 0:
        os.chown(world.film, 1234, 2345)
    before = world.film.stat()
    world.cut(b"cut")
    after = world.film.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert {name: os.getxattr(world.film, name) for name in os.listxattr(world.film)} == xattrs
    assert after.st_mtime_ns > before.st_mtime_ns
    world.restore()
    assert world.film.stat().st_mtime_ns == before.st_mtime_ns
    assert world.film.stat().st_ino == before.st_ino


@pytest.mark.skipif(not shutil.which("setfacl"), reason="setfacl is not here")
def test_an_acl_is_carried_over(world: World) -> None:
    if subprocess.run(["setfacl", "-m", "u:1234:r", world.film], check=False, capture_output=True).returncode:
        pytest.skip("this file system has no ACLs")
    wanted = subprocess.check_output(["getfacl", "-cp", world.film])
    world.cut(b"cut")
    assert subprocess.check_output(["getfacl", "-cp", world.film]) == wanted


def test_side_files_go_along(world: World) -> None:
    sides = {
        "Film.de.srt": "\ufeff1\r\n00:00:01,000 --> 00:00:03,500\r\nHallo\r\n\r\n"
        "2\r\n00:00:05,000 --> 00:00:06,000\r\nweg\r\n",
        "Film.vtt": "WEBVTT\n\n00:01.000 --> 00:01.500 line:0\nhi\n",
        "Film.edl": "1 2 0\n",
        "Film.txt": "FILE PROCESSING COMPLETE  1000 FRAMES AT  2500\n",
        "Film.ts.ap": "x",
        "Film.ass": "[Script Info]\n",
        "Film.nfo": "<movie/>",
        "Film-poster.jpg": "jpeg",
        "Film.notes.txt": "mine",
        "Film 2.srt": "1\n00:00:01,000 --> 00:00:02,000\nanother film's\n",
        "Film.extra.edl": "of Film.extra.ts",
        "Film.extra.ts": "another film",
    }
    for name, text in sides.items():
        (world.film.parent / name).write_bytes(text.encode())
    before = {name: (world.film.parent / name).read_bytes() for name in sides}
    world.cut(b"cut")
    left = {name for name in sides if (world.film.parent / name).exists()}
    assert sides.keys() - left == {"Film.edl", "Film.txt", "Film.ts.ap", "Film.ass"}
    srt = (world.film.parent / "Film.de.srt").read_bytes().decode()
    assert srt == "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\nHallo\r\n"
    assert (world.film.parent / "Film.vtt").read_text() == "WEBVTT\n\n00:01.000 --> 00:01.500 line:0\nhi\n"
    (world.film.parent / "Film.edl").write_text("made anew")
    world.restore()
    assert {name: (world.film.parent / name).read_bytes() for name in sides} == before
    (entry,) = world.store.entries([world.root])
    assert {file.name for file in entry.files} == {"Film.ts", "Film.de.srt", "Film.edl", "Film.vtt"}


def test_subtitles_across_seams() -> None:
    text = (
        b"7\n00:00:01,000 --> 00:00:09,000\nlong\n\n8\n00:00:04,500 --> 00:00:05,500\ngone\n\n"
        b"9\n00:00:11,000 --> 00:00:12,250\nend\n"
    )
    kept = ((0, 2_000_000), (8_000_000, 20_000_000))
    assert retimed(text, kept) == (b"1\n00:00:01,000 --> 00:00:03,000\nlong\n\n2\n00:00:05,000 --> 00:00:06,250\nend\n")
    latin = "1\n00:00:00,000 --> 00:00:01,000\nschön\n".encode("latin-1")
    assert retimed(latin, kept) == latin
    assert retimed("\ufeff".encode("utf-16-le") + "1\n00:00:00,000 --> 00:00:01,000\nü\n".encode("utf-16-le"), kept)
    assert retimed(b"no subtitles", kept) is None


def test_the_oldest_original_comes_back(world: World) -> None:
    original = world.film.read_bytes()
    for n in range(3):
        world.now += 60 * (1, -1, 1)[n]  # whatever the clock says
        world.cut(f"cut {n}".encode())
    assert [entry.kind for entry in sorted(world.store.entries([world.root]), key=lambda e: e.sequence)] == [
        "original",
        "cut",
        "cut",
    ]
    restored = world.restore()
    assert (world.film.read_bytes(), restored.duration_s, restored.kept_us) == (original, 60.0, ((0, 2_000_000),))
    with pytest.raises(NoOriginal):
        world.restore()
    assert world.film.read_bytes() == original
    world.cut(b"again")
    world.restore()
    assert world.film.read_bytes() == original


def test_a_new_recording_of_the_same_name_is_another_original(world: World) -> None:
    world.cut(b"cut of the first")
    world.film.unlink()
    world.film.write_bytes(b"recorded anew" * 100)
    world.cut(b"cut of the second")
    world.restore()
    assert world.film.read_bytes() == b"recorded anew" * 100


def test_a_cut_that_was_renamed_or_deleted(world: World) -> None:
    original = world.film.read_bytes()
    world.cut(b"cut")
    renamed = world.film.rename(world.film.with_name("Better name.ts"))
    world.restore(renamed)
    assert renamed.read_bytes() == original
    renamed.rename(world.film)
    world.cut(b"cut")
    world.film.unlink()
    world.restore()
    assert world.film.read_bytes() == original
    assert world.store.delete([world.root]).kept == ()
    assert world.names() == ["Show", "Show/Film.ts"]


def test_what_was_not_put_there_is_never_deleted(world: World) -> None:
    entry = world.cut(b"cut")
    folder = world.root / ".plexcut" / "trash" / entry
    (folder / "mine.txt").write_text("mine")
    swapped = folder / "Film.ts"
    swapped.rename(folder / "kept elsewhere.ts")
    swapped.write_bytes(b"somebody else's" * 10)
    gone = world.store.delete([world.root])
    assert (gone.deleted, gone.freed_bytes) == ((), 0)
    assert len(gone.kept) == 3
    assert (folder / "mine.txt").exists()
    assert swapped.read_bytes() == b"somebody else's" * 10
    with pytest.raises(NoOriginal):
        world.restore()


def test_a_record_that_leads_out_of_the_library_is_none(world: World) -> None:
    entry = world.cut(b"cut")
    record = world.root / ".plexcut" / "trash" / entry / "record.json"
    for path in ("../../etc/passwd", "/etc/passwd", ".plexcut/x", ""):
        record.write_text(json.dumps({**json.loads(record.read_text()), "path": path}))
        assert world.store.entries([world.root]) == ()
    data = json.loads(record.read_text())
    data["files"][0]["name"] = "../../x"
    record.write_text(json.dumps({**data, "path": "Show/Film.ts"}))
    assert world.store.entries([world.root]) == ()


def test_a_plan_that_leads_through_a_link_moves_nothing(world: World) -> None:
    elsewhere = world.tmp / "elsewhere"
    elsewhere.mkdir()
    (world.root / "link").symlink_to(elsewhere)
    journal = world.root / ".plexcut" / "journal" / "x"
    journal.mkdir(parents=True)
    (journal / "0").write_bytes(b"evil")
    mark = {"size_bytes": 4, "digest": Mark.of_bytes(b"evil").digest}
    item = {"target": "link/x", "name": "x", "role": "recording", "old": None, "old_mtime_ns": 0, "new": mark}
    plan = {"version": 1, "id": "x", "operation": "cut", "items": [{**item, "source": None}], "source_entry": None}
    (journal / "plan.json").write_text(json.dumps(plan))
    world.store.recover([world.root])
    assert list(elsewhere.iterdir()) == []
    assert (journal / "0").exists()


def test_the_time_of_an_original_is_over(world: World) -> None:
    world.cut(b"cut")
    for days in (29, 31, 31.5):
        world.now = NOW + days * DAY_S
        fresh = restarted(world)
        assert fresh.expire([world.root]).deleted == ()
    world.now = NOW + 32.1 * DAY_S
    assert len(restarted(world).expire([world.root]).deleted) == 1
    assert world.names() == ["Show", "Show/Film.ts"]


def test_a_clock_that_jumps_deletes_nothing(world: World) -> None:
    world.cut(b"cut")
    world.now = NOW + 400 * DAY_S  # within one process
    assert world.store.expire([world.root]).deleted == ()
    assert restarted(world).expire([world.root]).deleted == ()  # a process that starts with a wrong clock
    world.now = NOW + DAY_S  # and the clock is right again
    assert restarted(world).expire([world.root]).deleted == ()
    world.now = NOW + 402 * DAY_S
    assert restarted(world).expire([world.root]).deleted == ()
    assert len(world.store.entries([world.root])) == 1


def test_a_machine_without_a_clock(world: World) -> None:
    world.now = 1000.0
    entry = world.cut(b"cut")
    world.now = NOW
    assert restarted(world).expire([world.root]).deleted == ()
    (found,) = world.store.entries([world.root])
    assert (found.id, found.trashed_at) == (entry, NOW)


def restarted(world: World) -> RecordingStore:
    return RecordingStore(LocalFiles(), KnownPlaces(world.tmp / "data"), StoreSettings(30, clock=lambda: world.now))


def test_zero_days_are_for_ever() -> None:
    retention = Retention(0, lambda: NOW)
    assert retention.expires_at(None) is None  # type: ignore[arg-type]  # it does not look


def test_one_recording_one_process(world: World) -> None:
    with world.store.hold(world.film):
        with pytest.raises(RecordingBusy), world.store.hold(world.film):
            pass
        with pytest.raises(RecordingBusy):
            world.restore()
    with world.store.hold(world.film):
        pass


def test_two_processes_in_one_trash_take_turns(world: World) -> None:
    others = [world.root / "Show" / f"Other {n}.ts" for n in range(8)]
    for other in others:
        other.write_bytes(other.name.encode() * 500)
    failed: list[BaseException] = []

    def work(path: Path) -> None:
        try:
            fresh = restarted(world)
            spot = Spot(path, world.root)
            with fresh.hold(path), fresh.workspace(spot, path.stem.replace(" ", "-")) as folder:
                made = folder / ".plexcut-1.part"
                made.write_bytes(b"cut of " + path.name.encode())
                fresh.replace(spot, Rendered(made, ((0, 1),), 1.0))
            fresh.restore(spot)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert [other.read_bytes() for other in others] == [other.name.encode() * 500 for other in others]
    world.store.delete([world.root])
    assert not (world.root / ".plexcut").exists()


def test_whether_somebody_writes(world: World) -> None:
    assert world.store.writing(world.film) is False
    with world.film.open("ab"):
        assert world.store.writing(world.film) is True
    assert world.store.writing(world.film) is False


def test_growing_is_seen_where_the_kernel_does_not_tell(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plexcut.storage.local._has_writer", lambda path: None)
    assert world.store.writing(world.film) is False
    ended = threading.Event()

    def record() -> None:
        while not ended.wait(0.1):
            with world.film.open("ab") as file:
                file.write(b"more")

    thread = threading.Thread(target=record)
    thread.start()
    try:
        assert world.store.writing(world.film) is True
    finally:
        ended.set()
        thread.join()
    old = time.time() - 3600
    os.utime(world.film, (old, old))
    assert world.store.writing(world.film) is False


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@as_root
def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    with mounted(tmp_path / "lib", "128k"):
        world = World(tmp_path)
        original = world.film.read_bytes()
        with world.store.workspace(world.spot, "job") as folder:
            made = folder / ".plexcut-1.part"
            made.write_bytes(b"c" * 1000)
            filler = world.root / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(b"f" * 4096):
                    pass
            with pytest.raises(DiskFull):
                world.store.replace(world.spot, Rendered(made, ((0, 1),), 1.0))
            assert world.film.read_bytes() == original
        filler.unlink()
        assert world.names() == ["Show", "Show/Film.ts"]


@as_root
def test_a_read_only_file_system(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "out").mkdir()
    with mounted(tmp_path / "lib", "1m"):
        world = World(tmp_path, output_folder=tmp_path / "out")
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "lib"], check=True)
        with pytest.raises(CannotWrite, match="cannot be written"):
            world.store.writable(world.spot)
        assert world.store.result_folder(world.spot) == tmp_path / "out" / "Show"
        with pytest.raises(CannotWrite):
            World.cut(world, b"cut")
        assert world.film.read_bytes() == b"original" * 1000


@as_root
def test_a_recording_on_another_disk_than_its_library(tmp_path: Path) -> None:
    (tmp_path / "lib" / "Show").mkdir(parents=True)
    with mounted(tmp_path / "lib" / "Show", "1m"):
        world = World(tmp_path)
        world.cut(b"cut")
        assert (world.film.parent / ".plexcut" / "trash").is_dir()
        assert not (world.root / ".plexcut").exists()
        assert len(world.store.entries([world.root])) == 1  # it was remembered
        world.restore()
        assert world.film.read_bytes() == b"original" * 1000
