"""From decoded pictures to the planes of small ones."""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from plexcut.errors import FormatUnsupported
from plexcut.media.pictures import MAX_SIDE_PX

_HD_LINES = 720
_ASPECTS = (Fraction(1, 8), Fraction(8))


def tile_size(width: int, height: int, sample_aspect: Fraction, wanted_height: int) -> tuple[int, int]:
    """Width and height in square pixels of a picture `wanted_height` high, both even, 2 to `MAX_SIDE_PX`."""
    aspect = sample_aspect if _ASPECTS[0] < sample_aspect < _ASPECTS[1] else Fraction(1)
    high = max(2, wanted_height - wanted_height % 2)
    wide = 2 * round(Fraction(width, height) * aspect * high / 2)
    return min(max(2, wide), MAX_SIDE_PX), high


class Scaler:
    """Scales pictures to one size; for one thread.

    Shrinking averages the samples that fall together, so that of an interlaced picture both fields are seen.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._reformatter = VideoReformatter()

    def planes(self, frame: VideoFrame) -> bytes:
        """Y, U and V (4:2:0) of the picture in JPEG's range and matrix, one after the other.

        Raises:
            FormatUnsupported: it cannot be converted.
        """
        width, height = self._size
        shrinks = width <= frame.width and height <= frame.height
        try:
            scaled = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format="yuvj420p",
                src_colorspace=source_colorspace(frame),
                dst_colorspace=Colorspace.ITU601,
                dst_color_range=ColorRange.JPEG,
                interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
            )
            return bytes(scaled.to_ndarray().data)
        except (av.FFmpegError, ValueError) as error:
            raise FormatUnsupported(f"the picture cannot be shown: {error}") from error


def source_colorspace(frame: VideoFrame) -> int:
    """The matrix of a picture; where the stream does not tell, the one that is usual for its size."""
    told = int(frame.colorspace)
    if told in (int(Colorspace.ITU709), int(Colorspace.ITU601), int(Colorspace.FCC), int(Colorspace.SMPTE240M)):
        return told
    return int(Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601)
