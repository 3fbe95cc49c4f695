"""The clocks that a stream sent, told from the times that were made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.index.pes import UNKNOWN

I64 = npt.NDArray[np.int64]

WRAP = 1 << 33
HOLE_TICKS = 10 * 90_000
"""A clock that runs ahead by more than this was set anew; by less, that much was not received."""
BACK_TICKS = 90_000 // 2
"""A clock that goes back by more than this was set anew; by less, decode times are merely unclean."""


def signed_wraps(ticks: I64) -> I64:
    """The 33-bit differences nearest to zero."""
    found: I64 = (ticks + WRAP // 2) % WRAP - WRAP // 2
    return found


def is_jump(moved: I64) -> npt.NDArray[np.bool_]:
    """Whether a clock that moved by so many ticks was set anew."""
    found: npt.NDArray[np.bool_] = (moved > HOLE_TICKS) | (moved < -BACK_TICKS)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class SentClocks:
    """How the times of rows become the clocks again that were sent: less what `clock_add` says, modulo 2**33.

    `timed` has a bit for each row, set where there was a clock. `odd` are rows, in order, whose clocks were others:
    `odd_pts` and `odd_dts`. A recording of hours has few of them, so that this is next to nothing.
    """

    timed: npt.NDArray[np.uint8]
    odd: I64
    odd_pts: I64
    odd_dts: I64

    def __eq__(self, other: object) -> bool:
        names = ("timed", "odd", "odd_pts", "odd_dts")
        return isinstance(other, SentClocks) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in names
        )

    def __hash__(self) -> int:
        return hash(self.timed.tobytes())

    def with_moved(self, which: I64, pts: I64, dts: I64) -> SentClocks:
        """For when the times of some rows, of which these clocks were sent, are made others."""
        fresh = (np.unpackbits(self.timed)[which] != 0) & ~np.isin(which, self.odd)
        odd = np.concatenate((self.odd, which[fresh]))
        order = np.argsort(odd)
        columns = ((self.odd_pts, pts), (self.odd_dts, dts))
        return SentClocks(self.timed, odd[order], *(np.concatenate((a, b[fresh]))[order] for a, b in columns))

    def raw(self, pts: I64, dts: I64, added: I64) -> tuple[I64, I64]:
        """The clocks of all rows, `UNKNOWN` where there was none; `added` is what `clock_add` says of each row."""
        none = np.unpackbits(self.timed, count=pts.size) == 0
        found = (pts - added) % WRAP, (dts - added) % WRAP
        for column, odd in zip(found, (self.odd_pts, self.odd_dts), strict=True):
            column[none] = UNKNOWN
            column[self.odd] = odd
        return found


class KeptClocks:
    """Finds what must be kept of raw clocks while `pts` and `dts` of rows that lie at `at` are made times.

    It looks at each piece one later: where a new clock begins, the same packet may hold rows before it.
    """

    def __init__(self, pts: I64, dts: I64, at: I64) -> None:
        self._pts, self._dts, self._at = pts, dts, at
        self._timed = np.zeros(pts.size, np.bool_)
        self._odd: list[tuple[I64, I64, I64]] = []
        self._piece: tuple[I64, I64, I64] | None = None

    def next(self, piece: I64, pts: I64, dts: I64) -> None:
        """The raw clocks of the next rows, which have become times."""
        self._timed[piece] = True
        self._piece = piece, pts, dts

    def torn(self, which: I64, pts: I64, dts: I64) -> None:
        """The raw clocks of rows that get their times from elsewhere."""
        self._timed[which] = True
        self._odd.append((which, pts, dts))

    def check(self, clock_at: I64, clock_add: I64) -> None:
        """Look at the piece before, now that all clocks up to it and a piece further are known."""
        if self._piece is None:
            return
        piece, pts, dts = self._piece
        added = clock_add[np.searchsorted(clock_at, self._at[piece], side="right") - 1]
        other = ((self._pts[piece] - added) % WRAP != pts) | ((self._dts[piece] - added) % WRAP != dts)
        if other.any():
            self._odd.append((piece[other], pts[other], dts[other]))
        self._piece = None

    def clocks(self) -> SentClocks:
        """What was found."""
        none = np.empty(0, np.int64)
        odd, pts, dts = (np.concatenate([none, *(found[i] for found in self._odd)]) for i in range(3))
        order = np.argsort(odd)
        return SentClocks(np.packbits(self._timed), odd[order], pts[order], dts[order])
