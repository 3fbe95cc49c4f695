"""The decoded picture shown at a time, before the index of its recording is there; the index is built meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.video.frame import VideoFrame

from plexcut.domain.media import ByteRanges, Source, SourceStatus
from plexcut.domain.ports import ShouldCancel
from plexcut.domain.timecode import floor_us
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes
from plexcut.media.sources import status_of
from plexcut.media.window.windows import Windows

_SMALL_BYTES = 200 << 20
_SMALL_WAIT_S = 0.3
"""The index of a small local file is there nearly as soon as a picture without it."""

Decode = Callable[[Source, MediaIndex, int, str, ShouldCancel], VideoFrame]
"""`(source, index, frame, identity, should_cancel)`: the picture of a frame, as this index counts."""


@dataclass(frozen=True, slots=True)
class EarlyFrame:
    """A picture; `number` None where the frame's number is not known before the index is."""

    decoded: VideoFrame
    index: MediaIndex
    number: int | None
    time_us: int


class EarlyFrames:
    """Finds them; safe for several threads."""

    def __init__(self, indexes: Indexes, decode: Decode) -> None:
        self._indexes = indexes
        self._decode = decode
        self._windows = Windows()

    def frame(
        self, source: Source, at: Fraction, program: int | None, should_cancel: ShouldCancel
    ) -> EarlyFrame | None:
        """The picture that the index will show at a time; None: the index is there, or only it can tell.

        Raises:
            FileUnreadable, LibraryOffline, UsageError: as `Indexes.get`. Cancelled: nobody waits any more.
        """
        time_us = floor_us(at)
        if not isinstance(source, Path):
            source = _Steady(source)
        small = isinstance(source, Path) and status_of(source).size_bytes <= _SMALL_BYTES
        if time_us < 0 or self._indexes.soon(source, program, _SMALL_WAIT_S if small else 0) is not None:
            return None
        key = (self._indexes.fingerprint(source), program)
        with self._indexes.held_back():
            found = self._windows.around(source, key, time_us, lambda: should_cancel() or self._indexes.is_here(key))
            if should_cancel():
                raise Cancelled("nobody waits for the picture any more")
            if found is None:
                return None
            stretch, number = found
            try:
                frames_of = f"{key[0]}/{program}/{stretch.name}"
                decoded = self._decode(source, stretch.index, number, frames_of, should_cancel)
            except FormatUnsupported:
                return None
        known = number if stretch.from_start else None
        return EarlyFrame(decoded, stretch.index, known, int(stretch.times_us[number]))


class _Steady:
    """Ranges of a recording whose host is asked only once how large it is: each time costs as much as reading."""

    def __init__(self, ranges: ByteRanges) -> None:
        self._ranges = ranges
        self._status = ranges.status()
        self.name = ranges.name
        self.key = ranges.key

    def status(self) -> SourceStatus:
        return self._status

    def read(self, start: int, size: int) -> bytes:
        return self._ranges.read(start, size)
