"""What the media engine says about recordings, and what it is asked to do. Plain data; no media library needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from plexcut.domain.containers import Container
from plexcut.domain.spans import KeepList
from plexcut.domain.timecode import Position
from plexcut.domain.trash import Rendered

CutMode = Literal["exact", "keyframe"]
CUT_MODES: tuple[CutMode, ...] = ("exact", "keyframe")
IndexPhase = Literal["none", "building", "ready", "failed"]
PictureFormat = Literal["jpg", "png", "webp"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Of a recording's file now: its size and whatever changes when its content does.

    `version` is the modification time in ns (or a hash of an entity tag, where a server says nothing else).
    """

    size_bytes: int
    version: int


class ByteRanges(Protocol):
    """A recording that is read over a network by ranges. Several threads may read at once."""

    @property
    def name(self) -> str:
        """The file's name, for people; never a secret."""

    @property
    def key(self) -> str:
        """The same for the same file as long as the process lives; never a secret."""

    def status(self) -> SourceStatus:
        """Size and version now; asks the host. Raises `FileUnreadable`, `LibraryOffline`."""

    def read(self, start: int, size: int) -> bytes:
        """`size` bytes from `start` on, fewer only at the end. Raises `FileUnreadable`, `LibraryOffline`."""


Source = Path | ByteRanges
"""What the engine reads: a local file, or one that is read by ranges."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """The video stream; `width` and `height` are coded samples, before the sample aspect ratio is applied."""

    codec: str
    width: int
    height: int
    interlaced: bool
    profile: str | None = None
    pixel_format: str | None = None
    sample_aspect: str | None = None


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """One audio track; `language` is ISO 639-2, None where the file does not say."""

    codec: str
    language: str | None
    channels: int | None
    sample_rate: int | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A subtitle or other stream."""

    codec: str
    language: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """What `probe` tells.

    `keyframes` counts frames that decoding can start at; `discontinuities` counts clock jumps that were evened out.
    """

    duration_s: float
    frames: int
    fps: float
    keyframes: int
    video: VideoFacts
    audio: tuple[AudioFacts, ...]
    subtitles: tuple[StreamFacts, ...]
    other: tuple[StreamFacts, ...]
    discontinuities: int
    container: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far the index of a recording is; `error` is set where `state` is `failed`."""

    state: IndexPhase
    percent: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture of frame `frame`; `time_us` is its time, rounded down to the microsecond.

    `frame` None: the number is not known before the index is; the picture is the one shown at that time all the same.
    """

    frame: int | None
    time_us: int
    width: int
    height: int
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class FilmstripOrder:
    """Pictures of a range in one image.

    `start`, `end`: None is the beginning, the end; both are clamped to the recording. `count` pictures at most,
    `height` pixels high. With `step` (a number of frames) there is one picture for each multiple of it instead, so
    that neighbouring ranges meet; `count` then only bounds them.
    """

    start: Position | None = None
    end: Position | None = None
    count: int = 100
    height: int = 90
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a filmstrip: which frame it shows, and where it lies in the image, in pixels.

    `time_us` is the frame's time, rounded down. `frame` is None where the number is not known yet.
    """

    frame: int | None
    time_us: int
    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Filmstrip:
    """An encoded image of `width` x `height` pixels with its tiles, in order of time, for `[start_us, end_us)`.

    `step`: pictures lie at multiples of it (frames) where that is possible. `provisional`: made of a Plex server's own
    previews, before the index was there; `step` is 0 then.
    """

    tiles: tuple[Tile, ...]
    start_us: int
    end_us: int
    step: int
    width: int
    height: int
    data: bytes
    media_type: str
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class WaveformOrder:
    """How loud a range is. `start`, `end`: None is the beginning, the end; both are clamped to the recording.

    `points` of equal width. `wait_s`: how long the answer may wait for sound that is not measured yet.
    """

    start: Position | None = None
    end: Position | None = None
    points: int = 1000
    wait_s: float = 90.0
    program: int | None = None


@dataclass(frozen=True, slots=True)
class TrackWaveform:
    """One audio track. `peaks`: the largest sample of any channel in each point, 0 to 1 (full scale).

    `loudness_lufs`: K-weighted loudness of each point (ITU-R BS.1770), of 400 ms around it where it is shorter; -70 is
    silence. `integrated_lufs`: of the whole track (EBU R 128); None while that is not known, or where all is silence.
    """

    id: int
    codec: str
    language: str | None
    channels: int | None
    peaks: tuple[float, ...]
    loudness_lufs: tuple[float, ...]
    integrated_lufs: float | None


@dataclass(frozen=True, slots=True)
class Waveform:
    """The sound of `[start_us, end_us)` in `points` points of equal width.

    `peaks` are those of the first track (zeros where there is none). What lies behind `known_to_us` is not measured
    yet and is told as silence; `complete`: nothing does. `percent` of the whole recording that is measured.
    """

    start_us: int
    end_us: int
    points: int
    peaks: tuple[float, ...]
    tracks: tuple[TrackWaveform, ...]
    complete: bool
    percent: float
    known_to_us: int


@dataclass(frozen=True, slots=True)
class PlaybackOrder:
    """What a browser is to play: of the kept spans (None: everything) what lies in `[start, end)`.

    `start`, `end`: None is the beginning, the end. `audio` is a track's id (`AudioFacts.id`), None the first one.
    """

    keep: tuple[tuple[Position, Position], ...] | None = None
    start: Position | None = None
    end: Position | None = None
    audio: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedSpan:
    """One kept span: of its frames `head` and then `tail` are re-encoded, the `body` between is copied.

    Where nothing is copied all of it is `head`.
    """

    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    head: int
    body: int
    tail: int


@dataclass(frozen=True, slots=True)
class SnapEdge:
    """An edge of a kept span and the nearest places, at it or before and at it or after, where a copy fits.

    `before_reencoded`, `after_reencoded`: how many pictures are re-encoded for this edge if it is moved there; 0 but at
    starts in H.264 recordings whose keyframes are no IDR pictures. None where there is no such place near.
    """

    side: Literal["start", "end"]
    edge_frame: int
    edge_s: float
    before_frame: int | None
    before_s: float | None
    before_reencoded: int | None
    after_frame: int | None
    after_s: float | None
    after_reencoded: int | None


@dataclass(frozen=True, slots=True)
class CutPlan:
    """What a cut will do, before anything runs. `bytes` is an estimate of the result's size.

    `keep` is what will really be kept: in `keyframe` mode the spans as widened.
    `keep_s` are the same spans as times in seconds. `spans` counts for each of them; `snap` has two edges for each.
    """

    frames: int
    frames_copied: int
    frames_reencoded: int
    duration_s: float
    bytes: int
    warnings: tuple[str, ...]
    keep: tuple[tuple[int, int], ...]
    keep_s: tuple[tuple[float, float], ...]
    spans: tuple[PlannedSpan, ...] = ()
    snap: tuple[SnapEdge, ...] = ()


@dataclass(frozen=True, slots=True)
class CutRequest:
    """An order to the engine. `fingerprint` None means: whatever the file is now.

    `hand_over`: who puts the finished cut into its place, which may then be the recording's own (`target` is `source`);
    None: the engine does, and never over the recording.
    `source` may be read by ranges, `target` is a file of this machine.
    `container`: what kind of file the result is to be, None for the source's own. `chapters`: one for each kept span.
    """

    source: Source
    target: Path
    keep: KeepList
    mode: CutMode = "exact"
    overwrite: bool = False
    fingerprint: str | None = None
    program: int | None = None
    temp_dir: Path | None = None
    hand_over: Callable[[Rendered], object] | None = None
    container: Container | None = None
    chapters: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One verification."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of all checks; `seams` where the result has the kept frames."""

    ok: bool
    checks: tuple[Check, ...]
    seams: tuple[Seam, ...] = ()


@dataclass(frozen=True, slots=True)
class Seam:
    """Where two kept spans meet in the result, and what was re-encoded there.

    `at_s` is the time in the result of the first frame after the seam; `source_end` and `source_start` are the source
    frames on its two sides (the last one kept, the first one kept again). `av_offset_ms`: how much later than in the
    source the sound behind it is against its picture, for each audio track; None where that is not told exactly.
    """

    at_s: float
    source_end: int
    source_start: int
    frames_reencoded: int
    av_offset_ms: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What became of a stream; `why` says why it was dropped, empty when kept."""

    id: int
    codec: str
    kept: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class CutResult:
    """A finished and verified cut; `warnings` as the plan's."""

    path: str
    duration_s: float
    frames: int
    frames_copied: int
    frames_reencoded: int
    bytes: int
    seconds: float
    verified: bool
    seams: tuple[Seam, ...] = ()
    streams: tuple[StreamResult, ...] = ()
    checks: tuple[Check, ...] = field(default=())
    warnings: tuple[str, ...] = ()
