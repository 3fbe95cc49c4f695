"""Cuts that cannot be done, or are stopped: the right error, the source as it was, nothing left behind."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.media.cut_checks import check_pictures, keep_of, make_cut, never, quiet
from tests.media_factory import CLIPS, Clip, ClipCache, decode_numbers
from tests.media_factory.transport import VIDEO_PID

from plexcut.domain.media import CutRequest, CutResult
from plexcut.domain.spans import Span
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import (
    Cancelled,
    CannotWrite,
    DiskFull,
    FileUnreadable,
    FormatUnsupported,
    PlexcutError,
    RecordingChanged,
    SpanInvalid,
    TargetExists,
    VerificationFailed,
)
from plexcut.media.cutting import cut as cutting
from plexcut.media.cutting.splice_ts import TransportSplice
from plexcut.media.engine import Engine

_SPANS = [(5, 31), (50, 75)]


@pytest.fixture
def recording(clip_cache: ClipCache, tmp_path: Path) -> Iterator[Path]:
    """A recording of its own, in a folder where nothing may change."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    path = folder / "clip.ts"
    shutil.copyfile(clip_cache.get(CLIPS["h264_two_audio"]).path, path)
    before = path.read_bytes()
    yield path
    assert path.read_bytes() == before
    assert [entry.name for entry in folder.iterdir() if entry.name != "link.ts"] == ["clip.ts"]


def _cut(path: Path, target: Path, **more: object) -> CutResult:
    return Engine(None).cut(CutRequest(path, target, keep_of(_SPANS), **more), quiet, never)  # type: ignore[arg-type]


def _one_line(error: PlexcutError) -> None:
    assert error.message
    assert len(error.line.splitlines()) == 1


def _refused(kind: type[PlexcutError], path: Path, target: Path, **more: object) -> None:
    with pytest.raises(PlexcutError) as caught:
        _cut(path, target, **more)
    assert type(caught.value) is kind
    _one_line(caught.value)


# ----------------------------------------------------------------------------------------------------------- targets


def test_a_target_that_exists_stays(recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ts"
    target.write_text("precious")
    _refused(TargetExists, recording, target)
    assert target.read_text() == "precious"
    assert _cut(recording, target, overwrite=True).verified
    assert target.stat().st_size > 10_000


def test_a_dangling_link_as_target_stays(recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ts"
    target.symlink_to(tmp_path / "nowhere.ts")
    _refused(TargetExists, recording, target)
    assert target.is_symlink()
    assert not (tmp_path / "nowhere.ts").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_recording_is_never_its_own_target(recording: Path, tmp_path: Path, overwrite: bool) -> None:
    hard, soft = recording.with_name("link.ts"), tmp_path / "soft.ts"
    hard.hardlink_to(recording)
    soft.symlink_to(recording)
    detour = recording.parent / ".." / "recordings" / "clip.ts"
    for target in (recording, hard, soft, detour):
        _refused(TargetExists, recording, target, overwrite=overwrite)
    _refused(TargetExists, soft, recording, overwrite=overwrite)
    assert soft.is_symlink()
    assert hard.samefile(recording)


def test_a_target_that_appears_meanwhile_stays(recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ts"

    def put_there(phase: str, fraction: float) -> None:
        if phase == "verify" and not target.exists():
            target.write_text("precious")

    with pytest.raises(TargetExists):
        Engine(None).cut(CutRequest(recording, target, keep_of(_SPANS)), put_there, never)
    assert target.read_text() == "precious"
    assert {entry.name for entry in tmp_path.iterdir()} == {"recordings", "out.ts"}


def test_places_that_cannot_be_written(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.ts").mkdir()
    for target in (
        tmp_path / "missing" / "out.ts",
        tmp_path / "file" / "out.ts",
        tmp_path / "folder.ts",
        tmp_path / ("x" * 300 + ".ts"),
    ):
        _refused(CannotWrite, recording, target)
    assert {entry.name for entry in tmp_path.iterdir()} == {"recordings", "file", "folder.ts"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission(recording: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    _refused(CannotWrite, recording, folder / "out.ts")
    folder.chmod(0o700)
    assert list(folder.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 KiB; the results take 60 and more."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can mount")
@pytest.mark.parametrize("foreseen", [True, False])
@pytest.mark.parametrize("name", ["h264_two_audio", "mp4_h264_open_gop", "mkv_h264"])
def test_a_full_disk(
    clip_cache: ClipCache, small_disk: Path, monkeypatch: pytest.MonkeyPatch, foreseen: bool, name: str
) -> None:
    clip = clip_cache.get(CLIPS[name])
    if not foreseen:
        monkeypatch.setattr(cutting, "_check_space", lambda *_: None)
    target = small_disk / f"out{clip.spec.suffix}"
    with pytest.raises(PlexcutError) as caught:
        Engine(None).cut(CutRequest(clip.path, target, keep_of([(0, len(clip.numbers))])), quiet, never)
    assert type(caught.value) is DiskFull
    _one_line(caught.value)
    assert list(small_disk.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can mount")
def test_a_read_only_disk(recording: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_check_space", lambda *_: None)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    _refused(CannotWrite, recording, small_disk / "out.ts")


def test_the_temporary_file_goes_where_it_is_told_to(recording: Path, tmp_path: Path) -> None:
    wanted = tmp_path / ".plexcut" / "tmp"
    seen: set[str] = set()

    def look(phase: str, fraction: float) -> None:
        seen.update(entry.name for entry in wanted.iterdir()) if wanted.is_dir() else None
        assert not (tmp_path / "out.ts").exists() or phase == "move"

    request = CutRequest(recording, tmp_path / "out.ts", keep_of(_SPANS), temp_dir=wanted)
    assert Engine(None).cut(request, look, never).verified
    assert len(seen) == 1
    assert {entry.name for entry in tmp_path.iterdir()} == {"recordings", "out.ts"}


def test_the_result_has_the_permissions_of_the_recording(recording: Path, tmp_path: Path) -> None:
    recording.chmod(0o640)
    _cut(recording, tmp_path / "out.ts")
    assert stat.S_IMODE((tmp_path / "out.ts").stat().st_mode) == 0o640


# ------------------------------------------------------------------------------------------------------- cancelling


@pytest.mark.parametrize("name", ["h264_two_audio", "mp4_h264_open_gop", "mpeg2_interlaced_wrap"])
def test_cancelling_at_any_moment_leaves_nothing(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    request = CutRequest(clip.path, tmp_path / f"out{clip.spec.suffix}", keep_of(_SPANS))
    engine = Engine(None)
    asked = 0

    def count() -> bool:
        nonlocal asked
        asked += 1
        return False

    engine.probe(clip.path)
    assert engine.cut(request, quiet, count).verified
    (tmp_path / request.target.name).unlink()
    total = asked
    assert total >= 6
    for moment in sorted({*range(4), *range(4, total, max(1, total // 8)), total - 1}):
        left = moment

        def stop() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        try:
            engine.cut(request, quiet, stop)
        except Cancelled:
            pass
        else:
            # How often it is asked depends on how busy the machine is.
            assert left >= 0
            request.target.unlink()
        assert list(tmp_path.iterdir()) == []


def test_progress_rises_through_its_phases(clip_cache: ClipCache, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    request = CutRequest(clip.path, tmp_path / "out.ts", keep_of(_SPANS))
    Engine(None).cut(request, lambda phase, fraction: told.append((phase, fraction)), never)
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], told[-1]) == (0.0, ("move", 1.0))
    assert list(dict.fromkeys(phase for phase, _ in told)) == ["index", "encode", "write", "verify", "move"]


# --------------------------------------------------------------------------------------------------------- identity


def test_another_file_than_was_looked_at(recording: Path, clip_cache: ClipCache, tmp_path: Path) -> None:
    engine = Engine(None)
    other = engine.fingerprint(clip_cache.get(CLIPS["h264_open_gop_50p"]).path)
    _refused(RecordingChanged, recording, tmp_path / "out.ts", fingerprint=other)
    assert not (tmp_path / "out.ts").exists()
    assert _cut(recording, tmp_path / "out.ts", fingerprint=engine.fingerprint(recording)).verified


@pytest.mark.parametrize("phase", ["encode", "write", "verify"])
@pytest.mark.parametrize("change", ["grown", "replaced", "gone"])
def test_a_source_that_changes_during_the_cut(clip_cache: ClipCache, tmp_path: Path, phase: str, change: str) -> None:
    path = tmp_path / "clip.ts"
    data = clip_cache.get(CLIPS["h264_two_audio"]).path.read_bytes()
    path.write_bytes(data)
    changed = False

    def meddle(now: str, fraction: float) -> None:
        nonlocal changed
        if now != phase or changed:
            return
        changed = True
        if change == "grown":
            with path.open("ab") as file:
                file.write(data[:18800])
        elif change == "replaced":
            other = tmp_path / "other"
            other.write_bytes(bytes(reversed(data)))
            other.replace(path)
        else:
            path.unlink()

    with pytest.raises((RecordingChanged, FileUnreadable)) as caught:
        Engine(None).cut(CutRequest(path, tmp_path / "out.ts", keep_of(_SPANS)), meddle, never)
    _one_line(caught.value)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"clip.ts"}


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    _refused(FileUnreadable, tmp_path / "none.ts", tmp_path / "out.ts")
    _refused(FileUnreadable, tmp_path, tmp_path / "out.ts")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------- spans and formats


def test_spans_that_cannot_be(recording: Path, tmp_path: Path) -> None:
    engine = Engine(None)
    for spans in ([], [(0, 151)], [(3, 9), (149, 151)], [(150, 160)], [(10**9, 10**9 + 1)]):
        with pytest.raises(SpanInvalid) as caught:
            engine.cut(CutRequest(recording, tmp_path / "out.ts", keep_of(spans)), quiet, never)
        _one_line(caught.value)
    for start, end in ((9, 9), (9, 3), (-1, 4)):
        with pytest.raises(SpanInvalid):
            Span(start, end)
        with pytest.raises(PlexcutError):
            engine.resolve_keep(recording, [(FrameNumber(start), FrameNumber(end))])
    assert {entry.name for entry in tmp_path.iterdir()} == {"recordings"}


def test_a_codec_that_cannot_be_encoded_to_fit(clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["webm_vp8"])
    _refused(FormatUnsupported, clip.path, tmp_path / "out.webm")
    assert list(tmp_path.iterdir()) == []
    key = clip.keyframes[1]
    check_pictures(make_cut(Engine(None), clip, tmp_path, [(key, len(clip.numbers))]))


def test_what_is_no_recording(clip_cache: ClipCache, tmp_path: Path) -> None:
    for name in ("audio_only", "ts_scrambled"):
        _refused(FormatUnsupported, clip_cache.get(CLIPS[name]).path, tmp_path / "out.ts")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------- a proof that refuses


def test_a_wrong_result_never_appears(clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt spoils a picture in the middle of the file: the proof refuses each."""
    write = TransportSplice.write

    def spoiled(self: TransportSplice, out: BinaryIO) -> Iterator[float]:
        yield from write(self, out)
        size = out.tell()
        out.seek(0)
        data = out.read(size)
        video = [at for at in range(0, size, 188) if data[at + 1] & 0x1F == 1 and data[at + 2] == VIDEO_PID & 0xFF]
        out.seek(video[len(video) // 2] + 100)
        out.write(b"\x55" * 20)

    monkeypatch.setattr(TransportSplice, "write", spoiled)
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    with pytest.raises(VerificationFailed) as caught:
        Engine(None).cut(CutRequest(clip.path, tmp_path / "out.ts", keep_of([(0, 150)])), quiet, never)
    _one_line(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_names_of_any_kind(clip_cache: ClipCache, tmp_path: Path) -> None:
    clip: Clip = clip_cache.get(CLIPS["h264_two_audio"])
    for name in ("Ä ö 'quoted\" %d.ts", "-i.ts", "e\u0301\n.ts", "concat:x|y.ts", os.fsdecode(b"\xff\xfe.ts")):
        source = tmp_path / "in" / name
        source.parent.mkdir(exist_ok=True)
        shutil.copyfile(clip.path, source)
        target = tmp_path / name
        assert _cut(source, target).verified
        assert [picture.number for picture in decode_numbers(target)] == [*range(5, 31), *range(50, 75)]
