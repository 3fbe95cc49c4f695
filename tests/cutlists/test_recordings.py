"""Cut lists of recordings: found beside them, read, written, and cut by."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plexcut import bootstrap
from plexcut.cli.app import run
from plexcut.config import Choices, load
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import FormatUnsupported, SpanInvalid
from plexcut.plexdata import Plexdata
from plexcut.plexdata.model import KeepOrder
from tests.media_factory import CLIPS, ClipCache


@pytest.fixture
def film(tmp_path: Path, clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEXCUT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    target = tmp_path / "films" / "Film (2020)" / "Film (2020).ts"
    target.parent.mkdir(parents=True)
    monkeypatch.chdir(target.parent)
    shutil.copy(clip_cache.get(CLIPS["h264_open_gop_50p"]).path, target)
    return target


@pytest.fixture
def plexdata(film: Path, tmp_path: Path) -> Any:
    settings = load(Choices(library_dirs=(film.parents[1],)), {"PLEXCUT_DATA_DIR": str(tmp_path / "data")})
    made = bootstrap.build(settings, "redis://127.0.0.1:1/0")
    made.start()
    assert made.wait_ready(20)
    yield made
    made.close()


def recording_of(plexdata: Plexdata) -> str:
    movie = plexdata.selection().movie
    assert movie is not None
    assert movie.recording is not None
    return movie.recording


def test_what_lies_beside_is_picked_up_until_something_is_saved(film: Path, plexdata: Plexdata) -> None:
    recording = recording_of(plexdata)
    assert plexdata.keep(recording).keep_frames == ()
    film.with_suffix(".txt").write_text("notes about the film\n1 2\n")
    film.with_suffix(".edl").write_text("0\t0.5\t3\n1.00\t1.5\t3\n")
    found = plexdata.keep(recording)
    total = plexdata.recording(recording).facts
    assert total is not None
    assert found.keep_frames == ((25, 50), (75, total.frames))
    assert found.revision == 0
    assert found.imported is not None
    assert plexdata.keep_history(recording).saved == replace(found, keep_s=(), keep_frames=())
    assert (found.imported.format, found.imported.name) == ("edl", "Film (2020).edl")
    # What a person made goes before what a program found.
    film.with_name("Film (2020)-proj.llc").write_text("{version: 1, cutSegments: [{start: 0.2, end: 1, name: 'A'}]}")
    better = plexdata.keep(recording)
    assert better.keep_frames == ((10, 50),)
    assert better.imported is not None
    assert better.imported.labels == ("A",)
    saved = plexdata.save_keep(KeepOrder(recording, [(FrameNumber(3), FrameNumber(9))], 0))
    assert (saved.keep_frames, saved.imported) == (((3, 9),), None)
    assert plexdata.keep(recording).imported is None


def test_damaged_lists_beside_a_recording_hurt_nobody(film: Path, plexdata: Plexdata) -> None:
    recording = recording_of(plexdata)
    film.with_suffix(".edl").write_text("900 950 3\n")
    film.with_suffix(".llc").write_bytes(b"{cutSegments: [[[[")
    film.with_name(film.name + ".cuts").write_bytes(b"\x00" * 12)
    assert plexdata.keep(recording).imported is None


def test_read_and_written(film: Path, plexdata: Plexdata) -> None:
    recording = recording_of(plexdata)
    with pytest.raises(SpanInvalid):
        plexdata.write_cut_list(recording, "edl")
    with pytest.raises(FormatUnsupported):
        plexdata.read_cut_list(recording, b"hello")
    spans = [(FrameNumber(31), FrameNumber(77)), (FrameNumber(90), FrameNumber(101))]
    for fmt in ("edl", "comskip", "vdr", "enigma2", "ffmetadata", "ogm", "llc", "csv"):
        made = plexdata.write_cut_list(recording, fmt, spans)  # type: ignore[arg-type]
        assert plexdata.read_cut_list(recording, made.data).keep_frames == ((31, 77), (90, 101)), fmt


def test_the_command_line(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cutlist", film.name, "--keep", "#31-#77", "--keep", "#90-#101", "-o", "out.llc", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["keep_frames"] == [[31, 77], [90, 101]]
    assert answer["format"] == "llc"
    assert Path(answer["path"]).is_file()
    assert run(["cut", film.name, "--list", "out.llc", "-o", "cut.ts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["frames"] == 57
    assert run(["verify", film.name, "cut.ts", "--list", "out.llc", "--json"]) == 0
    assert run(["plan", film.name, "--list", "out.llc", "--json"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["cutlist", "{film}"], 2),
        (["plan", "{film}", "--keep", "1-2", "--list", "x.edl"], 2),
        (["plan", "{film}", "--list", "missing.edl"], 3),
        (["plan", "{film}", "--list", "{film}"], 4),
        (["cutlist", "{film}", "--keep", "1-2", "-o", "here.edl"], 6),
        (["cutlist", "{film}", "--keep", "1-2", "-o", "x.edl", "--format", "doc"], 2),
        (["cutlist", "{film}", "--keep", "1-2", "-o", "nowhere/x.edl"], 6),
    ],
)
def test_what_is_refused(film: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> None:
    Path("here.edl").write_text("kept")
    assert run([one.format(film=film.name) for one in arguments]) == code
    said = capsys.readouterr().err
    assert said.startswith("plexcut: ")
    assert said.count("\n") == 1
    assert Path("here.edl").read_text() == "kept"
