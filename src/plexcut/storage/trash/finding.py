"""Which entries of the trash belong to a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from plexcut.domain.files import Files
from plexcut.domain.trash import Spot
from plexcut.errors import NoOriginal
from plexcut.storage.trash.places import Place, places_around
from plexcut.storage.trash.records import Mark, Record, is_marked, read_records


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of the trash and where it is."""

    place: Place
    record: Record

    def path(self, name: str) -> PurePath:
        """A file of the entry."""
        return self.place.trash / self.record.id / name


def entries_of(files: Files, place: Place) -> list[Found]:
    """All entries of a place that are whole, the oldest first."""
    pending = set(files.names(place.journal))
    return [Found(place, record) for record in read_records(place) if record.id not in pending]


def entries_around(files: Files, spot: Spot) -> list[Found]:
    """All entries that may belong to a recording, the oldest first."""
    places = places_around(files, spot.root, spot.path)
    found = [one for place in places for one in entries_of(files, place)]
    return sorted(found, key=lambda one: (one.record.sequence, one.record.trashed_at))


def next_sequence(around: list[Found]) -> int:
    """The number of an entry that comes now."""
    return 1 + max((found.record.sequence for found in around), default=0)


def cut_of(around: list[Found], mark: Mark) -> str | None:
    """The entry with the original of a file that a cut of ours made; None where it is none, or that is gone."""
    ids = {found.record.id for found in around}
    for found in reversed(around):
        if found.record.result == mark:
            of = found.record.after or found.record.id
            return of if of in ids else None
    return None


def original_of(files: Files, spot: Spot, entry: str | None) -> Found:
    """The entry to restore, with its recording whole; `entry`: this one.

    Raises:
        NoOriginal: there is none. OSError.
    """
    around = entries_around(files, spot)
    if entry is not None:
        chosen = [found for found in around if found.record.id == entry]
    else:
        chosen = _originals(files, spot, around)
    for found in chosen:
        recording = found.record.recording
        if recording is None:
            continue
        if is_marked(files, found.path(recording.name), Mark(recording.size_bytes, recording.digest)):
            return found
    raise NoOriginal(
        f"there is no original of {spot.path.name} in the trash", "it was not cut in place, or its time is over"
    )


def _originals(files: Files, spot: Spot, around: list[Found]) -> list[Found]:
    """The original that the recording is a cut of; where it is no cut of ours, those of its name, the oldest first."""
    status = files.status(spot.path)
    if status is not None and status.kind == "file":
        of = cut_of(around, Mark.of(files, spot.path, status))
        if of is not None:
            return [found for found in around if found.record.id == of]
    return [
        found
        for found in around
        if found.record.kind == "original" and found.place.absolute(found.record.path) == spot.path
    ]
