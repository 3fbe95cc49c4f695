"""What people call the spans of a keep list."""

from __future__ import annotations

from plexcut.domain.naming import SpanName, checked
from plexcut.plexdata.events import Events
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping
from plexcut.plexdata.model import Ports


class NamingDoor:
    """Part of the one door, `Plexdata`: names of spans, and where spans are divided though nothing is removed there.

    They lie beside the keep list: a cut asks for none of them, and the last who saves them is right.
    """

    _events: Events
    _hosts: Hosts
    _keeping: Keeping
    _ports: Ports

    def names(self, recording: str) -> tuple[SpanName, ...]:
        """The names of a recording's spans. Raises `RecordingNotFound`, `LibraryOffline`."""
        self._hosts.recording(recording)
        return self._ports.store.load_names(recording)

    def save_names(self, recording: str, names: tuple[SpanName, ...]) -> tuple[SpanName, ...]:
        """Save them, and tell other pages to look again. Raises `SpanInvalid`, and as `names`."""
        kept = checked(names)
        self._hosts.recording(recording)
        if kept != self._ports.store.load_names(recording):
            self._ports.store.save_names(recording, kept)
            state = self._keeping.keep(recording)
            shown = [list(span) for span in state.keep_s]
            self._events.emit("keep", {"recording": recording, "revision": state.revision, "keep": shown})
        return kept
