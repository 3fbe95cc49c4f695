"""Exact pictures of a recording, and what it is."""

from __future__ import annotations

from typing import get_args

from plexcut.domain.catalog import RecordingFile, library_of
from plexcut.domain.media import Picture, PictureFormat, RecordingFacts, Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import FileUnreadable, LibraryOffline, UsageError
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping, read_position
from plexcut.plexdata.model import Ports, RecordingInfo, Written

MIN_WIDTH_PX, MAX_WIDTH_PX = 16, 4096


class Frames:
    """Pictures by recording; a host that was down is tried again at each request, at most every 5 s."""

    def __init__(self, hosts: Hosts, ports: Ports, keeping: Keeping) -> None:
        self._hosts = hosts
        self._engine = ports.engine
        self._store = ports.store
        self._keeping = keeping

    def recording(self, recording: str) -> RecordingInfo:
        """What it is. Raises `RecordingNotFound`, `LibraryOffline`, `FileUnreadable`, `FormatUnsupported`."""
        file = self._hosts.recording(recording)
        try:
            fingerprint = self._engine.fingerprint(file.source)
            index = self._engine.prepare(file.source)
            facts = self._keeping.facts(file.source, fingerprint) if index.state == "ready" else None
        except FileUnreadable:
            self._raise_if_offline(recording)
            raise
        return RecordingInfo(
            id=recording,
            title=file.title,
            item=file.item,
            path_name=file.source.name,
            fingerprint=fingerprint,
            index=index,
            facts=facts,
            keep_revision=self._store.load_keep(recording).revision,
        )

    def frame(
        self,
        recording: str,
        at: Written,
        width: int | None,
        fmt: PictureFormat,
        *,
        should_cancel: ShouldCancel = never,
    ) -> Picture:
        """The frame shown at `at`.

        Raises:
            RecordingNotFound, LibraryOffline, PositionInvalid, UsageError, FileUnreadable, FormatUnsupported,
            Cancelled.
        """
        check_width(width)
        if fmt not in get_args(PictureFormat):
            raise UsageError(f"{fmt!r} is no picture format, possible is jpg or png")
        position = read_position(at)
        file = self._hosts.recording(recording)
        try:
            return self._engine.frame(file.source, position, width, fmt, should_cancel=should_cancel)
        except FileUnreadable:
            self._raise_if_offline(recording)
            raise

    def file(self, recording: str) -> RecordingFile:
        """Where it lies. Raises `RecordingNotFound`, `LibraryOffline`."""
        return self._hosts.recording(recording)

    def facts(self, source: Source) -> RecordingFacts:
        """All facts; waits for the index."""
        return self._keeping.facts(source, self._engine.fingerprint(source))

    def last_time_us(self, source: Source, facts: RecordingFacts) -> int:
        """The time of the last frame."""
        return self._engine.frame_times_us(source, [max(0, facts.frames - 1)])[0]

    def _raise_if_offline(self, recording: str) -> None:
        """A file that was there a moment ago and cannot be read: perhaps its host has gone."""
        library = library_of(recording)
        if not self._hosts.check_now(library):
            raise LibraryOffline(f"{self._hosts.status(library).name} is offline", "it is used again once it answers")


def check_width(width: int | None) -> None:
    """Raise `UsageError` where pictures cannot be that wide."""
    if width is not None and not MIN_WIDTH_PX <= width <= MAX_WIDTH_PX:
        raise UsageError(f"a picture cannot be {width} pixels wide, possible is {MIN_WIDTH_PX} to {MAX_WIDTH_PX}")
