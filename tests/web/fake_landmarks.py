"""The part of the fake `Plexdata` that tells what stands out in a recording, and what its spans are called."""

from __future__ import annotations

from typing import Any

from plexcut.domain.landmarks import Chapter, CopyPoints, CopyStart, Keyframes, Landmarks, LibraryMarks, Marker
from plexcut.domain.naming import SpanName
from plexcut.plexdata.landmarks import RangeOrder, RecordingMarks


class FakeLandmarks:
    """Everything is the same for every recording."""

    def _asked(self, name: str, what: Any = None) -> None:
        raise NotImplementedError

    def _known(self, recording: str) -> None:
        raise NotImplementedError

    def names(self, recording: str) -> tuple[SpanName, ...]:
        self._asked("names", recording)
        self._known(recording)
        return (SpanName(0, 100, "Part one"), SpanName(100, 200, ""))

    def save_names(self, recording: str, names: tuple[SpanName, ...]) -> tuple[SpanName, ...]:
        self._asked("save_names", (recording, names))
        self._known(recording)
        return names

    def marks(self, recording: str) -> RecordingMarks:
        self._asked("marks", recording)
        self._known(recording)
        file = Landmarks(
            ((0, 0), (5000, 100_000_000)), (Chapter("One", 0, 5_000_000),), ((2_000_000, 2_500_000),), 9_000_000
        )
        library = LibraryMarks((Chapter("", 0, 7_000_000),), (Marker("commercial", 1_000_000, 2_000_000),))
        return RecordingMarks(file, library)

    def keyframes(self, order: RangeOrder, limit: int) -> Keyframes:
        self._asked("keyframes", (order, limit))
        self._known(order.recording)
        return Keyframes(0, 5000, tuple(range(0, 5000, 25))[:limit], 200)

    def copy_points(self, order: RangeOrder) -> CopyPoints:
        self._asked("copy_points", order)
        self._known(order.recording)
        return CopyPoints(0, 100, (CopyStart(0, 0), CopyStart(25, 2)), (4, 8))
