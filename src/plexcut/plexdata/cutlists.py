"""Cut lists of other programs, for recordings: read as keep lists, written out of them, found beside a recording."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from plexcut.domain.cutlists import (
    CutListFacts,
    CutListFormat,
    KeptSpan,
    ListedSpan,
    ReadCutList,
    WrittenCutList,
)
from plexcut.domain.media import RecordingFacts, Source
from plexcut.domain.ports import CutLists, MediaEngine
from plexcut.domain.spans import KeepList
from plexcut.domain.timecode import FrameNumber, Position, us_to_s
from plexcut.errors import CannotWrite, PlexcutError, SpanInvalid
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import MAX_SPANS, Keeping
from plexcut.plexdata.model import ImportedKeep, Ports, WrittenSpans

log = logging.getLogger(__name__)

_LARGEST_DENOMINATOR = 1001


@dataclass(frozen=True, slots=True)
class ListedKeep:
    """What a cut list keeps of a recording; `labels` has one for each span, empty where the list has none."""

    keep: KeepList
    labels: tuple[str, ...]


def list_facts(name: str, facts: RecordingFacts) -> CutListFacts:
    """What cut lists take to know of a recording whose file is called `name`."""
    fps = Fraction(facts.fps).limit_denominator(_LARGEST_DENOMINATOR)
    return CutListFacts(name, facts.frames, fps, facts.duration_s)


Resolve = Callable[[list[tuple[Position, Position]]], KeepList]
"""Positions to frames of one recording. Raises `SpanInvalid`."""


def listed_keep(resolve: Resolve, listed: ReadCutList, facts: CutListFacts) -> ListedKeep:
    """The frames that a cut list keeps. What it says of the time behind the end is left out.

    Raises:
        SpanInvalid: nothing is kept, or it does not fit the recording.
    """
    if len(listed.spans) > MAX_SPANS:
        raise SpanInvalid(f"the cut list has {len(listed.spans)} spans, possible is {MAX_SPANS}")
    placed: list[tuple[KeepList, ListedSpan]] = []
    for span in listed.spans:
        start, end = _inside(span.start, facts), _inside(span.end, facts)
        if start == FrameNumber(facts.frames):
            continue
        try:
            placed.append((resolve([(start, end)]), span))
        except SpanInvalid:
            log.debug("a span of a cut list holds no frame: %s", span)
    found = KeepList.of(span for keep, _ in placed for span in keep)
    if not placed:
        raise SpanInvalid("the cut list does not fit this recording", "none of its spans holds a frame of it")
    if not listed.spans[0].kept:
        keep = found.invert(facts.frames)
        if not keep.spans:
            raise SpanInvalid("the cut list removes everything")
        return ListedKeep(keep, ("",) * len(keep))
    first = {keep.spans[0].start: span.label for keep, span in placed}
    return ListedKeep(found, tuple(first.get(span.start, "") for span in found))


def _inside(position: Position | None, facts: CutListFacts) -> Position:
    """A position within the recording: what lies behind its end, and None, is the end."""
    if position is None:
        return FrameNumber(facts.frames)
    if isinstance(position, FrameNumber):
        return FrameNumber(min(position.n, facts.frames))
    return position if position < Fraction(str(facts.duration_s)) else FrameNumber(facts.frames)


def kept_spans(
    engine: MediaEngine, source: Source, keep: KeepList, labels: tuple[str, ...] = ()
) -> tuple[KeptSpan, ...]:
    """Spans with the times that a cut list is written with."""
    times = engine.frame_times_us(source, [n for span in keep for n in (span.start, span.end)])
    named = [*labels, *[""] * (len(keep) - len(labels))]
    return tuple(
        KeptSpan(span.start, span.end, times[2 * i], times[2 * i + 1], named[i]) for i, span in enumerate(keep)
    )


class CutListDoor:
    """Part of the one door, `Plexdata`: cut lists of other programs."""

    _cut_lists: CutListing

    def read_cut_list(self, recording: str, data: bytes) -> ImportedKeep:
        """What another program's cut list keeps of a recording; nothing is saved. Waits for the index.

        Raises:
            FormatUnsupported: it is no cut list. SpanInvalid: it does not fit the recording.
            RecordingNotFound, LibraryOffline, FileUnreadable.
        """
        return self._cut_lists.read(recording, data)

    def write_cut_list(self, recording: str, fmt: CutListFormat, keep: WrittenSpans | None = None) -> WrittenCutList:
        """A keep list (None: the saved one) as a file of another program. Waits for the index.

        Raises:
            SpanInvalid: a span is not possible, or none is saved. UsageError: there is no such format.
            RecordingChanged: since its keep list was saved.
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        return self._cut_lists.write(recording, fmt, keep)


class CutListing:
    """Cut lists by recording."""

    def __init__(self, hosts: Hosts, ports: Ports, keeping: Keeping) -> None:
        self._hosts = hosts
        self._engine = ports.engine
        self._lists: CutLists = ports.cut_lists
        self._keeping = keeping

    def read(self, recording: str, data: bytes) -> ImportedKeep:
        """What a cut list keeps of a recording; nothing is saved. Raises as `CutListDoor.read_cut_list`."""
        source = self._hosts.recording(recording).source
        facts = self._facts(source)
        return self._imported(source, self._lists.read(data, facts), facts, "")

    def write(self, recording: str, fmt: CutListFormat, keep: WrittenSpans | None) -> WrittenCutList:
        """A keep list (None: the saved one) as a file of another program. Raises as `CutListDoor.write_cut_list`."""
        source = self._hosts.recording(recording).source
        if keep is None:
            kept = self._keeping.saved(recording, self._engine.fingerprint(source))
        else:
            kept = self._keeping.resolve(source, keep)
        return self._lists.write(fmt, kept_spans(self._engine, source, kept), self._facts(source))

    def beside(self, recording: str) -> ImportedKeep | None:
        """What the best cut list beside a recording keeps; None where there is none that removes anything."""
        file = self._hosts.recording(recording)
        try:
            found = self._lists.beside(file.path)
        except CannotWrite:  # it is not on this machine
            return None
        for one in found:
            facts = self._facts(file.source)
            try:
                listed = self._lists.read(one.data, facts)
                if listed.format not in one.formats:
                    continue
                imported = self._imported(file.source, listed, facts, one.name)
            except PlexcutError as error:
                log.info("%s beside %s is of no use: %s", one.name, recording, error.message)
                continue
            if sum(end - start for start, end in imported.keep_frames) < facts.frames:
                return imported
        return None

    def _facts(self, source: Source) -> CutListFacts:
        return list_facts(Path(source.name).name, self._engine.probe(source))

    def _imported(self, source: Source, listed: ReadCutList, facts: CutListFacts, name: str) -> ImportedKeep:
        found = listed_keep(lambda spans: self._engine.resolve_keep(source, spans), listed, facts)
        spans = kept_spans(self._engine, source, found.keep, found.labels)
        return ImportedKeep(
            format=listed.format,
            name=name,
            keep_s=tuple((us_to_s(span.start_us), us_to_s(span.end_us)) for span in spans),
            keep_frames=tuple((span.start_frame, span.end_frame) for span in spans),
            labels=found.labels,
            notes=listed.notes,
        )
