"""What plexcut needs from the outside, as Protocols.

Adapters implement them; `plexdata` uses them; neither knows the other.

All calls are synchronous and may block; the web layer runs them in threads. Any of them may be called from several
threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from plexcut.domain.catalog import Item, ItemQuery, MovieData, Page, RecordingFile, Section, Thumb, Viewing
from plexcut.domain.cutlists import (
    CutListFacts,
    CutListFormat,
    FoundCutList,
    KeptSpan,
    ListBeside,
    ReadCutList,
    WrittenCutList,
)
from plexcut.domain.jobs import Job, JobOrder, LogLine, Priority, Progress, WorkerInfo
from plexcut.domain.landmarks import CopyPoints, Keyframes, Landmarks, LibraryMarks
from plexcut.domain.media import (
    CutMode,
    CutPlan,
    CutRequest,
    CutResult,
    Filmstrip,
    FilmstripOrder,
    IndexState,
    Picture,
    PictureFormat,
    PlaybackOrder,
    RecordingFacts,
    Source,
    Verification,
    Waveform,
    WaveformOrder,
)
from plexcut.domain.spans import KeepList
from plexcut.domain.store import EditedRecordings as EditedRecordings  # noqa: PLC0414 - handed on
from plexcut.domain.store import KeepHistory as KeepHistory  # noqa: PLC0414 - handed on
from plexcut.domain.store import KeepStep as KeepStep  # noqa: PLC0414 - handed on
from plexcut.domain.store import Notice as Notice  # noqa: PLC0414 - handed on
from plexcut.domain.store import SavedKeep as SavedKeep  # noqa: PLC0414 - handed on
from plexcut.domain.store import Store as Store  # noqa: PLC0414 - handed on
from plexcut.domain.timecode import Position
from plexcut.domain.upkeep import Upkeep
from plexcut.domain.uses import FileUse

OnProgress = Callable[[str, float], None]
"""`on_progress(phase, fraction)`: the phase's name and how much of the whole work is done, 0 to 1."""

ShouldCancel = Callable[[], bool]
"""Whether nobody waits for the answer any more; asked often, so it costs nothing."""


def never() -> bool:
    """Somebody waits for it: the `ShouldCancel` of calls that nobody can give up."""
    return False


class Library(Protocol):
    """A place recordings come from.

    Every method but `close` raises `LibraryOffline` when the host does not answer within its time limit.
    """

    @property
    def id(self) -> str:
        """As configured; matches `catalog.LIBRARY_ID_PATTERN`."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def kind(self) -> str:
        """`plex` or `folder`."""

    def check(self) -> None:
        """Ask the host whether it is there; for a Plex server also whether it takes the token (`NotAllowed` if not)."""

    def refresh(self) -> bool:
        """Look for changes (a folder lists itself again); whether anything changed."""

    def sections(self) -> tuple[Section, ...]:
        """Movie and show sections, in the library's order."""

    def items(self, section: str, query: ItemQuery) -> Page:
        """Top-level items: movies, or shows. Raises `SectionNotFound`."""

    def item(self, item: str) -> Item:
        """One item. Raises `ItemNotFound`."""

    def children(self, item: str) -> tuple[Item, ...]:
        """Seasons of a show, episodes of a season, in order; () for what has none. Raises `ItemNotFound`."""

    def thumb(self, item: str, width: int) -> Thumb | None:
        """The poster, about `width` pixels wide; None where there is none. Raises `ItemNotFound`."""

    def recording(self, recording: str) -> RecordingFile:
        """Where a recording's file is. Raises `RecordingNotFound` (unknown, gone, or nothing reaches it from here)."""

    def lists_beside(self, recordings: Sequence[str]) -> Mapping[str, tuple[ListBeside, ...]]:
        """What lies beside these recordings under names that cut lists have, the best first; those that have none, or
        are not on this machine, are left out. From memory, or a look at folders that changed; opens no file.
        """

    def previews(self, recording: str) -> bytes | None:
        """The library's own small pictures of a recording, a BIF file; None where there are none, or none can be had.

        May take as long as fetching some megabytes does. Raises nothing: a strip is made without them as well.
        """

    def watching(self, recording: str) -> tuple[Viewing, ...]:
        """Who has a recording open on the library's own server now; () where it has none, or nobody has.

        Raises `RecordingNotFound`; `NotAllowed` where the server does not tell (it does so to its owner only).
        """

    def use_of(self, path: Path) -> FileUse:
        """What the library's own server does now with the file at `path`, as it is reached from here; nothing where
        there is no server, or it has no such file.

        Raises `NotAllowed` where the server does not tell.
        """

    def marks(self, recording: str) -> LibraryMarks:
        """Chapters and markers that the library itself has; none where it has none, or they cannot be had."""

    def upkeep(self) -> Upkeep | None:
        """The server that must be told when a file changed; None where the library shows files as they are."""

    def close(self) -> None:
        """Let go of connections and watchers."""


class PlayableFile(Protocol):
    """An MP4 file that is made while it is read; the same order makes the same bytes. Any thread may read anywhere."""

    @property
    def size_bytes(self) -> int:
        """Its size, known before anything is made."""

    @property
    def tag(self) -> str:
        """The same for the same bytes: an entity tag, without quotes."""

    def read(self, start: int, *, should_cancel: ShouldCancel = never) -> bytes:
        """Bytes from `start` on, at least one and as many as are made in one go (about a second's worth).

        Raises:
            Cancelled, FileUnreadable, FormatUnsupported, LibraryOffline. NotReady: too much is being played at once.
        """


class MediaEngine(Protocol):
    """Frames, plans and cuts of one file. Raises `FileUnreadable`, `FormatUnsupported`, `PositionInvalid`."""

    def fingerprint(self, source: Source) -> str:
        """Identity of the file's content: size, mtime and a hash of head and tail. Cheap; `[A-Za-z0-9.-]+`."""

    def continues(self, source: Source, fingerprint: str) -> bool:
        """Whether the file has the content that this was the fingerprint of, with more behind it or not. Cheap."""

    def probe(self, source: Source, program: int | None = None) -> RecordingFacts:
        """All facts; builds the index where it is not there yet (may take a while)."""

    def index_state(self, source: Source) -> IndexState:
        """How far the index is; starts nothing."""

    def prepare(self, source: Source) -> IndexState:
        """Start building the index in the background unless it is there or under way; returns at once."""

    def resolve_keep(self, source: Source, spans: list[tuple[Position, Position]]) -> KeepList:
        """Written spans to frames (waits for the index). Raises `SpanInvalid`."""

    def frame_times_us(self, source: Source, frames: list[int]) -> list[int]:
        """Time of each frame, rounded down; `frames == total` gives the end of the recording."""

    def number_at(self, source: Source, at: Position) -> int | None:
        """The frame shown at `at`, by its number, at once; None where the index is not there."""

    def frame(
        self,
        source: Source,
        at: Position,
        width: int | None = None,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Picture:
        """The frame shown at `at`, scaled to `width` pixels (None: full size, at most 4096).

        Raises also `Cancelled`.
        """

    def filmstrip(
        self,
        source: Source,
        order: FilmstripOrder,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Filmstrip:
        """Pictures of a range in one image (waits for the index). Raises also `UsageError`, `SpanInvalid`,
        `Cancelled`.
        """

    def preview_strip(
        self,
        previews: bytes,
        order: FilmstripOrder,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Filmstrip | None:
        """The same out of a library's own previews (`Library.previews`), provisional; None where they cannot serve:
        they are damaged, or the order speaks of frame numbers. Raises `UsageError`, `SpanInvalid`, `Cancelled`.
        """

    def play(self, source: Source, order: PlaybackOrder) -> PlayableFile:
        """A file for a browser (waits for the index). Raises `SpanInvalid`; `UsageError`: no such audio track."""

    def waveform(self, source: Source, order: WaveformOrder, *, should_cancel: ShouldCancel = never) -> Waveform:
        """How loud a range is, by track. Raises also `UsageError`, `SpanInvalid`, `NotReady`, `Cancelled`."""

    def landmarks(self, source: Source) -> Landmarks:
        """Clock, chapters, silences (waits for the index, not for the sound)."""

    def keyframes(self, source: Source, start: Position | None, end: Position | None, limit: int) -> Keyframes:
        """The first `limit` keyframes of a range (waits for the index). Raises also `SpanInvalid`."""

    def copy_points(self, source: Source, start: Position | None, end: Position | None) -> CopyPoints:
        """Where copying can begin and end in a range (waits for the index). Raises also `SpanInvalid`."""

    def plan(self, source: Source, keep: KeepList, mode: CutMode) -> CutPlan:
        """What a cut will do."""

    def cut(self, request: CutRequest, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
        """Cut, verify, move into place. Raises also `VerificationFailed`, `CannotWrite`, `RecordingChanged`,
        `Cancelled`; after any of them nothing of ours is left beside the original.
        """

    def verify(self, source: Path, output: Path, keep: KeepList) -> Verification:
        """Check an existing result against its source."""

    def close(self) -> None:
        """End what runs in the background."""


class CutLists(Protocol):
    """Cut lists of other programs."""

    def read(self, data: bytes, facts: CutListFacts) -> ReadCutList:
        """What a file says; its format is told from its content. Raises `FormatUnsupported`."""

    def write(self, fmt: CutListFormat, kept: tuple[KeptSpan, ...], facts: CutListFacts) -> WrittenCutList:
        """A file of this format. Raises `UsageError`: there is no such format."""

    def open(self, path: Path) -> bytes:
        """The content of a file that somebody named. Raises `FileUnreadable`, `FormatUnsupported` (too large)."""

    def removes(self, data: bytes, formats: tuple[CutListFormat, ...]) -> bool:
        """Whether this is a cut list of one of these formats that removes anything, of a recording that is not known
        any closer. Raises nothing.
        """

    def beside(self, recording: Path) -> tuple[FoundCutList, ...]:
        """What lies beside a recording under the names that such programs use, the best first. Raises nothing."""


class JobQueue(Protocol):
    """The queue `VueCutter`. Raises `QueueOffline`."""

    def online(self) -> bool:
        """Whether Redis/Valkey answers; never raises, bounded to about a second."""

    def workers(self) -> tuple[WorkerInfo, ...]:
        """Live workers."""

    def enqueue_cut(self, movie: MovieData, meta: dict[str, Any], timeout_s: int, priority: Priority = "normal") -> Job:
        """Queue a cut. Raises `RecordingBusy` when another job (queued or running) has this recording."""

    def order(self, job: str) -> JobOrder:
        """What was ordered. Raises `JobNotFound`."""

    def put_back(self, order: JobOrder) -> Job:
        """Queue a job that the queue has lost, under its old id. Raises `RecordingBusy`."""

    def log(self, job: str) -> tuple[LogLine, ...]:
        """The log of a job, as far as the queue has it."""

    def tend(self) -> None:
        """Look after jobs whose worker died, and tell the workers of the limits. For a watch that comes round often."""

    def pause(self, paused: bool) -> None:
        """Let no more jobs begin, or let them begin again; what runs goes on."""

    def move(self, job: str, *, position: int | None = None, before: str | None = None) -> Job:
        """Give a waiting job another place: the `position`-th, from 1, or the one before another waiting job.

        Raises `JobNotFound`; `Busy`: it does not wait (any more), or the other does not.
        """

    def prioritise(self, job: str, priority: Priority) -> Job:
        """Put a waiting job behind the last one that is as urgent. Raises as `move`."""

    def jobs(self) -> tuple[Job, ...]:
        """All known jobs, newest first."""

    def has_job(self, recording: str) -> bool:
        """Whether a job, queued or running, has this recording."""

    def job(self, job: str) -> Job:
        """One job. Raises `JobNotFound`."""

    def cancel(self, job: str) -> Job:
        """Stop a queued or running job; an ended one stays as it is."""

    def retry(self, job: str) -> Job:
        """Queue a failed or cancelled job again (a new job). Raises `JobNotFound`, `Busy`, `RecordingBusy`."""

    def progress(self) -> Progress:
        """Worker, queue and the current job in one object."""

    def close(self) -> None:
        """Let go of connections."""
