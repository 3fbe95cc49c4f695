"""Turning decoded pictures into JPEG and PNG files for people to look at."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from plexcut.domain.media import PictureFormat
from plexcut.errors import FormatUnsupported

MAX_SIDE_PX = 4096
_HD_LINES = 720
_SCALING = threading.Lock()
"""PyAV changes the frame that it scales for as long as that takes, and several threads are given the same frame."""
_MEDIA_TYPES: dict[PictureFormat, str] = {"jpg": "image/jpeg", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class PictureWish:
    """How a picture is to be: `width` in pixels (None: full size), its format, and of which programme it is."""

    width: int | None = None
    fmt: PictureFormat = "jpg"
    program: int | None = None


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A picture file of `width` x `height` square pixels."""

    width: int
    height: int
    data: bytes
    media_type: str


def shown_size(width: int, height: int, sample_aspect: Fraction, wanted_width: int | None) -> tuple[int, int]:
    """Size in square pixels: as wide as wanted, at most `MAX_SIDE_PX`, at least two pixels, even numbers."""
    shape = Fraction(width, height) * (sample_aspect if Fraction(1, 8) < sample_aspect < 8 else 1)
    out_width = Fraction(wanted_width) if wanted_width else Fraction(height) * shape
    out_width = min(out_width, Fraction(MAX_SIDE_PX), MAX_SIDE_PX * shape)
    return max(2, round(out_width)), max(2, round(out_width / shape))


def encode_picture(frame: VideoFrame, sample_aspect: Fraction, width: int | None, fmt: PictureFormat) -> EncodedPicture:
    """Scale and encode one picture.

    Raises:
        FormatUnsupported: it cannot be encoded.
    """
    size = shown_size(frame.width, frame.height, sample_aspect, width)
    source = _source_colorspace(frame)
    try:
        with _SCALING:
            scaled = VideoReformatter().reformat(
                frame,
                width=size[0],
                height=size[1],
                format="yuvj420p" if fmt == "jpg" else "rgb24",
                src_colorspace=source,
                dst_colorspace=Colorspace.ITU601 if fmt == "jpg" else source,
                dst_color_range=ColorRange.JPEG,
            )
        data = _encode(scaled, fmt)
    except (av.FFmpegError, ValueError) as error:
        raise FormatUnsupported(f"the picture cannot be shown: {error}") from error
    return EncodedPicture(size[0], size[1], data, _MEDIA_TYPES[fmt])


def _source_colorspace(frame: VideoFrame) -> int:
    told = int(frame.colorspace)
    if told in (int(Colorspace.ITU709), int(Colorspace.ITU601), int(Colorspace.FCC), int(Colorspace.SMPTE240M)):
        return told
    return int(Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601)


def _encode(frame: VideoFrame, fmt: PictureFormat) -> bytes:
    context = av.CodecContext.create("mjpeg" if fmt == "jpg" else "png", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = frame.width, frame.height
    context.pix_fmt = "yuvj420p" if fmt == "jpg" else "rgb24"
    context.time_base = Fraction(1, 25)
    if fmt == "jpg":
        context.options = {"qmin": "2", "qmax": "2", "strict": "unofficial"}
        context.color_range = int(ColorRange.JPEG)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
