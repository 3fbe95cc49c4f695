"""What a user would otherwise have: ffmpeg for pictures, `cp` for reading, PyAV for demuxing."""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image
from tests.media_factory.numbers import read_number

from bench.measure import BenchFailed, Cost, run
from bench.recordings import FIRST_PICTURE_S, Recording

PICTURE_WIDTH = 1024
STRIP_HEIGHT = 90


def number_in(picture: bytes) -> int | None:
    """The number that a picture file (JPEG, PNG, WebP) carries; None where it carries none."""
    return read_number(np.asarray(Image.open(io.BytesIO(picture)).convert("L")))


def number_in_frame(frame: av.VideoFrame) -> int | None:
    """The number that a decoded picture carries."""
    if not frame.format.name.startswith(("yuv", "nv12", "gray")) or frame.format.components[0].bits > 8:
        return read_number(frame.to_ndarray(format="gray"))
    # Its brightness as it is: converting it costs a third of what decoding does.
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height].reshape(-1, plane.line_size)
    return read_number(lines[:, : plane.width])


@dataclass(frozen=True)
class Ffmpeg:
    """The ffmpeg program, started anew for each picture."""

    program: str

    @classmethod
    def find(cls) -> Ffmpeg:
        """Raises BenchFailed where there is none."""
        program = shutil.which("ffmpeg")
        if program is None:
            raise BenchFailed("there is no ffmpeg to compare with: install it (apt-get install ffmpeg)")
        return cls(program)

    def version(self) -> str:
        return run([self.program, "-version"]).output.decode().split()[2]

    def picture(self, recording: Recording, frame: int, target: Path) -> Cost:
        """Write the picture of a frame, as wide as plexcut's, to a JPEG.

        It is asked for a millisecond before the frame's own clock, and not counted from the file's first audio packet:
        then ffmpeg, which shows the first frame at or after that time, has every chance to find it.
        """
        return self._write(recording, frame, target, f"scale={PICTURE_WIDTH}:-2")

    def thumbnail(self, recording: Recording, frame: int, target: Path) -> Cost:
        """The same, as small as a picture of the filmstrip."""
        return self._write(recording, frame, target, f"scale=-2:{STRIP_HEIGHT}")

    def _write(self, recording: Recording, frame: int, target: Path, scale: str) -> Cost:
        at = f"{float(recording.time_of(frame)) + FIRST_PICTURE_S - 0.001:.6f}"
        seek: list[str | Path] = ["-seek_timestamp", "1", "-ss", at, "-i", recording.path]
        return run([self.program, "-v", "error", *seek, "-frames:v", "1", "-vf", scale, "-q:v", "3", "-y", target])


def read_with_cp(path: Path) -> Cost:
    """Read a file as `cp` does."""
    return run(["cp", path, "/dev/null"])


def demux_with_pyav(path: Path) -> Cost:
    """Take all packets of a file out with PyAV, which loses none and decodes nothing; starting Python not counted."""
    code = (
        "import av, os, sys, time\n"
        "begin, cpu = time.perf_counter(), sum(os.times()[:2])\n"
        "with av.open(sys.argv[1]) as container:\n"
        "    count = sum(1 for packet in container.demux())\n"
        "print(time.perf_counter() - begin, sum(os.times()[:2]) - cpu, count)\n"
    )
    cost = run([sys.executable, "-c", code, path])
    seconds, cpu_s, _ = map(float, cost.output.split()[-3:])
    return Cost(seconds, cpu_s, cost.peak_mib)
