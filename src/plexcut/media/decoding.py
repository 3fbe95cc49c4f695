"""Decoding stretches of a recording without a demuxer: whole pictures, each with the row that it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import av
from av.codec.context import Flags, ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from plexcut.domain.ports import ShouldCancel
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bitstream import hevc
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.index.container import nal_length_size
from plexcut.media.index.model import MediaIndex, VideoTrack
from plexcut.media.units import Unit, UnitReader

_SKIPPABLE = ("h264", "hevc", "mpeg2video", "mpeg1video")
"""Codecs that mark pictures which are not referred to."""

_MOST_THREADS = 4
_START_CODE = re.compile(rb"\x00\x00\x01(..)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads a decoder works with: on the slices of one picture, or each on a picture of its own."""

    count: int = 1
    kind: Literal["slice", "frame"] = "slice"

    @property
    def delay(self) -> int:
        """By how many pictures more the output is late."""
        return self.count - 1 if self.kind == "frame" else 0


ONE_THREAD = Threads()


def threads_for(codec: str, unit: Unit, extradata: bytes = b"") -> Threads:
    """The threads that decode a stream soonest, by one of its pictures, when nothing else is to be decoded.

    Broadcasters code several slices to a picture, and threads for those delay nothing. Small pictures (MPEG-2) gain
    less than starting the threads costs.
    """
    cores = min(os.cpu_count() or 1, _MOST_THREADS)
    if codec == "h264":
        slices = _count_slices(unit, nal_length_size(codec, extradata))
        return Threads(min(slices, cores)) if slices > 1 else Threads(cores, "frame")
    return Threads(cores, "frame") if codec in ("hevc", "vp9") else ONE_THREAD


def _count_slices(unit: Unit, length_size: int) -> int:
    data = unit[0]
    if not length_size:
        return sum(1 for found in _START_CODE.finditer(data) if found[1][0] & 31 in (1, 5))
    count = at = 0
    while at + length_size < len(data):
        count += data[at + length_size] & 31 in (1, 5)
        at += length_size + int.from_bytes(data[at : at + length_size], "big")
    return count


def top_sub_layer(unit: Unit, video: VideoTrack) -> int:
    """The highest temporal sub-layer of HEVC video, by the parameter set at a keyframe (-1 unknown); 0 of all else."""
    if video.codec != "hevc":
        return 0
    if len(video.extradata) > 21 and video.extradata[0] == 1:
        return (video.extradata[21] >> 3 & 7) - 1
    for found in _START_CODE.finditer(unit[0]):
        if found[1][0] >> 1 & 63 == hevc.SPS and found.end() < len(unit[0]):
            return unit[0][found.end()] >> 1 & 7
    return -1


def is_droppable(index: MediaIndex, row: int, top: int) -> bool:
    """Whether no other picture is decoded from that of `row`.

    In HEVC a picture that is marked so may still serve sub-layers above its own, where there are any (`top`).
    """
    return not index.flags[row] & PictureFlag.REF and index.video.codec in _SKIPPABLE and top == 0


def make_decoder(
    codec: str, extradata: bytes = b"", threads: Threads = ONE_THREAD, *, picky: bool = False
) -> VideoCodecContext:
    """A decoder that gives every picture out, in order; a `picky` one gives up pictures with the least fault.

    `strict=1` makes FFmpeg's H.264 decoder wait as long as the level allows before it gives a picture out: left to its
    own guess it drops pictures at the start of a stretch, because it learns the reordering only on the way.
    """
    try:
        context = av.CodecContext.create(codec, "r")
    except (av.FFmpegError, ValueError) as error:
        raise FormatUnsupported(f"{codec} video cannot be decoded here") from error
    if not isinstance(context, VideoCodecContext):
        raise FormatUnsupported(f"{codec} is no video codec")
    context.options = {"strict": "1", "err_detect": "explode"} if picky else {"strict": "1"}
    context.flags |= Flags.output_corrupt
    context.thread_count = threads.count
    context.thread_type = ThreadType.SLICE if threads.kind == "slice" else ThreadType.FRAME
    if extradata:
        context.extradata = extradata
    return context


def decode_units(context: VideoCodecContext, units: Iterable[tuple[int, Unit]]) -> Iterator[tuple[int, VideoFrame]]:
    """Pictures of successive units, with the row of each, to the last one; a damaged unit gives none."""
    for row, unit in units:
        for packet in packets_of(row, unit):
            yield from decode_packet(context, packet)
    yield from decode_packet(context, None)


def packets_of(row: int, unit: Unit) -> Iterator[av.Packet[Any]]:
    """What a decoder is fed of one unit.

    The bytes are copied into FFmpeg's own memory: packets that PyAV makes of Python's need the interpreter when they
    are freed, for which a thread of a decoder waits in vain while the decoder, which waits for it, is closed.
    """
    for i, piece in enumerate(unit):
        packet: av.Packet[Any] = av.Packet(len(piece))
        packet.update(piece)
        packet.pts = packet.dts = row if i == 0 else None
        yield packet


def decode_packet(
    context: VideoCodecContext, packet: av.Packet[Any] | None, complaints: list[int] | None = None
) -> Iterator[tuple[int, VideoFrame]]:
    """What comes out when a packet goes in, with the rows; None: all that is left.

    The row of one that the decoder finds fault with is added to `complaints`.
    """
    try:
        frames = context.decode(packet)
    except EOFError:
        return
    except av.FFmpegError:
        if complaints is not None and packet is not None and packet.dts is not None:
            complaints.append(packet.dts)
        return
    for frame in frames:
        if frame.pts is not None:
            yield frame.pts, frame


def decode_strictly(
    reader: UnitReader, index: MediaIndex, rows: range, complaints: list[int]
) -> Iterator[tuple[int, VideoFrame]]:
    """As `decode_rows`, by a decoder that gives up pictures with the least fault; their rows come into `complaints`.

    What FFmpeg reports and passes over is a fault too: reference pictures that are not there, among others.
    """
    context = make_decoder(index.video.codec, index.video.extradata, picky=True)
    for row, unit in zip(rows, reader.read(rows.start, rows.stop), strict=False):
        for packet in packets_of(row, unit):
            yield from decode_packet(context, packet, complaints)
    yield from decode_packet(context, None)


def decode_rows(
    reader: UnitReader,
    index: MediaIndex,
    rows: range,
    wanted: set[int] | None = None,
    hurry: ShouldCancel | None = None,
) -> Iterator[tuple[int, VideoFrame]]:
    """Pictures of successive `rows`; the first must be a row to start at (`MediaIndex.key_before`).

    With `wanted` only these come out. With `hurry` pictures that nothing refers to are not decoded for nothing (what a
    damaged stream looks like depends on them all the same, so seams and proofs take no hurry), and it is asked
    whether somebody still waits.

    Raises:
        FileUnreadable: as `UnitReader.read`.
        Cancelled: `hurry` said so.
    """
    context = make_decoder(index.video.codec, index.video.extradata)

    def fed() -> Iterator[tuple[int, Unit]]:
        top: int | None = None
        for row, unit in zip(rows, reader.read(rows.start, rows.stop), strict=False):
            if hurry is not None and wanted is not None:
                if hurry():
                    raise Cancelled("the request was given up")
                if top is None:
                    top = top_sub_layer(unit, index.video)
                if row not in wanted and is_droppable(index, row, top):
                    continue
            yield row, unit

    for row, frame in decode_units(context, fed()):
        if wanted is None or row in wanted:
            yield row, frame
