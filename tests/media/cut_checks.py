"""Cutting a test clip and holding the result against what the clip's pictures say, with decoders that are not ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from tests.media_factory import Clip, decode_numbers, read_number

from plexcut.domain.containers import Container, suffix_for
from plexcut.domain.media import CutMode, CutRequest, CutResult
from plexcut.domain.spans import KeepList, Span
from plexcut.media.engine import Engine

Spans = Sequence[tuple[int, int]]

MATROSKA_TICK_S = Fraction(1, 1000)
CLOCK_TICK_S = Fraction(1, 90_000)
"""Fields of 59.94 Hz do not fall on whole ticks of it."""


def keep_of(spans: Spans) -> KeepList:
    """A keep list of frame numbers, in any order."""
    return KeepList.of(Span(start, end) for start, end in spans)


@dataclass(frozen=True)
class Cut:
    """A cut that was made; `spans` are those that were really kept, in order."""

    clip: Clip
    path: Path
    spans: tuple[tuple[int, int], ...]
    result: CutResult

    @property
    def keep(self) -> KeepList:
        """The spans as a keep list."""
        return keep_of(self.spans)

    @property
    def frames(self) -> list[int]:
        """Positions of the kept frames among the frames of the source."""
        return [n for start, end in self.spans for n in range(start, end)]


def quiet(phase: str, fraction: float) -> None:
    """A progress that nobody looks at."""


def never() -> bool:
    """Nobody cancels."""
    return False


def make_cut(
    engine: Engine,
    clip: Clip,
    folder: Path,
    spans: Spans,
    mode: CutMode = "exact",
    *,
    container: Container | None = None,
) -> Cut:
    """Cut a clip into `folder`; the source stays as it is and nothing else is left in the folder."""
    target = folder / f"{clip.spec.name} cut{suffix_for(clip.path, container)}"
    target.unlink(missing_ok=True)
    before = _hash(clip.path), clip.path.stat()
    plan = engine.plan(clip.path, keep_of(spans), mode)
    result = engine.cut(CutRequest(clip.path, target, keep_of(spans), mode, container=container), quiet, never)
    after = _hash(clip.path), clip.path.stat()
    assert before[0] == after[0]
    assert (before[1].st_mtime_ns, before[1].st_ino) == (after[1].st_mtime_ns, after[1].st_ino)
    assert [entry.name for entry in folder.iterdir()] == [target.name]
    assert Path(result.path) == target
    assert result.verified is True
    assert all(check.ok for check in result.checks)
    assert result.bytes == target.stat().st_size
    assert result.frames == result.frames_copied + result.frames_reencoded == sum(b - a for a, b in plan.keep)
    assert len(result.seams) == len(plan.keep) - 1
    return Cut(clip, target, plan.keep, result)


def check_pictures(cut: Cut) -> None:
    """The kept frames, each once, in order, at its time, for PyAV and for the installed ffmpeg."""
    numbers = cut.clip.numbers
    expected = [numbers[n] for n in cut.frames]
    pictures = decode_numbers(cut.path)
    assert [picture.number for picture in pictures] == expected
    found = [picture.time_s for picture in pictures]
    assert None not in found
    times = [time - found[0] for time in found if time is not None and found[0] is not None]
    wanted = expected_times(cut.clip, cut.spans)
    tick_s = MATROSKA_TICK_S if cut.path.suffix in (".mkv", ".webm") else CLOCK_TICK_S
    tolerance_s = (
        (1 + len(cut.spans)) * tick_s if cut.clip.spec.pulldown else tick_s if tick_s == MATROSKA_TICK_S else 0
    )
    assert all(abs(a - b) <= tolerance_s for a, b in zip(times, wanted, strict=True))
    check_with_ffmpeg(cut, expected, sound=len(expected) >= 10)


def check_with_ffmpeg(cut: Cut, expected: list[int], *, sound: bool) -> None:
    """The same frames in the installed ffmpeg program, without a word of complaint.

    `sound`: decode it too. Where the result is shorter than a few audio frames ffmpeg may find a track without any.
    """
    seen = decode_with_ffmpeg(cut.path, sound=sound)
    if seen is not None:
        assert seen[0] == expected
        assert seen[1] == ""


def expected_times(clip: Clip, spans: Spans) -> list[Fraction]:
    """When each kept frame is to be shown, in seconds from the first."""
    times = [clip.spec.time_s(number) for number in clip.numbers]
    times.append(clip.spec.time_s(clip.numbers[-1] + 1))
    shown: list[Fraction] = []
    base = Fraction(0)
    for start, end in spans:
        shown += [base + times[n] - times[start] for n in range(start, end)]
        base += times[end] - times[start]
    return shown


def decode_with_ffmpeg(path: Path, *, sound: bool = True) -> tuple[list[int | None], str] | None:
    """The numbers that the installed ffmpeg program decodes and its complaints, sound included; None without it."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    with av.open(str(path)) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
        sound = sound and bool(container.streams.audio)
    command = [
        program,
        "-nostdin",
        "-v",
        "error",
        "-xerror",
        "-noautorotate",
        "-threads",
        "1",
        "-i",
        str(path),
        "-map",
        "0:v:0",
    ]
    # By the stream's own clock: a guessed frame rate is not fine enough for pulldown.
    command += ["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    if sound:
        command += ["-map", "0:a", "-f", "null", "-"]
    done = subprocess.run(command, check=False, capture_output=True)
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)
    return [read_number(picture) for picture in pictures], done.stderr.decode()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
