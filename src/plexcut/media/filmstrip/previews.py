"""Filmstrips out of the previews that a Plex server made, for as long as there is no index."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from plexcut.domain.filmstrip import check_order
from plexcut.domain.media import Filmstrip, FilmstripOrder, PictureFormat, Tile
from plexcut.domain.ports import ShouldCancel
from plexcut.domain.timecode import FrameNumber, floor_us
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bif import Previews
from plexcut.media.filmstrip.scaling import Scaler, tile_size
from plexcut.media.filmstrip.sprite import compose, make_grid
from plexcut.media.pictures import encode_picture

_MAX_PIXELS = 1 << 21
"""Previews are some 320 pixels wide; a picture that claims to be huge is a damaged one."""


def serves(order: FilmstripOrder) -> bool:
    """Whether previews can answer an order: frame numbers mean nothing without an index."""
    return not any(isinstance(place, FrameNumber) for place in (order.start, order.end)) and order.step is None


def strip_of(previews: Previews, order: FilmstripOrder, fmt: PictureFormat, should_cancel: ShouldCancel) -> Filmstrip:
    """The provisional filmstrip of an order that `serves` says yes to; its tiles have the previews' times.

    Raises:
        UsageError, SpanInvalid: the order is not possible.
        FormatUnsupported: no preview of the range can be decoded. Cancelled.
    """
    check_order(order)
    start_us, end_us = _range(previews, order)
    frames: list[tuple[int, VideoFrame]] = []
    for number in _choose(previews, (start_us, end_us), order.count):
        if should_cancel():
            raise Cancelled("the request was given up")
        frame = _decoded(previews.picture(number))
        if frame is not None:
            frames.append((number, frame))
    if not frames:
        raise FormatUnsupported("no preview of this range can be decoded")
    size = tile_size(frames[0][1].width, frames[0][1].height, Fraction(1), order.height)
    grid = make_grid(len(frames), size)
    scaler = Scaler(size)
    image = encode_picture(compose(grid, [scaler.planes(frame) for _, frame in frames]), Fraction(1), None, fmt)
    return Filmstrip(
        tiles=tuple(
            Tile(None, previews.times_ms[number] * 1000, *grid.place(at), *size)
            for at, (number, _) in enumerate(frames)
        ),
        start_us=start_us,
        end_us=end_us,
        step=0,
        width=grid.width,
        height=grid.height,
        data=image.data,
        media_type=image.media_type,
        provisional=True,
    )


def _choose(previews: Previews, bounds: tuple[int, int], count: int) -> list[int]:
    """One preview for each slot: its first, or where it has none the one before; none twice."""
    times = np.array(previews.times_ms, np.int64) * 1000
    places = bounds[0] + (bounds[1] - bounds[0]) * np.arange(count + 1, dtype=np.int64) // count
    edges = np.searchsorted(times, places)
    first, behind = edges[:-1], edges[1:]
    chosen = np.where(behind > first, first, np.maximum(first - 1, 0))
    return sorted({int(n) for n in np.minimum(chosen, times.size - 1)})


def _range(previews: Previews, order: FilmstripOrder) -> tuple[int, int]:
    assert not isinstance(order.start, FrameNumber)
    assert not isinstance(order.end, FrameNumber)
    last_us, end_us = previews.times_ms[-1] * 1000, previews.end_ms * 1000
    start = 0 if order.start is None else min(max(0, floor_us(order.start)), last_us)
    end = end_us if order.end is None else min(max(0, floor_us(order.end)), end_us)
    return start, max(end, start + 1)


def _decoded(jpeg: bytes) -> VideoFrame | None:
    context = av.CodecContext.create("mjpeg", "r")
    assert isinstance(context, VideoCodecContext)
    context.options = {"max_pixels": str(_MAX_PIXELS)}
    context.thread_count = 1
    try:
        frames = [*context.decode(av.Packet(jpeg)), *context.decode(None)]
    except (av.FFmpegError, EOFError, ValueError):
        return None
    return frames[0] if frames else None
