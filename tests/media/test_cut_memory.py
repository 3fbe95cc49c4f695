"""The memory that a cut takes, and how much more for each hour: of 50 frames a second and a track of sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.media.long_recordings import Clip, small_clip, write_repeated

_CLIP_FRAMES = 480
_HOUR_FRAMES = 3600 * 50
_MIB = 1 << 20
_HOURS = (1, 4)
_MOST_MIB_PER_HOUR = 50

# A frame of this recording takes 430 bytes, 50 times less than usual: chunks are as much smaller.
_CUT = """
import sys
from pathlib import Path
from plexcut.domain.media import CutRequest
from plexcut.domain.spans import KeepList, Span
from plexcut.media.cutting import looking, splice_ts
from plexcut.media.engine import Engine

splice_ts.CHUNK_BYTES, looking._CHUNK_BYTES = 1 << 17, 1 << 18
path, cache, frames = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if sys.argv[4] == "index":
    Engine(cache).index(path)
    sys.exit()
keep = KeepList.of((Span(7, frames * 4 // 9), Span(frames // 2 + 5, frames - 11)))
cut = Engine(cache).cut(CutRequest(path, path.with_name("cut.ts"), keep), lambda _phase, _fraction: None, lambda: False)
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(int(cut.verified), cut.frames, int(status["VmHWM"].split()[0]) << 10)
"""


def _most_bytes(folder: Path, clip: Clip, hours: int) -> int:
    """Of a process that cuts a recording whose index is there."""
    path, cut = folder / "recording.ts", folder / "cut.ts"
    copies = hours * _HOUR_FRAMES // _CLIP_FRAMES
    write_repeated(path, clip, _CLIP_FRAMES * 1800, copies)
    try:
        for what in ("index", "cut"):
            order = [str(path), str(folder / "cache"), str(copies * _CLIP_FRAMES), what]
            done = subprocess.run(
                [sys.executable, "-c", _CUT, *order], capture_output=True, text=True, check=True, timeout=300
            )
    finally:
        path.unlink(missing_ok=True)
        cut.unlink(missing_ok=True)
    verified, frames, most = map(int, done.stdout.split())
    assert verified
    assert frames > hours * _HOUR_FRAMES * 9 // 10
    return most


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
def test_each_hour_takes_little_more(tmp_path: Path) -> None:
    clip = Clip(small_clip(_CLIP_FRAMES))
    short, long = (_most_bytes(tmp_path, clip, hours) for hours in _HOURS)
    per_hour = (long - short) / (_HOURS[1] - _HOURS[0])
    assert per_hour < _MOST_MIB_PER_HOUR * _MIB, f"{per_hour / _MIB:.0f} MiB an hour, {short >> 20} for the first"
