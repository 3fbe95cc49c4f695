"""What stands out in a recording: of the file itself, and of what its library knows about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from plexcut.domain.catalog import library_of
from plexcut.domain.landmarks import CopyPoints, Keyframes, Landmarks, LibraryMarks
from plexcut.domain.media import Source
from plexcut.domain.timecode import Position
from plexcut.errors import FileUnreadable, LibraryOffline
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.model import Ports

MAX_KEYFRAMES = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecordingMarks:
    """Landmarks of the file, and chapters and markers of the library."""

    file: Landmarks
    library: LibraryMarks


@dataclass(frozen=True, slots=True)
class RangeOrder:
    """A range of a recording; None: its beginning, its end."""

    recording: str
    start: Position | None = None
    end: Position | None = None


class LandmarkDoor:
    """Part of the one door, `Plexdata`: what a time line is marked with."""

    _hosts: Hosts
    _ports: Ports

    def marks(self, recording: str) -> RecordingMarks:
        """The clock, chapters, markers and silences of a recording; waits for the index.

        Raises:
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        found = self._of_file(recording, self._ports.engine.landmarks)
        return RecordingMarks(found, self._hosts.call(library_of(recording), lambda one: one.marks(recording)))

    def keyframes(self, order: RangeOrder, limit: int = MAX_KEYFRAMES) -> Keyframes:
        """Keyframes in a range. Raises `SpanInvalid`, and as `marks`."""
        engine = self._ports.engine
        return self._of_file(order.recording, lambda source: engine.keyframes(source, order.start, order.end, limit))

    def copy_points(self, order: RangeOrder) -> CopyPoints:
        """Where copying can begin and end in a range. Raises `SpanInvalid`, and as `marks`."""
        engine = self._ports.engine
        return self._of_file(order.recording, lambda source: engine.copy_points(source, order.start, order.end))

    def _of_file(self, recording: str, ask: Callable[[Source], T]) -> T:
        file = self._hosts.recording(recording)
        try:
            return ask(file.source)
        except FileUnreadable:
            library = library_of(recording)
            if self._hosts.check_now(library):
                raise
            raise LibraryOffline(
                f"{self._hosts.status(library).name} is offline", "it is used again once it answers"
            ) from None
