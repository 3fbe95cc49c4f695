"""Reading the audio tracks of a recording from anywhere in it: coded data in file order, decoded track by track."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeAlias

import av
import av.container
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Discard

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bitstream.audio import splits
from plexcut.media.cutting.sound import SoundReader
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.index.container import open_container
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, Packets, PayloadReader, find_layout
from plexcut.media.sound.pieces import FrameDecoder, Piece, harden
from plexcut.media.sources import open_source

_PREROLL_S = Fraction(1, 4)
"""Decoding begins this much earlier: MP3 looks back over several frames, Opus wants 80 ms, the others one frame."""
_LEADS_S = (Fraction(0), Fraction(4), Fraction(15))
"""How far before the wanted time reading begins in the file; the next one where that was not far enough.

Where no index of the track says better, the pictures of a time tell the place: sound lies behind them, most often.
"""
_STRAY_S = 20
"""A track's packet that lies this much before the pictures of its time has a damaged clock."""
_TAIL_S = 6
"""How far behind the wanted end a track is looked for, by the pictures' clock."""
_WRONG_TICKS = 5 * TICKS
"""A clock that is this far from the picture beside it in the file is damaged: the frame follows the one before."""
_BATCH_PACKETS = 2048
_CONTAINER_BATCH = 64
_COARSE_S = Fraction(1, 5000)
_COARSE_TICKS_S = Fraction(1, 1000)
"""Matroska's times are whole milliseconds; of several frames together they say where the first one begins better."""

Part: TypeAlias = "Packets | list[av.Packet[AudioStream]]"


class Batch(NamedTuple):
    """Coded data of each track in a stretch of the file that ends at position `at`."""

    parts: dict[int, Any]
    at: int


class TrackReader(Protocol):
    """Decodes the parts of one track, in file order. Each track's reader may run in a thread of its own."""

    def take(self, part: Any) -> list[Piece]:
        """The frames that are whole now."""


class SoundFile(Protocol):
    """An open recording, for its sound: for one run through `batches`, with one reader for each track."""

    def batches(self, start: Fraction | None, end: Fraction | None) -> Iterator[Batch]:
        """Coded data from about where the pictures of time `start` (in ticks; None: the front) lie, to about `end`."""

    def reader(self, track: int) -> TrackReader:
        """Decodes the parts of one track."""


@contextlib.contextmanager
def open_sound(
    source: Source, index: MediaIndex, tracks: tuple[int, ...], batch_packets: int = _BATCH_PACKETS
) -> Iterator[SoundFile]:
    """A recording, opened for the audio tracks with these ids.

    `batch_packets`: how many transport packets are read at once.

    Raises:
        FileUnreadable, FormatUnsupported: it is not what it was.
    """
    if index.container == "mpegts" and index.pmt:
        with open_source(source) as file:
            yield _TransportSound(file, index, tracks, batch_packets)
    else:
        with open_container(source) as container:
            yield _ContainerSound(container, index, tracks)


def audio_tracks(index: MediaIndex) -> tuple[int, ...]:
    """Ids of the audio tracks, in order."""
    return tuple(track.id for track in index.tracks if track.kind == "audio")


# ----------------------------------------------------------------------------------------------------- transport stream


class _TransportSound:
    def __init__(self, file: BinaryIO, index: MediaIndex, tracks: tuple[int, ...], batch_packets: int) -> None:
        layout = find_layout(file.read(1 << 18))
        if layout is None:
            raise FormatUnsupported("this is no transport stream any more", "it may have changed; open it again")
        self._packets = PacketReader(file, layout, index.size_bytes)
        self._count = batch_packets
        self._index = index
        self._tracks = tracks
        self._codecs = {track.id: track.codec for track in index.tracks}
        self._clock = SourceClock(index)
        self._at = np.maximum.accumulate(index.at)
        self._dts = np.maximum.accumulate(index.dts)

    def batches(self, start: Fraction | None, end: Fraction | None) -> Iterator[Batch]:
        first = -1 if start is None else self._start(start)
        last = None if end is None else self._position(end + _TAIL_S * TICKS)
        for block in self._packets.blocks(first, None if last == -1 else last, self._count):
            pid = block.pid
            parts = {track: block.where(pid == track) for track in self._tracks}
            yield Batch({track: part for track, part in parts.items() if len(part)}, int(block.at[-1]))

    def reader(self, track: int) -> TrackReader:
        codec = self._codecs[track]
        return _SplitReader(codec, self._clock) if splits(codec) else _PesReader(codec, self._clock)

    def _start(self, time: Fraction) -> int:
        """Where to begin to read for what sounds at a time."""
        known = [self._index.companion_at(track, int(time)) for track in self._tracks]
        found = min((at for at in known if at is not None), default=-1)
        if found > self._position(time - _STRAY_S * TICKS) and None not in known:
            return found
        return self._position(time)

    def _position(self, time: Fraction) -> int:
        """Where the picture that is decoded at a time begins; -1 before the first and behind the last one."""
        row = int(np.searchsorted(self._dts, int(time), side="left"))
        return int(self._at[row]) if 0 < row < self._at.size else -1


def _marks(payload: Any, clock: SourceClock) -> list[tuple[int, int]]:
    marks = []
    for start in payload.pes:
        if start.pts is not None:
            ticks = clock.ticks(start.pts, start.at)
            if abs(ticks - clock.near(start.at)) <= _WRONG_TICKS:
                marks.append((start.es, ticks))
    return marks


class _SplitReader:
    """A track of a transport stream whose frames are told by their headers."""

    def __init__(self, codec: str, clock: SourceClock) -> None:
        self._clock = clock
        self._payload = PayloadReader()
        self._frames = SoundReader(codec, TICKS)
        self._decoder = FrameDecoder(codec)

    def take(self, part: Packets) -> list[Piece]:
        payload = self._payload.take(part)
        found: list[Piece] = []
        for frame in self._frames.feed(payload.es.tobytes(), _marks(payload, self._clock)):
            found += self._decoder.decode(frame.data, frame.time)
        return found


class _PesReader:
    """A track of a transport stream of another codec: PES packets, taken apart by FFmpeg."""

    def __init__(self, codec: str, clock: SourceClock) -> None:
        self._clock = clock
        self._payload = PayloadReader()
        self._decoder = FrameDecoder(codec)
        self._held = b""
        self._time: Fraction | None = None
        self._begun = False

    def take(self, part: Packets) -> list[Piece]:
        payload = self._payload.take(part)
        times = dict(_marks(payload, self._clock))
        es = payload.es.tobytes()
        edges = [start.es for start in payload.pes]
        self._held += es[: edges[0]] if edges else es
        found: list[Piece] = []
        for begin, end in zip(edges, [*edges[1:], len(es)], strict=True):
            if self._begun:
                found += self._decode()
            self._begun = True
            self._held = es[begin:end]
            ticks = times.get(begin)
            self._time = None if ticks is None else Fraction(ticks)
        return found

    def _decode(self) -> list[Piece]:
        found: list[Piece] = []
        time = self._time
        for data in self._decoder.parse(self._held):
            found += self._decoder.decode(data, time)
            time = None
        return found


# ------------------------------------------------------------------------------------------------------------ container


class _ContainerSound:
    def __init__(self, container: av.container.InputContainer, index: MediaIndex, tracks: tuple[int, ...]) -> None:
        self._container = container
        self._base = index.time_base
        self._first = int(index.dts[0])
        self._video = container.streams[index.video.id]
        self._streams: dict[int, AudioStream] = {}
        for stream in container.streams:
            # FFmpeg has no context for a codec that it does not know.
            if isinstance(stream, AudioStream) and stream.index in tracks and stream.codec_context is not None:
                self._streams[stream.index] = stream
            else:
                stream.discard = Discard.all

    def batches(self, start: Fraction | None, end: Fraction | None) -> Iterator[Batch]:
        if not self._streams:
            return
        if start is not None:
            self._seek(start)
        stop = None if end is None else end + Fraction(_TAIL_S) / self._base
        parts: dict[int, list[av.Packet[AudioStream]]] = {}
        count = at = 0
        for packet in self._demux():
            parts.setdefault(packet.stream_index, []).append(packet)
            count += 1
            at = max(at, packet.pos or 0)
            time = packet.pts if packet.pts is not None else packet.dts
            late = stop is not None and time is not None and time * packet.time_base / self._base > stop
            if count >= _CONTAINER_BATCH or late:
                yield Batch(parts, at)
                parts, count = {}, 0
                if late:
                    return
        if parts:
            yield Batch(parts, at)

    def _seek(self, time: Fraction) -> None:
        """Go to a time, by the video's keyframes: Matroska knows the places of those alone."""
        if time <= self._first:
            # Behind a seek to the front FFmpeg leaves out the first packet of a Matroska track that begins below zero.
            return
        with contextlib.suppress(av.FFmpegError, EOFError):
            # Damaged files cannot always be sought in: reading on from the front finds it too.
            self._container.seek(int(time), stream=self._video, backward=True)

    def _demux(self) -> Iterator[av.Packet[Any]]:
        try:
            for packet in self._container.demux(list(self._streams.values())):
                if packet.size and packet.time_base is not None:
                    yield packet
        except (av.FFmpegError, EOFError):
            return

    def reader(self, track: int) -> TrackReader:
        stream = self._streams.get(track)
        if stream is None:
            return _NoReader()
        harden(stream.codec_context)
        return _PacketReader(stream, self._base)


class _NoReader:
    """A track that nothing can decode."""

    def take(self, part: Any) -> list[Piece]:
        return []


class _PacketReader:
    """A track of a container."""

    def __init__(self, stream: AudioStream, base: Fraction) -> None:
        self._context = stream.codec_context
        self._base = base
        self._coarse = stream.time_base is None or stream.time_base > _COARSE_S

    def take(self, part: list[av.Packet[AudioStream]]) -> list[Piece]:
        found: list[Piece] = []
        for packet in part:
            try:
                frames = self._context.decode(packet)
            except (av.FFmpegError, EOFError):
                continue
            for frame in frames:
                pts, base = frame.pts, frame.time_base
                time = None if pts is None or base is None else pts * Fraction(base) / self._base
                found.append(Piece(time, frame))
        return self._smoothed(found) if self._coarse else found

    def _smoothed(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces with the first one's time as the others say it too: each is rounded in a way of its own."""
        if not pieces or pieces[0].time is None:
            return pieces
        lapse = Fraction(0)
        offs: list[Fraction] = []
        for time, frame in pieces:
            if time is None or abs(time - pieces[0].time - lapse) > 2 * _COARSE_TICKS_S / self._base:
                break
            offs.append(time - pieces[0].time - lapse)
            lapse += Fraction(frame.samples, frame.sample_rate) / self._base
        middle = (min(offs) + max(offs)) / 2
        return [Piece(pieces[0].time + middle, pieces[0].frame), *pieces[1:]]


# ------------------------------------------------------------------------------------------------------------ a stretch


def read_pieces(
    source: Source, index: MediaIndex, track: int, span: tuple[Fraction, Fraction], should_cancel: ShouldCancel = never
) -> Iterator[Piece]:
    """The frames of one track that sound within a span of ticks, and a few before: the first ones may be impure.

    Raises:
        Cancelled: `should_cancel` said so.
        FileUnreadable, FormatUnsupported: the recording is not what it was.
    """
    start, end = span
    if track not in audio_tracks(index):
        raise FormatUnsupported(f"there is no audio track {track}")
    wanted = start - _PREROLL_S / index.time_base
    for lead_s in _LEADS_S:
        begin = wanted - lead_s / index.time_base
        with open_sound(source, index, (track,)) as sound:
            pieces = _from(sound, track, (begin, end), should_cancel)
            first = next(pieces, None)
            early = first is not None and first.time is not None and first.time <= wanted
            if early or lead_s == _LEADS_S[-1] or begin <= int(index.dts[0]):
                if first is not None:
                    yield first
                yield from pieces
                return


def _from(
    sound: SoundFile, track: int, span: tuple[Fraction, Fraction], should_cancel: ShouldCancel
) -> Iterator[Piece]:
    reader = sound.reader(track)
    for batch in sound.batches(*span):
        if should_cancel():
            raise Cancelled("nobody waits for the sound any more")
        for piece in reader.take(batch.parts[track]) if track in batch.parts else ():
            if piece.time is not None and piece.time >= span[1]:
                return
            yield piece
