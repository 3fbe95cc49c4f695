"""A `Plexdata` that remembers what it was asked, and answers from memory."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from plexcut.domain.catalog import Item, ItemQuery, Page, RecordingFile, Section, Thumb, Version
from plexcut.domain.media import (
    AudioFacts,
    ByteRanges,
    Filmstrip,
    IndexState,
    Picture,
    RecordingFacts,
    Tile,
    TrackWaveform,
    VideoFacts,
    Waveform,
    WaveformOrder,
)
from plexcut.domain.selection import Selection
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import (
    Cancelled,
    ItemNotFound,
    LibraryNotFound,
    NotAllowed,
    NotReady,
    PositionInvalid,
    RecordingNotFound,
    SectionNotFound,
    SpanInvalid,
)
from plexcut.plexdata.events import Events
from plexcut.plexdata.filmstrip import StripOrder
from plexcut.plexdata.frames import FoundPicture, PictureOrder
from plexcut.plexdata.model import (
    Health,
    LibraryStatus,
    RecordingInfo,
    SelectionChange,
    TimelineFrame,
)
from plexcut.plexdata.playback import PlayOrder
from tests.web.fake_cutlists import FakeCutLists
from tests.web.fake_landmarks import FakeLandmarks
from tests.web.fake_orders import FPS, REC, FakeOrders
from tests.web.fake_setup import FakeSetup
from tests.web.fake_trash import FakeTrash

FRAMES = 5000

SECTION = Section("home~movies", "Movies", "movie", "home")


def movie(number: int) -> Item:
    version = Version(f"home~r{number}", "576p", "mpegts", "mpeg2video", 720, 576, 1000, 100.0, 1, 1)
    return Item(
        id=f"home~m{number}",
        type="movie",
        title=f"Film {number} <&>",
        library="home",
        section=SECTION.id,
        year=2000 + number,
        duration_s=100.0,
        recording=f"home~r{number}",
        has_thumb=number == 1,
        versions=(version,),
    )


MOVIES = tuple(movie(number) for number in range(1, 4))

FACTS = RecordingFacts(
    duration_s=100.0,
    frames=FRAMES,
    fps=50.0,
    keyframes=100,
    video=VideoFacts("h264", 1280, 720, False),
    audio=(AudioFacts("ac3", "deu", 2),),
    subtitles=(),
    other=(),
    discontinuities=0,
    container="mpegts",
    size_bytes=1000,
)


@dataclass
class SlowFrames:
    """Frames that take for ever, unless they are told to stop."""

    begun: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def decode(self, should_cancel: Any) -> None:
        self.begun.set()
        for _ in range(1000):
            if should_cancel():
                self.stopped.set()
                raise Cancelled("the request was given up")
            time.sleep(0.01)


class FakeMovie:
    """A file to play that is there already."""

    size_bytes = 1000
    tag = "movie"

    def read(self, start: int, *, should_cancel: Any = None) -> bytes:
        return bytes(self.size_bytes - start)


@dataclass
class FakePlexdata(FakeCutLists, FakeLandmarks, FakeOrders, FakeSetup, FakeTrash):
    """`hold`, while set, blocks every library call; `fail` is raised by the method that it names,
    `now` is the fingerprint of every recording."""

    media_file: Path
    static_dir: Path
    status: Any = "ok"
    fail: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    hold: threading.Event | None = None
    remote: ByteRanges | None = None
    slow_frames: SlowFrames | None = None
    indexing: threading.Event | None = None
    now: str = "fp-1"

    def __post_init__(self) -> None:
        self.events = Events()
        self._lock = threading.Lock()
        self._selections: dict[str | None, Selection] = {}
        self._default = Selection("home", "movie", SECTION, movies=MOVIES, movie=MOVIES[0])

    def _asked(self, name: str, what: Any = None) -> None:
        self.calls.append((name, what))
        if error := self.fail.get(name):
            raise error

    def subscribe(self, listener: Any) -> Any:
        return self.events.subscribe(listener)

    def secret(self, name: str) -> bytes:
        return name.encode().ljust(32, b"s")

    def health(self) -> Health:
        self._asked("health")
        return Health(self.status, "0.1.0", self.libraries(), True, 1)

    def libraries(self) -> tuple[LibraryStatus, ...]:
        self._asked("libraries")
        return (LibraryStatus("home", "Home", "folder", True, ""),)

    def sections(self, library: str) -> tuple[Section, ...]:
        self._asked("sections", library)
        if self.hold is not None:
            self.hold.wait(20)
        if library != "home":
            raise LibraryNotFound(f"there is no library {library!r}")
        return (SECTION,)

    def items(self, library: str, section: str, query: ItemQuery) -> Page:
        self._asked("items", query)
        if section != SECTION.id:
            raise SectionNotFound("no such section")
        found = [one for one in MOVIES if query.search.lower() in one.title.lower()]
        return Page(tuple(found[query.offset : query.offset + query.limit]), len(found))

    def item(self, item: str) -> Item:
        self._asked("item", item)
        for one in MOVIES:
            if one.id == item:
                return one
        raise ItemNotFound(f"there is no item {item!r}", "list them again")

    def children(self, item: str) -> tuple[Item, ...]:
        self.item(item)
        return ()

    def thumb(self, item: str, width: int = 300) -> Thumb | None:
        found = self.item(item)
        return Thumb(b"\xff\xd8poster", "image/jpeg") if found.has_thumb else None

    def selection(self, client: str | None = None) -> Selection:
        self._asked("selection", client)
        return self._selections.get(client, self._default)

    def update(self, client: str | None, change: SelectionChange) -> Selection:
        self._asked("update", (client, change))
        selected = self.selection(client)
        if change.movie:
            selected = replace(selected, movie=self.item(change.movie), pos_s=0.0)
        if change.pos_s is not None:
            selected = replace(selected, pos_s=change.pos_s)
        self._selections[client] = selected
        self.events.emit("selection", {"movie": {"id": selected.movie and selected.movie.id}}, client)
        return selected

    def _known(self, recording: str) -> None:
        if recording not in {one.recording for one in MOVIES}:
            raise RecordingNotFound(f"there is no recording {recording!r}")

    def recording(self, recording: str) -> RecordingInfo:
        self._asked("recording", recording)
        self._known(recording)
        building = recording == "home~r2"
        state = IndexState("building", 40.0) if building else IndexState("ready", 100.0)
        facts = None if building else FACTS
        return RecordingInfo(recording, "Film", "home~m1", "film.ts", "fp-1", state, facts, self._keep.revision)

    def frame(self, recording: str, at: Any, width: int | None, fmt: str, *, should_cancel: Any = None) -> Picture:
        self._asked("frame", (recording, at, width, fmt))
        self._known(recording)
        if self.slow_frames is not None:
            self.slow_frames.decode(should_cancel)
        number = at.n if isinstance(at, FrameNumber) else int(at * FPS)
        if number >= FRAMES:
            raise PositionInvalid(f"frame {number} is beyond the end")
        data = f"{fmt} {number} {width}".encode()
        kind = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}[fmt]
        return Picture(number, number * 1_000_000 // FPS, width or 720, 576, data, kind)

    def fingerprint(self, recording: str) -> str:
        self._asked("fingerprint", recording)
        self._known(recording)
        return self.now

    def filmstrip(self, order: StripOrder, *, should_cancel: Any = None) -> Filmstrip:
        self._asked("filmstrip", order)
        self._known(order.recording)
        if order.pictures.count == 7:
            raise SpanInvalid("the range is empty or reversed")
        if self.slow_frames is not None:
            self.slow_frames.decode(should_cancel)
        early = order.provisional or order.recording == "home~r2"
        tiles = (
            Tile(None if early else 12, 240_000, 0, 0, 160, 90),
            Tile(None if early else 40, 800_000, 160, 0, 160, 90),
        )
        kind = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}[order.fmt]
        return Filmstrip(tiles, 0, 2_000_000, 0 if early else 16, 320, 90, b"early" if early else b"exact", kind, early)

    def play(self, order: PlayOrder) -> FakeMovie:
        self._asked("play", order)
        self._known(order.recording)
        return FakeMovie()

    def waveform(self, recording: str, order: WaveformOrder, *, should_cancel: Any = None) -> Waveform:
        self._asked("waveform", (recording, order))
        self._known(recording)
        if order.start is not None and order.start == order.end:
            raise SpanInvalid("the range is empty or reversed")
        peaks = tuple(round(n / order.points, 4) for n in range(order.points))
        track = TrackWaveform(258, "ac3", "deu", 2, peaks, (-23.0,) * order.points, -23.1)
        end_us = FRAMES * 1_000_000 // FPS
        asked = sum(name == "waveform" for name, _ in self.calls)
        if recording == "home~r2" and asked < 3:
            raise NotReady("the recording is still being looked through", "try again in a moment")
        complete = recording != "home~r2" or asked >= 6
        return Waveform(0, end_us, order.points, peaks, (track,), complete, 100.0 if complete else 40.0, end_us)

    def picture(self, order: PictureOrder, *, should_cancel: Any = None) -> FoundPicture:
        if self.indexing is not None and order.recording == "home~r2" and isinstance(order.at, FrameNumber):
            if not order.wait:
                raise NotReady("not there yet")
            assert self.indexing.wait(20)
        found = self.frame(order.recording, order.at, order.width, order.fmt, should_cancel=should_cancel)
        tag = f"fp-1-{found.frame}-{order.width}-{order.fmt}"
        return FoundPicture(found, tag, unchanged=tag in order.known)

    def timeline(
        self,
        client: str | None,
        basename: str,
        pos: Any,
        l: int,  # noqa: E741
        r: int,
        step: Fraction,
        size: int,
    ) -> tuple[TimelineFrame, ...]:
        self._asked("timeline", (client, basename, pos, l, r, step, size))
        folder = self.static_dir / REC
        folder.mkdir(parents=True, exist_ok=True)
        frames = []
        for k in range(l, r + 1):
            at = max(Fraction(0), pos + k * step)
            name = f"frame_00:00:{int(at):02d}.jpg"
            (folder / name).write_bytes(b"\xff\xd8" + name.encode())
            frames.append(TimelineFrame(k, float(at), int(at * FPS), float(at), REC, name))
        return tuple(frames)

    def _playlist(self, client: str | None, base_url: str) -> BytesIO:
        self._asked("playlist", (client, base_url))
        return BytesIO(f"<playlist>{base_url}/streams/good.signed~token</playlist>".encode())

    stream_all = stream_section = stream_movie = _playlist

    def open_stream(self, token: str) -> RecordingFile:
        self._asked("open_stream", token)
        if token != "good.signed~token":
            raise NotAllowed("this stream address was not made here", "get a new playlist")
        if self.remote is not None:
            return RecordingFile(REC, "home~m1", "Film", self.remote, None, "home")
        return RecordingFile(REC, "home~m1", "Film", self.media_file, self.media_file.parent, "home")
