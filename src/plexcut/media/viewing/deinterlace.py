"""Interlaced pictures, made whole for people to look at: one field, and of the other what did not move.

By the picture alone, without its neighbours: so that it is the one that was asked for, the same whatever was looked at
before, and no dearer to decode.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

from plexcut.media.viewing.idle import IdlePool

_BLOCK_LINES, _BLOCK_COLUMNS = 8, 16
_EVERY_COLUMN = 4
"""Combs are as wide as what moves: a quarter of the columns shows them at a quarter of the cost."""
_STEP = 12
"""By how much (of 255) a line must differ from both its neighbours, which are of the other field."""
_SHARE = 0.18
"""How much of a block such lines must fill."""
_MOSTLY = 0.6

_PLANAR = {
    "yuv420p": 8, "yuvj420p": 8, "yuv422p": 8, "yuvj422p": 8, "yuv444p": 8,
    "yuv420p10le": 10, "yuv422p10le": 10, "yuv444p10le": 10,
}  # fmt: skip
"""Formats whose planes can be taken apart here, with their bits."""

_Plane = npt.NDArray[Any]


def deinterlaced(frame: VideoFrame) -> VideoFrame:
    """The frame as it is shown, not marked as interlaced any more: swscale would scale the fields each by itself.

    It is whole where nothing in it combs (film sent as interlaced video).
    Where something does, only the blocks around it are made of the first field alone (FFmpeg's `bwdif` without
    neighbours, which interpolates with a cubic filter). `estdif`, which follows edges, takes thirty times as long.
    """
    if not frame.interlaced_frame or frame.height < 2 * _BLOCK_LINES or frame.width < 2 * _BLOCK_COLUMNS:
        return frame
    bits = _PLANAR.get(frame.format.name)
    if bits is None:
        return frame
    combed = _combed_blocks(_samples(frame.planes[0], bits), bits)
    if not combed.any():
        return _unmarked(frame)
    made = _from_one_field(frame, bits)
    if combed.mean() <= _MOSTLY:
        for whole, plane in zip(frame.planes, made.planes, strict=True):
            _put_back(_samples(whole, bits), _samples(plane, bits), combed)
    return made


class _Field:
    """Makes pictures of one format out of their first field; for one thread at a time.

    `bwdif` compares with the frames before and after: between a black one and a white one nothing looks still, and
    it interpolates everywhere. Those two are not interlaced and pass through it untouched.
    """

    def __init__(self, like: VideoFrame, bits: int) -> None:
        self._black, self._white = _flat(like, 0), _flat(like, (1 << bits) - 1)
        self._graph = graph = Graph()
        time_base = like.time_base or Fraction(1, 25)
        source = graph.add_buffer(width=like.width, height=like.height, format=like.format, time_base=time_base)
        graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
        graph.configure()
        # Its very first picture is made by another filter, as the field at the end of a film is.
        self.whole(like)

    def whole(self, frame: VideoFrame) -> VideoFrame:
        """The first field, and its lines interpolated in the place of the second."""
        made: VideoFrame | None = None
        for pushed in (self._black, frame, self._white):
            self._graph.push(pushed)
            # It gives a picture out when the next one comes in: the last one out is that of `frame`.
            try:
                pulled = self._graph.pull()
            except av.BlockingIOError:
                continue
            assert isinstance(pulled, VideoFrame)
            made = pulled
        assert made is not None
        return made


_POOL_BYTES = 64 << 20
_fields: IdlePool[tuple[str, int, int], _Field] = IdlePool(_POOL_BYTES)


def _from_one_field(frame: VideoFrame, bits: int) -> VideoFrame:
    key = (frame.format.name, frame.width, frame.height)
    field = _fields.take(key) or _Field(frame, bits)
    made = field.whole(frame)
    _fields.give(key, field, 5 * sum(plane.buffer_size for plane in frame.planes))
    return made


_unmarking: IdlePool[tuple[str, int, int], Graph] = IdlePool(_POOL_BYTES)


def _unmarked(frame: VideoFrame) -> VideoFrame:
    """The same picture without the mark; nothing is copied."""
    key = (frame.format.name, frame.width, frame.height)
    graph = _unmarking.take(key)
    if graph is None:
        graph = Graph()
        time_base = frame.time_base or Fraction(1, 25)
        source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
        graph.link_nodes(source, graph.add("setfield", "prog"), graph.add("buffersink")).configure()
    graph.push(frame)
    made = graph.pull()
    _unmarking.give(key, graph, 1)
    assert isinstance(made, VideoFrame)
    return made


def _flat(like: VideoFrame, value: int) -> VideoFrame:
    made = VideoFrame(like.width, like.height, like.format.name)
    kind, width = (np.uint8, 1) if value < 256 else (np.uint16, 2)
    for plane in made.planes:
        plane.update(np.full(plane.buffer_size // width, value, kind).tobytes())
    return made


def _samples(plane: VideoPlane, bits: int) -> _Plane:
    """The plane as it lies in memory, `(h, w)`."""
    flat: _Plane = np.frombuffer(memoryview(plane), np.uint8 if bits == 8 else np.uint16)
    return flat.reshape(plane.height, plane.line_size // flat.itemsize)[:, : plane.width]


def _combed_blocks(luma: _Plane, bits: int) -> npt.NDArray[np.bool_]:
    """Which blocks of `_BLOCK_LINES` x `_BLOCK_COLUMNS` comb, and those beside them."""
    lines = luma[:, ::_EVERY_COLUMN].astype(np.int16)
    step = _STEP << (bits - 8)
    above, below = lines[1:-1] - lines[:-2], lines[1:-1] - lines[2:]
    hits = np.zeros(lines.shape, np.uint8)
    hits[1:-1] = ((above > step) & (below > step)) | ((above < -step) & (below < -step))
    columns = _BLOCK_COLUMNS // _EVERY_COLUMN
    high, wide = -(-lines.shape[0] // _BLOCK_LINES), -(-lines.shape[1] // columns)
    padded = np.zeros((high * _BLOCK_LINES, wide * columns), np.uint8)
    padded[: lines.shape[0], : lines.shape[1]] = hits
    counts = padded.reshape(high, _BLOCK_LINES, wide, columns).sum(axis=(1, 3), dtype=np.int32)
    combed = counts >= _SHARE * _BLOCK_LINES * columns
    spread = combed.copy()
    spread[1:] |= combed[:-1]
    spread[:-1] |= combed[1:]
    aside: npt.NDArray[np.bool_] = spread.copy()
    aside[:, 1:] |= spread[:, :-1]
    aside[:, :-1] |= spread[:, 1:]
    return aside


def _put_back(whole: _Plane, made: _Plane, combed: npt.NDArray[np.bool_]) -> None:
    """Overwrite what does not comb with the whole picture's samples."""
    lines = -(-made.shape[0] // combed.shape[0])
    columns = -(-made.shape[1] // combed.shape[1])
    lines = next(size for size in (_BLOCK_LINES // 2, _BLOCK_LINES) if size >= lines)
    columns = next(size for size in (_BLOCK_COLUMNS // 2, _BLOCK_COLUMNS) if size >= columns)
    calm = np.repeat(np.repeat(~combed, lines, axis=0), columns, axis=1)[: made.shape[0], : made.shape[1]]
    np.copyto(made, whole, where=calm)
