"""Commands with an engine that needs no media: answers, exit codes, one line for each failure, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plexcut.cli.app import run
from plexcut.cli.spans import parse_keep
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import SpanInvalid
from tests.cli import fake_program

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def plexcut(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr("plexcut.media.engine.Engine", fake_program.FakeEngine)

    def call(*arguments: str) -> Ended:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


def recording(home: Path, name: str = "Film.ts", content: str = "") -> str:
    (home / name).write_text(content)
    return name


def files(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


def test_help_and_version(plexcut: Any) -> None:
    shown = plexcut("--help")
    assert shown.code == 0
    for command in (
        "serve",
        "worker",
        "probe",
        "frame",
        "filmstrip",
        "plan",
        "cut",
        "verify",
        "restore",
        "trash",
        "cutlist",
        "doctor",
        "passwd",
    ):
        assert f"\n  {command} " in shown.out
        assert plexcut(command, "--help").code == 0
    assert "\n  detect " not in shown.out
    assert plexcut().out == shown.out
    assert plexcut("--version").out.startswith("plexcut 0.")


def test_help_is_quick_to_import() -> None:
    code = (
        "import sys; from plexcut.cli.app import run; run(['--help']); "
        "print([m for m in ('av', 'numpy', 'quart', 'rq', 'redis', 'sqlalchemy', 'plexapi') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_probe(plexcut: Any, home: Path) -> None:
    answer = plexcut("probe", recording(home), "--json")
    assert answer.code == 0
    assert answer.err == ""
    assert answer.json["frames"] == 1000
    assert answer.json["video"]["interlaced"] is False
    assert answer.json["audio"][0]["language"] == "deu"
    keys = "duration_s frames fps keyframes video audio subtitles other discontinuities".split()
    assert set(keys) <= set(answer.json)
    assert "h264 1280x720" in plexcut("probe", "Film.ts").out


def test_frame(plexcut: Any, home: Path) -> None:
    answer = plexcut("frame", recording(home), "0:01.5", "-o", "a.JPG", "--width", "320", "--json")
    assert answer.json == {"frame": 37, "time_s": 1.48, "width": 320, "height": 720, "path": str(home / "a.JPG")}
    assert (home / "a.JPG").read_bytes() == b"jpg"
    assert plexcut("frame", "Film.ts", "#7", "-o", "b.png").code == 0
    assert (home / "b.png").read_bytes() == b"png"
    assert files(home) == ["Film.ts", "a.JPG", "b.png"]


def test_plan_and_verify(plexcut: Any, home: Path) -> None:
    film = recording(home)
    plan = plexcut("plan", film, "--keep", "1-2", "--keep", "#100-#200", "--json").json
    assert (plan["frames"], plan["keep"], plan["warnings"]) == (125, [[25, 50], [100, 200]], ["careful"])
    assert (plan["spans"], plan["snap"]) == ([], [])
    good = plexcut("verify", film, recording(home, "good.ts"), "--keep", "1-2", "--json")
    assert (good.code, good.json["ok"], good.json["checks"][0]["name"]) == (0, True, "frames")
    bad = plexcut("verify", film, recording(home, "bad.ts", "wrong"), "--keep", "1-2", "--json")
    assert (bad.code, bad.json["ok"]) == (5, False)
    assert bad.err.startswith("plexcut: ")


def test_cut(plexcut: Any, home: Path) -> None:
    film = recording(home)
    answer = plexcut("cut", film, "--keep", "1-2", "--keep", "0:03-0:04", "--json")
    assert answer.code == 0
    assert answer.err == ""
    assert answer.json["path"] == str(home / "Film cut.ts")
    assert answer.json["verified"] is True
    assert len(answer.json["seams"]) == 1
    assert answer.json["streams"][1] == {"id": 259, "codec": "epg", "kept": False, "why": "unknown"}
    assert plexcut("cut", film, "--keep", "1-2", "--json").json["path"] == str(home / "Film cut 2.ts")
    assert "Film cut 3.ts" in plexcut("cut", film, "--keep", "1-2").out


def test_cut_never_touches_what_is_there(plexcut: Any, home: Path) -> None:
    film = recording(home)
    (home / "there.ts").write_text("precious")
    os.link(home / film, home / "hard.ts")
    (home / "soft.ts").symlink_to(film)
    (home / "folder.ts").mkdir()
    cut = ("cut", film, "--keep", "1-2", "-o")
    assert plexcut(*cut, "there.ts").code == 6
    assert (home / "there.ts").read_text() == "precious"
    for alias in (film, "hard.ts", "soft.ts", f"./{film}", "folder.ts", "no/such/folder.ts"):
        assert plexcut(*cut, alias, "--overwrite").code == 6
    assert plexcut(*cut, "there.ts", "--overwrite", "--json").json["path"] == str(home / "there.ts")
    assert (home / "there.ts").read_text() == "half"
    assert (home / film).read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nonsense",), 2),
        (("cut",), 2),
        (("cut", "Film.ts"), 2),
        (("cut", "Film.ts", "--keep", "5"), 2),
        (("cut", "Film.ts", "--keep", "5-"), 2),
        (("cut", "Film.ts", "--keep", "-5-7"), 2),
        (("cut", "Film.ts", "--keep", "7-5"), 2),
        (("cut", "Film.ts", "--keep", "5-5"), 2),
        (("cut", "Film.ts", "--keep", "5-99999"), 2),
        (("cut", "Film.ts", "--keep", "a-b"), 2),
        (("cut", "Film.ts", "--keep", "1-2", "--mode", "fast"), 2),
        (("cut", "Film.ts", "--keep", "1-2", "--in-place", "-o", "x.ts"), 2),
        (("cut", "Film.ts", "--keep", "1-2", "--config", "nope.toml"), 2),
        (("cut", "nope.ts", "--keep", "1-2"), 3),
        (("cut", ".", "--keep", "1-2"), 3),
        (("probe", "nul\0l"), 2),
        (("cut", "text.ts", "--keep", "1-2"), 4),
        (("probe", "text.ts"), 4),
        (("cut", "wrong.ts", "--keep", "1-2"), 5),
        (("cut", "full.ts", "--keep", "1-2"), 6),
        (("frame", "Film.ts", "3", "-o", "a.gif"), 2),
        (("frame", "Film.ts", "x", "-o", "a.jpg"), 2),
        (("frame", "Film.ts", "3", "-o", "a.jpg", "--width", "0"), 2),
        (("frame", "Film.ts", "3", "-o", "nowhere/a.jpg"), 6),
        (("frame", "Film.jpg", "3", "-o", "Film.jpg"), 2),
        (("probe", "bug.ts"), 1),
        (("worker",), 2),
        (("serve", "--port", "70000"), 2),
        (("serve", "--library", "nowhere"), 2),
        (("serve", "--host", "192.0.2.1", "--library", "."), 2),
    ],
)
def test_every_failure_is_one_line_and_an_exit_code(
    plexcut: Any, home: Path, arguments: tuple[str, ...], code: int
) -> None:
    for name in ("Film.ts", "Film.jpg"):
        recording(home, name)
    for what in ("text", "wrong", "full", "bug"):
        recording(home, f"{what}.ts", what)
    before = files(home)
    ended = plexcut(*arguments)
    assert ended.code == code
    assert ended.out == ""
    assert ended.err.startswith("plexcut: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err
    assert files(home) == before


def test_an_unexpected_error_is_kept_in_a_log(plexcut: Any, home: Path) -> None:
    ended = plexcut("probe", recording(home, content="bug"))
    log = Path(ended.err.rstrip(")\n").rpartition("see ")[2])
    assert "ZeroDivisionError: oh" in log.read_text()
    assert "oh" not in ended.err.replace(str(log), "")


def test_a_broken_configuration_names_key_and_line(plexcut: Any, home: Path) -> None:
    (home / "config.toml").write_text("data_dir = 'x'\nfoo = 3\n")
    ended = plexcut("probe", recording(home))
    assert ended.code == 2
    assert "line 2" in ended.err
    assert "foo" in ended.err


def test_a_file_that_may_not_be_read_is_no_wrong_usage(
    plexcut: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = recording(home)
    (home / name).chmod(0)
    if os.geteuid() == 0:  # root may read everything, so the question is answered as for anybody else
        monkeypatch.setattr("os.access", lambda _path, mode, **_: not mode & os.R_OK)
        monkeypatch.setattr("plexcut.cli.files.Path.open", refuse)
    for command in (["probe", name], ["plan", name, "--keep", "1-2"], ["cut", name, "--keep", "1-2", "-o", "x.ts"]):
        ended = plexcut(*command)
        assert (ended.code, ended.err.count("\n")) == (3, 1), ended.err
        assert "Permission denied" in ended.err


def refuse(path: Path, *_: Any, **__: Any) -> Any:
    raise PermissionError(13, "Permission denied", str(path))


def test_the_mode_of_the_configuration_is_the_default(plexcut: Any, home: Path) -> None:
    (home / "mine.toml").write_text('[cut]\nmode = "keyframe"\n')
    name = recording(home)
    assert plexcut("plan", name, "--keep", "1-2", "--config", "mine.toml", "--json").json["warnings"] == ["keyframe"]
    explicit = plexcut("plan", name, "--keep", "1-2", "--config", "mine.toml", "--mode", "exact", "--json")
    assert explicit.json["warnings"] == ["careful"]


def test_without_a_writable_data_folder(plexcut: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXCUT_DATA_DIR", "/proc/nowhere")
    assert plexcut("probe", recording(home), "--json").code == 0


@pytest.mark.parametrize(("what", "signum"), [("slow", "SIGINT"), ("slow", "SIGTERM"), ("deaf", "SIGINT")])
def test_signals_cancel_and_leave_nothing(home: Path, what: str, signum: str) -> None:
    recording(home, content=what)
    process = start("cut", "Film.ts", "--keep", "1-2")
    until = time.monotonic() + 60
    while not (home / "Film cut.part").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.Signals[signum])
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "plexcut: cancelled\n"
    assert files(home) == ["Film.ts"]


def test_a_reader_that_leaves_is_no_failure(home: Path) -> None:
    recording(home)
    process = start("probe", "Film.ts", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


def test_an_answer_that_cannot_be_written_is_a_failure(home: Path) -> None:
    recording(home)
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-m", "tests.cli.fake_program", "probe", "Film.ts", "--json"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=90)
    assert (ended.returncode, ended.stderr.count("\n")) == (6, 1), ended.stderr


def test_what_a_killed_cut_left_is_removed_by_the_next(plexcut: Any, home: Path) -> None:
    name = recording(home)
    (home / ".plexcut-abc.part").write_text("half")
    os.utime(home / ".plexcut-abc.part", (1_000_000_000, 1_000_000_000))
    assert plexcut("cut", name, "--keep", "1-2").code == 0
    assert files(home) == ["Film cut.ts", "Film.ts"]


def test_a_bar_on_a_terminal_only(home: Path) -> None:
    recording(home)
    try:
        ours, theirs = os.openpty()
    except OSError:
        pytest.skip("no pseudo-terminals here")
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TERM": "xterm"}
    command = [sys.executable, "-m", "tests.cli.fake_program", "cut", "Film.ts", "--keep", "1-2", "--json"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 1000):
                shown += chunk
        except OSError:  # the other side has closed the terminal
            os.close(ours)
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["frames"] == 25
    assert b"reading" in shown
    assert b"cutting" in shown


def start(*arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-m", "tests.cli.fake_program", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_keep_forms() -> None:
    assert parse_keep("83.5-90") == (83.5, 90)
    assert parse_keep("0:10-1:20.5") == (10, 80.5)
    assert parse_keep(" #100 - #200 ") == (FrameNumber(100), FrameNumber(200))
    assert parse_keep("00:01:23.500-#4175") == (83.5, FrameNumber(4175))
    for wrong in ("", "-", "1", "1-", "-1", "1-2-3", "#-#", "1:99-2:00", "1e3-2e3"):
        with pytest.raises(SpanInvalid):
            parse_keep(wrong)


def test_passwd(plexcut: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from argon2 import PasswordHasher

    file = home / "my.toml"
    file.write_text("[server]\nport = 5300\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("a good password\n"))
    assert plexcut("passwd", "--config", str(file)).code == 0
    import tomllib

    server = tomllib.loads(file.read_text())["server"]
    assert server["port"] == 5300
    assert PasswordHasher().verify(server["password"], "a good password")
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert plexcut("passwd", "--config", str(file)).code == 2


def test_doctor(plexcut: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = plexcut("doctor", "--json")
    assert fine.code == 0
    assert {row["what"] for row in fine.json["checks"]} >= {"config", "host", "queue", "codec", "disk"}
    (home / "config.toml").write_text(
        '[queue]\nurl = "redis://:geheim@127.0.0.1:1"\n'
        f'[[library]]\nid = "gone"\nkind = "folder"\npath = "{home}/gone"\n'
        f'[[library]]\nid = "here"\nkind = "folder"\npath = "{home}"\n'
        '[[library]]\nid = "plex"\nkind = "plex"\nurl = "http://127.0.0.1:1"\ntoken = "geheim"\n'
        f'[[library.path]]\nplex = "/share"\nhere = "{home}"\n'
    )
    bad = plexcut("doctor", "--json")
    assert bad.code == 7
    found = {(row["what"], row["name"]): row["ok"] for row in bad.json["checks"]}
    assert found["host", "gone"] is False
    assert found["host", "here"] is True
    assert found["host", "plex"] is False
    assert found["path", "plex: /share"] is True
    assert found["queue", ""] is False
    assert "geheim" not in bad.out + bad.err
    assert plexcut("doctor").code == 7
