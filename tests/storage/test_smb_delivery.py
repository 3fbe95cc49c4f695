"""Bringing a finished cut to a share, with the server going away, freezing, filling up and lying in the middle."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plexcut.config.shares import SmbAddress
from plexcut.errors import Cancelled, CannotWrite, DiskFull, LibraryOffline, VerificationFailed
from plexcut.storage.smb import delivery
from plexcut.storage.smb.delivery import deliver
from plexcut.storage.smb.files import SmbFiles
from plexcut.storage.smb.shares import Shares
from tests.samba import Samba, needs_samba

pytestmark = needs_samba

DATA = random.Random(7).randbytes(21_000_003)


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as server:
        yield server


@pytest.fixture
def place(samba: Samba, tmp_path: Path) -> Iterator[tuple[SmbFiles, Path, Path, Path]]:
    """File operations, a folder on the share, the same one here, and the file to deliver."""
    address, login = SmbAddress.of(samba.address(tmp_path.name))
    shares = Shares([(address, login)], timeout_s=1)
    (samba.share / tmp_path.name).mkdir()
    made = tmp_path / "made.ts"
    made.write_bytes(DATA)
    yield SmbFiles(shares, tmp_path / "locks"), address.place, samba.share / tmp_path.name, made
    shares.close()


def at(fraction: float, do: Callable[[], None]) -> Callable[[float], None]:
    """Do something once when so much is done."""
    done: list[bool] = []

    def on(now: float) -> None:
        if now >= fraction and not done:
            done.append(True)
            do()

    return on


def never() -> bool:
    return False


def test_what_arrives_is_what_was_sent(place: tuple[SmbFiles, Path, Path, Path]) -> None:
    files, there, here, made = place
    seen: list[float] = []
    deliver(files, made, there / "film ä.ts", seen.append, never)
    assert (here / "film ä.ts").read_bytes() == DATA
    assert seen == sorted(seen) and seen[0] > 0 and seen[-1] <= 1
    with pytest.raises(CannotWrite, match="cannot be written"):
        deliver(files, made, there / "none" / "film.ts", seen.append, never)


@pytest.mark.parametrize("when", [0.2, 0.5, 0.8])
def test_the_server_is_restarted_meanwhile(samba: Samba, place: tuple[SmbFiles, Path, Path, Path], when: float) -> None:
    files, there, here, made = place

    def restart() -> None:
        samba.stop()
        threading.Timer(1.5, samba.start).start()

    deliver(files, made, there / "film.ts", at(when, restart), never)
    assert (here / "film.ts").read_bytes() == DATA


def test_the_server_freezes_and_thaws(samba: Samba, place: tuple[SmbFiles, Path, Path, Path]) -> None:
    files, there, here, made = place
    timers = [threading.Timer(3, samba.thaw)]

    def freeze() -> None:
        samba.freeze()
        timers[0].start()

    deliver(files, made, there / "film.ts", at(0.3, freeze), never)
    timers[0].join()
    assert (here / "film.ts").read_bytes() == DATA


def test_the_server_stays_away(
    samba: Samba, place: tuple[SmbFiles, Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, there, _, made = place
    monkeypatch.setattr(delivery, "PATIENCE_S", 1.0)
    try:
        began = time.monotonic()
        with pytest.raises(LibraryOffline, match="went away"):
            deliver(files, made, there / "film.ts", at(0.3, samba.stop), never)
        assert time.monotonic() - began < 30
    finally:
        samba.start()
    assert made.read_bytes() == DATA


def test_cancelled(place: tuple[SmbFiles, Path, Path, Path]) -> None:
    files, there, here, made = place
    stop = threading.Event()
    with pytest.raises(Cancelled):
        deliver(files, made, there / "film.ts", at(0.3, stop.set), stop.is_set)
    assert not list(here.iterdir())


def test_somebody_changes_it_before_it_is_read_back(place: tuple[SmbFiles, Path, Path, Path]) -> None:
    files, there, here, made = place

    def spoil() -> None:
        with (here / "film.ts").open("r+b") as file:
            file.seek(20_000_000)
            file.write(b"!")

    with pytest.raises(VerificationFailed, match="is not what was sent"):
        deliver(files, made, there / "film.ts", at(0.6, spoil), never)
    assert not list(here.iterdir())


def test_a_full_share(tmp_path: Path) -> None:
    """A small file system of its own behind the share."""
    small = tmp_path / "samba" / "share"
    small.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        made = tmp_path / "made.ts"
        made.write_bytes(DATA)
        with Samba(tmp_path / "samba") as server:
            address, login = SmbAddress.of(server.address())
            shares = Shares([(address, login)])
            files = SmbFiles(shares, tmp_path / "locks")
            with pytest.raises(DiskFull, match="the result needs about 20 MB"):
                deliver(files, made, address.place / "film.ts", lambda _: None, never)
            made.write_bytes(DATA[:12_000_000])

            def fill() -> None:
                (small / "other").write_bytes(bytes(20_000_000 - 1_000_000))

            with pytest.raises(DiskFull, match="is full"):
                deliver(files, made, address.place / "film.ts", at(0.1, fill), never)
            assert [path.name for path in small.iterdir()] == ["other"]
            shares.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
