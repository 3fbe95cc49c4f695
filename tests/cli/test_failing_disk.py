"""A disk that fails, hangs or goes away under a real command and a real server: a FUSE file system in between."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.test_in_place import SRT, plexcut, started, tree
from tests.cli.test_somebody_watches import ask, becomes
from tests.e2e.server import Server
from tests.fuse import Mount, reason
from tests.media_factory import CLIPS, ClipCache
from tests.processes import wait_for

REASON = reason()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@dataclass
class Disk:
    """A library on such a disk; `home` is on another one."""

    mount: Mount
    home: Path
    before: dict[str, str]

    @property
    def film(self) -> Path:
        return self.mount.at / "Movies" / "Film.ts"

    def behind(self) -> dict[str, str]:
        """All files beside the trash, as they are on the disk."""
        return tree(self.mount.folder)

    def after_the_next_start(self) -> str:
        """`original` or `cut`; nothing else may be there, and the original comes back from the cut."""
        listed = plexcut(self.home, "trash", str(self.mount.at), "--json")
        assert listed.returncode == 0, listed.stderr
        entries = json.loads(listed.stdout.splitlines()[-1])["entries"]
        if self.behind() == self.before:
            assert not entries
            assert not (self.mount.folder / ".plexcut").exists()
            assert not (self.mount.folder / "Movies" / ".plexcut").exists()
            return "original"
        assert [entry["kind"] for entry in entries] == ["original"], sorted(self.behind())
        assert sorted(self.behind()) == ["Movies/Film.de.srt", "Movies/Film.nfo", "Movies/Film.ts"]
        probed = plexcut(self.home, "probe", str(self.film), "--json")
        assert json.loads(probed.stdout.splitlines()[-1])["frames"] == 75
        assert plexcut(self.home, "restore", str(self.film)).returncode == 0
        assert self.behind() == self.before
        return "cut"


@pytest.fixture
def disk(tmp_path: Path, clip_cache: ClipCache) -> Iterator[Disk]:
    folder = tmp_path / "behind" / "Movies"
    folder.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, folder / "Film.ts")
    (folder / "Film.de.srt").write_text(SRT)
    (folder / "Film.edl").write_text("0 1 0\n")
    (folder / "Film.nfo").write_text("<movie/>")
    with Mount(tmp_path / "behind", tmp_path / "lib", tmp_path / "faults") as mount:
        yield Disk(mount, tmp_path / "home", tree(tmp_path / "behind"))


CUT = ("--keep", "0-1.5", "--in-place")


def test_without_a_fault(disk: Disk) -> None:
    done = plexcut(disk.home, "cut", str(disk.film), *CUT)
    assert done.returncode == 0, done.stderr
    assert disk.after_the_next_start() == "cut"


@pytest.mark.parametrize(
    ("op", "after"),
    [
        ("READ", 3), ("WRITE", 0), ("WRITE", 6), ("FSYNC", 1), ("FSYNC", 3), ("FSYNCDIR", 2), ("LINK", 0),
        ("RENAME2", 0), ("RENAME2", 1), ("RENAME", 1), ("SETATTR", 0), ("UNLINK", 2), ("OPEN", 5),
    ],
)  # fmt: skip
def test_a_disk_that_fails(disk: Disk, op: str, after: int) -> None:
    disk.mount.fail(op, errno.EIO, after=after)
    done = plexcut(disk.home, "cut", str(disk.film), *CUT)
    disk.mount.heal()
    if done.returncode:
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.returncode != 1, done.stderr
    end = disk.after_the_next_start()
    assert end == "cut" or done.returncode, "it said that it was done"


@pytest.mark.parametrize("op", ["READ", "WRITE", "FSYNC", "RENAME2"])
def test_a_disk_that_hangs_and_a_command_that_is_killed(disk: Disk, op: str) -> None:
    process = started(disk.home, "cut", str(disk.film), *CUT)
    time.sleep(0.5)
    disk.mount.hang(op)
    time.sleep(2)
    process.send_signal(signal.SIGKILL)
    disk.mount.heal()  # before that the kernel does not let it go
    process.communicate(timeout=90)
    disk.after_the_next_start()


@pytest.mark.parametrize("after_s", [0.8, 1.8])
def test_a_disk_that_goes_away(disk: Disk, after_s: float) -> None:
    process = started(disk.home, "cut", str(disk.film), *CUT)
    time.sleep(after_s)
    disk.mount.vanish()
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    disk.mount.appear()
    disk.after_the_next_start()


@pytest.fixture
def server(disk: Disk) -> Iterator[Server]:
    found = Server(disk.home, "--library", str(disk.mount.at))
    yield found
    disk.mount.heal()
    found.stop()


def state(server: Server, path: str, timeout_s: float = 40) -> int:
    try:
        with urllib.request.urlopen(server.address + path, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("op", ["READ", "LOOKUP"])
def test_a_disk_that_hangs_holds_up_nothing_else(disk: Disk, server: Server, op: str) -> None:
    (recording,) = server.recordings().values()
    disk.mount.hang(op)
    began = time.monotonic()
    order = {"keep": [[0, 1.5]], "output": "replace"}
    status, _ = ask(server, f"/api/recordings/{recording}/check", order, timeout_s=150)
    assert status in (200, 503)
    assert time.monotonic() - began < 100, "20 s for what hangs; the index before that takes its time on a busy machine"
    for path in ("/api/health", "/api/jobs", "/api/progress", "/api/libraries"):
        began = time.monotonic()
        assert state(server, path) == 200
        assert time.monotonic() - began < 15, path
    disk.mount.heal()
    wait_for(lambda: state(server, f"/api/recordings/{recording}/frame?n=5") == 200, 90)


@pytest.fixture
def beside(disk: Disk, tmp_path: Path, clip_cache: ClipCache) -> Iterator[Server]:
    """A server with this disk, and a library on another one."""
    folder = tmp_path / "well" / "Movies"
    folder.mkdir(parents=True)
    shutil.copy(clip_cache.get(CLIPS["mpeg2_progressive"]).path, folder / "Other.ts")
    found = Server(disk.home, "--library", str(disk.mount.at), "--library", str(tmp_path / "well"))
    yield found
    disk.mount.heal()
    found.stop()


def everything_about(recording: str) -> list[str]:
    """Addresses of what the page asks for."""
    asked = [f"frame?n={n}&width=320" for n in range(3, 75, 6)]
    asked += [f"filmstrip?from={n / 10}&to={n / 10 + 1}&count=5" for n in range(4)]
    asked += ["keep", "marks", "keyframes", "copy-points", "waveform?points=100", "names", ""]
    return [f"/api/recordings/{recording}/{what}".rstrip("/") for what in asked]


@pytest.mark.parametrize("op", ["READ", "LOOKUP"])
def test_however_much_is_asked_of_a_disk_that_hangs(disk: Disk, beside: Server, op: str) -> None:
    """More requests than there are threads; each is answered in the end, all else is all the time."""
    ids = [library["id"] for library in beside.get("/api/libraries")["libraries"]]
    recordings = []
    for library in ids:
        (section,) = beside.get(f"/api/libraries/{library}/sections")["sections"]
        (item,) = beside.get(f"/api/libraries/{library}/sections/{section['id']}/items")["items"]
        recordings.append(item["recording"])
    hanging, well = recordings
    assert state(beside, f"/api/recordings/{hanging}/frame?n=5") == 200
    assert state(beside, f"/api/recordings/{hanging}/keep") == 200
    disk.mount.hang(op)
    order = {"keep": [[0, 1.5]], "output": "beside"}
    many = everything_about(hanging)
    with ThreadPoolExecutor(3 * len(many)) as pool:
        asked = [pool.submit(state, beside, path, 240) for path in many * 2]
        for what in ("plan", "check") * 6:
            asked.append(
                pool.submit(lambda what=what: ask(beside, f"/api/recordings/{hanging}/{what}", order, timeout_s=240)[0])
            )
        time.sleep(2)  # until they hang; what is asked before that is answered as well
        try:
            for path in ("/api/health", "/api/jobs", "/api/progress", "/api/libraries", *everything_about(well)):
                assert state(beside, path, 60) == 200, path
            for what in ("plan", "check"):
                assert ask(beside, f"/api/recordings/{well}/{what}", order, timeout_s=60)[0] == 200
        finally:
            disk.mount.heal()
        answers = [one.result() for one in asked]
    assert set(answers) <= {200, 503}
    wait_for(lambda: state(beside, f"/api/recordings/{hanging}/frame?n=7") == 200, 60)


def test_a_job_on_a_disk_that_fails_and_heals(disk: Disk, server: Server) -> None:
    (recording,) = server.recordings().values()
    assert state(server, f"/api/recordings/{recording}/frame?n=5") == 200
    order = {"keep": [[0, 1.5]], "output": "replace"}
    ask(server, "/api/queue/pause")
    job = ask(server, f"/api/recordings/{recording}/cut", order)[1]["id"]
    disk.mount.fail("FSYNC", errno.EIO)
    ask(server, "/api/queue/resume")
    failed = becomes(server, job, lambda job: job["state"] == "failed")
    assert failed["error"]["code"] in ("cannot_write", "file_unreadable"), failed["error"]
    assert "\n" not in failed["error"]["message"]
    disk.mount.heal()
    wait_for(lambda: disk.behind() == disk.before, 60)
    again = ask(server, f"/api/jobs/{job}/retry")[1]["id"]
    assert becomes(server, again, lambda job: job["state"] in ("finished", "failed"))["state"] == "finished"
    assert ask(server, f"/api/recordings/{recording}/restore")[0] == 200
    assert hashlib.sha1(disk.film.read_bytes()).hexdigest() == disk.before["Movies/Film.ts"]
    assert disk.behind() == disk.before
