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
                time_s = _time_s(frame)
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
    """A whole audio track: mono samples, and the time in the file's own clock of each decoded audio frame.

    `frame_times`: (index of the audio frame's first sample, its time), rising in index. The samples follow each
    other without regard to gaps in the clock; `beeps` takes those into account.
    """

    samples: Any
    rate: int
    frame_times: tuple[tuple[int, Fraction], ...]

    @property
    def start_s(self) -> Fraction:
        """Time of the first sample."""
        return self.frame_times[0][1]

    def beeps(self) -> list[Beep]:
        """Whole beeps, with their starts in the file's own clock."""
        return [
            Beep(beep.track, beep.second, self._time_s(beep.onset_s * self.rate))
            for beep in read_beeps(self.samples, self.rate)
        ]

    def _time_s(self, sample: float) -> float:
        first, time_s = next((entry for entry in reversed(self.frame_times) if entry[0] <= sample), self.frame_times[0])
        return float(time_s) + (sample - first) / self.rate


def decode_sound(path: Path, track: int = 0) -> DecodedSound:
    """Decode one audio track to its end, leaving out what does not decode."""
    parts: list[Any] = []
    times: list[tuple[int, Fraction]] = []
    count = 0
    rate = 48_000
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.audio[track]):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                time_s = _time_s(frame)
                if time_s is not None:
                    times.append((count, time_s))
                rate = frame.sample_rate
                parts.append(_mono(frame))
                count += frame.samples
    assert times, f"{path} has no sound"
    return DecodedSound(np.concatenate(parts), rate, tuple(times))


def _time_s(frame: Any) -> Fraction | None:
    return None if frame.pts is None else Fraction(frame.pts * frame.time_base)


def _mono(frame: av.AudioFrame) -> Any:
    data: Any = frame.to_ndarray()
    if np.issubdtype(data.dtype, np.integer):
        data = data / float(np.iinfo(data.dtype).max)
    if not frame.format.is_planar:
        data = data.reshape(-1, len(frame.layout.channels)).T
    # Every channel carries the same sound, except a low-frequency one.
    return data[0].astype(np.float32)
