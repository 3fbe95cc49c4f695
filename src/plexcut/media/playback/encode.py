"""Coding the pictures of a fragment in H.264, each fragment by itself and never larger than its budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bitstream.bits import annexb_nals, to_sized
from plexcut.media.bitstream.h264 import PPS, SPS
from plexcut.media.playback.boxes import VideoEntry
from plexcut.media.playback.decode import OutputShape

QUALITIES = (23, 31, 40, 51)
"""Constant rate factors, tried one after the other until a fragment fits."""

_THREADS = 1
"""With more of them the rate control, and so the bytes, depend on how fast each runs."""
_SD_SAMPLES_PER_S = 720 * 576 * 25
_SD_BITS_PER_S = 1_800_000
_GROWTH = 0.55
"""How the bits grow with the samples: four times as many samples take about twice the bits at the same look."""
_BUFFER_S = 0.3
_SETS = (SPS, PPS)


@dataclass(frozen=True, slots=True)
class Coding:
    """How all pictures of a file are coded: shape, rate and colours (FFmpeg's numbers; all fragments share them)."""

    shape: OutputShape
    fps: Fraction
    colorspace: int
    primaries: int
    transfer: int

    @property
    def bits_per_s(self) -> int:
        """The most that pictures take in the long run."""
        samples = self.shape.width * self.shape.height * float(min(max(self.fps, Fraction(5)), Fraction(60)))
        return int(_SD_BITS_PER_S * (samples / _SD_SAMPLES_PER_S) ** _GROWTH)

    def budget(self, duration_s: Fraction, pictures: int) -> int:
        """Bytes for the pictures of a fragment."""
        return int(self.bits_per_s * (float(duration_s) + _BUFFER_S) / 8) + 64 * pictures + 4096

    def entry(self) -> VideoEntry:
        """What a player must know.

        Raises:
            FormatUnsupported: no encoder takes pictures of this shape.
        """
        context = _encoder(self, QUALITIES[0])
        try:
            context.open()
        except av.FFmpegError as error:
            raise FormatUnsupported(f"these pictures cannot be played: {error}") from error
        sets = tuple(nal for nal in annexb_nals(context.extradata or b"") if nal[0] & 31 in _SETS)
        return VideoEntry(self.shape.width, self.shape.height, self.shape.sample_aspect, sets)


def encode(
    frames: Iterable[VideoFrame], coding: Coding, quality: int, should_cancel: Callable[[], bool]
) -> list[bytes]:
    """One sample (NAL units with four-byte lengths) for each picture, in order; the first is an IDR picture.

    Raises:
        FormatUnsupported: the encoder does not take them. Cancelled.
    """
    context = _encoder(coding, quality)
    samples: list[bytes] = []
    count = 0
    try:
        for frame in frames:
            if should_cancel():
                raise Cancelled("nobody waits for this part any more")
            frame.pts, frame.time_base = count, context.time_base
            frame.pict_type = PictureType.NONE
            samples += [bytes(packet) for packet in context.encode(frame)]
            count += 1
        samples += [bytes(packet) for packet in context.encode(None)]
    except (av.FFmpegError, ValueError) as error:
        raise FormatUnsupported(f"these pictures cannot be played: {error}") from error
    if len(samples) != count:
        raise FormatUnsupported(f"the encoder made {len(samples)} of {count} pictures")
    return [_sized(annexb_nals(sample)) for sample in samples]


def _sized(nals: Sequence[bytes]) -> bytes:
    return to_sized([nal for nal in nals if nal[0] & 31 not in _SETS], 4)


def _encoder(coding: Coding, quality: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    shape = coding.shape
    context.width, context.height, context.pix_fmt = shape.width, shape.height, "yuv420p"
    context.framerate = coding.fps
    context.time_base = 1 / coding.fps
    context.sample_aspect_ratio = shape.sample_aspect
    context.color_range = 1
    context.colorspace, context.color_primaries, context.color_trc = (
        coding.colorspace, coding.primaries, coding.transfer,
    )  # fmt: skip
    context.thread_count = _THREADS
    context.gop_size = 10_000
    context.flags |= Flags.global_header
    kbits = coding.bits_per_s // 1000
    # `stitchable`: parameter sets do not depend on the quality, so that all fragments share those of the file's head.
    context.options = {
        "preset": "superfast",
        "crf": str(quality),
        "x264-params": (
            f"bframes=0:scenecut=0:keyint=infinite:open-gop=0:rc-lookahead=0:sync-lookahead=0:mbtree=0:force-cfr=1:"
            f"stitchable=1:sliced-threads=0:vbv-maxrate={kbits}:vbv-bufsize={int(kbits * _BUFFER_S)}:vbv-init=1"
        ),
    }
    return context
