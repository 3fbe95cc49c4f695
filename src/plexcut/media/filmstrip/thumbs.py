"""Small pictures of many frames at once, over all cores: keyframes alone, others by the group that they lie in.

Everything is decoded as it is for large pictures. Leaving out the loop filter would save 5 to 7 % of a keyframe's time
(H.264 and HEVC of 720 and 1080 lines, at 53 to 67 dB), which is not worth another picture.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel
from plexcut.errors import Cancelled
from plexcut.media.decoding import decode_rows, decode_units, make_decoder
from plexcut.media.filmstrip.scaling import Scaler
from plexcut.media.filmstrip.store import PictureStore
from plexcut.media.index.model import INDEX_VERSION, MediaIndex
from plexcut.media.turns import Turns
from plexcut.media.units import UnitReader, open_units

_VERSION = 1
_NICE = 4
_LOOK_EVERY_S = 0.05
_GROUPS_PER_CORE = 2
"""So many groups are decoded at once, of all filmstrips together: each holds the pictures that others refer to."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What pictures are taken from; `identity` names this content (and programme) of the file."""

    source: Source
    index: MediaIndex
    identity: str


@dataclass(slots=True)
class _Work:
    """Groups of rows that are left to do, and the planes of what is done, by frame number."""

    recording: Recording
    size: tuple[int, int]
    groups: deque[tuple[int, tuple[int, ...]]]
    done: dict[int, bytes] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)


class Thumbnails:
    """Pictures of `(w, h)` pixels, both even, as YUV 4:2:0 planes one after the other (JPEG's range and matrix)."""

    def __init__(self, store: PictureStore) -> None:
        self._store = store
        self._cores = os.cpu_count() or 1
        self._places = Turns(self._cores * _GROUPS_PER_CORE)

    def get(
        self, recording: Recording, numbers: Sequence[int], size: tuple[int, int], should_cancel: ShouldCancel
    ) -> dict[int, bytes]:
        """The pictures of these frames, by number; a frame that is damaged so that none comes out is not in it.

        What was made before a cancellation is kept.

        Raises:
            FileUnreadable, FormatUnsupported, Cancelled.
        """
        kept: dict[int, bytes] = {}
        for number in dict.fromkeys(numbers):
            found = self._store.get(_name(recording, number, size))
            if found is not None and len(found) == size[0] * size[1] * 3 // 2:
                kept[number] = found
        missing = [number for number in dict.fromkeys(numbers) if number not in kept]
        if missing:
            work = _Work(recording, size, deque(_groups(recording.index, missing)))
            self._run(work, should_cancel)
            kept.update(work.done)
        return kept

    def _run(self, work: _Work, should_cancel: ShouldCancel) -> None:
        futures: list[Future[None]] = [Future() for _ in range(min(self._cores, len(work.groups)))]
        for future in futures:
            # Daemons: a network that hangs must not hold up the program's end.
            threading.Thread(target=self._work, args=(work, future), name="filmstrip", daemon=True).start()
        try:
            while True:
                finished, running = wait(futures, timeout=_LOOK_EVERY_S)
                for future in finished:
                    future.result()
                if not running:
                    return
                if should_cancel():
                    raise Cancelled("the request was given up")
        finally:
            work.stop.set()

    def _work(self, work: _Work, future: Future[None]) -> None:
        _stand_back()
        try:
            self._decode(work)
        except BaseException as error:  # noqa: BLE001 - handed over whole to whoever waits
            future.set_exception(error)
        else:
            future.set_result(None)

    def _decode(self, work: _Work) -> None:
        recording = work.recording
        scaler = Scaler(work.size)
        with open_units(recording.source, recording.index) as reader:
            pictures = _Pictures(reader, recording.index, work.stop.is_set)
            while not work.stop.is_set():
                try:
                    first, rows = work.groups.popleft()
                except IndexError:
                    return
                with self._places.turn():
                    for row, frame in pictures.of(first, rows):
                        number = int(recording.index.number_of[row])
                        work.done[number] = planes = scaler.planes(frame)
                        self._store.put(_name(recording, number, work.size), planes)


class _Pictures:
    """Decodes the pictures of one file in one thread."""

    def __init__(self, reader: UnitReader, index: MediaIndex, should_stop: Callable[[], bool]) -> None:
        self._reader = reader
        self._index = index
        self._should_stop = should_stop
        self._context: VideoCodecContext | None = None

    def of(self, first: int, rows: tuple[int, ...]) -> Iterator[tuple[int, VideoFrame]]:
        """The pictures of `rows`, which are all decoded from `first` on; from further ahead what that does not give."""
        index = self._index
        missing = set(rows)
        earlier = index.key_before(first - 1) if first > int(index.keys[0]) else first
        for start in dict.fromkeys((first, earlier)):
            if not missing:
                return
            lone = start == first and rows == (first,)
            for row, frame in self._alone(first) if lone else self._from(start, missing):
                if row in missing:
                    missing.discard(row)
                    yield row, frame

    def _alone(self, row: int) -> Iterator[tuple[int, VideoFrame]]:
        """A keyframe, of whose bytes nothing else is read; the decoder is used again for the next."""
        if self._context is None:
            self._context = make_decoder(self._index.video.codec, self._index.video.extradata)
        unit = next(iter(self._reader.read(row, row + 1)), None)
        if unit is not None:
            yield from decode_units(self._context, [(row, unit)])
            self._context.flush_buffers()

    def _from(self, start: int, rows: set[int]) -> Iterator[tuple[int, VideoFrame]]:
        stretch = range(start, max(rows) + 1)
        wanted = set(rows)
        try:
            yield from decode_rows(self._reader, self._index, stretch, wanted, self._should_stop)
        except Cancelled:
            return


def _groups(index: MediaIndex, numbers: list[int]) -> list[tuple[int, tuple[int, ...]]]:
    """The rows of these frames by the row that decoding starts at, in the order of the file."""
    groups: dict[int, list[int]] = {}
    for number in numbers:
        row = int(index.display[number])
        groups.setdefault(index.key_before(row), []).append(row)
    return [(first, tuple(sorted(rows))) for first, rows in sorted(groups.items())]


def _name(recording: Recording, number: int, size: tuple[int, int]) -> str:
    return f"thumb/{_VERSION}.{INDEX_VERSION}/{recording.identity}/{number}/{size[0]}x{size[1]}"


def _stand_back() -> None:
    """Single pictures that somebody waits for come first. Only Linux has a niceness for each thread."""
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        except OSError:
            return
