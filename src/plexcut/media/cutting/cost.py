"""What there is to be done for a cut, counted before anything is done: the time that is left is told by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.observed import BODY_FRAMES
from plexcut.media.cutting.plan import Plan
from plexcut.media.cutting.runs import Run, find_runs
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.cutting.seam_frames import NEAR_FRAMES
from plexcut.media.cutting.seam_proof import PLAYED_ROWS
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]

_PLACES = 256
"""The bytes that are written are counted for so many pictures together."""
_LEADING = 4
"""Pictures behind a keyframe, and itself, that look at what is in front of it."""


@dataclass(frozen=True, slots=True)
class SeamWork:
    """A run of pictures that is encoded: how many are decoded for it, how many encoded; the result's picture `place` is
    the first that waits for it.
    """

    place: int
    decoded: int
    encoded: int


@dataclass(frozen=True, slots=True)
class CutWork:
    """All of a cut. `written[i]` are the bytes of copied pictures in front of the result's picture number
    `min(i * 256, pictures)`.

    `played`: pictures that are decoded, of source and result, to prove the seams. `at_once`: seams are encoded while
    others are written, not before. `codec` of the pictures, and how large they are.
    """

    seams: tuple[SeamWork, ...]
    pictures: int
    written: npt.NDArray[np.float64]
    played: int
    at_once: bool
    codec: str = "h264"
    megapixels: float = 1.0

    @classmethod
    def of(cls, index: MediaIndex, plan: Plan, schedule: Schedule, *, at_once: bool) -> Self:
        """Of a plan."""
        video, count = index.video, schedule.row.size
        starts = np.arange(0, count, _PLACES)
        each = np.add.reduceat(np.where(schedule.row >= 0, index.size[schedule.row], 0), starts, dtype=np.float64)
        return cls(
            seams=tuple(_seam(index, schedule, run) for run in find_runs(plan, schedule)),
            pictures=count,
            written=np.append(0.0, np.cumsum(each)),
            played=_played(index, plan, schedule),
            at_once=at_once,
            codec=video.codec,
            megapixels=max(video.width * video.height, 1) / 1e6,
        )

    @property
    def bytes(self) -> float:
        """Of all copied pictures."""
        return float(self.written[-1])

    def bytes_to(self, picture: float) -> float:
        """Of the copied pictures in front of one of the result."""
        marks = np.minimum(np.arange(self.written.size) * _PLACES, self.pictures)
        return float(np.interp(picture, marks, self.written))


def _seam(index: MediaIndex, schedule: Schedule, run: Run) -> SeamWork:
    places = [*run.pictures, *run.stand_ins]
    frames = np.sort(schedule.frame[places])
    decoded = 0
    # Between the end of one span and the beginning of the next nothing needs to be decoded.
    for near in np.split(frames, np.flatnonzero(np.diff(frames) >= NEAR_FRAMES) + 1):
        rows = index.display[near]
        first = min(index.key_before(int(rows[0])), index.key_before(int(rows.min())))
        # Others, to which nothing refers, are left out.
        needed = index.flags[first : int(rows.max()) + 1] & PictureFlag.REF != 0
        needed[rows - first] = True
        decoded += int(np.count_nonzero(needed))
    return SeamWork(min(places), decoded, len(places))


def _played(index: MediaIndex, plan: Plan, schedule: Schedule) -> int:
    """About as many pictures as are decoded when every place where parts meet is played, by source and result."""
    begins = np.flatnonzero(np.diff(schedule.part, prepend=-1))
    copied = schedule.row >= 0
    key = copied & (index.flags[schedule.row] & PictureFlag.KEY != 0)
    key[begins] = True
    keys = np.flatnonzero(key)
    ends = np.cumsum([0, *(len(part.frames) for part in plan.parts)])
    near = np.searchsorted(keys, ends, side="right")
    compared = np.searchsorted(keys, ends - BODY_FRAMES, side="right")
    first = keys[np.maximum(compared - 1, 0)]
    behind = np.append(keys + _LEADING, schedule.row.size)[near]
    ours = _joined(first.tolist(), np.minimum(behind, ends + PLAYED_ROWS).tolist())
    # Of the source only what is compared, and what that refers to.
    group = np.count_nonzero(index.flags & PictureFlag.REF) / max(index.keys.size, 1)
    return ours + round(ends.size * (BODY_FRAMES + group / 2))


def _joined(starts: Sequence[int], ends: Sequence[int]) -> int:
    """How many numbers are in some ranges that rise."""
    count = reached = 0
    for start, end in zip(starts, ends, strict=True):
        count += max(0, end - max(start, reached))
        reached = max(reached, end)
    return count
