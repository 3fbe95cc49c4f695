"""The media engine in front of its parts: what `domain.ports.MediaEngine` asks for."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av

from plexcut.domain.filmstrip import check_order
from plexcut.domain.landmarks import CopyPoints, Keyframes, Landmarks
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
from plexcut.domain.ports import OnProgress, ShouldCancel, never
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import FrameNumber, Position, format_timecode
from plexcut.errors import Cancelled, PositionInvalid, SpanInvalid, UsageError
from plexcut.media import heap
from plexcut.media.index.cache import begins_with
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes

if TYPE_CHECKING:
    from plexcut.media.parts import Parts
    from plexcut.media.pictures import PictureWish
    from plexcut.media.playback.player import PlayedFile

_END_TOLERANCE_US = 1_000_000
"""How far a span may reach beyond the last frame: containers count the sound too when they say how long they are."""

_LOOK_EVERY_S = 0.1

_SAFE = re.compile(r"[^A-Za-z0-9.-]")

av.logging.set_level(None)


class Engine:
    """Frames, plans and cuts. One for each process; safe for several threads.

    `cache_dir`: where indexes are kept (None: nowhere). What shows and plays is loaded when it is first needed, which
    a cut never does, or `at_once`.
    """

    def __init__(self, cache_dir: Path | None, *, at_once: bool = False) -> None:
        heap.share_arenas()
        self._cache_dir = cache_dir
        self._indexes = Indexes(cache_dir / "index" if cache_dir else None)
        self._lock = threading.Lock()
        self._loaded: Parts | None = None
        self._closed = False
        if at_once:
            self._load()

    def _load(self) -> Parts:
        with self._lock:
            if self._loaded is None:
                from plexcut.media.parts import Parts

                self._loaded = Parts(self._indexes, self._cache_dir)
                if self._closed:
                    self._loaded.close()
            return self._loaded

    def fingerprint(self, source: Source) -> str:
        return _SAFE.sub("-", self._indexes.fingerprint(source))

    def continues(self, source: Source, fingerprint: str) -> bool:
        return begins_with(source, fingerprint)

    def probe(self, source: Source, program: int | None = None) -> RecordingFacts:
        return self._indexes.get(source, program).facts()

    def index_state(self, source: Source) -> IndexState:
        return self._indexes.state(source)

    def prepare(self, source: Source) -> IndexState:
        return self._indexes.prepare(source)

    def index(self, source: Source, program: int | None = None) -> MediaIndex:
        """The index itself, for the command line and the benchmarks."""
        return self._indexes.get(source, program)

    def resolve_keep(
        self, source: Source, spans: list[tuple[Position, Position]], program: int | None = None
    ) -> KeepList:
        index = self._indexes.get(source, program)
        if not spans:
            raise SpanInvalid("there is nothing to keep", "give at least one span")
        return KeepList.of(_resolve_span(index, start, end) for start, end in spans)

    def frame_times_us(self, source: Source, frames: list[int]) -> list[int]:
        index = self._indexes.get(source)
        if any(not 0 <= frame <= index.frames for frame in frames):
            raise PositionInvalid("a frame outside the recording")
        return [int(index.times_us[frame]) for frame in frames]

    def number_at(self, source: Source, at: Position) -> int | None:
        if self._indexes.state(source).state != "ready":
            return None
        return _resolve_position(self._indexes.get(source), at)

    def frame(
        self,
        source: Source,
        at: Position,
        width: int | None = None,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Picture:
        from plexcut.media.parts import picture_of
        from plexcut.media.pictures import PictureWish

        wish = PictureWish(width, fmt)
        if not isinstance(at, FrameNumber):
            _check_width(width)
            early = self._load().early.frame(source, at, None, should_cancel)
            if early is not None:
                return picture_of(early.decoded, early.index, wish, (early.number, early.time_us))
        return self.picture(source, at, wish, should_cancel)

    def picture(self, source: Source, at: Position, wish: PictureWish, should_cancel: ShouldCancel = never) -> Picture:
        """As `frame`, also of another programme."""
        from plexcut.media.frames import Place
        from plexcut.media.parts import picture_of

        _check_width(wish.width)
        index = self._index(source, wish.program, should_cancel)
        number = _resolve_position(index, at)
        identity = f"{self._indexes.fingerprint(source)}/{wish.program}"
        decoded = self._load().viewer.frame(Place(source, index, number, identity), should_cancel)
        return picture_of(decoded, index, wish, (number, int(index.times_us[number])))

    def _index(self, source: Source, program: int | None, should_cancel: ShouldCancel) -> MediaIndex:
        """The index; waits for it as long as somebody waits here."""
        if should_cancel is never:
            return self._indexes.get(source, program)
        while (index := self._indexes.soon(source, program, _LOOK_EVERY_S)) is None:
            if should_cancel():
                raise Cancelled("the request was given up")
        return index

    def filmstrip(
        self,
        source: Source,
        order: FilmstripOrder,
        fmt: PictureFormat = "jpg",
        program: int | None = None,
        *,
        should_cancel: ShouldCancel = never,
    ) -> Filmstrip:
        from plexcut.media.filmstrip.thumbs import Recording

        check_order(order)
        index = self._indexes.get(source, program)
        identity = f"{self._indexes.fingerprint(source)}/{program}"
        return self._load().filmstrips.get(Recording(source, index, identity), order, fmt, should_cancel)

    def preview_strip(
        self,
        previews: bytes,
        order: FilmstripOrder,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Filmstrip | None:
        return self._load().filmstrips.of_previews(previews, order, fmt, should_cancel)

    def play(self, source: Source, order: PlaybackOrder, program: int | None = None) -> PlayedFile:
        from plexcut.media.playback.movie import MovieOrder

        index = self._indexes.get(source, program)
        tracks = [track for track in index.tracks if track.kind == "audio"]
        track = next((track for track in tracks if order.audio in (None, track.id)), None)
        if track is None and order.audio is not None:
            raise UsageError(f"there is no audio track {order.audio}", "the recording's `audio` names the tracks")
        keep = _played(index, order)
        return self._load().player.open(MovieOrder(source, index, self.fingerprint(source), keep, track))

    def waveform(self, source: Source, order: WaveformOrder, *, should_cancel: ShouldCancel = never) -> Waveform:
        return self._load().waveforms.waveform(source, order, should_cancel)

    def landmarks(self, source: Source) -> Landmarks:
        from plexcut.media.landmarks import chapters_of, clock_of

        index = self._indexes.get(source)
        silences, known_us = self._load().waveforms.silences(source)
        return Landmarks(clock_of(index.times_us), chapters_of(source, index), silences, known_us)

    def keyframes(self, source: Source, start: Position | None, end: Position | None, limit: int) -> Keyframes:
        from plexcut.media.landmarks import frame_range, keyframes_of

        index = self._indexes.get(source)
        return keyframes_of(index, frame_range(index, start, end), limit)

    def copy_points(self, source: Source, start: Position | None, end: Position | None) -> CopyPoints:
        from plexcut.media.landmarks import copy_points_of, frame_range

        index = self._indexes.get(source)
        return copy_points_of(index, frame_range(index, start, end))

    def plan(self, source: Source, keep: KeepList, mode: CutMode, program: int | None = None) -> CutPlan:
        from plexcut.media.cutting.opening import settled_plan, settled_snap
        from plexcut.media.cutting.plan import describe
        from plexcut.media.cutting.room import room_warnings

        index = self._indexes.get(source, program)
        plan = settled_plan(source, index, keep, mode)
        told = describe(index, plan)
        warnings = (*told.warnings, *room_warnings(source, index, plan))
        return replace(told, warnings=warnings, snap=settled_snap(source, index, plan.keep))

    def cut(self, request: CutRequest, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
        from plexcut.media.cutting.cut import run_cut

        return run_cut(request, self._indexes, on_progress, should_cancel)

    def verify(self, source: Path, output: Path, keep: KeepList, program: int | None = None) -> Verification:
        from plexcut.media.cutting.verify import verify_files

        return verify_files(source, output, keep, self._indexes, program)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._loaded is not None:
                self._loaded.close()


def _check_width(width: int | None) -> None:
    from plexcut.media.pictures import MAX_SIDE_PX

    if width is not None and not 16 <= width <= MAX_SIDE_PX:
        raise UsageError(f"a picture cannot be {width} pixels wide", f"16 to {MAX_SIDE_PX}")


def _resolve_position(index: MediaIndex, at: Position) -> int:
    if isinstance(at, FrameNumber):
        if not 0 <= at.n < index.frames:
            raise PositionInvalid(f"frame {at.n} is outside the recording", f"it has frames 0 to {index.frames - 1}")
        return at.n
    return index.frame_at(at)


def _resolve_span(index: MediaIndex, start: Position, end: Position) -> Span:
    first, last = _edge(index, start), _edge(index, end)
    if isinstance(start, FrameNumber) == isinstance(end, FrameNumber):
        written = (start.n, end.n) if isinstance(start, FrameNumber) and isinstance(end, FrameNumber) else (start, end)
        if written[0] >= written[1]:  # type: ignore[operator]
            raise SpanInvalid(f"the span {_said(start)}-{_said(end)} is empty or reversed")
    if first >= index.frames:
        raise SpanInvalid(f"the span {_said(start)}-{_said(end)} begins after the end", _length(index))
    if last <= first:
        raise SpanInvalid(f"the span {_said(start)}-{_said(end)} holds no frame")
    return Span(first, last)


def _played(index: MediaIndex, order: PlaybackOrder) -> KeepList:
    start = FrameNumber(0) if order.start is None else order.start
    end = FrameNumber(index.frames) if order.end is None else order.end
    whole = _resolve_span(index, start, end)
    if order.keep is None:
        return KeepList((whole,))
    kept = KeepList.of(_resolve_span(index, *span) for span in order.keep)
    inside = [(max(span.start, whole.start), min(span.end, whole.end)) for span in kept]
    spans = [Span(first, last) for first, last in inside if first < last]
    if not spans:
        raise SpanInvalid(f"nothing that is kept lies in {_said(start)}-{_said(end)}")
    return KeepList.of(spans)


def _edge(index: MediaIndex, position: Position) -> int:
    if isinstance(position, FrameNumber):
        if position.n > index.frames:
            raise SpanInvalid(f"frame {position.n} is outside the recording", _length(index))
        return position.n
    if position * 1_000_000 > int(index.times_us[-1]) + _END_TOLERANCE_US:
        raise SpanInvalid(f"{format_timecode(position)} is outside the recording", _length(index))
    return index.first_frame_from(position)


def _said(position: Position) -> str:
    return f"#{position.n}" if isinstance(position, FrameNumber) else format_timecode(position)


def _length(index: MediaIndex) -> str:
    return f"it has {index.frames} frames and lasts {index.times_us[-1] / 1e6:.3f} s"
