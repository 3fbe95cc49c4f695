"""The packets of a block told apart by their first four bytes: nearly all are plain ones of the video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.index.packets import PID_BITS, SYNC, head_of_pid

U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WRONG, STARTS, CARRIES, ADAPTED, SCRAMBLED = 0x8000, 0x4000, 0x10000000, 0x20000000, 0x80000000
"""Flags in the first four bytes of a packet, the sync byte lowest."""
_TOLD = 0xF0FFDFFF
"""All of them but the counter and the priority."""


@dataclass(frozen=True, slots=True)
class StreamPackets:
    """The packets of one stream that carry something: their `slots` in the block.

    `odd` says which of them are not plain: they have other flags than `CARRIES`. `heads` are the first four bytes of
    these.
    """

    slots: I64
    odd: I64
    heads: U32

    def without(self, which: I64) -> StreamPackets:
        """Less some of them."""
        kept = ~np.isin(self.odd, which)
        odd = self.odd[kept]
        return StreamPackets(np.delete(self.slots, which), odd - np.searchsorted(which, odd), self.heads[kept])


@dataclass(frozen=True, slots=True)
class Apart:
    """The packets of a block: those of the `video` that carry something, and the slots of all that are not plain ones.

    Of the `special` ones, `heads` are the first four bytes, and `mine` says which are of the video.
    """

    video: StreamPackets
    special: I64
    heads: U32
    mine: Mask


def told_apart(heads: U32, pid: int) -> Apart:
    """The packets of a block with these first four bytes each; `pid` is the video's."""
    bits = head_of_pid(pid)
    special = np.flatnonzero(heads & _TOLD != CARRIES | bits | SYNC)
    special_heads = heads[special]
    mine = special_heads & PID_BITS == bits
    carries = mine & (special_heads & CARRIES != 0)
    others = ~carries
    video = np.ones(heads.size, np.bool_)
    video[special[others]] = False
    odd = special[carries] - np.cumsum(others)[carries]
    return Apart(StreamPackets(np.flatnonzero(video), odd, special_heads[carries]), special, special_heads, mine)
