"""Decoding stretches of a recording without a demuxer: whole pictures, each with the row that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from plexcut.domain.ports import ShouldCancel, never
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import Unit, UnitReader

_SKIPPABLE = ("h264", "mpeg2video", "mpeg1video")
"""Codecs in which a picture that is marked so is never referred to, whatever its layer."""


def make_decoder(codec: str, extradata: bytes = b"") -> VideoCodecContext:
    """A decoder that gives every picture out, in order.

    `strict=1` makes FFmpeg's H.264 decoder wait as long as the level allows before it gives a picture out: left to its
    own guess it drops pictures at the start of a stretch, because it learns the reordering only on the way.
    """
    try:
        context = av.CodecContext.create(codec, "r")
    except (av.FFmpegError, ValueError) as error:
        raise FormatUnsupported(f"{codec} video cannot be decoded here") from error
    if not isinstance(context, VideoCodecContext):
        raise FormatUnsupported(f"{codec} is no video codec")
    context.options = {"strict": "1"}
    context.flags |= Flags.output_corrupt
    context.thread_count = 1
    if extradata:
        context.extradata = extradata
    return context


def decode_units(context: VideoCodecContext, units: Iterable[tuple[int, Unit]]) -> Iterator[tuple[int, VideoFrame]]:
    """Pictures of successive units, with the row of each, to the last one; a damaged unit gives none."""
    for row, unit in units:
        for i, piece in enumerate(unit):
            packet = av.Packet(piece)
            packet.pts = packet.dts = row if i == 0 else None
            yield from _decode(context, packet)
    yield from _decode(context, None)


def _decode(context: VideoCodecContext, packet: av.Packet[Any] | None) -> Iterator[tuple[int, VideoFrame]]:
    try:
        frames = context.decode(packet)
    except (av.FFmpegError, EOFError):
        return
    for frame in frames:
        if frame.pts is not None:
            yield frame.pts, frame


def decode_rows(
    reader: UnitReader,
    index: MediaIndex,
    rows: range,
    wanted: set[int] | None = None,
    *,
    hurry: bool = False,
    should_cancel: ShouldCancel = never,
) -> Iterator[tuple[int, VideoFrame]]:
    """Pictures of successive `rows`; the first must be a row to start at (`MediaIndex.key_before`).

    With `wanted` only these come out; in a `hurry` pictures that nothing refers to are not decoded for nothing (what a
    damaged stream looks like depends on them all the same, so seams and proofs take no hurry).
    """
    skips = hurry and wanted is not None and index.video.codec in _SKIPPABLE
    context = make_decoder(index.video.codec, index.video.extradata)

    def fed() -> Iterator[tuple[int, Unit]]:
        for row, unit in zip(rows, reader.read(rows.start, rows.stop), strict=False):
            if should_cancel():
                raise Cancelled("the request was given up")
            if skips and wanted is not None and row not in wanted and not index.flags[row] & PictureFlag.REF:
                continue
            yield row, unit

    for row, frame in decode_units(context, fed()):
        if wanted is None or row in wanted:
            yield row, frame
