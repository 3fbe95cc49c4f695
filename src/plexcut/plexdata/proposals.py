"""Proposed breaks: what a cut list beside a recording removes, until somebody takes it over or dismisses it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from plexcut.domain.catalog import Item, library_of
from plexcut.domain.cutlists import ListBeside
from plexcut.domain.ports import CutLists, EditedRecordings, MediaEngine, Store
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import us_to_s
from plexcut.errors import PlexcutError
from plexcut.plexdata.cutlists import CutListing
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping
from plexcut.plexdata.model import Ports, Proposal, ProposedBreak, WrittenSpans

_READ_MAX = 200_000


class ProposalDoor:
    """Part of the one door, `Plexdata`: proposed breaks."""

    _proposals: Proposals

    def breaks(self, recording: str) -> Proposal:
        """The breaks that are proposed of a recording, whatever is saved; waits for the index where a list is there.

        Raises:
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        return self._proposals.of(recording)

    def dismiss_breaks(self, recording: str, dismissed: WrittenSpans) -> Proposal:
        """Remember that these breaks are none, and that the others may be. Raises `SpanInvalid`, and as `breaks`."""
        return self._proposals.dismiss(recording, dismissed)


class Proposals:
    """Which recordings have a proposal, and what it is. Any thread may call."""

    def __init__(self, hosts: Hosts, ports: Ports, listing: CutListing, keeping: Keeping) -> None:
        self._hosts = hosts
        self._engine: MediaEngine = ports.engine
        self._store: Store = ports.store
        self._lists: CutLists = ports.cut_lists
        self._listing = listing
        self._keeping = keeping
        self._read: dict[ListBeside, bool] = {}
        self._unfit: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def among(self, items: Iterable[Item], edited: EditedRecordings) -> frozenset[str]:
        """Recordings of `items` with a cut list beside them that is one, and neither a keep list nor a cut of theirs;
        dismissed ones are left out. A file is read once as long as it stays as it is.
        """
        asked: dict[str, list[str]] = {}
        for item in items:
            for recording in {item.recording, *(version.recording for version in item.versions)} - {None}:
                if recording is not None and recording not in edited.kept and recording not in edited.cut:
                    asked.setdefault(item.library, []).append(recording)
        found: set[str] = set()
        for library, recordings in asked.items():
            for recording, lists in self._beside(library, recordings).items():
                best = next((one for one in lists if self._proposes(recording, one)), None)
                if best is not None and edited.dismissed.get(recording) != best.stamp:
                    found.add(recording)
        return frozenset(found)

    def _proposes(self, recording: str, one: ListBeside) -> bool:
        if (recording, one.stamp) in self._unfit:
            return False
        with self._lock:
            known = self._read.get(one)
        if known is None:
            try:
                known = self._lists.removes(self._lists.open(one.path), one.formats)
            except PlexcutError:
                known = False
            with self._lock:
                if len(self._read) >= _READ_MAX:
                    self._read.clear()
                self._read[one] = known
        return known

    def of(self, recording: str) -> Proposal:
        """The breaks that are proposed of a recording. Raises as `ProposalDoor.breaks`."""
        found = self._listing.beside(recording)
        self._note_fit(recording, None if found is None else found.name)
        if found is None:
            return Proposal("", "", ())
        source = self._hosts.recording(recording).source
        frames = self._engine.probe(source).frames
        breaks = KeepList.of(Span(*span) for span in found.keep_frames).invert(frames)
        away = set(self._store.load_dismissed(recording))
        times = self._engine.frame_times_us(source, [n for span in breaks for n in (span.start, span.end)])
        return Proposal(
            found.name,
            found.format,
            tuple(
                ProposedBreak(
                    span.start,
                    span.end,
                    us_to_s(times[2 * at]),
                    us_to_s(times[2 * at + 1]),
                    None,
                    (found.format,),
                    (span.start, span.end) in away,
                )
                for at, span in enumerate(breaks)
            ),
        )

    def dismiss(self, recording: str, dismissed: WrittenSpans) -> Proposal:
        """Remember what is none. Raises as `ProposalDoor.dismiss_breaks`."""
        spans = self._keeping.resolve(self._hosts.recording(recording).source, dismissed) if dismissed else KeepList(())
        frames = tuple((span.start, span.end) for span in spans)
        self._store.save_dismissed(recording, frames, "")
        found = self.of(recording)
        if frames and all(one.dismissed for one in found.breaks):
            self._store.save_dismissed(recording, frames, self._stamp(recording, found.name))
        return found

    def _stamp(self, recording: str, name: str) -> str:
        return next((one.stamp for one in self._of(recording) if one.path.name == name), "")

    def _note_fit(self, recording: str, used: str | None) -> None:
        """Which lists beside a recording do not fit it shows only when its frames are known."""
        for one in self._of(recording):
            if one.path.name == used:
                return
            self._unfit.add((recording, one.stamp))

    def _of(self, recording: str) -> tuple[ListBeside, ...]:
        return self._beside(library_of(recording), [recording]).get(recording, ())

    def _beside(self, library: str, recordings: Sequence[str]) -> Mapping[str, tuple[ListBeside, ...]]:
        """None where that cannot be told now: nothing else may fail for it."""
        try:
            return self._hosts.call(library, lambda lib: lib.lists_beside(recordings))
        except PlexcutError:
            return {}
