"""The demo library: what it holds, that its recordings are what they claim, and that making it survives anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from plexcut.demo import demo_is_complete, library, make_demo_library, recordings
from plexcut.demo.pictures import PictureMaker
from plexcut.demo.plan import H264_50P, HEVC_25P, MPEG2_576I, DemoRecording, Part, posters
from plexcut.demo.recorder import write_recording
from plexcut.errors import CannotWrite, DiskFull

SHORT_PARTS = (Part("programme", 1600), Part("black", 600), Part("advert", 1200), Part("black", 320))


def short_recording(**changes: Any) -> DemoRecording:
    recording = DemoRecording("Movies/Tiny (2020)/Tiny (2020).ts", ("Tiny", "2020"), "sea", 0.5, H264_50P, SHORT_PARTS)
    return replace(recording, **changes)


@pytest.fixture
def three_short_ones(monkeypatch: pytest.MonkeyPatch) -> tuple[DemoRecording, ...]:
    """Makes the demo library a small one: three recordings of less than four seconds, one poster."""
    made = tuple(
        short_recording(path=f"Movies/{name}/{name}.ts", lines=(name, "2020"), format=coded)
        for name, coded in (("One (2020)", H264_50P), ("Two (2020)", MPEG2_576I), ("Three (2020)", HEVC_25P))
    )
    monkeypatch.setattr(library, "recordings", lambda: made)
    monkeypatch.setattr(library, "posters", lambda: posters()[:1])
    return made


def ignore_progress(share: float, what: str) -> None:
    assert 0 <= share <= 1
    assert isinstance(what, str)


def test_the_plan_is_a_library_that_plex_would_understand() -> None:
    episode = re.compile(r"Shows/([^/]+)/Season (\d\d)/\1 - s\2e\d\d - [^/]+\.ts")
    movie = re.compile(r"Movies/([^/]+ \(\d{4}\))/\1\.ts")
    paths = [recording.path for recording in recordings()]
    assert len(set(paths)) == len(paths)
    assert sum(1 for path in paths if movie.fullmatch(path)) == 2
    seasons = [match.group(1, 2) for path in paths if (match := episode.fullmatch(path))]
    assert len(seasons) == 8
    assert {season: seasons.count(season) for season in seasons} == dict.fromkeys(seasons, 2)
    assert {poster.path.rsplit("/", 1)[1] for poster in posters()} == {"poster.jpg"}


def test_the_plan_has_every_format_and_a_recording_without_adverts() -> None:
    made = recordings()
    assert {recording.format for recording in made} == {H264_50P, MPEG2_576I, HEVC_25P}
    assert all(60_000 <= recording.duration_ms <= 180_000 for recording in made)
    assert any(recording.breaks_ms for recording in made)
    assert any(not recording.breaks_ms for recording in made)
    for recording in made:
        for part in recording.parts:
            assert part.duration_ms * recording.format.fps % 1000 == 0, "parts end on whole frames"
            assert part.kind != "advert" or 4_000 <= part.duration_ms <= 10_000


def test_breaks_are_what_is_not_programme() -> None:
    assert short_recording().breaks_ms == ((1600, 3720),)
    assert short_recording().frames == 186


@pytest.mark.parametrize("coded", [H264_50P, MPEG2_576I, HEVC_25P], ids=lambda coded: coded.codec)
def test_a_recording_is_what_it_claims(tmp_path: Path, coded: Any) -> None:
    recording = short_recording(format=coded)
    seconds: list[None] = []
    write_recording(recording, tmp_path / "a.ts", lambda: seconds.append(None))
    assert len(seconds) == 4
    with av.open(str(tmp_path / "a.ts")) as container:
        assert "mpegts" in container.format.name
        assert [(track.codec_context.name, track.language) for track in container.streams.audio] == [*coded.audio]
        frames = list(container.decode(video=0))
    assert len(frames) == recording.frames
    assert all(frame.interlaced_frame == coded.interlaced for frame in frames)
    times = [frame.pts * Fraction(frame.time_base or 0) for frame in frames if frame.pts is not None]
    assert {b - a for a, b in pairwise(times)} == {Fraction(1, coded.fps)}
    kinds = "".join("b" if _is_black(frame) else "." for frame in frames)
    expected = "".join(
        ("b" if part.kind == "black" else ".") * (part.duration_ms * coded.fps // 1000) for part in recording.parts
    )
    assert kinds == expected


def test_black_is_silent_and_adverts_are_loud(tmp_path: Path) -> None:
    write_recording(short_recording(), tmp_path / "a.ts", lambda: None)
    for track in range(2):
        with av.open(str(tmp_path / "a.ts")) as container:
            sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=track)])

        def level(begin_s: float, end_s: float, sound: Any = sound) -> float:
            return float(np.abs(sound[round(begin_s * 48_000) : round(end_s * 48_000)]).mean())

        assert level(1.7, 2.1) < 0.001
        assert level(2.3, 3.3) > 1.5 * level(0.1, 1.5) > 0.01


def test_logo_and_counter_are_in_the_programme_alone() -> None:
    maker = PictureMaker(short_recording())
    first = maker.frame(10).y.copy()
    later = maker.frame(70).y.copy()
    height, width = first.shape
    counter = (slice(height * 5 // 6, height * 23 // 24), slice(width // 20, width * 9 // 20))
    assert (first[counter] > 200).sum() > 200
    assert (first[counter] != later[counter]).any()
    logo = (slice(height // 14, height // 6), slice(width * 3 // 4, width * 19 // 20))
    assert (np.abs(first[logo].astype(int) - later[logo]) < 12).mean() > 0.7
    advert = maker.frame(130).y
    assert abs(float(advert[counter].mean()) - float(first[counter].mean())) > 20


@pytest.mark.usefixtures("three_short_ones")
def test_making_it_twice_makes_it_once(tmp_path: Path, three_short_ones: tuple[DemoRecording, ...]) -> None:
    target = tmp_path / "demo"
    assert not demo_is_complete(target)
    shares: list[float] = []
    make_demo_library(target, lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert demo_is_complete(target)
    stamps = {path: path.stat().st_mtime_ns for path in _files(target)}
    assert {str(path.relative_to(target)) for path in stamps} == {
        *(recording.path for recording in three_short_ones),
        posters()[0].path,
        ".plexcut-demo",
    }
    make_demo_library(target, ignore_progress)
    assert {path: path.stat().st_mtime_ns for path in _files(target)} == stamps


@pytest.mark.usefixtures("three_short_ones")
def test_an_interrupted_one_is_finished_later(tmp_path: Path) -> None:
    def interrupt(share: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo_library(tmp_path, interrupt)
    assert not [path for path in _files(tmp_path) if path.suffix == ".part"]
    made = {path: path.stat().st_mtime_ns for path in _files(tmp_path) if path.suffix == ".ts"}
    assert len(made) < 3
    make_demo_library(tmp_path, ignore_progress)
    assert demo_is_complete(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_what_a_killed_one_left_behind_goes_and_what_was_lost_comes_back(
    tmp_path: Path, three_short_ones: tuple[DemoRecording, ...]
) -> None:
    make_demo_library(tmp_path, ignore_progress)
    lost, changed, kept = (tmp_path / recording.path for recording in three_short_ones)
    lost.unlink()
    changed.write_bytes(b"cut by the user")
    leftover = kept.with_name(f".{kept.name}.part")
    leftover.write_bytes(b"half")
    make_demo_library(tmp_path, ignore_progress)
    assert lost.stat().st_size > 10_000
    assert changed.read_bytes() == b"cut by the user"
    assert not leftover.exists()


def test_a_newer_version_makes_it_anew(
    tmp_path: Path, three_short_ones: tuple[DemoRecording, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_demo_library(tmp_path, ignore_progress)
    path = tmp_path / three_short_ones[0].path
    path.write_bytes(b"old")
    monkeypatch.setattr(library, "DEMO_VERSION", 1_000)
    assert not demo_is_complete(tmp_path)
    make_demo_library(tmp_path, ignore_progress)
    assert path.stat().st_size > 10_000


@pytest.mark.usefixtures("three_short_ones")
def test_a_folder_that_cannot_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotWrite, match="demo library"):
        make_demo_library(tmp_path / "file", ignore_progress)


@pytest.mark.usefixtures("three_short_ones")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_to_full_disk(recording: DemoRecording, path: Path, on_second: Any) -> None:
        write_recording(recording, Path("/dev/full"), on_second)

    monkeypatch.setattr("plexcut.demo.recorder.write_recording", write_to_full_disk)
    with pytest.raises(DiskFull):
        make_demo_library(tmp_path, ignore_progress)
    assert not [path for path in _files(tmp_path) if path.suffix in {".part", ".ts"}]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _is_black(frame: av.VideoFrame) -> bool:
    return float(frame.reformat(format="gray").to_ndarray().mean()) < 8
