"""The clocks of a transport stream's streams, on the time line of its index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plexcut.media.cutting.payloads import risen
from plexcut.media.cutting.schedule import START_TICKS
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.pes import UNKNOWN, PesColumns
from plexcut.media.index.rows import WRAP, signed_wrap

I64 = npt.NDArray[np.int64]

TICKS = 90_000
_FAR_TICKS = 5 * TICKS


class SourceClock:
    """Raw 33-bit clocks of any stream to ticks of the index's time line; `start` is where a result's clock begins."""

    def __init__(self, index: MediaIndex, start: int = START_TICKS) -> None:
        self.start = start
        self._at = risen(index.at)
        self._dts = index.dts
        self._breaks = index.clock_at
        self._add = index.clock_add

    def added(self, position: int) -> int:
        """What is added to a raw clock at a file position to get ticks, less whole rounds of it."""
        at = int(np.searchsorted(self._breaks, position, side="right")) - 1
        return int(self._add[max(at, 0)])

    def near(self, position: int) -> int:
        """The decode time of the picture that lies at a file position."""
        row = int(np.searchsorted(self._at, position, side="right")) - 1
        return int(self._dts[max(row, 0)])

    def all_near(self, positions: I64) -> I64:
        """The same of several."""
        return self._dts[np.maximum(np.searchsorted(self._at, positions, side="right") - 1, 0)]

    def ticks(self, raw: int, position: int) -> int:
        """A clock that was read at a file position.

        Where the clock was set anew, packets of other streams may still carry the old one, or the new one already:
        the one that comes nearest to the picture there counts.
        """
        near = self.near(position)
        at = int(np.searchsorted(self._breaks, position, side="right")) - 1
        best = near + signed_wrap(raw + int(self._add[max(at, 0)]) - near)
        if abs(best - near) <= _FAR_TICKS:
            return best
        for other in (at - 1, at + 1):
            if 0 <= other < self._add.size:
                now = near + signed_wrap(raw + int(self._add[other]) - near)
                if abs(now - near) < abs(best - near):
                    best = now
        return best

    def all_ticks(self, raw: I64, positions: I64) -> I64:
        """The same of several."""
        near = self.all_near(positions)
        add = self._add[np.maximum(np.searchsorted(self._breaks, positions, side="right") - 1, 0)]
        best: I64 = near + (raw + add - near + WRAP // 2) % WRAP - WRAP // 2
        for i in np.flatnonzero(np.abs(best - near) > _FAR_TICKS).tolist():
            best[i] = self.ticks(int(raw[i]), int(positions[i]))
        return best

    def marks(self, starts: PesColumns) -> list[tuple[int, int]]:
        """Where in the elementary stream a clock is told, and its ticks, of those PES packets that tell one."""
        timed = starts.pts != UNKNOWN
        if not timed.any():
            return []
        best = self.all_ticks(starts.pts[timed], starts.at[timed])
        return list(zip(starts.es[timed].tolist(), best.tolist(), strict=True))
