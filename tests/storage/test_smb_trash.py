"""Cuts in place on a real Samba server: replaced, restored, and the server gone at every step of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plexcut import bootstrap
from plexcut.config import Choices, load
from plexcut.domain.trash import Rendered, Spot
from plexcut.errors import PlexcutError, RecordingBusy
from plexcut.storage.smb import delivery
from plexcut.storage.smb.delivery import Delivery
from plexcut.storage.smb.files import SmbFiles
from tests.samba import Samba, needs_samba

pytestmark = needs_samba

ORIGINAL, CUT = b"the original" * 5000, b"what was kept" * 3000
SUBTITLES = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as server:
        yield server


@dataclass
class Home:
    """A recording on the share with side files, and what replaces it."""

    samba: Samba
    folder: Path
    spot: Spot
    tmp: Path

    def __post_init__(self) -> None:
        (self.tmp / "config.toml").write_text(
            f'data_dir = "{self.tmp / "data"}"\n[[library]]\nid = "nas"\nkind = "folder"\n'
            f'path = "{self.samba.address(self.folder.name)}"\n'
        )
        self.settings = load(Choices(config=self.tmp / "config.toml"), {})
        self.shares = bootstrap.shares(self.settings.libraries)
        self.renew()

    @property
    def file(self) -> Path:
        return self.folder / "Film" / "Film.ts"

    def renew(self) -> None:
        """What a new process has."""
        self.store = bootstrap.files(self.settings)
        self.delivery = Delivery(self.shares, self.tmp / "locks", self.tmp / "work")

    def fill(self) -> None:
        """The recording as it was in the beginning."""
        self.file.parent.mkdir(exist_ok=True)
        for path in self.file.parent.iterdir():
            path.unlink()
        self.file.write_bytes(ORIGINAL)
        self.file.with_suffix(".nfo").write_text("what it is")
        self.file.with_suffix(".srt").write_text(SUBTITLES)

    def replace(self) -> None:
        made = self.tmp / "made.ts"
        made.write_bytes(CUT)
        with self.store.hold(self.spot.path), self.store.workspace(self.spot, "job") as there:
            self.delivery.deliver(made, there / ".plexcut-made.part", lambda _: None, lambda: False)
            self.store.replace(self.spot, Rendered(there / ".plexcut-made.part", ((500_000, 9_000_000),), 10.0))

    def names(self) -> list[str]:
        """All files below the folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def home(samba: Samba, tmp_path: Path) -> Iterator[Home]:
    folder = samba.share / tmp_path.name
    folder.mkdir()
    root = Path(f"smb://127.0.0.1:{samba.port}/rec/{tmp_path.name}")
    found = Home(samba, folder, Spot(root / "Film" / "Film.ts", root), tmp_path)
    found.fill()
    yield found
    found.shares.close()


def test_replaced_and_restored(home: Home) -> None:
    before = home.file.stat()
    home.replace()
    assert home.file.read_bytes() == CUT and home.file.with_suffix(".nfo").read_text() == "what it is"
    assert "00:00:00,500" in home.file.with_suffix(".srt").read_text()
    (entry,) = home.store.entries([home.spot.root])
    assert entry.path == home.spot.path and entry.size_bytes >= len(ORIGINAL)
    assert [name for name in home.names() if "tmp" in name or "journal" in name or "lock" in name] == []
    restored = home.store.restore(home.spot)
    assert restored.path == home.spot.path and restored.duration_s == 10.0
    assert home.file.read_bytes() == ORIGINAL and home.file.stat().st_mtime_ns == before.st_mtime_ns
    assert home.file.with_suffix(".srt").read_text() == SUBTITLES
    home.store.delete([home.spot.root])
    assert (
        home.names() == ["Film/Film.nfo", "Film/Film.srt", "Film/Film.ts"] and not (home.folder / ".plexcut").exists()
    )


def test_two_do_not_work_on_one_recording(home: Home) -> None:
    with home.store.hold(home.spot.path), pytest.raises(RecordingBusy):
        home.replace()
    assert home.file.read_bytes() == ORIGINAL


def asked_at(monkeypatch: pytest.MonkeyPatch, do: Callable[[int], None]) -> None:
    """`do(n)` before the n-th operation on the share."""
    count = [0]

    def counted(method: Any) -> Any:
        def call(self: SmbFiles, *args: Any, **options: Any) -> Any:
            count[0] += 1
            do(count[0])
            return method(self, *args, **options)

        return call

    for name in ("_ask", "_two"):
        monkeypatch.setattr(SmbFiles, name, counted(getattr(SmbFiles, name)))


def test_the_server_is_gone_at_any_step(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it is back, and plexcut was started again, there is the original or the cut, with its side files."""
    monkeypatch.setattr(delivery, "PATIENCE_S", 0.0)
    with monkeypatch.context() as counting:
        steps = [0]
        asked_at(counting, lambda n: steps.__setitem__(0, n))
        home.replace()
    home.store.restore(home.spot)
    home.store.delete([home.spot.root])
    assert steps[0] > 40
    outcomes = set()
    for last in range(2, steps[0] + 1, 13):
        home.fill()
        home.renew()
        with monkeypatch.context() as cutting_off:
            asked_at(cutting_off, lambda n, last=last: home.samba.stop() if n == last else None)  # type: ignore[misc]
            with contextlib.suppress(PlexcutError):
                home.replace()
        home.samba.start()
        home.renew()
        home.store.recover([home.spot.root])
        found = home.file.read_bytes()
        assert found in (ORIGINAL, CUT), last
        outcomes.add(found == CUT)
        names = home.names()
        assert not [name for name in names if "tmp" in name or "journal" in name or "part" in name], (last, names)
        assert home.file.with_suffix(".nfo").read_text() == "what it is"
        assert ("00:00:00,500" in home.file.with_suffix(".srt").read_text()) == (found == CUT)
        if found == CUT:
            home.store.restore(home.spot)
            assert home.file.read_bytes() == ORIGINAL
        home.store.delete([home.spot.root])
    assert outcomes == {True, False}


def test_a_server_without_links(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two journalled renames then."""

    def refuse(*_: object) -> None:
        raise OSError(95, "no links here")

    monkeypatch.setattr(SmbFiles, "link", refuse)
    home.replace()
    assert home.file.read_bytes() == CUT
    home.store.restore(home.spot)
    assert home.file.read_bytes() == ORIGINAL and home.file.with_suffix(".srt").read_text() == SUBTITLES
