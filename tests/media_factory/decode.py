"""Read numbers and sounds back with a plain decoder that knows nothing of plexcut, as an independent check."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.media_factory.numbers import read_number
from tests.media_factory.tones import Beep, read_beeps


@dataclass(frozen=True)
class NumberedPicture:
    """A decoded picture: the number it carries (None: unreadable) and its time in the file's own clock."""

    number: int | None
    time_s: Fraction | None
    interlaced: bool = False


def decode_numbers(path: Path) -> list[NumberedPicture]:
    """Every picture of the first video stream that FFmpeg shows, in the order it shows them."""
    pictures: list[NumberedPicture] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                time_s = None if frame.pts is None else frame.pts * Fraction(frame.time_base)
                gray: Any = frame.reformat(format="gray").to_ndarray()
                pictures.append(NumberedPicture(read_number(gray), time_s, frame.interlaced_frame))
    return pictures


def decode_numbers_with_ffmpeg(path: Path) -> list[int | None] | None:
    """The numbers as the installed ffmpeg program decodes them; None where there is no such program."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    with av.open(str(path)) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
    command = [program, "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    pictures = np.frombuffer(raw, np.uint8).reshape(-1, height, width)
    return [read_number(picture) for picture in pictures]


@dataclass(frozen=True)
class DecodedSound:
    """A whole audio track: mono samples, and the time of the first one in the file's own clock.

    Gaps and overlaps between audio frames are not evened out: `beeps` counts samples.
    """

    samples: Any
    rate: int
    start_s: Fraction

    def beeps(self) -> list[Beep]:
        """Whole beeps, with their starts in the file's own clock."""
        return [
            Beep(beep.track, beep.second, float(self.start_s) + beep.onset_s)
            for beep in read_beeps(self.samples, self.rate)
        ]


def decode_sound(path: Path, track: int = 0) -> DecodedSound:
    """Decode one audio track to its end."""
    parts: list[Any] = []
    start_s: Fraction | None = None
    rate = 48_000
    with av.open(str(path)) as container:
        for frame in container.decode(audio=track):
            if start_s is None:
                assert frame.pts is not None
                start_s = frame.pts * Fraction(frame.time_base)
                rate = frame.sample_rate
            parts.append(_mono(frame))
    assert start_s is not None, f"{path} has no sound"
    return DecodedSound(np.concatenate(parts), rate, start_s)


def _mono(frame: av.AudioFrame) -> Any:
    data: Any = frame.to_ndarray()
    if np.issubdtype(data.dtype, np.integer):
        data = data / float(np.iinfo(data.dtype).max)
    if not frame.format.is_planar:
        data = data.reshape(-1, len(frame.layout.channels)).T
    # Every channel carries the same sound, except a low-frequency one.
    return data[0].astype(np.float32)
