"""A share whose server freezes, stops, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from plexcut.config.shares import SmbAddress
from plexcut.errors import LibraryOffline
from plexcut.storage.smb import share as share_module
from plexcut.storage.smb.files import SmbFiles
from plexcut.storage.smb.share import Share
from plexcut.storage.smb.shares import Shares
from tests.processes import wait_for
from tests.samba import Samba, needs_samba
from tests.storage.test_smb import DATA, NAME, library_at

T = TypeVar("T")


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as server:
        (server.share / NAME).write_bytes(DATA)
        yield server


def again(call: Callable[[], T]) -> T:
    """What it gives, once it no longer fails."""

    def tried() -> tuple[T] | None:
        try:
            return (call(),)
        except OSError:
            return None

    return wait_for(tried)[0]  # type: ignore[no-any-return]


def never(*_: object) -> None:
    raise AssertionError("the server was asked")


@needs_samba
def test_a_server_that_freezes_stops_and_comes_back(
    samba: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call ends within its time limit, says why, and works again afterwards."""
    address, login = SmbAddress.of(samba.address(NAME))
    share = Share(address, login, timeout_s=1)
    shares = Shares([(address, login)], timeout_s=1)
    on, source = SmbFiles(shares, tmp_path), shares.source(address.place)
    assert source.read(0, 10) == DATA[:10]
    samba.freeze()
    try:
        for call in (lambda: source.read(0, 10), lambda: on.status(address.place), share.call):
            began = time.monotonic()
            with pytest.raises((LibraryOffline, OSError), match="does not answer"):
                call() if call != share.call else share.call(lambda link: None, "x")
            assert time.monotonic() - began < 30
        with monkeypatch.context() as asking:
            asking.setattr(share_module, "_REST_S", 600.0)
            shares.find(address.place)[0]._silent_until = 0.0
            with pytest.raises(LibraryOffline):
                source.read(0, 10)
            asking.setattr(share_module, "_Call", never)
            with pytest.raises(LibraryOffline):  # nobody asks, and waits for, what was found out just now
                source.read(0, 10)
    finally:
        samba.thaw()
    shares.find(address.place)[0]._silent_until = 0.0
    assert again(lambda: source.read(0, 10)) == DATA[:10]
    samba.stop()
    with pytest.raises(LibraryOffline, match="cannot be reached"):
        source.read(0, 10)
    samba.start()
    assert again(lambda: source.read(0, 10)) == DATA[:10]
    shares.close()
    share.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "smb-call"]


@needs_samba
def test_a_frozen_share_holds_up_nothing_else(samba: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_module, "TIMEOUT_S", 2.0)
    monkeypatch.setattr(share_module, "_REST_S", 5.0)
    library = library_at(samba.address(), tmp_path)
    library.check()
    samba.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(LibraryOffline, match="does not answer"):
            library.check()
        assert time.monotonic() - began < 40
        with monkeypatch.context() as asking:
            asking.setattr(share_module, "_Call", never)
            with pytest.raises(LibraryOffline):
                library.sections()
    finally:
        samba.thaw()
    again(library.check)
    library.close()
