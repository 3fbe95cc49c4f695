"""Time stamps that were damaged on the way: one wrong bit puts a picture hours from where it belongs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plexcut.media.index.pes import UNKNOWN
from plexcut.media.index.sent import is_jump, signed_wraps

I64 = npt.NDArray[np.int64]

_LONGEST_DELAY = 10 * 90_000
"""Nothing waits longer in a decoder's buffers (ISO 13818-1, 2.4.2.6; pictures hardly ever for a second)."""
_EARLIEST = -90_000
"""Unclean streams show a picture before it is decoded, but not by as much."""
_FEW = 8
"""One in so many, at most, is damage; else the stream is like that."""
_PIECE_ROWS = 1 << 16


def forget_torn(pts: I64, dts: I64, at: I64, announced: I64) -> tuple[I64, I64, I64]:
    """Set the clocks to `UNKNOWN` of single rows whose own contradict themselves, or their neighbours' on both sides.

    Gives these rows, in order, and the clocks that they had, as `(rows, pts, dts)`.

    `pts` and `dts` are raw 33-bit clocks, `at` the rows' places in the file, `announced` the sorted places at which the
    stream says that its clock changes.
    """
    torn: list[I64] = []
    last = np.empty(0, np.int64)
    known = 0
    for begin in range(0, pts.size, _PIECE_ROWS):
        fresh = begin + np.flatnonzero(dts[begin : begin + _PIECE_ROWS] != UNKNOWN)
        known += fresh.size
        which = np.concatenate((last, fresh))
        torn.append(_torn(which, (pts[which], dts[which]), at[which], announced))
        last = which[-2:]
    found = np.unique(np.concatenate(torn)) if torn else last
    if found.size * _FEW > known:
        found = found[:0]
    had = pts[found], dts[found]
    pts[found] = dts[found] = UNKNOWN
    return found, *had


def _torn(which: I64, clocks: tuple[I64, I64], at: I64, announced: I64) -> I64:
    """Of some rows with clocks, in order, those that are torn."""
    pts, dts = clocks
    delay = signed_wraps(pts - dts)
    bad = (delay > _LONGEST_DELAY) | (delay < _EARLIEST)
    if which.size > 2:
        there, back, over = (
            signed_wraps(a - b) for a, b in ((dts[1:-1], dts[:-2]), (dts[2:], dts[1:-1]), (dts[2:], dts[:-2]))
        )
        changes = np.searchsorted(announced, at[2:], side="right") > np.searchsorted(announced, at[:-2], side="right")
        alone = is_jump(there) & is_jump(back) & ~is_jump(over) & (over >= 0) & ~changes
        bad[1:-1] |= alone
    return which[bad]
