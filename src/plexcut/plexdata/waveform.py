"""Waveforms of a recording."""

from __future__ import annotations

from plexcut.domain.catalog import library_of
from plexcut.domain.media import Waveform, WaveformOrder
from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import FileUnreadable, LibraryOffline
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.model import Ports


class Waveforms:
    """Waveforms by recording."""

    def __init__(self, hosts: Hosts, ports: Ports) -> None:
        self._hosts = hosts
        self._engine = ports.engine

    def waveform(self, recording: str, order: WaveformOrder, *, should_cancel: ShouldCancel = never) -> Waveform:
        """How loud a range of a recording is.

        Raises:
            UsageError, SpanInvalid: the order is not possible. NotReady: the index was not there in time.
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported, RecordingChanged, Cancelled.
        """
        file = self._hosts.recording(recording)
        try:
            return self._engine.waveform(file.source, order, should_cancel=should_cancel)
        except FileUnreadable:
            library = library_of(recording)
            if self._hosts.check_now(library):
                raise
            raise LibraryOffline(
                f"{self._hosts.status(library).name} is offline", "it is used again once it answers"
            ) from None
