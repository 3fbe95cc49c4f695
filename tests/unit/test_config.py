"""config.toml: where it is found, what overrides it, and one clear line with key and line number for what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from plexcut import config
from plexcut.config import Choices, Settings
from plexcut.domain.catalog import LIBRARY_ID_PATTERN
from plexcut.errors import ConfigError

WHOLE = """\
data_dir = "data"

[server]
host = "0.0.0.0"
port = 5300
password = "$argon2id$x"
base_path = "/cut/"
static_dir = "/srv/static"

[queue]
url = "redis://:secret@queue:6379/0"
timeout_s = 900

[cut]
mode = "keyframe"
output = "beside"
keep_original_days = 7

[[library]]
id = "home"
kind = "plex"
url = "http://192.0.2.10:32400/"
token = "very-secret"

[[library.path]]
plex = "/share/plexrecords"
here = "/mnt/plexrecords"

[[library.path]]
plex = "/share/more"
here = "more"

[[library]]
id = "nas"
name = "The box"
kind = "folder"
path = "~/recordings"
"""


def load(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return config.load(Choices(config=file), {"HOME": str(tmp_path), **(env or {})})


def wrong(tmp_path: Path, text: str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, env)
    assert "\n" not in caught.value.line
    return caught.value.line


def test_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load(tmp_path, WHOLE)
    assert settings.data_dir == tmp_path / "data"
    server = settings.server
    assert (server.host, server.port, server.base_path, server.static_dir) == (
        "0.0.0.0", 5300, "/cut", Path("/srv/static"),
    )  # fmt: skip
    assert (server.password, server.is_loopback) == ("$argon2id$x", False)
    assert (settings.queue.url, settings.queue.timeout_s) == ("redis://:secret@queue:6379/0", 900)
    assert (settings.cut.mode, settings.cut.output, settings.cut.keep_original_days) == ("keyframe", "beside", 7)
    home, nas = settings.libraries
    assert (home.id, home.kind, home.name, home.url, home.token) == (
        "home", "plex", "home", "http://192.0.2.10:32400", "very-secret",
    )  # fmt: skip
    assert [(m.plex, m.here) for m in home.paths] == [
        ("/share/plexrecords", Path("/mnt/plexrecords")),
        ("/share/more", tmp_path / "more"),
    ]
    assert (nas.id, nas.kind, nas.name, nas.path) == ("nas", "folder", "The box", tmp_path / "recordings")
    assert not settings.demo


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    shown = repr(load(tmp_path, WHOLE))
    assert "very-secret" not in shown
    assert "secret@" not in shown
    assert "argon2" not in shown


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert (settings.server.host, settings.server.port, settings.server.is_loopback) == ("127.0.0.1", 5200, True)
    assert (settings.queue.url, settings.queue.timeout_s) == ("", 600)
    assert (settings.cut.mode, settings.cut.output) == ("exact", "beside")
    assert settings.server.static_dir == settings.data_dir / "dist" / "static"
    assert settings.data_dir.parts[-3:] == (".local", "share", "plexcut")
    assert (settings.libraries, settings.demo) == ((), False)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[server]\nport = 1\nprot = 2\n", 3, ["server.prot", "unknown key"]),
        ("[serve]\nport = 1\n", 1, ["serve", "unknown key"]),
        ("colour = 1\n", 1, ["colour"]),
        ("\n\n[server]\nport = '5200'\n", 4, ["server.port", "whole number", "'5200'"]),
        ("[server]\nport = true\n", 2, ["server.port", "true or false"]),
        ("[server]\nport = 5200.5\n", 2, ["server.port"]),
        ("[server]\nport = 70000\n", 2, ["server.port", "65535"]),
        ("[server]\nhost = ''\n", 2, ["server.host", "empty"]),
        ("server = 5\n", 1, ["server", "a table"]),
        ("[queue]\n# a comment\ntimeout_s = 599\n", 3, ["queue.timeout_s", "at least 600"]),
        ("[cut]\nmode = 'fast'\n", 2, ["cut.mode", "'exact' or 'keyframe'"]),
        ("[cut]\noutput = 'elsewhere'\n", 2, ["cut.output", "'beside'"]),
        ("data_dir = 3\n", 1, ["data_dir"]),
        ("library = 3\n", 1, ["library", "array of tables"]),
        ("library = [1, 2]\n", 1, ["library", "array of tables"]),
        ("[library]\nid = 'x'\n", 1, ["library", "array of tables"]),
        ("[[library]]\nkind = 'folder'\n", 1, ["library[0]", "id is missing"]),
        ("[[library]]\nid = 'a~b'\nkind = 'folder'\npath = '/x'\n", 2, ["library[0].id", "'a~b'"]),
        ("[[library]]\nid = 'a'\nkind = 'tape'\n", 3, ["library[0].kind", "'tape'"]),
        ("[[library]]\nid = 'a'\n", 1, ["kind is missing"]),
        ("[[library]]\nid = 'a'\nkind = 'folder'\n", 1, ["path is missing"]),
        ("[[library]]\nid = 'a'\nkind = 'folder'\npath = ''\n", 4, ["library[0].path", "empty"]),
        ("[[library]]\nid = 'a'\nkind = 'folder'\npath = 'smb://nas'\n", 4, ["library[0].path", "share"]),
        ("[[library]]\nid = 'a'\nkind = 'folder'\npath = '/x'\ntoken = 't'\n", 5, ["library[0].token", "unknown"]),
        ("[[library]]\nid = 'a'\nkind = 'plex'\n", 1, ["url is missing"]),
        ("[[library]]\nid = 'a'\nkind = 'plex'\nurl = 'plex.local'\n", 4, ["library[0].url", "http"]),
        (
            "[[library]]\nid='a'\nkind='folder'\npath='/x'\n[[library]]\nid='a'\nkind='folder'\npath='/y'\n",
            6,
            ["library[1].id", "two libraries"],
        ),
        (
            "[[library]]\nid='a'\nkind='plex'\nurl='http://x'\n[[library.path]]\nplex='/x'\n",
            5,
            ["library[0].path[0]", "here is missing"],
        ),
        (
            "[[library]]\nid='a'\nkind='plex'\nurl='http://x'\n[[library.path]]\nplex='/x'\nhere='/y'\nthere='z'\n",
            8,
            ["library[0].path[0].there", "unknown key"],
        ),
        ("[[library]]\nid='a'\nkind='plex'\nurl='http://x'\npath='/x'\n", 5, ["library[0].path", "array of tables"]),
        ("[server]\nport =\n", 2, ["no TOML"]),
        ("[server]\nhost = '''\nnever closed\n", 3, ["no TOML"]),
        ("[server]\nport = 1\nport = 2\n", 3, ["no TOML"]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    message = wrong(tmp_path, text)
    assert f"config.toml, line {line}: " in message
    for word in words:
        assert word in message


def test_a_key_is_found_behind_text_of_several_lines(tmp_path: Path) -> None:
    text = "data_dir = '''\n/tmp/x'''\n[server]\n# port = 'x'\nhost = \"\"\"a\nport = 3\n\"\"\"\nport = 'x'\n"
    assert "line 8: server.port" in wrong(tmp_path, text)


def test_no_text_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load(Choices(config=tmp_path / "config.toml"), {})
    with pytest.raises(ConfigError, match="--config: there is no file"):
        config.load(Choices(config=tmp_path / "missing.toml"), {})
    with pytest.raises(ConfigError, match="PLEXCUT_CONFIG"):
        config.load(Choices(), {"PLEXCUT_CONFIG": str(tmp_path / "missing.toml")})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    env = {
        "PLEXCUT_DATA_DIR": str(tmp_path / "elsewhere"),
        "PLEXCUT_SERVER__PORT": "7000",
        "PLEXCUT_CUT__MODE": "exact",
        "PLEXCUT_LIBRARY__HOME__TOKEN": "from-env",
        "PLEXCUT_LIBRARY__HOME__PATH__1__HERE": "/mnt/env",
        "PLEXCUT_LIBRARY__NAS__PATH": "/mnt/nas",
    }
    settings = load(tmp_path, WHOLE, env)
    assert settings.data_dir == tmp_path / "elsewhere"
    assert (settings.server.port, settings.cut.mode) == (7000, "exact")
    assert settings.libraries[0].token == "from-env"
    assert settings.libraries[0].paths[1].here == Path("/mnt/env")
    assert settings.libraries[1].path == Path("/mnt/nas")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLEXCUT_SERVER__PORT", "many"),
        ("PLEXCUT_SERVER__PORT", "-1"),
        ("PLEXCUT_QUEUE__TIMEOUT_S", "10"),
        ("PLEXCUT_CUT__MODE", "fast"),
        ("PLEXCUT_SERVER__PROT", "1"),
        ("PLEXCUT_LIBRARY__NOBODY__TOKEN", "x"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    assert name in wrong(tmp_path, WHOLE, {name: value})


def test_the_order_of_the_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(name: str, port: int) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[server]\nport = {port}\n")
        return file

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    env = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    assert config.load(Choices(), env).file is None
    write("home/plexcut/config.toml", 1001)
    assert config.load(Choices(), env).server.port == 1001
    write("here/config.toml", 1002)
    assert config.load(Choices(), env).server.port == 1002
    env["PLEXCUT_CONFIG"] = str(write("env.toml", 1003))
    assert config.load(Choices(), env).server.port == 1003
    assert config.load(Choices(config=write("option.toml", 1004)), env).server.port == 1004


def test_the_demo_library_appears_only_when_there_is_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {"XDG_CONFIG_HOME": str(tmp_path / "none"), "PLEXCUT_DATA_DIR": str(tmp_path / "data")}
    folder = tmp_path / "recordings"
    folder.mkdir()

    def ids(choices: Choices) -> tuple[list[str], bool]:
        settings = config.load(choices, env)
        return [library.id for library in settings.libraries], settings.demo

    assert ids(Choices()) == (["demo"], True)
    assert config.load(Choices(), env).libraries[0].path == tmp_path / "data" / "demo"
    assert ids(Choices(library_dirs=(folder,))) == (["recordings"], False)
    assert ids(Choices(library_dirs=(folder,), demo=True)) == (["recordings", "demo"], True)
    (tmp_path / "config.toml").write_text("[server]\n")
    assert ids(Choices()) == ([], False)
    assert ids(Choices(demo=True)) == (["demo"], True)


def test_library_folders_of_the_command_line(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one/TV", "two/TV", "Ärger & co", "demo", "x~y")]
    for folder in folders:
        folder.mkdir(parents=True)
    settings = load(tmp_path, WHOLE)
    made = config.with_library_dirs(settings, [*folders, folders[0]]).libraries
    assert [library.path for library in made] == folders
    assert [library.name for library in made] == ["TV", "TV", "Ärger & co", "demo", "x~y"]
    ids = [library.id for library in made]
    assert len(set(ids)) == 5
    assert all(LIBRARY_ID_PATTERN.match(library_id) for library_id in ids)
    assert ids[2] == "rger-co"
    assert ids[4] == "x-y"
    again = config.with_library_dirs(settings, list(reversed(folders))).libraries
    assert {library.path: library.id for library in again} == dict(zip(folders, ids, strict=True))
    with pytest.raises(ConfigError, match="there is no folder"):
        config.with_library_dirs(settings, [tmp_path / "nothing"])
    for address in ("smb://me:secret@nas/tv", "SMB://nas/tv", "http://192.0.2.1/tv"):
        with pytest.raises(ConfigError, match="not an address") as refused:
            config.with_library_dirs(settings, [Path(address)])
        assert "secret" not in refused.value.line


def test_the_token_can_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    text = "[[library]]\nid='a'\nkind='plex'\nurl='http://x'\ntoken_file='token'\n"
    assert load(tmp_path, text).libraries[0].token == "from-file"
    assert "not both" in wrong(tmp_path, text + "token='x'\n")
    assert "cannot be read" in wrong(tmp_path, text.replace("'token'", "'missing'"))


def test_the_library_pattern_is_the_catalogs() -> None:
    assert config.LIBRARY_ID.pattern == LIBRARY_ID_PATTERN.pattern


PASSWORDS = [
    "",
    "# only a comment",
    WHOLE,
    '[server]\nport = 1\n\n[queue]\nurl = ""\n',
    '[server] # ours\n# password = "old"\nport = 1 # one\n',
    '[server]\npassword = "old" # keep this\nport = 1\n',
    "[server]\r\npassword = 'old'\r\nport = 1\r\n",
    'server.port = 3\nserver.password = "old"\n[queue]\n',
    '[server]\npassword = """\nlong # not a comment\n"""\nport = 1\n',
    '[server]\n"password" = "a#b"\n',
    "[server]",
    '[[library]]\nid="a"\nkind="folder"\npath="/x"\n',
]


@pytest.mark.parametrize("text", PASSWORDS)
def test_the_password_is_written_and_all_else_stays(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode())
    file.chmod(0o640)
    before = tomllib.loads(text)
    for new in ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "$second"):
        config.write_password(file, new)
        written = file.read_bytes().decode()
        after = tomllib.loads(written)
        assert after["server"]["password"] == new
        after["server"].pop("password")
        assert after == {**before, "server": {k: v for k, v in before.get("server", {}).items() if k != "password"}}
        comments = [line for line in text.splitlines() if line.startswith("#")]
        assert all(comment in written for comment in comments)
    assert ("# keep this" in text) == ("# keep this" in file.read_text())
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_new_file_for_the_password_is_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    config.write_password(file, "$hash")
    assert file.stat().st_mode & 0o777 == 0o600
    assert config.load(Choices(config=file), {}).server.password == "$hash"


def test_a_form_that_cannot_be_changed_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    for text in ("server = { password = 'x', port = 1 }\n", "server = { port = 1 }\n", "[server\n", "server = 3\n"):
        file.write_text(text)
        with pytest.raises(ConfigError):
            config.write_password(file, "$hash")
        assert file.read_text() == text
