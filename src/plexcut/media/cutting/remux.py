"""Writing the cut of an MP4, MKV, ... file through FFmpeg's muxers."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import av.container
from av.stream import Stream

from plexcut.domain.media import StreamResult
from plexcut.errors import FileUnreadable, FormatUnsupported
from plexcut.media.bitstream import h264
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.schedule import Schedule, SpanTimes
from plexcut.media.cutting.sound import SoundCutter, SoundFrame
from plexcut.media.index.container import open_container, parameter_nals
from plexcut.media.index.model import MediaIndex

_MUXERS = {
    "mov": "mov", "mp4": "mp4", "matroska": "matroska", "webm": "webm", "avi": "avi", "mpeg": "vob", "asf": "asf",
    "flv": "flv", "ogg": "ogg", "nut": "nut", "mxf": "mxf",
}  # fmt: skip
_LEAD_S = 2
_FRAME_SAMPLES = {"aac": 1024, "ac3": 1536, "eac3": 1536, "mp1": 384, "mp2": 1152, "mp3": 1152, "mp3float": 1152}
"""Samples of a frame, where FFmpeg does not tell them of a stream that it has not decoded."""


@dataclass(slots=True)
class _Track:
    """A stream that goes along: where it comes from, where it goes, and how it is cut."""

    source: Stream
    target: Stream
    cutter: SoundCutter | None
    written: int = 0


class _Guarded:
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


class ContainerCut:
    """One cut of one container file."""

    def __init__(self, path: Path, index: MediaIndex, schedule: Schedule, pictures: PictureSource) -> None:
        self._path = path
        self._index = index
        self._schedule = schedule
        self._pictures = pictures
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
        with open_container(self._path) as source:
            muxer = self._muxer(source)
            guarded = _Guarded(out)
            try:
                with av.open(cast("Any", guarded), "w", format=muxer) as target:
                    yield from self._mux(source, target)
            except av.FFmpegError as error:
                if guarded.failure is not None:
                    raise guarded.failure from error
                raise FormatUnsupported(f"the result cannot be put together: {error}") from error

    def results(self) -> tuple[StreamResult, ...]:
        """What became of every stream of the source."""
        return tuple(self._results)

    def _muxer(self, source: av.container.InputContainer) -> str:
        names = source.format.name.split(",")
        if names[0] == "mov":
            brand = str(source.metadata.get("major_brand", "")).strip()
            return "mov" if brand == "qt" else "mp4"
        if "matroska" in names:
            return "webm" if self._path.suffix.lower() == ".webm" else "matroska"
        for name in names:
            if name in _MUXERS:
                return _MUXERS[name]
        raise FormatUnsupported(f"{names[0]} files cannot be written", "plexcut cuts TS, MP4 and MKV")

    def _mux(self, source: av.container.InputContainer, target: av.container.OutputContainer) -> Iterator[float]:
        video = self._add_video(source, target)
        tracks = self._add_tracks(source, target)
        target.metadata.update(source.metadata)
        self._add_chapters(source, target)
        total = self._schedule.pts.size
        base = self._index.time_base
        done = 0
        for number, span in enumerate(self._schedule.spans):
            packets = self._companions(source, tracks, span)
            upcoming = next(packets, None)
            for picture in self._pictures_of(number, span):
                decode = int(self._schedule.dts[picture])
                while upcoming is not None and upcoming[0] <= (decode - span.shift) * base + _LEAD_S:
                    self._place(upcoming[1], span)
                    upcoming = next(packets, None)
                self._push_picture(picture, video)
                done += 1
                self._drain(target, decode * base - _LEAD_S)
                if done % 64 == 0:
                    yield done / total
            while upcoming is not None:
                self._place(upcoming[1], span)
                upcoming = next(packets, None)
        self._drain(target, None)
        for track in tracks.values():
            self._results.append(StreamResult(track.source.index, track.source.codec_context.name, True))
        self._results.sort(key=lambda result: result.id)
        yield 1.0

    # ----------------------------------------------------------------------------------------------------- streams

    def _add_video(self, source: av.container.InputContainer, target: av.container.OutputContainer) -> Stream:
        original = source.streams[self._index.video.id]
        stream = target.add_stream_from_template(original, opaque=True)
        codec = self._index.video.codec
        extradata = self._index.video.extradata
        encoded = self._pictures.encoder_sets
        if codec == "h264" and extradata[:1] == b"\x01" and encoded:
            stream.codec_context.extradata = _avcc_with(extradata, encoded)
        if codec == "hevc" and target.format.name in ("mp4", "mov"):
            # Two sets of parameters under the same ids: they travel in band, which `hev1` says.
            stream.codec_context.codec_tag = "hev1"
        stream.time_base = self._index.time_base
        stream.metadata.update(original.metadata)
        self._results.append(StreamResult(original.index, codec, True))
        return stream

    def _add_tracks(
        self, source: av.container.InputContainer, target: av.container.OutputContainer
    ) -> dict[int, _Track]:
        tracks: dict[int, _Track] = {}
        for stream in source.streams:
            if stream.index == self._index.video.id:
                continue
            name = getattr(stream.codec_context, "name", None) or stream.type
            try:
                copy = target.add_stream_from_template(stream, opaque=True)
            except (ValueError, av.FFmpegError) as error:
                self._results.append(StreamResult(stream.index, name, False, str(error)))
                continue
            copy.metadata.update(stream.metadata)
            if stream.type == "attachment" or stream.codec_context is None:
                self._results.append(StreamResult(stream.index, name, True))
                continue
            tracks[stream.index] = _Track(stream, copy, SoundCutter() if stream.type == "audio" else None)
        return tracks

    def _add_chapters(self, source: av.container.InputContainer, target: av.container.OutputContainer) -> None:
        """Chapters on the result's time line; one that was cut away is gone."""
        moved: list[dict[str, Any]] = []
        base = self._index.time_base
        first = int(self._index.shown_pts[0])
        for chapter in source.chapters():
            if chapter["time_base"] is None:
                continue
            scale = chapter["time_base"] / base
            start, end = first + chapter["start"] * scale, first + chapter["end"] * scale
            kept = [
                (max(start, Fraction(s.start)) + s.shift, min(end, Fraction(s.end)) + s.shift)
                for s in self._schedule.spans
                if start < s.end and end > s.start
            ]
            if kept:
                moved.append({**chapter, "time_base": base, "start": int(kept[0][0]), "end": int(kept[-1][1])})
        if moved:
            target.set_chapters(cast("Any", moved))

    # ----------------------------------------------------------------------------------------------------- packets

    def _pictures_of(self, number: int, span: SpanTimes) -> Iterator[int]:
        for picture in range(self._schedule.pts.size):
            if span.base <= self._schedule.pts[picture] < span.base_end:
                yield picture

    def _push_picture(self, picture: int, video: Stream) -> None:
        coded = self._pictures.get(picture)
        packet = av.Packet(coded.data)
        packet.stream = video
        packet.time_base = self._index.time_base
        packet.pts = int(self._schedule.pts[picture])
        packet.dts = int(self._schedule.dts[picture])
        packet.duration = self._index.frame_ticks
        packet.is_keyframe = coded.key
        self._push(packet.dts * self._index.time_base, packet)

    def _companions(
        self, source: av.container.InputContainer, tracks: dict[int, _Track], span: SpanTimes
    ) -> Iterator[tuple[Fraction, tuple[_Track, av.Packet[Any]]]]:
        """Packets of the other streams around a span, with their time in seconds of the source."""
        if not tracks:
            return
        base = self._index.time_base
        start_s, end_s = span.start * base, span.end * base
        # Damaged files cannot always be sought in; spans rise, so reading on finds the next one too.
        with contextlib.suppress(av.FFmpegError):
            source.seek(int((start_s - 3 * _LEAD_S) * 1_000_000), backward=True)
        finished: set[int] = set()
        try:
            for packet in source.demux([track.source for track in tracks.values()]):
                time = packet.pts if packet.pts is not None else packet.dts
                if packet.size == 0 or time is None or packet.time_base is None:
                    continue
                at = time * packet.time_base
                if at > end_s + 2 * _LEAD_S:
                    finished.add(packet.stream_index)
                    if len(finished) == len(tracks):
                        return
                    continue
                yield Fraction(at), (tracks[packet.stream_index], packet)
        except (av.FFmpegError, EOFError) as error:
            raise FileUnreadable(f"the recording cannot be read: {error}") from None

    def _place(self, found: tuple[_Track, av.Packet[Any]], span: SpanTimes) -> None:
        track, packet = found
        base = self._index.time_base
        assert packet.time_base is not None
        scale = packet.time_base / base
        time = Fraction(packet.pts if packet.pts is not None else packet.dts or 0) * scale
        length = Fraction(packet.duration or 0) * scale
        if track.cutter is not None:
            exact = sound_length(packet, base)
            placed = track.cutter.place(SoundFrame(time, exact or length, b"", even=exact is not None), span)
            if placed is None:
                return
            at = placed.time
        else:
            if time + length <= span.start or time >= span.end or (not length and time < span.start):
                return
            begin, end = max(time, Fraction(span.start)), min(time + length, Fraction(span.end))
            at, length = begin + span.shift, max(end - begin, Fraction(0))
            packet.duration = round(length / scale)
        copy = av.Packet(bytes(packet))
        copy.stream = track.target
        copy.time_base = packet.time_base
        copy.pts = copy.dts = round(at / scale)
        copy.duration = packet.duration
        copy.is_keyframe = packet.is_keyframe
        for side in packet.iter_sidedata():
            copy.set_sidedata(side)
        track.written += 1
        self._push(at * base, copy)

    def _push(self, at: Fraction, packet: av.Packet[Any]) -> None:
        heapq.heappush(self._heap, (at, next(self._order), packet))

    def _drain(self, target: av.container.OutputContainer, until: Fraction | None) -> None:
        while self._heap and (until is None or self._heap[0][0] < until):
            target.mux(heapq.heappop(self._heap)[2])


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


def _avcc_with(extradata: bytes, nals: list[bytes]) -> bytes:
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
