"""The memory that an index takes while it is made and when it is there, for a recording of twelve hours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.media.long_recordings import Clip, small_clip, write_repeated

_CLIP_FRAMES = 480
_FRAMES = 12 * 3600 * 50
_MIB = 1 << 20

# A frame of this recording takes 430 bytes, 50 times less than usual: chunks are as much smaller.
_INDEX = """
import sys
from pathlib import Path
from plexcut.media.engine import Engine
from plexcut.media.index import transport_stream

blocks = transport_stream.coded_blocks
transport_stream.coded_blocks = lambda *args: blocks(*args, chunk_bytes=1 << 18)
engine = Engine(Path(sys.argv[2]))
index = engine.index(Path(sys.argv[1]))
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(index.frames, index.discontinuities, *(int(status[name].split()[0]) << 10 for name in ("VmHWM", "VmRSS")))
"""


def _indexed(path: Path, cache: Path) -> tuple[int, int, int]:
    """Frames, and bytes of memory of a process of its own: most, and at the end."""
    done = subprocess.run(
        [sys.executable, "-c", _INDEX, str(path), str(cache)], capture_output=True, text=True, check=True, timeout=300
    )
    frames, breaks, most, left = map(int, done.stdout.split())
    assert breaks == 0
    return frames, most, left


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
def test_twelve_hours_take_less_than_200_mib(tmp_path: Path) -> None:
    path = tmp_path / "recording.ts"
    write_repeated(path, Clip(small_clip(_CLIP_FRAMES)), _CLIP_FRAMES * 1800, _FRAMES // _CLIP_FRAMES)
    try:
        frames, most, left = _indexed(path, tmp_path / "cache")
    finally:
        path.unlink()
    assert frames == _FRAMES
    assert most < 200 * _MIB
    # Once it is kept on disk its memory is the system's: what is left is the engine's own.
    assert left < 110 * _MIB
