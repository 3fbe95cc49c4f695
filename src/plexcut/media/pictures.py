"""Turning decoded pictures into JPEG, WebP and PNG files for people to look at."""

from __future__ import annotations

import io
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

from plexcut.domain.media import PictureFormat
from plexcut.errors import FormatUnsupported
from plexcut.media.viewing.deinterlace import deinterlaced
from plexcut.media.viewing.idle import IdlePool
from plexcut.media.viewing.tone import kind_of, tone_mapped

MAX_SIDE_PX = 4096
_HD_LINES = 720
_MEDIA_TYPES: dict[PictureFormat, str] = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_MATRICES = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601,
             7: Colorspace.SMPTE240M, 9: Colorspace.BT2020, 10: Colorspace.BT2020}  # fmt: skip
"""By the matrix coefficients of ISO/IEC 23091-2."""

_AT_ONCE_PX = 8
_ACCURATE = 0x40000
"""swscale's fast way from 4:2:0 to RGB makes eight pixels at once and may leave the last ones black; SWS_ACCURATE_RND
keeps it from being taken.
"""

_JPEG_QUALITY = 88
_WEBP_QUALITY = 75
_IDLE_SCALERS = 8
_FRAME_LOCKS = tuple(threading.Lock() for _ in range(32))
"""PyAV changes the colours that a frame says it has for as long as it scales it, and threads are given the same frame.
"""


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
    """Deinterlace, scale, bring onto the screen's colours, and encode one picture.

    Raises:
        FormatUnsupported: it cannot be encoded.
    """
    size = shown_size(frame.width, frame.height, sample_aspect, width)
    try:
        data = _encode(_shown(frame, size), fmt)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise FormatUnsupported(f"the picture cannot be shown: {error}") from error
    return EncodedPicture(size[0], size[1], data, _MEDIA_TYPES[fmt])


def source_colorspace(frame: VideoFrame) -> int:
    """The matrix of a picture; where the stream does not tell, the one that is usual for its size."""
    usual = Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601
    return int(_MATRICES.get(int(frame.colorspace), usual))


class _Scalers:
    """Reformatters that were used: to set up another for the same sizes takes as long as to scale."""

    def __init__(self) -> None:
        self._idle: IdlePool[Hashable, VideoReformatter] = IdlePool(_IDLE_SCALERS)

    def scale(self, frame: VideoFrame, size: tuple[int, int], fmt: str, matrix: int) -> VideoFrame:
        """The picture in another size and format: RGB of full range, or 4:2:0 of video's range."""
        key = (frame.format.name, frame.width, frame.height, matrix, frame.color_range, size, fmt)
        scaler = self._idle.take(key) or VideoReformatter()
        made = scaler.reformat(
            frame,
            width=size[0],
            height=size[1],
            format=fmt,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            dst_color_range=ColorRange.MPEG if fmt == "yuv420p" else ColorRange.JPEG,
            interpolation=int(Interpolation.BICUBIC) | (_ACCURATE if size[0] % _AT_ONCE_PX else 0),
            threads=1,
        )
        self._idle.give(key, scaler, 1)
        return made


_scalers = _Scalers()


def _shown(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """RGB as the screen shows it."""
    with _FRAME_LOCKS[id(frame) // 64 % len(_FRAME_LOCKS)]:
        kind, matrix = kind_of(frame), source_colorspace(frame)
        whole = deinterlaced(frame)
        if kind is not None:
            scaled = _scalers.scale(whole, size, "gbrp16le", matrix)
        elif size[0] % _AT_ONCE_PX == 0 and size[1] % 2 == 0:
            # In two steps: to scale into RGB at once takes twice as long, for chroma that JPEG and WebP halve again.
            scaled = _scalers.scale(whole, size, "yuv420p", matrix)
        else:
            return _scalers.scale(whole, size, "rgb0", matrix)
    return tone_mapped(scaled, kind) if kind is not None else _scalers.scale(scaled, size, "rgb0", matrix)


def _encode(picture: VideoFrame, fmt: PictureFormat) -> bytes:
    """Pillow's encoders take half the time of FFmpeg's for JPEG, a quarter for PNG; RGBX is not copied for them."""
    plane = picture.planes[0]
    size = (picture.width, picture.height)
    image = Image.frombuffer("RGBX", size, plane, "raw", "RGBX", plane.line_size, 1)  # type: ignore[arg-type]
    out = io.BytesIO()
    if fmt == "jpg":
        image.save(out, "JPEG", quality=_JPEG_QUALITY)
    elif fmt == "webp":
        image.save(out, "WEBP", quality=_WEBP_QUALITY, method=0)
    else:
        image.convert("RGB").save(out, "PNG", compress_level=1)
    return out.getvalue()
