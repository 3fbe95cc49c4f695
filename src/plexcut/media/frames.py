"""The exact frame: from a frame number to its picture."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.decoding import ONE_THREAD, Threads, threads_for
from plexcut.media.index.model import I32, MediaIndex
from plexcut.media.turns import Turns
from plexcut.media.units import UnitReader, open_units
from plexcut.media.viewing.idle import IdleStore
from plexcut.media.viewing.run import Run, Want

_CACHE_BYTES = 96 << 20
_RUNS_BYTES = 160 << 20
_INSIDE_FRAMES = 8
"""By how many pictures the memory of a decoder is reckoned."""
_RUNS_EACH = 2
_LOOK_EVERY_S = 0.05
_STREAMS_KNOWN = 64
_NEAR_FRAMES = 3
"""How far back a step goes; also how much before the picture asked for is kept of what comes out by itself."""
_BACK_FRAMES = 24
"""How many pictures are decoded for somebody who goes backwards, so that the next steps find theirs."""
_STEPPING_S = 10.0
_BACKLOG = 17
"""More pictures than this no decoder holds back (H.264: 16 and one)."""
_PIECE_ROWS = 1 << 16
_GAP_ROWS = 8
"""A decode goes on over so few rows into the next group rather than beginning anew there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Frame `number` of a recording; `identity` is the same for the same content and the same index."""

    source: Source
    index: MediaIndex
    number: int
    identity: str

    @property
    def row(self) -> int:
        return int(self.index.display[self.number])


class FrameCache:
    """Decoded pictures of the stretches looked at last; safe for several threads. Bounded by bytes and by time."""

    def __init__(self, limit_bytes: int = _CACHE_BYTES) -> None:
        self._frames: IdleStore[tuple[str, int], VideoFrame] = IdleStore(limit_bytes)

    def get(self, identity: str, row: int) -> VideoFrame | None:
        return self._frames.get((identity, row))

    def put(self, identity: str, row: int, frame: VideoFrame) -> None:
        self._frames.put((identity, row), frame, _bytes_of(frame))


@dataclass(slots=True)
class _Stream:
    """What is known of a recording: its reordering depth, its threads, and which frames were asked for last, when."""

    depth: int
    threads: Threads | None = None
    is_late: bool = False
    asked: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=16))


@dataclass(frozen=True, slots=True)
class _Look:
    """A picture that is to be decoded: `step` is 1 or -1 where somebody steps there, `others` are waited for too."""

    place: Place
    stream: _Stream
    step: int
    others: frozenset[int]
    threads: Threads

    @property
    def floor(self) -> int:
        """From which frame number on nothing is left out."""
        return self.place.number - (_BACK_FRAMES if self.step < 0 else 0)

    @property
    def kept_from(self) -> int:
        """From which frame number on pictures are kept that come out on the way."""
        return min(self.floor, self.place.number - _NEAR_FRAMES)

    def patience(self, threads: Threads) -> int:
        """How many pictures more are fed before the decoder is emptied.

        A decoder whose stream does not say how far it reorders holds back as many as its level allows: that many are
        only worth decoding for somebody who steps on.
        """
        if self.stream.is_late:
            return _BACKLOG + threads.delay if self.step else 0
        return self.stream.depth + threads.delay + 1


@dataclass(slots=True)
class _Group:
    """A group of pictures that somebody decodes, and the rows that are waited for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: Counter[int] = field(default_factory=Counter)


class Viewer:
    """Finds pictures: kept ones, ones that a decode under way comes to next, or by decoding from a keyframe.

    Safe for several threads. Of requests for one group of pictures the first decodes for all; as many groups are
    decoded at once as there are cores, and with several threads only where nothing else is.
    """

    def __init__(self, cache: FrameCache | None = None) -> None:
        self._cache = cache or FrameCache()
        self._runs: IdleStore[tuple[str, int], Run] = IdleStore(_RUNS_BYTES, Run.close)
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, int], _Group] = {}
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._slots = Turns(os.cpu_count() or 1)

    def frame(self, place: Place, should_cancel: ShouldCancel = never) -> VideoFrame:
        """The decoded picture.

        Raises:
            FileUnreadable: the file is gone.
            FormatUnsupported: the frame is damaged so that no picture comes out.
            Cancelled: nobody waits for it any more.
        """
        row = place.row
        stream = self._stream(place)
        with self._lock:
            step = _step(stream, place.number)
            stream.asked.append((place.number, time.monotonic()))
        found = self._cache.get(place.identity, row)
        if found is not None:
            return found
        with self._joined(place, should_cancel) as others:
            found = self._cache.get(place.identity, row)
            if found is None:
                with self._slot(should_cancel) as alone:
                    look = _Look(place, stream, step, others, self._threads(place, stream) if alone else ONE_THREAD)
                    found = self._decode(look, should_cancel)
        if found is None:
            raise FormatUnsupported(f"frame {place.number} is damaged and has no picture", "go to another frame")
        return found

    def close(self) -> None:
        """Close all files."""
        self._runs.sweep(float("inf"))

    def _decode(self, look: _Look, should_cancel: ShouldCancel) -> VideoFrame | None:
        place, index, row = look.place, look.place.index, look.place.row
        first = index.key_before(row)
        earlier = index.key_before(first - 1) if first > int(index.keys[0]) else first

        def keep(kept: int, frame: VideoFrame) -> None:
            if index.number_of[kept] >= look.kept_from or kept in look.others:
                self._cache.put(place.identity, kept, frame)

        run = self._run(look, first)
        starts = [first, earlier] if run.start != first else [earlier] if earlier != first else []
        want = Want(row, look.floor, look.others, look.patience(run.threads), look.step != 0)
        try:
            found = run.go_to(want, should_cancel, keep)
            while found is None and starts:
                run.begin(starts.pop(0))
                found = run.go_to(want, should_cancel, keep)
        except Cancelled:
            self._give_back(place, run)
            raise
        except BaseException:
            run.close()
            raise
        if want.goes_on and run.ended and found is not None and run.next_row < index.pts.size:
            look.stream.is_late = True
        self._give_back(place, run)
        if found is not None:
            self._cache.put(place.identity, row, found)
        return found

    def _run(self, look: _Look, first: int) -> Run:
        """A decode that comes to the picture next, or one that begins at `first`."""
        identity = look.place.identity
        mine = [(key, run) for key, run in self._runs.items() if key[0] == identity]
        near = [
            (run.next_row, key)
            for key, run in mine
            if run.start <= first <= run.next_row + _GAP_ROWS and run.can_give(look.place.row)
        ]
        found = self._runs.take(max(near)[1]) if near else None
        if found is not None:
            return found
        reader: UnitReader | None = None
        same = [key for key, run in mine if run.threads == look.threads]
        if len(mine) >= _RUNS_EACH:
            found = self._runs.take((same or [key for key, _ in mine])[0])
            if found is not None and found.threads != look.threads:
                reader, found = found.hand_over(), None
        if found is None:
            found = Run(reader or open_units(look.place.source, look.place.index), look.place.index, look.threads)
        found.begin(first)
        return found

    def _give_back(self, place: Place, run: Run) -> None:
        video = place.index.video
        self._runs.put((place.identity, id(run)), run, video.width * video.height * 2 * _INSIDE_FRAMES)

    def _stream(self, place: Place) -> _Stream:
        with self._lock:
            found = self._streams.get(place.identity)
        if found is None:
            found = _Stream(_reordering_depth(place.index.number_of))
        with self._lock:
            found = self._streams.setdefault(place.identity, found)
            self._streams.move_to_end(place.identity)
            while len(self._streams) > _STREAMS_KNOWN:
                self._streams.popitem(last=False)
        return found

    def _threads(self, place: Place, stream: _Stream) -> Threads:
        if stream.threads is None:
            video, first = place.index.video, place.index.key_before(place.row)
            with open_units(place.source, place.index) as reader:
                unit = next(reader.read(first, first + 1), (b"",))
            stream.threads = threads_for(video.codec, unit, video.extradata)
        return stream.threads

    @contextmanager
    def _joined(self, place: Place, should_cancel: ShouldCancel) -> Iterator[frozenset[int]]:
        """The group of pictures for oneself, with the rows that others wait for in it."""
        row = place.row
        key = (place.identity, place.index.key_before(row))
        with self._lock:
            group = self._groups.setdefault(key, _Group())
            group.rows[row] += 1
        try:
            while not group.lock.acquire(timeout=_LOOK_EVERY_S):
                _check(should_cancel)
            try:
                with self._lock:
                    others = frozenset(group.rows)
                yield others
            finally:
                group.lock.release()
        finally:
            with self._lock:
                group.rows[row] -= 1
                group.rows += Counter()
                if not group.rows:
                    self._groups.pop(key, None)

    @contextmanager
    def _slot(self, should_cancel: ShouldCancel) -> Iterator[bool]:
        """A core to decode with; whether nobody else decodes."""
        while (turn := self._slots.take(_LOOK_EVERY_S)) is None:
            _check(should_cancel)
        try:
            _check(should_cancel)
            yield self._slots.busy == 1
        finally:
            self._slots.give_back(turn)


def exact_frame(path: Source, index: MediaIndex, number: int, cache: FrameCache, identity: str) -> VideoFrame:
    """The decoded picture of one frame, for those who look at few. Raises as `Viewer.frame`."""
    viewer = Viewer(cache)
    try:
        return viewer.frame(Place(path, index, number, identity))
    finally:
        viewer.close()


def _step(stream: _Stream, number: int) -> int:
    """1 where somebody was just before this frame, -1 where just behind it, 0 elsewhere."""
    since = time.monotonic() - _STEPPING_S
    for asked, when in reversed(stream.asked):
        if when >= since and 0 < abs(asked - number) <= _NEAR_FRAMES:
            return 1 if asked < number else -1
    return 0


def _reordering_depth(number_of: I32) -> int:
    """By how many pictures the output is late: at most so many precede one in the file that are shown after it."""
    depth, before = 0, np.empty(0, np.int32)
    for begin in range(0, number_of.size, _PIECE_ROWS):
        piece = number_of[begin : begin + _PIECE_ROWS]
        numbers = np.concatenate((before, piece[piece >= 0]))
        later = np.zeros(numbers.size, np.int64)
        for distance in range(1, min(_BACKLOG, numbers.size)):
            later[distance:] += numbers[:-distance] > numbers[distance:]
        depth = max(depth, int(later[before.size :].max(initial=0)))
        before = numbers[1 - _BACKLOG :]
    return depth


def _check(should_cancel: ShouldCancel) -> None:
    if should_cancel():
        raise Cancelled("the request was given up")


def _bytes_of(frame: VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
