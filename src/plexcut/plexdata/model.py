"""What `Plexdata` is asked and what it answers, besides the words of `domain`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from plexcut.domain.filestore import FileStore
from plexcut.domain.jobs import Priority
from plexcut.domain.media import CutMode, IndexState, RecordingFacts
from plexcut.domain.naming import SpanName
from plexcut.domain.ports import CutLists, JobQueue, Library, MediaEngine, Notice, Store
from plexcut.domain.setup import SetupTools
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import PlexcutError

Written = str | int | float | Decimal | Fraction | FrameNumber
"""A position as it was written: seconds, a timecode, `#4175`, or already read."""

WrittenSpans = Sequence[tuple[Written, Written]]
"""Keep spans as they were written."""

CheckName = Literal["file", "writable", "space", "job", "being_recorded", "watching"]
EventName = Literal["job", "selection", "library", "keep", "progress"]


@dataclass(frozen=True, slots=True)
class Ports:
    """The adapters that `Plexdata` works with; `libraries` in the order of the configuration, by id.

    `share_trouble` says why a folder on a share cannot be reached now (empty: it can), within its time limit.
    `setup`: what adding libraries needs; None: none can be added.
    """

    libraries: Mapping[str, Library]
    engine: MediaEngine
    queue: JobQueue
    store: Store
    cut_lists: CutLists
    files: FileStore
    share_trouble: Callable[[Path], str] | None = None
    setup: SetupTools | None = None


@dataclass(frozen=True, slots=True)
class LibraryStatus:
    """A library and whether its host answers. `message` says what is wrong, empty when nothing is.

    An online library can have a message too: a mapped folder of a Plex server that is not there.
    """

    id: str
    name: str
    kind: str
    online: bool
    message: str


@dataclass(frozen=True, slots=True)
class Health:
    """`starting` until the initial selection stands and every reachable folder library has been listed once."""

    status: Literal["starting", "ok"]
    version: str
    libraries: tuple[LibraryStatus, ...]
    queue_online: bool
    workers: int
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class SelectionChange:
    """What a client wants to select, by ids; None: not given. Any combination; what is not given is the default.

    The deepest id decides: `movie` alone selects its own section, show and season too. Others that are given beside
    it must be on its way up.
    """

    library: str | None = None
    section: str | None = None
    show: str | None = None
    season: str | None = None
    movie: str | None = None
    pos_s: float | None = None


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """A recording, its facts once the index is there (None before), and the revision of its saved keep list."""

    id: str
    title: str
    item: str
    path_name: str
    fingerprint: str
    index: IndexState
    facts: RecordingFacts | None
    keep_revision: int


@dataclass(frozen=True, slots=True)
class ProposedBreak:
    """A break by its frames and their times. `confidence` is None where the list does not say how sure it is;
    `evidence` says what the proposal rests on.
    """

    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    confidence: float | None
    evidence: tuple[str, ...]
    dismissed: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """The breaks that are proposed of a recording; `name` and `format` are the file's, empty where none lies there."""

    name: str
    format: str
    breaks: tuple[ProposedBreak, ...]


@dataclass(frozen=True, slots=True)
class ImportedKeep:
    """What another program's cut list keeps of a recording. It is not saved.

    `name` is the file's where it lay beside the recording, else empty; `labels` has one for each span.
    """

    format: str
    name: str
    keep_s: tuple[tuple[float, float], ...]
    keep_frames: tuple[tuple[int, int], ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeepState:
    """A saved keep list as times (`keep_s`, half-open, seconds) and as frames (`keep_frames`, half-open).

    `fingerprint` is the file's when it was saved, None where nothing ever was. `applies` says whether the file still is
    that one (a recording that only grew is): the frames of another one are not meant, as after a cut in place.
    `imported` is what the list was taken from where nothing was ever saved (`revision` 0) and another program's cut
    list lies beside the recording. `names`, in a history: what the spans were called then, None where it is not known.
    """

    recording: str
    keep_s: tuple[tuple[float, float], ...]
    keep_frames: tuple[tuple[int, int], ...]
    revision: int
    fingerprint: str | None
    imported: ImportedKeep | None = None
    applies: bool = True
    names: tuple[SpanName, ...] | None = None


@dataclass(frozen=True, slots=True)
class KeepOrder:
    """A keep list to save over `revision`. `fingerprint` None: whatever the file is now.

    `merge`: where somebody else saved meanwhile, add what was changed here to theirs. `label`: what the change was.
    `names`: what the spans are called from now on, None: as before.
    """

    recording: str
    keep: WrittenSpans
    revision: int
    fingerprint: str | None = None
    merge: bool = False
    label: str = ""
    names: tuple[SpanName, ...] | None = None


@dataclass(frozen=True, slots=True)
class KeepPastStep:
    """A keep list as it was, or will be again after a redo; `label` is what made it, `saved_at` when."""

    state: KeepState
    label: str
    saved_at: float | None


@dataclass(frozen=True, slots=True)
class KeepPast:
    """The saved keep list, and what undo and redo lead to: `steps[position]` is the saved one."""

    saved: KeepState
    steps: tuple[KeepPastStep, ...]
    position: int


@dataclass(frozen=True, slots=True)
class CutOrder:
    """A cut, or the plan of one.

    `keep` None: the saved list. `mode` and `output` None: as configured. `fingerprint` None: whatever the file is now.
    `container` None: a file of the recording's own kind. `chapters`: one for each kept span.
    """

    recording: str
    keep: WrittenSpans | None = None
    mode: str | None = None
    output: str | None = None
    fingerprint: str | None = None
    container: str | None = None
    chapters: bool = False
    priority: Priority = "normal"


@dataclass(frozen=True, slots=True)
class CutOptions:
    """What a cut does when its order does not say, and where results can go (`outputs`).

    `output_folder` is the configured folder for results, None without one. Originals of cuts in place are kept for
    `keep_original_days`, 0: until somebody deletes them.
    """

    mode: CutMode
    output: str
    outputs: tuple[str, ...]
    output_folder: Path | None
    keep_original_days: int


@dataclass(frozen=True, slots=True)
class PreCheck:
    """One thing that was looked at. `error` None: it is as it should be. `vital`: a cut is refused because of it."""

    name: CheckName
    error: PlexcutError | None = None
    vital: bool = True

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class TimelineFrame:
    """One picture of a timeline: `frame` and `time_s` are the frame's own, `pos_s` the place that was asked for.

    `name` is the file's name in the folder of `recording` below the static folder.
    """

    k: int
    pos_s: float
    frame: int
    time_s: float
    recording: str
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the page. `data` is JSON; `client` is whose selection changed.

    `client` None is the shared selection of those without a cookie.
    """

    name: EventName
    data: dict[str, Any]
    client: str | None = None

    def is_for(self, client: str | None) -> bool:
        """Whether a listener with this cookie gets it: selections go to their own client, all else to everybody."""
        return self.name != "selection" or self.client == client
