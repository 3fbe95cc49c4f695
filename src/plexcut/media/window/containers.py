"""Stretches of MP4 and Matroska files around a time, through FFmpeg's demuxer, before the whole index is there.

Both keep a table of their own and one time line without jumps. A seek is not believed but checked: what was read must
begin at a keyframe before the time, and go on until nothing that follows can be shown at it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import av.container

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported
from plexcut.media.index.build import packets_index, with_video_facts
from plexcut.media.index.container import FILE_OPTIONS, ContainerScan, open_container, scan_stretch
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.rows import UNKNOWN
from plexcut.media.sources import status_of
from plexcut.media.window.clock_line import ClockUnclear
from plexcut.media.window.stretch import ROWS_BEHIND, Stretch, first_is_known, has_own_keys

_FORMATS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_MOST_ROWS = 4000
_BACK_S = (0, 2, 10, 30)


class ContainerWindows:
    """Stretches of one file; not for several threads at once.

    Raises:
        ClockUnclear, PlexcutError: only the whole index can tell.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._size = status_of(source).size_bytes
        with open_container(source, FILE_OPTIONS) as opened:
            if opened.format.name not in _FORMATS:
                raise ClockUnclear
            ended, head = self._scan(opened, lambda pts, _: len(pts) >= 3 * ROWS_BEHIND)
        if not ended and not first_is_known(head):
            raise ClockUnclear
        head = with_video_facts(source, head)
        self._zero_pts = int(head.shown_pts[0])
        self._video = head.video
        self._time_base = head.time_base
        self._head = Stretch("head", head, self._zero_pts, from_start=True, to_end=ended)

    def around(self, time_us: int, give_up: Callable[[], bool]) -> Stretch:
        """A stretch that tells which frame is shown at a time.

        Raises:
            ClockUnclear: only the whole index can tell.
        """
        if self._head.frame_at(time_us) is not None:
            return self._head
        target = self._zero_pts + int(Fraction(time_us, 1_000_000) / self._time_base)
        for back_s in _BACK_S:
            if give_up():
                break
            with open_container(self._source, FILE_OPTIONS) as opened:
                place = target - int(back_s / self._time_base)
                try:
                    opened.seek(place, stream=opened.streams[self._video.id], backward=True)
                except av.FFmpegError:
                    break
                ended, index = self._scan(opened, _behind(target))
            name = f"{int(index.dts[0])}-{int(index.dts[-1])}"
            stretch = Stretch(name, replace(index, video=self._video), self._zero_pts, from_start=False, to_end=ended)
            if stretch.frame_at(time_us) is not None:
                return stretch
            if not stretch.begins_behind(time_us):
                break
        raise ClockUnclear

    def _scan(
        self, opened: av.container.InputContainer, enough: Callable[[list[int], list[int]], bool]
    ) -> tuple[bool, MediaIndex]:
        """Whether the file ends with it, and a stretch from where the demuxer stands."""
        ended = True

        def stop(pts: list[int], dts: list[int]) -> bool:
            nonlocal ended
            if len(pts) > _MOST_ROWS:
                raise ClockUnclear
            if enough(pts, dts):
                ended = False
            return not ended

        found = scan_stretch(opened, self._source.name, stop)
        if not found.pts.size or not has_own_keys(found.flags) or not _clear(found):
            raise ClockUnclear
        index = packets_index(found, self._size)
        if not index.frames:
            raise FormatUnsupported(f"{self._source.name} holds no picture that can be decoded")
        return ended, index


def _clear(found: ContainerScan) -> bool:
    """Whether every row has its own timestamp; FFmpeg's guesses depend on where reading began."""
    return not bool((found.pts == UNKNOWN).any()) and found.time_base > 0


def _behind(target: int) -> Callable[[list[int], list[int]], bool]:
    """Enough: as many rows as a codec may reorder are shown and decoded behind a time."""

    def enough(pts: list[int], dts: list[int]) -> bool:
        rows = 2 * ROWS_BEHIND
        return len(pts) > rows and min(pts[-rows:]) > target and min(dts[-rows:]) > target

    return enough
