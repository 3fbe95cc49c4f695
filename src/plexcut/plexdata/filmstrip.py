"""Filmstrips of a recording: exact once its index is there, out of the library's own previews before."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from plexcut.domain.catalog import library_of
from plexcut.domain.filmstrip import check_order
from plexcut.domain.media import Filmstrip, FilmstripOrder, PictureFormat
from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import Cancelled, FileUnreadable, LibraryOffline, PlexcutError, RecordingChanged
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.model import Ports

log = logging.getLogger(__name__)

_KEPT_BYTES = 96 << 20
"""Previews of an hour are some 10 MB."""
_KEPT_ANSWERS = 1000
_NONE_FOR_S = 120.0
"""Where there were no previews the library is not asked again for so long."""
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class StripOrder:
    """A filmstrip of a recording. `fingerprint` None: whatever the file is now.

    `provisional`: out of the previews even if the index is there by now, so that an image fits the tiles that were
    told before it.
    """

    recording: str
    pictures: FilmstripOrder = field(default_factory=FilmstripOrder)
    fmt: PictureFormat = "jpg"
    fingerprint: str | None = None
    provisional: bool = False


class Filmstrips:
    """Filmstrips by recording."""

    def __init__(self, hosts: Hosts, ports: Ports) -> None:
        self._hosts = hosts
        self._engine = ports.engine
        self._previews = _Previews(hosts)

    def fingerprint(self, recording: str) -> str:
        """The file's fingerprint now. Raises `RecordingNotFound`, `LibraryOffline`, `FileUnreadable`."""
        file = self._hosts.recording(recording)
        try:
            return self._engine.fingerprint(file.source)
        except FileUnreadable:
            self._raise_if_offline(recording)
            raise

    def filmstrip(self, order: StripOrder, *, should_cancel: ShouldCancel = never) -> Filmstrip:
        """The filmstrip of an order; waits for the index where there are no previews.

        Raises:
            UsageError, SpanInvalid: the order is not possible. RecordingChanged: it is of another state of the file.
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported, Cancelled.
        """
        check_order(order.pictures)
        file = self._hosts.recording(order.recording)
        try:
            if order.fingerprint not in (None, self._engine.fingerprint(file.source)):
                raise RecordingChanged("the recording changed since it was looked at", "open it again")
            building = self._engine.prepare(file.source).state == "building"
            if building or order.provisional:
                strip = self._provisional(order, should_cancel)
                if strip is not None:
                    return strip
            # A thread that waits inside the engine could not be given up.
            while building and self._engine.index_state(file.source).state == "building":
                if should_cancel():
                    raise Cancelled("the request was given up")
                time.sleep(_LOOK_EVERY_S)
            return self._engine.filmstrip(file.source, order.pictures, order.fmt, should_cancel=should_cancel)
        except FileUnreadable:
            self._raise_if_offline(order.recording)
            raise

    def _provisional(self, order: StripOrder, should_cancel: ShouldCancel) -> Filmstrip | None:
        previews = self._previews.get(order.recording)
        if previews is None:
            return None
        return self._engine.preview_strip(previews, order.pictures, order.fmt, should_cancel=should_cancel)

    def _raise_if_offline(self, recording: str) -> None:
        """A file that was there a moment ago and cannot be read: perhaps its host has gone."""
        library = library_of(recording)
        if not self._hosts.check_now(library):
            raise LibraryOffline(f"{self._hosts.status(library).name} is offline", "it is used again once it answers")


@dataclass(frozen=True, slots=True)
class _Fetched:
    data: bytes | None
    at_s: float


class _Previews:
    """The libraries' previews of the recordings looked at last; each is fetched once, however many ask for it."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._lock = threading.Lock()
        self._fetched: OrderedDict[str, _Fetched] = OrderedDict()
        self._under_way: dict[str, threading.Lock] = {}

    def get(self, recording: str) -> bytes | None:
        """The previews; None where there are none, for whatever reason."""
        with self._lock:
            mine = self._under_way.setdefault(recording, threading.Lock())
        with mine:
            with self._lock:
                known = self._fetched.get(recording)
                if known is not None and (known.data is not None or time.monotonic() - known.at_s < _NONE_FOR_S):
                    self._fetched.move_to_end(recording)
                    return known.data
            data = self._fetch(recording)
            with self._lock:
                self._fetched[recording] = _Fetched(data, time.monotonic())
                self._fetched.move_to_end(recording)
                self._forget()
                self._under_way.pop(recording, None)
        return data

    def _fetch(self, recording: str) -> bytes | None:
        try:
            return self._hosts.call(library_of(recording), lambda library: library.previews(recording))
        except PlexcutError as error:
            log.info("no previews of %s: %s", recording, error.message)
            return None

    def _forget(self) -> None:
        held = sum(len(one.data or b"") for one in self._fetched.values())
        while len(self._fetched) > 1 and (held > _KEPT_BYTES or len(self._fetched) > _KEPT_ANSWERS):
            _, gone = self._fetched.popitem(last=False)
            held -= len(gone.data or b"")
