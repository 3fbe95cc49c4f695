"""Recordings played in a browser."""

from __future__ import annotations

from dataclasses import dataclass

from plexcut.domain.catalog import library_of
from plexcut.domain.media import PlaybackOrder
from plexcut.domain.ports import PlayableFile
from plexcut.domain.timecode import Position
from plexcut.errors import FileUnreadable, LibraryOffline, PositionInvalid, RecordingChanged, SpanInvalid
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import MAX_SPANS, read_position
from plexcut.plexdata.model import Ports, Written, WrittenSpans


@dataclass(frozen=True, slots=True)
class PlayOrder:
    """What to play of a recording: of the kept spans (None: everything) what lies in `[start, end)`.

    `start`, `end`: None is the beginning, the end. `audio` is a track's id, None the first one. `fingerprint` None:
    whatever the file is now.
    """

    recording: str
    keep: WrittenSpans | None = None
    start: Written | None = None
    end: Written | None = None
    audio: int | None = None
    fingerprint: str | None = None


class Playback:
    """Playable files by recording."""

    def __init__(self, hosts: Hosts, ports: Ports) -> None:
        self._hosts = hosts
        self._engine = ports.engine

    def play(self, order: PlayOrder) -> PlayableFile:
        """The file of an order; waits for the index.

        Raises:
            SpanInvalid: a span is not possible. UsageError: no such audio track.
            RecordingChanged: the file is not the one of `order.fingerprint`.
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        keep = None if order.keep is None else _spans(order.keep)
        wanted = PlaybackOrder(keep, _edge(order.start), _edge(order.end), order.audio)
        file = self._hosts.recording(order.recording)
        try:
            if order.fingerprint not in (None, self._engine.fingerprint(file.source)):
                raise RecordingChanged("the recording changed since it was looked at", "open it again")
            return self._engine.play(file.source, wanted)
        except FileUnreadable:
            library = library_of(order.recording)
            if not self._hosts.check_now(library):
                name = self._hosts.status(library).name
                raise LibraryOffline(f"{name} is offline", "it is used again once it answers") from None
            raise


def _spans(written: WrittenSpans) -> tuple[tuple[Position, Position], ...]:
    if not written or len(written) > MAX_SPANS:
        raise SpanInvalid(f"there are {len(written)} spans, possible is 1 to {MAX_SPANS}")
    spans = []
    for n, (start, end) in enumerate(written, 1):
        try:
            spans.append((read_position(start), read_position(end)))
        except PositionInvalid as error:
            raise SpanInvalid(f"span {n}: {error.message}", error.hint) from None
    return tuple(spans)


def _edge(written: Written | None) -> Position | None:
    try:
        return None if written is None else read_position(written)
    except PositionInvalid as error:
        raise SpanInvalid(error.message, error.hint) from None
