"""From decoded pictures to the planes of small ones."""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from plexcut.errors import FormatUnsupported
from plexcut.media.pictures import MAX_SIDE_PX, source_colorspace
from plexcut.media.viewing.deinterlace import deinterlaced
from plexcut.media.viewing.tone import kind_of, tone_mapped

_ASPECTS = (Fraction(1, 8), Fraction(8))


def tile_size(width: int, height: int, sample_aspect: Fraction, wanted_height: int) -> tuple[int, int]:
    """Width and height in square pixels of a picture `wanted_height` high, both even, 2 to `MAX_SIDE_PX`."""
    aspect = sample_aspect if _ASPECTS[0] < sample_aspect < _ASPECTS[1] else Fraction(1)
    high = max(2, wanted_height - wanted_height % 2)
    wide = 2 * round(Fraction(width, height) * aspect * high / 2)
    return min(max(2, wide), MAX_SIDE_PX), high


class Scaler:
    """Scales pictures to one size; for one thread.

    Shrinking averages the samples that fall together. At half the height or less that mixes the fields of an interlaced
    picture evenly; larger ones are deinterlaced as single pictures are.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._first, self._second = VideoReformatter(), VideoReformatter()
        self._fields = _Fields()

    def planes(self, frame: VideoFrame) -> bytes:
        """Y, U and V (4:2:0) of the picture in JPEG's range and matrix, one after the other, for an ordinary screen.

        Raises:
            FormatUnsupported: it cannot be converted.
        """
        try:
            if frame.interlaced_frame:
                frame = self._fields.mixed(deinterlaced(frame) if self._size[1] * 2 > frame.height else frame)
            kind = kind_of(frame)
            if kind is None:
                scaled = self._scale(self._first, frame, "yuvj420p")
            else:
                shown = tone_mapped(self._scale(self._first, frame, "gbrp16le"), kind)
                scaled = self._scale(self._second, shown, "yuvj420p")
            return bytes(scaled.to_ndarray().data)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise FormatUnsupported(f"the picture cannot be shown: {error}") from error

    def _scale(self, reformatter: VideoReformatter, frame: VideoFrame, fmt: str) -> VideoFrame:
        width, height = self._size
        shrinks = width <= frame.width and height <= frame.height
        matrix = source_colorspace(frame)
        return reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=fmt,
            src_colorspace=matrix,
            dst_colorspace=Colorspace.ITU601 if fmt == "yuvj420p" else matrix,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
            threads=1,
        )


class _Fields:
    """Takes the mark of interlacing off pictures: swscale would scale the fields of a marked one each by itself, and
    what moves would comb in the smallest picture.
    """

    def __init__(self) -> None:
        self._shape: tuple[str, int, int] | None = None
        self._graph = Graph()

    def mixed(self, frame: VideoFrame) -> VideoFrame:
        """The same picture, unmarked; nothing is copied."""
        shape = (frame.format.name, frame.width, frame.height)
        if shape != self._shape:
            self._shape, self._graph = shape, Graph()
            source = self._graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 25),
            )
            unmark = self._graph.add("setfield", "prog")
            self._graph.link_nodes(source, unmark, self._graph.add("buffersink")).configure()
        self._graph.push(frame)
        made = self._graph.pull()
        assert isinstance(made, VideoFrame)
        return made
