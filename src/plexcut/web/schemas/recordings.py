"""Recordings, frames, keep lists, plans, the timeline."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from plexcut.web.schemas.base import Answer, Body, Written, WrittenSpan
from plexcut.web.schemas.cutlists import ImportedKeep
from plexcut.web.schemas.naming import NewName


class Video(Answer):
    """The video stream; `width` and `height` are coded samples, before the sample aspect ratio is applied."""

    codec: str
    width: int
    height: int
    interlaced: bool
    profile: str | None
    pixel_format: str | None
    sample_aspect: str | None


class Audio(Answer):
    """One audio track."""

    codec: str
    language: str | None
    channels: int | None
    sample_rate: int | None
    id: int | None


class Stream(Answer):
    """A subtitle or other stream."""

    codec: str
    language: str | None
    id: int | None


class Index(Answer):
    """How far the index of a recording is; `error` says why it failed."""

    state: Literal["none", "building", "ready", "failed"]
    percent: float
    error: str | None


class Recording(Answer):
    """A recording. The keys from `duration_s` to `size_bytes` are null until the index is ready."""

    id: str
    title: str
    item: str
    path_name: str
    fingerprint: str
    index: Index
    keep_revision: int
    duration_s: float | None
    frames: int | None
    fps: float | None
    keyframes: int | None
    video: Video | None
    audio: list[Audio] | None
    subtitles: list[Stream] | None
    other: list[Stream] | None
    discontinuities: int | None
    container: str | None
    size_bytes: int | None


class FrameQuery(Body):
    """Which frame: either `at` or `n`."""

    at: str | None = Field(None, max_length=40, description="A time (83.5, 1:23.5, 00:01:23.500) or #4175.")
    n: int | None = Field(None, ge=0, le=10**12, description="A frame number.")
    width: int | None = Field(None, ge=16, le=4096, description="Pixels; without it the picture has its full size.")


class Keep(Answer):
    """The saved keep list, as times in seconds and as frames; `revision` counts saves, 0: nothing was saved yet.

    Then it is what a cut list of another program beside the recording says, if there is one: `imported`.
    `applies` is false where the file became another one since, as by a cut in place: its frames are not those meant.
    """

    keep: list[tuple[float, float]]
    keep_frames: list[tuple[int, int]]
    revision: int
    fingerprint: str | None
    applies: bool
    imported: ImportedKeep | None


class KeptRecording(Answer):
    """A recording that has a saved keep list."""

    recording: str


class Keeps(Answer):
    """All recordings that have a saved keep list which keeps anything."""

    keeps: list[KeptRecording]
    total: int


class CutOptions(Answer):
    """What a cut does when its order does not say, and where its result can go.

    `output_folder` is the folder for results that is configured; null where none is, then `outputs` lacks `folder`.
    """

    mode: Literal["exact", "keyframe"]
    output: Literal["beside", "replace"]
    outputs: list[Literal["beside", "replace", "folder"]]
    output_folder: str | None
    keep_original_days: int


class KeepChange(Body):
    """A keep list to save over `revision`. Other keys are left alone, so that an answer, edited, can be sent back."""

    model_config = ConfigDict(extra="ignore")

    keep: list[WrittenSpan] = Field(max_length=10_000)
    revision: int = Field(ge=0, strict=True)
    fingerprint: str | None = Field(None, max_length=300)
    merge: bool = Field(
        False,
        strict=True,
        description="Where somebody else saved since `revision`, add what was changed here to their list instead of"
        " answering 409.",
    )
    label: str = Field("", max_length=80, description="What the change was, for the history.")
    names: list[NewName] | None = Field(
        None,
        max_length=1000,
        description="What the spans are called from now on, as one step with the list; without it as before.",
    )


class CutOrder(Body):
    """What to cut. Without `keep` the saved keep list; without `mode` and `output` what the configuration says."""

    keep: list[WrittenSpan] | None = Field(None, max_length=10_000)
    mode: Literal["exact", "keyframe"] | None = None
    output: str | None = Field(
        None,
        max_length=40,
        description="`beside`: a new file beside the original. `replace`: in its place."
        " `folder`: into the folder for results, where one is configured (`GET /api/cut-options`).",
    )
    fingerprint: str | None = Field(None, max_length=300)
    container: str | None = Field(
        None,
        max_length=40,
        description="What kind of file to write, `ts`, `mp4` or `mkv`; without it, or with null, the recording's own."
        " 422 `format_unsupported` where that cannot be.",
    )
    chapters: bool = Field(False, description="Begin a chapter at each seam; for results that are MP4 or MKV.")
    priority: Literal["low", "normal", "high"] = "normal"


class PlannedSpan(Answer):
    """A kept span: of its frames `head` and then `tail` are re-encoded, the `body` between is copied.

    Where nothing is copied all of it is `head`.
    """

    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    head: int
    body: int
    tail: int


class SnapEdge(Answer):
    """An edge of a kept span and the nearest places, at it or before and at it or after, where a copy fits.

    `before_reencoded`, `after_reencoded`: how many pictures are re-encoded for this edge if it is moved there; 0 but at
    starts in H.264 recordings whose keyframes are no IDR pictures. Null where there is no such place near.
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


class Plan(Answer):
    """What a cut would do; `keep` is what would really be kept, `bytes` an estimate of the result's size.

    `spans` counts for each kept span what is copied and re-encoded; `snap` has its start and its end.
    """

    frames: int
    frames_copied: int
    frames_reencoded: int
    duration_s: float
    bytes: int
    warnings: list[str]
    keep: list[tuple[float, float]]
    keep_frames: list[tuple[int, int]]
    spans: list[PlannedSpan]
    snap: list[SnapEdge]


class TimelineOrder(Body):
    """The pictures of the selected movie at `pos + k * step` for k in `l` to `r`, both included."""

    basename: str = Field(
        min_length=1, max_length=120, description="Names the pictures and their format: frame.jpg, frame.png."
    )
    pos: Written
    l: int = Field(ge=-10_000, le=10_000, strict=True)  # noqa: E741  (the seed's name)
    r: int = Field(ge=-10_000, le=10_000, strict=True)
    step: Written = Field(description="Seconds; greater than 0.")
    size: int = Field(ge=16, le=4096, strict=True, description="Width in pixels.")


class TimelineFrame(Answer):
    """One picture: the frame shown at `pos_s`, which is `frame`, with its own time `time_s`."""

    k: int
    pos_s: float
    frame: int
    time_s: float
    url: str


class Timeline(Answer):
    """All pictures, in order of `k`; those that would lie outside the recording show its first or last frame."""

    frames: list[TimelineFrame]
    total: int
