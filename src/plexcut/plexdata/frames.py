"""Exact pictures of a recording, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from plexcut.domain.catalog import RecordingFile, library_of
from plexcut.domain.media import Picture, PictureFormat, RecordingFacts, Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import FileUnreadable, LibraryOffline, NotReady, UsageError
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping, read_position
from plexcut.plexdata.model import Ports, RecordingInfo, Written

_RECIPE = 1
"""Part of every picture's tag: raise it when the same frame gives another picture."""

MIN_WIDTH_PX, MAX_WIDTH_PX = 16, 4096


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """The frame shown at `at`, `width` pixels wide (None: full size).

    `known` are tags of pictures that the client has. With `wait` False a frame number that nobody can tell before
    the index is there is refused (`NotReady`) rather than waited for.
    """

    recording: str
    at: Written
    width: int | None = None
    fmt: PictureFormat = "jpg"
    known: frozenset[str] = frozenset()
    wait: bool = True


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture, without its data where the client has it (`unchanged`); `tag` names it (None: provisional)."""

    picture: Picture
    tag: str | None
    unchanged: bool = False


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
        return self.picture(PictureOrder(recording, at, width, fmt), should_cancel=should_cancel).picture

    def picture(self, order: PictureOrder, *, should_cancel: ShouldCancel = never) -> FoundPicture:
        """The frame shown at `order.at`, unless the client has it.

        Raises:
            NotReady: it would have to wait for the index. And as `frame`.
        """
        check_width(order.width)
        if order.fmt not in get_args(PictureFormat):
            raise UsageError(f"{order.fmt!r} is no picture format, possible is {', '.join(get_args(PictureFormat))}")
        position = read_position(order.at)
        source = self._hosts.recording(order.recording).source
        try:
            number = self._engine.number_at(source, position)
            waits = number is None and isinstance(position, FrameNumber) and not order.wait
            if waits and self._engine.prepare(source).state == "building":
                raise NotReady("the recording is still being read", "try again in a moment")
            tag = None if number is None else self._tag(source, number, order)
            if number is not None and tag in order.known:
                time_us = self._engine.frame_times_us(source, [number])[0]
                return FoundPicture(Picture(number, time_us, 0, 0, b"", ""), tag, unchanged=True)
            picture = self._engine.frame(source, position, order.width, order.fmt, should_cancel=should_cancel)
            if tag is None and picture.frame is not None:
                tag = self._tag(source, picture.frame, order)
            return FoundPicture(picture, tag)
        except FileUnreadable:
            self._raise_if_offline(order.recording)
            raise

    def _tag(self, source: Source, number: int, order: PictureOrder) -> str:
        return f"{self._engine.fingerprint(source)}-{number}-{order.width or 0}-{order.fmt}-{_RECIPE}"

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
