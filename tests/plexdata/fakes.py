"""Stand-ins for the outside, in memory: libraries, an engine, a queue, a store."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from plexcut.domain.catalog import (
    Item,
    ItemQuery,
    Page,
    RecordingFile,
    Section,
    Thumb,
    Viewing,
)
from plexcut.domain.cutlists import ListBeside
from plexcut.domain.media import (
    CutMode,
    CutPlan,
    CutRequest,
    CutResult,
    IndexState,
    Picture,
    PictureFormat,
    RecordingFacts,
    Verification,
    VideoFacts,
    Waveform,
    WaveformOrder,
)
from plexcut.domain.ports import OnProgress, ShouldCancel, never
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import US_PER_S, FrameNumber, Position, floor_us
from plexcut.domain.uses import FileUse
from plexcut.errors import (
    ItemNotFound,
    LibraryOffline,
    NotAllowed,
    PositionInvalid,
    RecordingNotFound,
    SectionNotFound,
    SpanInvalid,
)
from plexcut.library.beside import Folders

FPS = 25


class FakeLibrary:
    """A library whose content is a list of sections and items; can go offline, hang, and refuse the token."""

    def __init__(self, library_id: str, kind: str = "folder", root: Path = Path("/nowhere")) -> None:
        self.id, self.name, self.kind, self.root = library_id, library_id.title(), kind, root
        self.online = True
        self.refused = False
        self.hang: threading.Event | None = None
        self.changed = True
        self.checks = 0
        self.closed = False
        self.viewings: tuple[Viewing, ...] = ()
        self.recorded = False
        self.beside = Folders()
        self._sections: list[Section] = []
        self._items: dict[str, Item] = {}

    # -- content

    def section_of(self, name: str, kind: str) -> Section:
        section = Section(f"{self.id}~{name}", name, kind, self.id)  # type: ignore[arg-type]
        self._sections.append(section)
        return section

    def add(self, section: Section, name: str, *, kind: str = "movie", parent: Item | None = None, **more: Any) -> Item:
        has_file = kind in ("movie", "episode")
        item_id = f"{self.id}~{name}"
        fields: dict[str, Any] = {
            "title": name,
            "recording": f"{self.id}~r.{name}" if has_file else None,
            "duration_s": 120.0 if has_file else None,
            "parent": parent.id if parent else None,
            "show": (parent.id if parent.type == "show" else parent.show) if parent else None,
        }
        item = Item(item_id, kind, library=self.id, section=section.id, **{**fields, **more})  # type: ignore[arg-type]
        self._items[item_id] = item
        self.changed = True
        return item

    def remove(self, item: Item) -> None:
        del self._items[item.id]
        self.changed = True

    # -- the port

    def _answer(self) -> None:
        if self.hang is not None:
            self.hang.wait(30)
        if not self.online:
            raise LibraryOffline(f"{self.name} does not answer")
        if self.refused:
            raise NotAllowed(f"{self.name} refuses the token")

    def check(self) -> None:
        self.checks += 1
        self._answer()

    def refresh(self) -> bool:
        self._answer()
        changed, self.changed = self.changed, False
        return changed

    def sections(self) -> tuple[Section, ...]:
        self._answer()
        return tuple(self._sections)

    def items(self, section: str, query: ItemQuery) -> Page:
        self._answer()
        if section not in {s.id for s in self._sections}:
            raise SectionNotFound(f"no section {section}")
        found = [i for i in self._items.values() if i.section == section and i.type in ("movie", "show")]
        return Page(tuple(found[query.offset : query.offset + query.limit]), len(found))

    def item(self, item: str) -> Item:
        self._answer()
        if item not in self._items:
            raise ItemNotFound(f"no item {item}")
        return self._items[item]

    def children(self, item: str) -> tuple[Item, ...]:
        self.item(item)
        return tuple(i for i in self._items.values() if i.parent == item)

    def thumb(self, item: str, width: int) -> Thumb | None:
        self.item(item)
        return Thumb(b"jpeg", "image/jpeg")

    def recording(self, recording: str) -> RecordingFile:
        self._answer()
        for item in self._items.values():
            known = {item.recording, *(version.recording for version in item.versions)} - {None}
            if recording in known:
                path = self.root / f"{item.title.replace('/', '_')}.ts"
                return RecordingFile(recording, item.id, item.title, path, self.root, self.id)
        raise RecordingNotFound(f"no recording {recording}")

    def lists_beside(self, recordings: Sequence[str]) -> Mapping[str, tuple[ListBeside, ...]]:
        self._answer()
        titles = {item.recording: item.title for item in self._items.values()}
        found = {one: self.beside.lists(self.root / f"{titles[one]}.ts") for one in recordings if one in titles}
        return {one: lists for one, lists in found.items() if lists}

    def use_of(self, path: Path) -> FileUse:
        return FileUse(self.viewings, self.recorded)

    def watching(self, recording: str) -> tuple[Viewing, ...]:
        self.recording(recording)
        return self.viewings

    def upkeep(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeEngine:
    """Every file is 120 s at 25 fps, 300 MB, and its frames can be told from their bytes."""

    frames: int = 120 * FPS
    size_bytes: int = 300_000_000
    print: str = "f1"
    state: IndexState = field(default_factory=lambda: IndexState("ready", 100.0))
    fail: Exception | None = None
    prepared: int = 0

    def fingerprint(self, path: Path) -> str:
        return self.print

    def probe(self, path: Path, program: int | None = None) -> RecordingFacts:
        video = VideoFacts("h264", 720, 576, interlaced=True)
        return RecordingFacts(
            duration_s=self.frames / FPS,
            frames=self.frames,
            fps=FPS,
            keyframes=self.frames // 12,
            video=video,
            audio=(),
            subtitles=(),
            other=(),
            discontinuities=0,
            container="mpegts",
            size_bytes=self.size_bytes,
        )

    def continues(self, path: Path, fingerprint: str) -> bool:
        return fingerprint == self.fingerprint(path)

    def index_state(self, path: Path) -> IndexState:
        return self.state

    def prepare(self, path: Path) -> IndexState:
        self.prepared += 1
        return self.state

    def _frame_at(self, at: Position) -> int:
        frame = at.n if isinstance(at, FrameNumber) else int(at * FPS)
        if frame >= self.frames:
            raise PositionInvalid("beyond the end")
        return frame

    def resolve_keep(self, path: Path, spans: list[tuple[Position, Position]]) -> KeepList:
        found = []
        for a, b in spans:
            start, end = (p.n if isinstance(p, FrameNumber) else int(p * FPS) for p in (a, b))
            if end > self.frames:
                raise SpanInvalid("beyond the end")
            found.append(Span(start, end))
        return KeepList.of(found)

    def frame_times_us(self, path: Path, frames: list[int]) -> list[int]:
        if any(n > self.frames for n in frames):
            raise PositionInvalid("beyond the end")
        return [floor_us(Fraction(n, FPS)) for n in frames]

    def number_at(self, path: Path, at: Position) -> int | None:
        if self.fail is not None:
            raise self.fail
        return self._frame_at(at)

    def frame(
        self,
        path: Path,
        at: Position,
        width: int | None = None,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Picture:
        if self.fail is not None:
            raise self.fail
        n = self._frame_at(at)
        data = f"{path.stem}:{n}:{width}:{fmt}".encode()
        return Picture(n, n * US_PER_S // FPS, width or 720, 576, data, f"image/{'jpeg' if fmt == 'jpg' else 'png'}")

    def plan(self, path: Path, keep: KeepList, mode: CutMode) -> CutPlan:
        spans = tuple((s.start, s.end) for s in keep)
        return CutPlan(
            frames=keep.frames,
            frames_copied=keep.frames,
            frames_reencoded=0,
            duration_s=keep.frames / FPS,
            bytes=1,
            warnings=(),
            keep=spans,
            keep_s=tuple((a / FPS, b / FPS) for a, b in spans),
        )

    def cut(self, request: CutRequest, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
        raise AssertionError("the server never cuts")

    def verify(self, source: Path, output: Path, keep: KeepList) -> Verification:
        raise AssertionError("the server never verifies")

    def waveform(self, source: Path, order: WaveformOrder, *, should_cancel: ShouldCancel = never) -> Waveform:
        if self.fail is not None:
            raise self.fail
        silence = (0.0,) * order.points
        return Waveform(0, self.frames * US_PER_S // FPS, order.points, silence, (), True, 100.0, 0)

    def close(self) -> None:
        pass
