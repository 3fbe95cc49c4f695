"""Saved keep lists, and what they say about the work of a cut."""

from __future__ import annotations

import logging
import math
import threading
from contextlib import suppress
from pathlib import Path

from plexcut.domain.media import RecordingFacts, Source
from plexcut.domain.naming import checked
from plexcut.domain.ports import SavedKeep
from plexcut.domain.spans import KeepList, Span, merge
from plexcut.domain.timecode import FrameNumber, Position, parse_position, us_to_s
from plexcut.errors import PlexcutError, PositionInvalid, RecordingChanged, SpanInvalid, StaleRevision, UsageError
from plexcut.plexdata import views
from plexcut.plexdata.events import Events
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.in_time import in_time
from plexcut.plexdata.model import KeepOrder, KeepPast, KeepPastStep, KeepState, Ports, Written, WrittenSpans

log = logging.getLogger(__name__)

ASSUMED_BYTES_PER_S = 20_000_000
"""Until a cut was timed here: slow for a local disk, usual for a share over 1 Gbit/s read and written at once."""
FIXED_COST_S = 2.0
"""Starting a job and encoding its seams, however short the result."""
MAX_SPANS = 1000
HISTORY_STEPS = 200
"""So many undos and redos are answered unless more are asked for."""
MAX_HISTORY_STEPS = 1000
MERGE_ATTEMPTS = 5


def read_position(written: Written) -> Position:
    """A position as it was written. Raises `PositionInvalid`."""
    return written if isinstance(written, FrameNumber) else parse_position(written)


def estimate_s(nbytes: float, bytes_per_s: float | None) -> float:
    """How long a cut takes that writes `nbytes`, at the speed of past cuts (None: there were none)."""
    return FIXED_COST_S + nbytes / (bytes_per_s or ASSUMED_BYTES_PER_S)


def job_timeout_s(limit_s: int, estimated_s: float) -> int:
    """A job's time limit: the configured one, or three times the estimate where that is longer than the limit."""
    return limit_s if estimated_s <= limit_s else math.ceil(3 * estimated_s)


class Keeping:
    """Keep lists by recording, and the estimates that follow from them."""

    def __init__(self, hosts: Hosts, ports: Ports, events: Events) -> None:
        self._hosts = hosts
        self._engine = ports.engine
        self._store = ports.store
        self._events = events
        self._lock = threading.Lock()
        self._facts: dict[str, RecordingFacts] = {}
        self._continued: dict[tuple[str, str], bool] = {}

    def keep(self, recording: str) -> KeepState:
        """The saved keep list. Raises `RecordingNotFound`, `LibraryOffline`, `FileUnreadable`, `FormatUnsupported`."""
        file = self._hosts.recording(recording)
        return self._state(recording, file.source, self._current(recording, file.source))

    def kept(self) -> tuple[str, ...]:
        """All recordings with a saved list that keeps anything, sorted. Asks no library."""
        return tuple(sorted(self._store.edited().kept))

    def save(self, order: KeepOrder) -> KeepState:
        """Save one. Raises `StaleRevision`, `RecordingChanged`, `SpanInvalid`, and what `keep` raises."""
        if order.revision < 0:
            raise UsageError(f"revision is {order.revision}, it cannot be negative")
        file = self._hosts.recording(order.recording)
        fingerprint = self.checked_fingerprint(file.source, order.fingerprint)
        keep = self.resolve(file.source, order.keep) if order.keep else KeepList(())
        names = None if order.names is None else checked(order.names)
        new = SavedKeep(_frames(keep), order.revision, fingerprint, names)
        try:
            saved = self._store.save_keep(order.recording, new, order.label)
        except StaleRevision as error:
            merged = self._merge(order, new) if order.merge else None
            if merged is None:
                raise self._with_current(error, order.recording, file.source) from None
            saved = merged
        return self._told(self._state(order.recording, file.source, saved))

    def history(self, recording: str, limit: int = HISTORY_STEPS) -> KeepPast:
        """The saved list amid what undo and redo lead to. Raises as `keep`; `UsageError`: `limit` is not 1 to 1000."""
        if not 1 <= limit <= MAX_HISTORY_STEPS:
            raise UsageError(f"limit is {limit}, possible is 1 to {MAX_HISTORY_STEPS}")
        source = self._hosts.recording(recording).source
        self._current(recording, source)
        return self._past(recording, source, limit)

    def step(self, recording: str, revision: int, steps: int) -> KeepPast:
        """Undo (negative) or redo; the history afterwards. Raises `StaleRevision`, `NothingToUndo`, and as `keep`."""
        source = self._hosts.recording(recording).source
        try:
            saved = self._store.step_keep(recording, revision, steps)
        except StaleRevision as error:
            raise self._with_current(error, recording, source) from None
        self._told(self._state(recording, source, saved))
        return self._past(recording, source, HISTORY_STEPS)

    def _current(self, recording: str, source: Source) -> SavedKeep:
        """The saved list. Where the file is again what it was before a cut in place, its list of then is saved anew."""
        saved = self._store.load_keep(recording)
        if self._applies(source, saved.fingerprint, now := self._fingerprint(source)):
            return saved
        with suppress(StaleRevision):  # somebody saves right now
            recalled = self._store.recall_keep(recording, now)
            if recalled is not None:
                self._told(self._state(recording, source, recalled, now))
                return recalled
        return self._store.load_keep(recording)

    def _merge(self, order: KeepOrder, new: SavedKeep) -> SavedKeep | None:
        """Save what was changed here over what was changed elsewhere; None where the common origin is not known."""
        base = self._store.keep_at(order.recording, order.revision)
        for _ in range(MERGE_ATTEMPTS):
            theirs = self._store.load_keep(order.recording)
            same_file = theirs.fingerprint == new.fingerprint
            if base is None or not same_file or base.fingerprint not in (None, new.fingerprint):
                return None
            merged = merge(_keep_list(base), _keep_list(new), _keep_list(theirs))
            with suppress(StaleRevision):
                saving = SavedKeep(_frames(merged), theirs.revision, new.fingerprint, new.names)
                return self._store.save_keep(order.recording, saving, order.label)
        return None

    def _with_current(self, error: StaleRevision, recording: str, source: Source) -> StaleRevision:
        error.current = views.keep(self._state(recording, source, self._store.load_keep(recording)))
        return error

    def _told(self, state: KeepState) -> KeepState:
        shown = [list(span) for span in state.keep_s]
        self._events.emit("keep", {"recording": state.recording, "revision": state.revision, "keep": shown})
        return state

    def _past(self, recording: str, source: Source, limit: int) -> KeepPast:
        found = self._store.keep_history(recording, limit)
        now = self._fingerprint(source)
        steps = tuple(
            KeepPastStep(self._state(recording, source, step.saved, now), step.label, step.saved_at)
            for step in found.steps
        )
        return KeepPast(self._state(recording, source, found.saved, now), steps, found.position)

    def saved(self, recording: str, fingerprint: str) -> KeepList:
        """The saved keep list for a cut of the file as it is now.

        Raises:
            SpanInvalid: none is saved. RecordingChanged: it was saved for another state of the file.
        """
        saved = self._store.recall_keep(recording, fingerprint) or self._store.load_keep(recording)
        if not saved.keep:
            raise SpanInvalid("there is no keep list for this recording", "say what to keep, or save a keep list first")
        if saved.fingerprint not in (None, fingerprint):
            raise RecordingChanged("the recording changed since its keep list was saved", "look at it again")
        return _keep_list(saved)

    def resolve(self, source: Source, written: WrittenSpans) -> KeepList:
        """Written spans as frames; waits for the index. Raises `SpanInvalid`."""
        if not written or len(written) > MAX_SPANS:
            raise SpanInvalid(f"there are {len(written)} spans, possible is 1 to {MAX_SPANS}")
        spans = []
        for n, (start, end) in enumerate(written, 1):
            try:
                spans.append((read_position(start), read_position(end)))
            except PositionInvalid as error:
                raise SpanInvalid(f"span {n}: {error.message}", error.hint) from None
        keep = self._engine.resolve_keep(source, spans)
        if not keep.spans:
            raise SpanInvalid("the spans keep no frame")
        return keep

    def _fingerprint(self, source: Source) -> str:
        """In time: local files may lie on a mount that hangs; what is read by ranges has limits of its own."""
        if not isinstance(source, Path):
            return self._engine.fingerprint(source)
        return in_time(lambda: self._engine.fingerprint(source), f"with {source.name}")

    def checked_fingerprint(self, source: Source, expected: str | None) -> str:
        """The file's fingerprint now; `expected` None: any.

        Raises:
            RecordingChanged: it is another one. FileUnreadable.
        """
        fingerprint = self._fingerprint(source)
        if expected is not None and expected != fingerprint:
            raise RecordingChanged("the recording changed since it was looked at", "open it again")
        return fingerprint

    # -- estimates --------------------------------------------------------------------------------------------------

    def estimate_s(self, recording: str, facts: RecordingFacts, keep: KeepList) -> float:
        """How long a cut of a recording takes, at the speed of past cuts of the same storage: the one estimate, for
        people and for the time limit.
        """
        share = keep.frames / facts.frames if facts.frames else 1.0
        return estimate_s(facts.size_bytes * share, self._store.speed("cut", self._hosts.storage_of(recording)))

    def eta_s(self, recording: str) -> float | None:
        """The estimate for the saved keep list; None until there is one and the index is ready. Never fails."""
        try:
            saved = self._store.load_keep(recording)
            facts = self._known_facts(recording) if saved.keep else None
            return round(self.estimate_s(recording, facts, _keep_list(saved)), 1) if facts else None
        except PlexcutError as error:
            log.debug("no estimate for %s: %s", recording, error.message)
            return None

    def known_duration_s(self, recording: str | None) -> float | None:
        """The exact duration, None until the index is ready. Never fails."""
        try:
            facts = self._known_facts(recording) if recording else None
        except PlexcutError:
            return None
        return facts.duration_s if facts else None

    def facts(self, source: Source, fingerprint: str) -> RecordingFacts:
        """All facts of a file; waits for the index."""
        facts = self._engine.probe(source)
        with self._lock:
            if len(self._facts) > 1000:
                self._facts.clear()
            self._facts[fingerprint] = facts
        return facts

    def _known_facts(self, recording: str) -> RecordingFacts | None:
        source = self._hosts.recording(recording).source
        fingerprint = self._fingerprint(source)
        if known := self._facts.get(fingerprint):
            return known
        ready = self._engine.index_state(source).state == "ready"
        return self.facts(source, fingerprint) if ready else None

    def _state(self, recording: str, source: Source, saved: SavedKeep, now: str | None = None) -> KeepState:
        """A saved list as it is shown; `now`: the file's fingerprint where the caller has it already."""
        frames = [n for span in saved.keep for n in span]
        try:
            times_us = self._engine.frame_times_us(source, frames) if frames else []
        except PositionInvalid:
            # The file is shorter than when the list was saved; `fingerprint` tells that it is another one.
            total = self._engine.probe(source).frames
            times_us = self._engine.frame_times_us(source, [min(n, total) for n in frames])
        seconds = [us_to_s(us) for us in times_us]
        keep_s = tuple(zip(seconds[::2], seconds[1::2], strict=True))
        applies = self._applies(source, saved.fingerprint, now or self._fingerprint(source))
        return KeepState(
            recording, keep_s, saved.keep, saved.revision, saved.fingerprint, applies=applies, names=saved.names
        )

    def _applies(self, source: Source, fingerprint: str | None, now: str) -> bool:
        """Whether frames that were chosen in the file with this fingerprint are frames of the file as it is `now`."""
        if fingerprint in (None, now):
            return True
        pair = (fingerprint, now)
        known = self._continued.get(pair)
        if known is None:
            known = self._engine.continues(source, fingerprint)
            with self._lock:
                if len(self._continued) > 1000:
                    self._continued.clear()
                self._continued[pair] = known
        return known


def _keep_list(saved: SavedKeep) -> KeepList:
    return KeepList.of(Span(start, end) for start, end in saved.keep)


def _frames(keep: KeepList) -> tuple[tuple[int, int], ...]:
    return tuple((span.start, span.end) for span in keep)
