"""What is damaged in the kept part of a recording, in words for whoever cuts it."""

from __future__ import annotations

import numpy as np

from plexcut.domain.spans import KeepList
from plexcut.domain.timecode import us_to_s
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.index.model import MediaIndex

_NAMED = 4


def damage_warnings(index: MediaIndex, keep: KeepList) -> tuple[str, ...]:
    """Pictures of which packets are missing, counted, with the first places; none where nothing is."""
    numbers = index.number_of[np.flatnonzero(index.flags & PictureFlag.DAMAGED)]
    hit = sorted(n for n in numbers.tolist() if any(n in span for span in keep))
    if not hit:
        return ()
    touched = sum(1 for n in index.uncertain if any(n in span for span in keep))
    named = ", ".join(f"{us_to_s(int(index.times_us[n])):.2f} s" for n in hit[:_NAMED])
    more = f" and {len(hit) - _NAMED} more places" if len(hit) > _NAMED else ""
    said = f"reception was disturbed: {len(hit)} kept pictures lack packets (at {named}{more})"
    return (f"{said}, {touched} may look damaged; they are kept as they are",)
