"""Shares on a real Samba server, where one may be started: read, listed, written, gone and frozen."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import smbclient

from plexcut import bootstrap
from plexcut.cli.checks import examine
from plexcut.config import Choices, load
from plexcut.config.shares import Login, SmbAddress, read_credentials
from plexcut.domain.catalog import ItemQuery
from plexcut.domain.places import is_share, shown
from plexcut.errors import ConfigError, FileUnreadable, HostUnreachable, LibraryOffline, RecordingNotFound, UsageError
from plexcut.media.sources import open_source
from plexcut.storage.remote import remote_source
from plexcut.storage.smb import share as share_module
from plexcut.storage.smb.files import SmbFiles
from plexcut.storage.smb.ranges import SmbRanges
from plexcut.storage.smb.share import Link, Share
from plexcut.storage.smb.shares import Shares
from tests.plex.server import PlexStandIn
from tests.samba import PASSWORD, USER, Samba, needs_samba

NAME = "Film (2010) ä#1.ts"
DATA = bytes(range(256)) * 8000


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as server:
        (server.share / NAME).write_bytes(DATA)
        yield server


@pytest.fixture
def files(samba: Samba, tmp_path: Path) -> Iterator[tuple[SmbFiles, Path, Path]]:
    """The file operations, a folder on the share, and the same folder as the server has it."""
    address, login = SmbAddress.of(samba.address(tmp_path.name))
    shares = Shares([(address, login)], timeout_s=2)
    here = samba.share / tmp_path.name
    here.mkdir()
    yield SmbFiles(shares, tmp_path / "locks"), address.place, here
    shares.close()


def test_addresses() -> None:
    address, login = SmbAddress.of("smb://DOM;me:p%40ss@NAS/tv%20box/a/./b")
    assert (str(address), login) == ("smb://nas/tv box/a/b", Login("DOM\\me", "p@ss"))
    assert address.place == Path("smb:/nas/tv box/a/b")
    assert is_share(address.place) and shown(address.place) == str(address)
    assert "p@ss" not in repr(login)
    assert str(SmbAddress.of("smb://[::1]:4455/s")[0]) == "smb://[::1]:4455/s"
    assert not is_share(Path("/smb:/nas/x")) and not is_share(Path("smb:/nas"))
    for wrong in ("smb://nas", "smb://nas/", "smb://nas/s/../t", "smb://nas:0/s", "smb:///s", "http://nas/s", "nas/s"):
        with pytest.raises(UsageError):
            SmbAddress.of(wrong)


def test_credentials() -> None:
    text = "# for the NAS\nusername = me\npassword=a=b c \ndomain=HOME\n"
    assert read_credentials(text, "file") == Login("HOME\\me", "a=b c ")
    with pytest.raises(ConfigError, match="line 2 of file is none of") as caught:
        read_credentials("user=me\nsecret", "file")
    assert "secret" not in caught.value.line


def test_configured(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("username=me\npassword=secret\n")
    (tmp_path / "config.toml").write_text(
        '[[library]]\nid = "nas"\nkind = "folder"\npath = "smb://nas/tv/rec"\ncredentials_file = "login"\n'
        '[[library]]\nid = "home"\nkind = "plex"\nurl = "http://127.0.0.1:1"\n'
        '[[library.path]]\nplex = "/share"\nhere = "smb://other@nas/tv"\n'
    )
    env = {"PLEXCUT_LIBRARY__HOME__PASSWORD": "hidden"}
    settings = load(Choices(config=tmp_path / "config.toml"), env)
    nas, home = settings.libraries
    assert nas.path == Path("smb:/nas/tv/rec") and nas.shares[0].login == Login("me", "secret")
    assert home.paths[0].here == Path("smb:/nas/tv") and home.shares[0].login == Login("other", "hidden")
    assert "secret" not in repr(settings) and "hidden" not in repr(settings)
    for line, why in (
        ('path = "smb://nas"', "no address of a place on a share"),
        ('path = "/tmp"\npassword = "x"', "is for shares alone"),
        ('path = "smb://nas/s"\ncredentials_file = "nowhere"', "cannot be read"),
        ('path = "ftp://nas/s"', "no local path"),
    ):
        (tmp_path / "config.toml").write_text(f'[[library]]\nid = "nas"\nkind = "folder"\n{line}\n')
        with pytest.raises(ConfigError, match=why):
            load(Choices(config=tmp_path / "config.toml"), {})


@needs_samba
def test_reading(samba: Samba) -> None:
    source = remote_source(samba.address(NAME))
    assert source.name == NAME
    assert source.status().size_bytes == len(DATA)
    assert abs(source.status().version - (samba.share / NAME).stat().st_mtime_ns) < 1_000_000
    assert source.read(1000, 300_000) == DATA[1000:301_000]
    assert source.read(len(DATA) - 3, 10) == DATA[-3:] and source.read(len(DATA) + 5, 10) == b""
    with open_source(source) as file:
        assert file.read() == DATA
    without = samba.address(NAME).replace(":pass%40w%C3%B6rd%2F1", "")
    assert remote_source(without, PASSWORD).read(7, 3) == DATA[7:10]


@needs_samba
def test_failures_of_reading(samba: Samba) -> None:
    for path in ("other.ts", "folder/other.ts"):
        with pytest.raises(FileUnreadable, match="has no file"):
            remote_source(samba.address(path)).status()
    with pytest.raises(FileUnreadable, match="has no file"):
        remote_source(samba.address("x.ts", share="nothing")).status()
    with pytest.raises(FileUnreadable, match="does not accept user and password"):
        remote_source(f"smb://somebody:wrong@127.0.0.1:{samba.port}/rec/x.ts").status()
    with pytest.raises(HostUnreachable):
        remote_source(f"smb://{USER}:x@127.0.0.1:1/rec/x.ts").status()


@needs_samba
def test_many_readers_at_once(samba: Samba, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_module, "TIMEOUT_S", 60.0)
    source = remote_source(samba.address(NAME))
    wrong: list[object] = []

    def read(n: int) -> None:
        try:
            for k in range(8):
                start = (n * 7919 + k * 104_729) % (len(DATA) - 70_000)
                if source.read(start, 70_000) != DATA[start : start + 70_000]:
                    wrong.append((n, k))
        except OSError as error:
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not wrong


@needs_samba
def test_connections_that_come_while_others_go(samba: Samba, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that say that they are of one client go to one process of Samba's, where some hang then."""
    monkeypatch.setattr(share_module, "TIMEOUT_S", 20.0)
    address, login = SmbAddress.of(samba.address(NAME))
    wrong: list[object] = []

    def read(n: int) -> None:
        for k in range(12):
            share = Share(address, login)
            try:
                if SmbRanges(share, address.path).read(n * 1000 + k, 100) != DATA[n * 1000 + k :][:100]:
                    wrong.append((n, k))
            except OSError as error:
                wrong.append(error)
                return
            finally:
                share.close()

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not wrong


@needs_samba
def test_file_operations(files: tuple[SmbFiles, Path, Path]) -> None:
    on, place, here = files
    assert on.status(place / "a.ts") is None and on.names(place / "none") == []
    on.write(place / "a.ts", b"hello")
    with pytest.raises(FileExistsError):
        on.write(place / "a.ts", b"again")
    assert (here / "a.ts").read_bytes() == on.read(place / "a.ts") == b"hello" and on.read(
        place / "a.ts", 1, 2
    ) == b"el"
    on.make_folder(place / "b ä" / "c")
    on.make_folder(place / "b ä" / "c")
    on.link(place / "a.ts", place / "b ä" / "l.ts")
    first, second = on.status(place / "a.ts"), on.status(place / "b ä" / "l.ts")
    assert first is not None and second is not None and first.identity == second.identity != ""
    with pytest.raises(FileExistsError):
        on.link(place / "a.ts", place / "b ä" / "l.ts")
    on.write(place / "n.ts", b"new")
    with pytest.raises(FileExistsError):
        on.rename_new(place / "n.ts", place / "a.ts")
    on.rename(place / "n.ts", place / "a.ts")
    assert on.read(place / "a.ts") == b"new" and on.read(place / "b ä" / "l.ts") == b"hello"
    on.rename_new(place / "a.ts", place / "z.ts")
    with pytest.raises(FileNotFoundError):
        on.rename_new(place / "a.ts", place / "y.ts")
    on.set_mtime(place / "z.ts", 1_700_000_000_123_456_700)
    status = on.status(place / "z.ts")
    assert status is not None and status.mtime_ns == 1_700_000_000_123_456_700
    on.sync(place / "z.ts")
    on.sync_folder(place)
    assert on.dress(place / "z.ts", place / "b ä" / "l.ts") == ()
    assert (on.free_bytes(place) or 0) > 0 and on.same_file_system(place, place / "b ä")
    with pytest.raises(OSError, match="not empty"):
        on.remove_folder(place / "b ä")
    on.remove_folder(place / "b ä" / "c")
    on.unlink(place / "z.ts")
    with pytest.raises(FileNotFoundError):
        on.unlink(place / "z.ts")
    assert on.names(place) == ["b ä"]
    with pytest.raises(OSError, match="not configured"):
        on.status(Path("smb:/elsewhere/share/x"))


@needs_samba
def test_locks(files: tuple[SmbFiles, Path, Path]) -> None:
    on, place, here = files
    with on.lock(place, 0):
        with pytest.raises(BlockingIOError), on.lock(place, 0.3):
            pass
        assert [path.name for path in here.iterdir()] == ["lock"]
    assert not list(here.iterdir())
    with on.lock(place, 0):
        pass
    with pytest.raises(FileNotFoundError), on.lock(place / "none", 0):
        pass
    on.write(place / "a.ts", b"a")
    with on.hold(place / "a.ts"), pytest.raises(BlockingIOError), on.hold(place / "a.ts"):
        pass


@needs_samba
def test_who_writes(files: tuple[SmbFiles, Path, Path]) -> None:
    on, place, here = files
    (here / "a.ts").write_bytes(b"a" * 1000)
    assert not on.writing(place / "a.ts")
    with (here / "a.ts").open("ab", buffering=0) as file:  # a recorder on the server
        timer = threading.Timer(0.5, file.write, (b"more",))
        timer.start()
        assert on.writing(place / "a.ts")
        timer.join()
    share, at = on._shares.find(place / "a.ts")
    link = Link(share.address, share.login, 5)
    link.connect()
    with link.ask(smbclient.open_file, at, mode="ab", buffering=0, share_access="rwd"):  # and one on another machine
        assert on.writing(place / "a.ts")
    link.drop()


@needs_samba
def test_a_share_that_may_only_be_read(samba: Samba, tmp_path: Path) -> None:
    address, login = SmbAddress.of(samba.address(share="ro"))
    shares = Shares([(address, login)])
    on = SmbFiles(shares, tmp_path)
    with pytest.raises(PermissionError):
        on.write(address.place / "x", b"1")
    with pytest.raises(PermissionError), on.lock(address.place, 0.1):
        pass
    shares.close()


def library_at(address: str, tmp_path: Path, more: str = ""):
    (tmp_path / "config.toml").write_text(f'[[library]]\nid = "nas"\nkind = "folder"\npath = "{address}"\n{more}')
    settings = load(Choices(config=tmp_path / "config.toml"), {"PLEXCUT_DATA_DIR": str(tmp_path)})
    return bootstrap.library(settings.libraries[0])


@needs_samba
def test_a_library_on_a_share(files: tuple[SmbFiles, Path, Path], samba: Samba, tmp_path: Path) -> None:
    _, place, here = files
    (here / "Movies" / "Zulu (1964)").mkdir(parents=True)
    (here / "Movies" / "Zulu (1964)" / "Zulu (1964).ts").write_bytes(DATA[:3000])
    (here / "Movies" / ".hidden.ts").write_bytes(b"x")
    (here / "Shows" / "Dark" / "Season 01").mkdir(parents=True)
    (here / "Shows" / "Dark" / "Season 01" / "Dark - s01e02 - Lügen.ts").write_bytes(b"y" * 700)
    (here / ".plexcut" / "trash").mkdir(parents=True)
    (here / ".plexcut" / "trash" / "old.ts").write_bytes(b"x")
    library = library_at(samba.address(tmp_path.name), tmp_path)
    library.check()
    assert library.refresh() and not library.refresh()
    movies, shows = library.sections()
    assert (movies.title, movies.section_type, shows.title, shows.section_type) == ("Movies", "movie", "Shows", "show")
    (film,) = library.items(movies.id, ItemQuery()).items
    assert (film.title, film.year, film.versions[0].size_bytes) == ("Zulu", 1964, 3000)
    found = library.recording(film.recording)
    assert found.path == place / "Movies" / "Zulu (1964)" / "Zulu (1964).ts" and found.root == place
    assert found.source.read(10, 20) == DATA[10:30]
    (here / "Movies" / "New (2020).ts").write_bytes(b"n")
    assert library.refresh() and library.items(movies.id, ItemQuery()).total == 2
    (here / "Movies" / "Zulu (1964)" / "Zulu (1964).ts").unlink()
    with pytest.raises(RecordingNotFound):
        library.recording(film.recording)
    library.close()


@needs_samba
def test_plex_recordings_on_a_share(
    files: tuple[SmbFiles, Path, Path], samba: Samba, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_module, "TIMEOUT_S", 2.0)
    _, place, here = files
    name = unicodedata.normalize("NFD", "Märchen.ts")
    (here / "Film").mkdir()
    (here / "Film" / name).write_bytes(DATA[:5000])
    with PlexStandIn() as plex:
        section = plex.add_section("Movies", "movie", "/share")
        key = plex.add_movie(section, "Märchen", ["/share/Film/Märchen.ts"])
        lost = plex.add_movie(section, "Lost", ["/share/Film/lost.ts"])
        (tmp_path / "config.toml").write_text(
            f'[[library]]\nid = "home"\nkind = "plex"\nurl = "{plex.url}"\ntoken = "{plex.token}"\n'
            f'[[library.path]]\nplex = "/share"\nhere = "{samba.address(tmp_path.name)}"\n'
        )
        library = bootstrap.library(load(Choices(config=tmp_path / "config.toml"), {}).libraries[0])
        recording = library.item(f"home~{key}").recording
        assert recording is not None
        found = library.recording(recording)
        assert found.path == place / "Film" / name and found.root == place
        assert not isinstance(found.source, Path) and found.source.read(10, 9) == DATA[10:19]
        upkeep = library.upkeep()
        assert upkeep is not None
        upkeep.look_again(recording, shown(place / "Film" / "Märchen cut.ts"))
        assert plex.told == ["refresh 1 /share/Film"]
        other = library.item(f"home~{lost}").recording
        assert other is not None
        with pytest.raises(RecordingNotFound, match="no such file below"):
            library.recording(other)
        samba.freeze()
        try:
            with pytest.raises(LibraryOffline, match="does not answer"):
                library.recording(recording)
        finally:
            samba.thaw()
        library.close()
    time.sleep(2.1)


@needs_samba
def test_a_library_whose_share_is_not_to_be_had(samba: Samba, tmp_path: Path) -> None:
    for address, why in (
        (samba.address("nowhere"), "is not there"),
        (samba.address(NAME.replace("#", "%23")).replace("%2523", "%23"), "is no folder"),
        (f"smb://me:wrong@127.0.0.1:{samba.port}/rec", "does not accept user and password"),
        (samba.address(share="nothing"), "is not there"),
        ("smb://me:x@127.0.0.1:1/rec", "cannot be reached"),
    ):
        library = library_at(address, tmp_path)
        for call in (library.check, library.sections):
            with pytest.raises(LibraryOffline, match=why) as caught:
                call()
            assert PASSWORD not in caught.value.line and "wrong" not in caught.value.line
        library.close()


@needs_samba
def test_doctor(samba: Samba, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        f'data_dir = "{tmp_path}"\n[[library]]\nid = "nas"\nkind = "folder"\npath = "{samba.address()}"\n'
        f'[[library]]\nid = "ro"\nkind = "folder"\npath = "{samba.address(share="ro")}"\n'
    )
    rows = {row.name: row for row in examine(tmp_path / "config.toml") if row.what == "host"}
    assert rows["nas"].ok and "can be read and written" in rows["nas"].detail
    assert not rows["ro"].ok and "cannot be written" in rows["ro"].detail and rows["ro"].exit_code == 6
    assert not list(samba.share.glob("*.part")) and not list(samba.share.glob(".*.part"))
