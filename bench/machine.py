"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import av

from bench.peers import Ffmpeg


def machine() -> str:
    """Cores, processor, versions."""
    cores = len(os.sched_getaffinity(0))
    told = Path("/proc/cpuinfo").read_text().splitlines()
    vendor = next((line for line in told if line.startswith("model name")), "")
    versions = f"Python {platform.python_version()}, PyAV {av.__version__}, ffmpeg {Ffmpeg.find().version()}"
    return f"{cores} cores ({vendor.partition(':')[2].strip()}), {versions}"
