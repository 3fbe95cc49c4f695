"""Re-encoding the few pictures at a seam so that they fit the stream around them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from plexcut.errors import FormatUnsupported
from plexcut.media.cutting.picture_compare import psnr
from plexcut.media.decoding import make_decoder
from plexcut.media.index.model import MediaIndex

_log = logging.getLogger(__name__)

_FULL_RANGE = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}
_X264 = (
    "bframes=0:ref=1:scenecut=0:keyint=infinite:open-gop=0:weightp=0:rc-lookahead=0:sync-lookahead=0:mbtree=0:"
    "threads=1:sliced-threads=0:slices=1:repeat-headers=1:aud=1:force-cfr=1"
)
_X264_PRESET = "superfast"
"""At equal quality two thirds of the time of `veryfast`, for a tenth more bytes (measured on 720p50 and 1080i25)."""
_X265 = (
    "bframes=0:scenecut=0:keyint=-1:open-gop=0:rc-lookahead=5:repeat-headers=1:aud=1:info=0:log-level=none:"
    "pools=none:frame-threads=1:wpp=0"
)
_QUALITY, _X264_QUALITY, _COARSEST = 15, 16, 22
"""HEVC and H.264: the quality aimed at, and the coarsest quantiser. Even pure noise then has 40 dB."""
_MPEG2_SCALES = (1, 2, 3, 4, 6, 8)
"""Quantiser scale codes of MPEG-2."""
_GOOD_PSNR_DB = 40.0
_EIGHT_BITS, _ALL_BITS = 0xFF, 0xFFFF
_COARSER_STEP = 3
"""Each try is so much coarser (MPEG-2: the next scale) where pictures take more bits than the level allows."""
_MPEG2_RATES = tuple(
    Fraction(n, d)
    for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)


@dataclass(frozen=True, slots=True)
class CodingNeeds:
    """What the stream at a seam asks of the encoder; `interlaced`: code macroblocks of both fields apart (MBAFF).

    `coarser`: added to the quantiser, for playback that has to stay below a size. `most_bits`: what
    the pictures may take in all, None for any number. `mpeg1`: MPEG-1 in what is otherwise announced as MPEG-2.
    """

    interlaced: bool
    cabac: bool = True
    transform_8x8: bool = True
    coarser: int = 0
    most_bits: int | None = None
    mpeg1: bool = False


def encode_pictures(
    frames: Sequence[VideoFrame], index: MediaIndex, needs: CodingNeeds, intra: Collection[int] = (0,)
) -> list[bytes]:
    """Encode pictures in display order; those at the places in `intra` as keyframes (H.264, HEVC: IDR), others as P.

    Gives one access unit of the elementary stream (start codes, parameter sets in band) for each. They have at least
    40 dB (PSNR), or the best that `needs.most_bits` has room for.

    Raises:
        FormatUnsupported: the codec's encoder does not take pictures of this kind.
    """
    for frame in frames:
        bring_in_range(frame)
    units: list[bytes] = []
    best: tuple[float, list[bytes]] = (0.0, [])
    for step in range(len(_MPEG2_SCALES)):
        tried = replace(needs, coarser=needs.coarser + _COARSER_STEP * step)
        units = _encode(frames, index, tried, intra)
        if needs.mpeg1:
            # Its coefficients are of eight bits: fine quantisers cut the largest ones off.
            best = max(best, (_quality(frames, units), units), key=lambda found: found[0])
            units = best[1]
            if best[0] < _GOOD_PSNR_DB:
                continue
        if needs.most_bits is None or 8 * sum(map(len, units)) <= needs.most_bits:
            break
        _log.debug("%d re-encoded pictures take more bits than their level allows", len(units))
    return units


def bring_in_range(frame: VideoFrame) -> None:
    """Take samples of more than eight bits down to what their bits can hold, in place.

    What a decoder gives of a damaged picture may hold what its memory held before; x264 ends the whole process there.
    """
    most = (1 << frame.format.components[0].bits) - 1
    if not _EIGHT_BITS < most < _ALL_BITS:
        return
    for plane in frame.planes:
        samples = np.frombuffer(memoryview(plane), np.uint16)
        if int(samples.max(initial=0)) > most:
            np.minimum(samples, most, out=samples)


def _quality(frames: Sequence[VideoFrame], units: Sequence[bytes]) -> float:
    """The least PSNR of encoded MPEG-1 pictures, in dB."""
    context = make_decoder("mpeg1video")
    packets: list[av.Packet[Any] | None] = [av.Packet(unit) for unit in units]
    decoded = [frame for packet in (*packets, None) for frame in context.decode(packet)]
    if len(decoded) != len(frames):
        return 0.0
    return min(psnr(a, b) for a, b in zip(frames, decoded, strict=True))


def _encode(frames: Sequence[VideoFrame], index: MediaIndex, needs: CodingNeeds, intra: Collection[int]) -> list[bytes]:
    codec = index.video.codec
    try:
        context = _make_encoder(frames[0], index, needs)
        units: list[bytes] = []
        for i, frame in enumerate(frames):
            frame.pts = i
            frame.time_base = context.time_base
            frame.pict_type = PictureType.I if i in intra else PictureType.P
            units += [bytes(packet) for packet in context.encode(frame)]
        units += [bytes(packet) for packet in context.encode(None)]
    except (av.FFmpegError, ValueError) as error:
        raise FormatUnsupported(f"{codec} pictures of this kind cannot be re-encoded: {error}") from error
    if len(units) != len(frames):
        raise FormatUnsupported(f"the {codec} encoder made {len(units)} of {len(frames)} pictures")
    return units


_MACROBLOCK = 16


def padded(frames: Sequence[VideoFrame], coded_size: tuple[int, int]) -> list[VideoFrame]:
    """Pictures with black below and at the right up to `(width, height)`, where the encoder itself would add less.

    Interlaced streams code whole pairs of macroblock rows, and some code more than they show.

    Raises:
        FormatUnsupported: the source codes fewer macroblocks than the pictures fill.
    """
    width, height = coded_size
    first = frames[0]
    if (-(-first.width // _MACROBLOCK), -(-first.height // _MACROBLOCK)) == (
        width // _MACROBLOCK,
        height // _MACROBLOCK,
    ):
        return list(frames)
    if first.width > width or first.height > height:
        raise FormatUnsupported("this H.264 stream's picture size cannot be re-encoded", "use --mode keyframe")
    graph = Graph()
    source = graph.add_buffer(
        width=first.width, height=first.height, format=first.format, time_base=Fraction(1, 90_000)
    )
    pad = graph.add("pad", f"w={width}:h={height}:x=0:y=0")
    sink = graph.add("buffersink")
    source.link_to(pad)
    pad.link_to(sink)
    graph.configure()
    wide: list[VideoFrame] = []
    for frame in frames:
        source.push(frame)
        found = sink.pull()
        assert isinstance(found, VideoFrame)
        wide.append(found)
    return wide


def _make_encoder(frame: VideoFrame, index: MediaIndex, needs: CodingNeeds) -> VideoCodecContext:
    codec = index.video.codec
    name = "mpeg1video" if needs.mpeg1 else {"h264": "libx264", "hevc": "libx265"}.get(codec, codec)
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    rate = index.fps
    if codec in ("mpeg2video", "mpeg1video"):
        rate = min(_MPEG2_RATES, key=lambda usual: abs(usual - index.fps))
    context.width, context.height = frame.width, frame.height
    context.pix_fmt = _FULL_RANGE.get(frame.format.name, frame.format.name)
    context.framerate = rate
    context.time_base = 1 / rate
    context.sample_aspect_ratio = index.video.sample_aspect
    context.color_range = frame.color_range
    context.colorspace = frame.colorspace
    context.color_primaries = frame.color_primaries
    context.color_trc = frame.color_trc
    context.thread_count = 1
    context.gop_size = 10_000
    if needs.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if codec == "h264":
        context.options = {
            "preset": _X264_PRESET,
            "a53cc": "0",
            "profile": _h264_profile(index, needs),
            "x264-params": (
                f"{_X264}:cabac={int(needs.cabac)}:8x8dct={int(needs.transform_8x8)}"
                f":crf={_X264_QUALITY + needs.coarser}:qpmax={_COARSEST + needs.coarser + _deeper(frame)}"
            ),
        }
    elif codec == "hevc":
        quality = f"crf={_QUALITY - 4 + needs.coarser}:qpmax={_COARSEST - 2 + needs.coarser}"
        context.options = {"preset": "fast", "a53cc": "0", "x265-params": f"{_X265}:{quality}"}
    else:
        context.max_b_frames = 0
        context.flags |= Flags.qscale
        scale = _MPEG2_SCALES[min(needs.coarser // _COARSER_STEP, len(_MPEG2_SCALES) - 1)]
        context.gop_size = 600
        context.options = {
            "qmin": str(scale),
            "qmax": str(scale),
            "sc_threshold": "1000000000",
            "a53cc": "0",
        }
    return context


def _deeper(frame: VideoFrame) -> int:
    """How much larger x264's quantisers are for the same quality: six for each bit beyond eight."""
    return 6 * (frame.format.components[0].bits - 8)


def _h264_profile(index: MediaIndex, needs: CodingNeeds) -> str:
    pixel_format = index.video.pixel_format
    if "444" in pixel_format:
        return "high444"
    if "422" in pixel_format:
        return "high422"
    if "10" in pixel_format:
        return "high10"
    return "high" if needs.transform_8x8 else "main"
