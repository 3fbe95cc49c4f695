"""The exact frame: from a frame number to its picture."""

from __future__ import annotations

import threading
from collections import OrderedDict

from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import FormatUnsupported
from plexcut.media.decoding import decode_rows
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import open_units

_AHEAD_ROWS = 6
_BACK_ROWS = 12
_CACHE_BYTES = 160 << 20


class FrameCache:
    """Decoded pictures of the stretches looked at last; safe for several threads. Bounded by bytes, oldest go first."""

    def __init__(self, limit_bytes: int = _CACHE_BYTES) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._frames: OrderedDict[tuple[str, int], tuple[VideoFrame, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, identity: str, row: int) -> VideoFrame | None:
        with self._lock:
            found = self._frames.get((identity, row))
            if found is None:
                return None
            self._frames.move_to_end((identity, row))
            return found[0]

    def put(self, identity: str, row: int, frame: VideoFrame) -> None:
        size = sum(plane.buffer_size for plane in frame.planes)
        with self._lock:
            before = self._frames.pop((identity, row), None)
            self._held += size - (before[1] if before else 0)
            self._frames[identity, row] = (frame, size)
            while self._held > self._limit and len(self._frames) > 1:
                _, (_, freed) = self._frames.popitem(last=False)
                self._held -= freed


def exact_frame(
    path: Source, index: MediaIndex, number: int, cache: FrameCache, identity: str, should_cancel: ShouldCancel = never
) -> VideoFrame:
    """The decoded picture of frame `number`, which must be in the recording.

    Raises:
        FileUnreadable: the file is gone.
        FormatUnsupported: the frame is damaged so that no picture comes out.
        Cancelled: nobody waits for it any more.
    """
    row = int(index.display[number])
    held = cache.get(identity, row)
    if held is not None:
        return held
    with open_units(path, index) as reader:
        first = index.key_before(row)
        last = min(row + 1 + _AHEAD_ROWS, index.pts.size)
        earlier = index.key_before(first - 1) if first > int(index.keys[0]) else first
        for start in dict.fromkeys((first, earlier)):
            # What else comes out on the way is kept too, unless it leads a keyframe and looks behind `start`.
            near = range(max(start, row - _BACK_ROWS), last)
            shown = {r for r in near if index.number_of[r] >= 0 and index.key_before(r) >= start} | {row}
            found: VideoFrame | None = None
            for decoded, frame in decode_rows(
                reader, index, range(start, last), shown, hurry=True, should_cancel=should_cancel
            ):
                cache.put(identity, decoded, frame)
                if decoded == row:
                    found = frame
            if found is not None:
                return found
    raise FormatUnsupported(f"frame {number} is damaged and has no picture", "go to another frame")
