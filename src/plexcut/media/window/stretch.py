"""A stretch of a recording, indexed by itself: which of its frames is shown at a time, if it can tell at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.index.model import MediaIndex

I64 = npt.NDArray[np.int64]

ROWS_BEHIND = 24
"""Rows that must follow in the file before a frame counts as the one shown: no codec reorders farther (H.264: 16)."""


@dataclass(frozen=True)
class Stretch:
    """Part of a recording. `index` describes it as the whole index would, with its own row and frame numbers.

    `name`: tells it from others of the same recording. `zero_pts`: timestamp of the recording's frame 0, in ticks of
    this index. `from_start`: it begins with the file, so its frame numbers are those of the recording. `to_end`: it
    ends with the file.
    """

    name: str
    index: MediaIndex
    zero_pts: int
    from_start: bool
    to_end: bool

    @cached_property
    def times_us(self) -> I64:
        """Time of each frame in the recording, rounded down to the microsecond."""
        scale = self.index.time_base * 1_000_000
        ticks = self.index.shown_pts - self.zero_pts
        if ticks.size and int(np.abs(ticks).max()) * scale.numerator >= 2**62:
            return np.array([int(t) * scale.numerator // scale.denominator for t in ticks], np.int64)
        times: I64 = ticks * scale.numerator // scale.denominator
        return times

    def frame_at(self, time_us: int) -> int | None:
        """The frame, as this index counts, that the recording shows at a time; None: the stretch cannot tell."""
        number = int(np.searchsorted(self.times_us, time_us, side="right")) - 1
        if number < 0 or self.begins_behind(time_us) or self.ends_before(time_us):
            return None
        if self.to_end and number == self.index.frames - 1:
            # How long the last frame is shown depends on the rate of all.
            scale = self.index.time_base * 1_000_000
            if time_us - int(self.times_us[number]) >= self.index.frame_ticks * 9 // 10 * scale:
                return None
        return number

    def begins_behind(self, time_us: int) -> bool:
        """Whether pictures shown at this time may lie before the stretch."""
        if self.from_start:
            return False
        keys = self.index.keys
        number = int(self.index.number_of[int(keys[0])]) if keys.size else -1
        return number < 0 or time_us < int(self.times_us[number])

    def ends_before(self, time_us: int) -> bool:
        """Whether pictures shown at this time may lie behind the stretch."""
        if self.to_end:
            return False
        index = self.index
        if index.dts.size <= ROWS_BEHIND:
            return True
        last = min(int(index.dts[-ROWS_BEHIND:].min()), int(index.pts[-ROWS_BEHIND:].min()))
        return (last - self.zero_pts) * index.time_base * 1_000_000 <= time_us + 1


def whole_rows(index: MediaIndex, end: int) -> MediaIndex:
    """Without the last row, of which the stretch up to file position `end` may hold only a part."""
    rows = max(0, index.pts.size - 1)
    return replace(
        index,
        pts=index.pts[:rows],
        dts=index.dts[:rows],
        at=index.at[:rows],
        skip=index.skip[:rows],
        size=index.size[:rows],
        flags=index.flags[:rows],
        display=index.display[index.display < rows],
        size_bytes=end,
    )


def first_is_known(index: MediaIndex) -> bool:
    """Whether a stretch from the file's beginning tells which frame of the recording is shown first."""
    if not index.keys.size or not index.frames:
        return False
    key = int(index.keys[0])
    behind = index.pts[key + ROWS_BEHIND :]
    return bool(behind.size) and bool((behind > index.pts[key]).all())


def has_own_keys(flags: npt.NDArray[np.uint16]) -> bool:
    """Whether the stretch has pictures marked as keyframes; where not, what counts as one depends on the whole file."""
    return bool((flags & PictureFlag.KEY).any())
