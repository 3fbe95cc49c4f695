"""The pictures that are re-encoded at a seam, decoded; for damaged ones, what a player shows in their place."""

from __future__ import annotations

from collections.abc import Sequence

from av.video.frame import VideoFrame

from plexcut.domain.ports import never
from plexcut.errors import FormatUnsupported
from plexcut.media.decoding import decode_rows
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader

NEAR_FRAMES = 250
"""Frames nearer than this to the first of them are decoded together."""
_GROUPS_AROUND = (2, 8)
"""In so many groups before and behind damaged frames a picture is looked for that comes out."""


def decode_frames(reader: UnitReader, index: MediaIndex, numbers: Sequence[int]) -> list[VideoFrame]:
    """The decoded pictures of some frames, in that order; frames near one another are decoded together.

    For a frame that is damaged so that no picture comes out, the one before it stands in; where there is none, the one
    behind.

    Raises:
        FormatUnsupported: anywhere near them no picture comes out.
    """
    found: dict[int, VideoFrame] = {}
    todo = sorted(set(numbers))
    while todo:
        group = [n for n in todo if n - todo[0] < NEAR_FRAMES]
        rows = {int(index.display[n]) for n in group}
        stretch = range(min(index.key_before(row) for row in rows), max(rows) + 1)
        # What damaged pictures look like depends on all that were decoded before them.
        damaged = not index.uncertain.isdisjoint(index.number_of[stretch.start : stretch.stop].tolist())
        for row, frame in decode_rows(reader, index, stretch, rows, hurry=None if damaged else never):
            found[int(index.number_of[row])] = frame
        todo = todo[len(group) :]
    if not found:
        found = _around(reader, index, min(numbers))
    for n in sorted(set(numbers) - set(found)):
        # What a player shows there: the picture before stands still (at the very beginning, the one behind).
        nearest = max((k for k in found if k < n), default=min(found))
        found[n] = found[nearest]
    return [found[n] for n in numbers]


def _around(reader: UnitReader, index: MediaIndex, number: int) -> dict[int, VideoFrame]:
    """The nearest picture before a frame, or else behind it, that comes out."""
    row = int(index.display[number])
    for groups in _GROUPS_AROUND:
        before, behind = index.keys[index.keys < row], index.keys[index.keys > row]
        start = int(before[-groups:][0]) if before.size else 0
        end = int(behind[:groups][-1]) + 1 if behind.size else int(index.pts.size)
        last: dict[int, VideoFrame] = {}
        for at, frame in decode_rows(reader, index, range(start, end)):
            shown = int(index.number_of[at])
            if shown > number and last:
                break
            if shown >= 0:
                last = {shown: frame}
        if last:
            return last
    raise FormatUnsupported(f"frame {number} is damaged and cannot be re-encoded", "cut a little beside it")
