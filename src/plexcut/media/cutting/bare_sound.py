"""Audio frames of a transport stream as MP4 and MKV hold them."""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.domain.media import Source
from plexcut.media.bitstream.audio import AudioFrame, split_audio, splits
from plexcut.media.bitstream.bare_aac import BareFrame, LatmReader, from_adts
from plexcut.media.cutting.ledger import TrackRecord
from plexcut.media.cutting.sound import SoundRun
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, PayloadReader, find_layout
from plexcut.media.sources import open_source

_LOOKED_THROUGH_BYTES = 32 << 20
_FRAMES = 24


class BareSound:
    """Unwraps the frames of one track, in order."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._latm = LatmReader()

    def prime(self, frames: Sequence[bytes]) -> None:
        """Frames that come later, for a configuration that the first ones count on."""
        if self._codec == "aac_latm":
            for frame in frames:
                self._latm.prime(frame)

    def unwrap(self, frame: bytes) -> BareFrame | None:
        """A frame, and what a file must say of it (nothing but for AAC); None where it cannot be unwrapped."""
        if self._codec == "aac":
            return from_adts(frame)
        if self._codec == "aac_latm":
            return self._latm.read(frame)
        return BareFrame(b"", frame)


class BareRecord(TrackRecord):
    """Collects the frames of a track as another file holds them."""

    def __init__(self, codec: str) -> None:
        super().__init__()
        self._bare = BareSound(codec)

    def add(self, run: SoundRun) -> None:
        """Note the frames of a run, less those that cannot be unwrapped."""
        frames = run.frames()
        self._bare.prime([frame.data for frame in frames])
        for frame in frames:
            found = self._bare.unwrap(frame.data)
            if found is not None:
                super().add(SoundRun(frame.time, frame.length, found.data, (0, len(found.data))))


def first_frames(path: Source, index: MediaIndex, track: int, codec: str, start: int) -> list[tuple[AudioFrame, bytes]]:
    """The first frames of an audio track from about a time on (ticks), wherever in the file they are."""
    if not splits(codec):
        return []
    at = index.companion_at(track, start)
    if at is None:
        at = 0
    payload, es = PayloadReader(), b""
    found: list[AudioFrame] = []
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            return []
        end = min(index.size_bytes, at + _LOOKED_THROUGH_BYTES)
        for block in PacketReader(file, layout, index.size_bytes).blocks(at, end, count=4096):
            mine = block.where(block.pid == track)
            if len(mine):
                es += payload.take(mine).es.tobytes()
                found = split_audio(codec, es).frames
                if len(found) >= _FRAMES:
                    break
    return [(frame, es[frame.offset : frame.offset + frame.size]) for frame in found]
