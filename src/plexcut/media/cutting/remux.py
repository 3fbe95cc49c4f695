"""Writing the cut of an MP4, MKV, ... file through FFmpeg's muxers."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, cast

import av
import av.container
import numpy as np
from av.stream import Stream

from plexcut.domain.containers import Container, of_format
from plexcut.domain.media import Source, StreamResult
from plexcut.errors import FormatUnsupported, PlexcutError
from plexcut.media.bitstream import h264
from plexcut.media.cutting.captions import Caption
from plexcut.media.cutting.chapters import cut_chapters, read_chapters, written_chapters
from plexcut.media.cutting.nearby import LEAD_S, packets_around
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.cutting.sound import SoundCutter, SoundFrame
from plexcut.media.cutting.tracks import Track, TrackAdder, Tracks, describe_video, file_tags, kept_in_order
from plexcut.media.index.container import open_container, parameter_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.sources import open_source

_MUXERS = {
    "avi": "avi", "mpeg": "vob", "asf": "asf", "flv": "flv", "ogg": "ogg", "nut": "nut", "mxf": "mxf",
}  # fmt: skip
"""How long before a span subtitles are read that may still be on the screen when it begins."""
_FRAME_SAMPLES = {"aac": 1024, "ac3": 1536, "eac3": 1536, "mp1": 384, "mp2": 1152, "mp3": 1152, "mp3float": 1152}
"""Samples of a frame, where FFmpeg does not tell them of a stream that it has not decoded."""
_DOCTYPE_BYTES = 64
_BUFFER_BYTES = 1 << 20


class GuardedFile:
    """A file that FFmpeg writes to through Python; keeps the failure that FFmpeg tells only by a number."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.failure = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextlib.contextmanager
def open_result(out: BinaryIO, muxer: str) -> Iterator[av.container.OutputContainer]:
    """A container that is written to `out` by one of FFmpeg's muxers.

    Raises:
        OSError: `out` cannot be written. FormatUnsupported: the muxer does not take what it is given.
    """
    guarded = GuardedFile(out)
    try:
        with av.open(cast("Any", guarded), "w", format=muxer, buffer_size=_BUFFER_BYTES) as target:
            yield target
    except PlexcutError:
        raise
    except (av.FFmpegError, ValueError) as error:
        if guarded.failure is not None:
            raise guarded.failure from error
        raise FormatUnsupported(f"the result cannot be put together: {error}") from error


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the result is to be beside a cut: `container` None for the source's own kind; `chapters`: at the seams."""

    container: Container | None = None
    chapters: bool = False


class ContainerCut:
    """One cut of one container file."""

    def __init__(
        self, path: Source, index: MediaIndex, schedule: Schedule, pictures: PictureSource, wishes: Wishes
    ) -> None:
        self._path = path
        self._index = index
        self._schedule = schedule
        self._pictures = pictures
        self._wishes = wishes
        self._durations = picture_durations(schedule)
        self._order = itertools.count()
        self._heap: list[tuple[Fraction, int, av.Packet[Any]]] = []
        self._results: list[StreamResult] = []

    def write(self, out: BinaryIO) -> Iterator[float]:
        """Write the result to `out`; gives the fraction done from time to time.

        Raises:
            OSError: `out` cannot be written.
            FormatUnsupported: there is no muxer for this kind of file.
            FileUnreadable: the source cannot be read.
        """
        with (
            open_container(self._path) as source,
            open_result(out, muxer_of(self._path, source, self._wishes.container)) as target,
        ):
            yield from self._mux(source, target)

    def results(self) -> tuple[StreamResult, ...]:
        """What became of every stream of the source."""
        return kept_in_order(self._results)

    def _mux(self, source: av.container.InputContainer, target: av.container.OutputContainer) -> Iterator[float]:
        video = self._add_video(source, target)
        tracks = TrackAdder(self._path, source, target).add_all(self._index.video.id)
        self._results += tracks.results
        target.metadata.update(file_tags(source.metadata))
        add_chapters(source, target, (self._index, self._schedule), at_seams=self._wishes.chapters)
        self._mux_covers(target, tracks)
        total = self._schedule.pts.size
        base = self._index.time_base
        done = 0
        for number, span in enumerate(self._schedule.spans):
            packets = packets_around((self._path, source), tracks.cut, span, self._index.time_base)
            upcoming = next(packets, None)
            for picture in self._schedule.of_span(number):
                decode = int(self._schedule.dts[picture])
                while upcoming is not None and upcoming[0] <= (decode - span.shift) * base + LEAD_S:
                    self._place(upcoming[1], span)
                    upcoming = next(packets, None)
                self._push_picture(picture, video)
                done += 1
                self._drain(target, decode * base - LEAD_S)
                if done % 64 == 0:
                    yield done / total
            while upcoming is not None:
                self._place(upcoming[1], span)
                upcoming = next(packets, None)
            for track in tracks.cut.values():
                if track.captions is not None:
                    for caption in track.captions.end():
                        self._push_caption(track, caption)
        self._drain(target, None)
        yield 1.0

    # ----------------------------------------------------------------------------------------------------- streams

    def _add_video(self, source: av.container.InputContainer, target: av.container.OutputContainer) -> Stream:
        original = source.streams[self._index.video.id]
        stream = target.add_stream_from_template(cast("Any", original), opaque=True)
        codec = self._index.video.codec
        extradata = self._index.video.extradata
        encoded = self._pictures.encoder_sets
        if codec == "h264" and extradata[:1] == b"\x01" and encoded:
            stream.codec_context.extradata = avcc_with(extradata, encoded)
        if target.format.name in ("mp4", "mov"):
            tag = original.codec_context.codec_tag if "mov" in source.format.name else ""
            if codec == "hevc":
                # Sets of parameters under the same ids meet where anything was encoded: in band, which `hev1` says.
                tag = "hev1" if bool((self._schedule.row < 0).any()) or tag == "hev1" else "hvc1"
            if tag in ("hev1", "hvc1", "avc1", "avc3"):
                stream.codec_context.codec_tag = tag
        describe_video(stream, original, self._index.time_base)
        self._results.append(StreamResult(original.index, codec, True))
        added: Stream = stream
        return added

    def _mux_covers(self, target: av.container.OutputContainer, tracks: Tracks) -> None:
        for stream, data in tracks.covers:
            packet: av.Packet[Any] = av.Packet(data)
            packet.stream = stream
            packet.time_base = self._index.time_base
            packet.pts = packet.dts = 0
            packet.is_keyframe = True
            target.mux(packet)

    # ----------------------------------------------------------------------------------------------------- packets

    def _push_picture(self, picture: int, video: Stream) -> None:
        coded = self._pictures.get(picture)
        packet: av.Packet[Any] = av.Packet(coded.data)
        packet.stream = video
        packet.time_base = self._index.time_base
        packet.pts = int(self._schedule.pts[picture])
        packet.dts = int(self._schedule.dts[picture])
        packet.duration = int(self._durations[picture])
        packet.is_keyframe = coded.key
        self._push(packet.dts * self._index.time_base, packet)

    def _place(self, found: tuple[Track, av.Packet[Any]], span: SpanTimes) -> None:
        track, packet = found
        base = self._index.time_base
        assert packet.time_base is not None
        scale = packet.time_base / base
        time = Fraction(packet.pts if packet.pts is not None else packet.dts or 0) * scale
        length = Fraction(packet.duration or 0) * scale
        if track.captions is not None:
            for caption in track.captions.take(Caption(time, length, bytes(packet))):
                self._push_caption(track, caption)
            return
        assert track.sound is not None
        placed = _placed_sound(track.sound, packet, (time, length, base), span)
        if placed is None:
            return
        copy: av.Packet[Any] = av.Packet(bytes(packet))
        copy.stream = track.target
        copy.time_base = packet.time_base
        copy.pts = copy.dts = round(placed / scale)
        copy.duration = packet.duration
        copy.is_keyframe = packet.is_keyframe
        for side in packet.iter_sidedata():
            copy.set_sidedata(side)
        self._push(placed * base, copy)

    def _push_caption(self, track: Track, caption: Caption) -> None:
        base = self._index.time_base
        packet: av.Packet[Any] = av.Packet(caption.data)
        packet.stream = track.target
        packet.time_base = base
        packet.pts = packet.dts = round(caption.time)
        packet.duration = round(caption.time + caption.length) - round(caption.time)
        packet.is_keyframe = True
        self._push(caption.time * base, packet)

    def _push(self, at: Fraction, packet: av.Packet[Any]) -> None:
        heapq.heappush(self._heap, (at, next(self._order), packet))

    def _drain(self, target: av.container.OutputContainer, until: Fraction | None) -> None:
        while self._heap and (until is None or self._heap[0][0] < until):
            target.mux(heapq.heappop(self._heap)[2])


def _placed_sound(
    cutter: SoundCutter, packet: av.Packet[Any], timed: tuple[Fraction, Fraction, Fraction], span: SpanTimes
) -> Fraction | None:
    time, length, base = timed
    exact = sound_length(packet, base)
    placed = cutter.place(SoundFrame(time, exact or length, b"", even=exact is not None), span)
    return None if placed is None else placed.time


def muxer_of(path: Source, source: av.container.InputContainer, wanted: Container | None) -> str:
    """The muxer that writes a result like `source`, or of the kind that is wanted.

    Raises:
        FormatUnsupported: there is none.
    """
    names = source.format.name.split(",")
    own = of_format(source.format.name)
    if wanted in ("mp4", "mkv") and wanted != own:
        return {"mp4": "mp4", "mkv": "matroska"}[wanted]
    if own == "mp4":
        brand = str(source.metadata.get("major_brand", "")).strip()
        return "mov" if brand == "qt" else "mp4"
    if own == "mkv":
        with open_source(path) as file:
            return "webm" if b"webm" in file.read(_DOCTYPE_BYTES) else "matroska"
    for name in names:
        if name in _MUXERS:
            return _MUXERS[name]
    raise FormatUnsupported(f"{names[0]} files cannot be written", "plexcut cuts TS, MP4 and MKV")


def add_chapters(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    cut: tuple[MediaIndex, Schedule],
    *,
    at_seams: bool,
) -> None:
    """Chapters on the result's time line; one that was cut away is gone."""
    base = cut[0].time_base
    chapters = cut_chapters(read_chapters(source.chapters(), base), cut[1].spans, base, at_seams=at_seams)
    if chapters:
        target.set_chapters(cast("Any", written_chapters(chapters, base)))


def picture_durations(schedule: Schedule) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How long each picture of the schedule is shown, in ticks.

    But the last one in decode order: MP4 reckons a track's length by decode times, so that this one makes it whole.
    """
    pts = schedule.pts
    order = np.argsort(pts)
    durations = np.empty_like(pts)
    durations[order] = np.diff(np.append(pts[order], schedule.end))
    decoded = int(schedule.dts[-1] - schedule.dts[0])
    durations[-1] = max(1, schedule.end - int(pts.min()) - decoded)
    return durations


def sound_length(packet: av.Packet[Any], base: Fraction) -> Fraction | None:
    """The exact length of an audio packet in ticks of `base`, from its codec's frame size."""
    context = packet.stream.codec_context
    size = getattr(context, "frame_size", 0) or _FRAME_SAMPLES.get(context.name, 0)
    rate = getattr(context, "sample_rate", 0)
    told = packet.duration * packet.time_base if packet.duration and packet.time_base else None
    if not size or not rate:
        return None
    exact = Fraction(size, rate)
    if told is not None and abs(told - exact) > Fraction(2, 1000):
        return Fraction(told) / base
    return exact / base


def avcc_with(extradata: bytes, nals: list[bytes]) -> bytes:
    """An `avcC` record with more parameter sets (ISO 14496-15, 5.3.3.1); one replaces what had its id."""
    sets: dict[tuple[int, int], bytes] = {}
    for nal in (*parameter_nals("h264", extradata), *nals):
        kind = nal[0] & 31
        parsed = h264.parse_sps(nal) if kind == h264.SPS else h264.parse_pps(nal)
        sets[kind, parsed.id if parsed else -len(sets) - 1] = nal
    sps = [nal for (kind, _), nal in sets.items() if kind == h264.SPS]
    pps = [nal for (kind, _), nal in sets.items() if kind == h264.PPS]
    record = bytearray(extradata[:5])
    record.append(0xE0 | len(sps))
    for nal in sps:
        record += len(nal).to_bytes(2, "big") + nal
    record.append(len(pps))
    for nal in pps:
        record += len(nal).to_bytes(2, "big") + nal
    return bytes(record) + extradata[_avcc_end(extradata) :]


def _avcc_end(extradata: bytes) -> int:
    """Where the parameter sets of an `avcC` record end; high profiles have more behind."""
    at = 5
    for mask in (31, 255):
        count = extradata[at] & mask
        at += 1
        for _ in range(count):
            at += 2 + int.from_bytes(extradata[at : at + 2], "big")
    return at
