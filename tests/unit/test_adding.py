"""Adding a library to a configuration: what was there stays, nothing wrong is written, the token is private."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from plexcut.config import Choices, load
from plexcut.config.adding import NewLibrary, add_library, free_id
from plexcut.errors import CannotWrite, ConfigError

PLEX = NewLibrary(
    "plex",
    'Küche "2"',
    url="http://192.0.2.10:32400",
    token="secret-token",
    sections=((1, "Films"), (3, "Sh\nows")),
    paths=(("/share/tv", Path("/mnt/tv")), ("D:\\TV", Path("/mnt/tv 2"))),
)


def test_a_new_file_is_private_and_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "config.toml"
    library_id, settings = add_library(file, PLEX, env={})
    assert library_id == "k-che-2"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    again = load(Choices(config=file), {})
    assert again == settings
    (library,) = again.libraries
    assert (library.name, library.url, library.token) == ('Küche "2"', "http://192.0.2.10:32400", "secret-token")
    assert library.sections == (1, 3)
    assert [(one.plex, str(one.here)) for one in library.paths] == [("/share/tv", "/mnt/tv"), ("D:\\TV", "/mnt/tv 2")]
    assert "# Films, Sh ows" in file.read_text()
    assert "secret-token" not in repr(PLEX) + repr(settings)


BEFORE = """# my file
data_dir = "/var/lib/plexcut"   # keep

[cut]   # cuts
mode = "keyframe"

[[library]]
id = "nas"
kind = "folder"
path = "/media/nas"
"""


def test_what_was_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BEFORE)
    file.chmod(0o644)
    new = NewLibrary("folder", "NAS", path=Path("/media/more"))
    library_id, settings = add_library(file, new, Path("/media/results"), env={})
    assert library_id == "nas-2"
    assert [library.id for library in settings.libraries] == ["nas", "nas-2"]
    assert settings.cut.output_folder == Path("/media/results")
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert all(line in text.splitlines() for line in BEFORE.splitlines())
    assert tomllib.loads(text)["cut"] == {"mode": "keyframe", "output_folder": "/media/results"}
    add_library(file, NewLibrary("folder", "third", path=Path("/media/3")), Path("/elsewhere"), env={})
    assert tomllib.loads(file.read_text())["cut"]["output_folder"] == "/elsewhere"
    assert len(load(Choices(config=file), {}).libraries) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("library = []\n", "no library can be added"),
        ('library = "x"\n', "array of tables"),
        ("[server\n", "no TOML"),
        ("[server]\nport = 99999\n", "server.port"),
        ("[server]\nwrong = 1\n", "unknown key"),
    ],
)
def test_a_file_that_cannot_be_changed_stays(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        add_library(file, PLEX, env={})
    assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]


def test_names_that_no_text_can_hold_and_folders_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        add_library(file, NewLibrary("folder", "x", path=Path("/media/\udcff")), env={})
    with pytest.raises(CannotWrite):
        add_library(Path("/sys/kernel/plexcut/config.toml"), PLEX, env={})
    assert not file.exists()


def test_ids() -> None:
    assert free_id("My TV!", ()) == "my-tv"
    assert free_id("My TV", ("MY-TV", "my-tv-2")) == "my-tv-3"
    assert free_id("demo", ()) == "demo-2"
    assert free_id("日本", ()) == "library"


def test_sections_and_setup_in_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = '[[library]]\nid = "home"\nkind = "plex"\nurl = "http://h"\nsections = [2, 5]\n[server]\nsetup = "off"\n'
    file.write_text(text)
    settings = load(Choices(config=file), {})
    assert (settings.libraries[0].sections, settings.server.setup) == ((2, 5), False)
    env = {"PLEXCUT_LIBRARY__HOME__SECTIONS": "7, 8", "PLEXCUT_SERVER__SETUP": "on"}
    settings = load(Choices(config=file), env)
    assert (settings.libraries[0].sections, settings.server.setup) == ((7, 8), True)
    for wrong in ('["a"]', '"2"', "[-1]", "[true]"):
        file.write_text(text.replace("[2, 5]", wrong))
        with pytest.raises(ConfigError, match=r"line 5.*sections"):
            load(Choices(config=file), {})
    file.write_text(text)
    with pytest.raises(ConfigError, match="SECTIONS"):
        load(Choices(config=file), {"PLEXCUT_LIBRARY__HOME__SECTIONS": "x"})


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (b'[cut]\noutput_folder = "/old"  # use "this", or \'that\'\n', b'"/new"  # use "this", or \'that\'\n'),
        (b'[cut]\r\noutput_folder = \'/o"\' # 1\r\nmode = "exact"\r\n', b'"/new" # 1\r\nmode = "exact"\r\n\r\n'),
        (b'\xef\xbb\xbf[cut]\noutput_folder = """/old"""  # mine\n', b'"/new"  # mine\n'),
        (b'[cut]\noutput_folder = ""\n', b'output_folder = "/new"\n'),
    ],
)
def test_comments_and_line_ends_stay(tmp_path: Path, before: bytes, kept: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(before)
    add_library(file, NewLibrary("folder", "NAS", path=Path("/media/nas")), Path("/new"), env={})
    text = file.read_bytes()
    assert kept in text
    assert (b"\r" in before) == (b"\r" in text)
    assert len(load(Choices(config=file), {}).libraries) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_file_stays_its_owners(tmp_path: Path) -> None:
    """plexcut may run as root, and the file lie in somebody's home."""
    file = tmp_path / "config.toml"
    file.write_text(BEFORE)
    os.chown(file, 1234, 1235)
    add_library(file, NewLibrary("folder", "more", path=Path("/media/more")), env={})
    found = file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 1235, 0o600)
