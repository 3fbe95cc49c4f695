"""Encode the pictures and sounds of a spec with PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np

from tests.media_factory.carried import with_side_data
from tests.media_factory.handmade import encode_handmade
from tests.media_factory.numbers import draw_yuv, with_grain
from tests.media_factory.pulldown import with_pulldown
from tests.media_factory.spec import AudioSpec, ClipSpec
from tests.media_factory.tones import make_sound
from tests.media_factory.wrapped import loas_frame, with_dependent

ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "mpeg2video": "mpeg2video",
    "vp8": "libvpx",
    "vp9": "libvpx-vp9",
    "vorbis": "libvorbis",
    "opus": "libopus",
}

TAIL_SOUND_S = Fraction(1, 10)


@dataclass(frozen=True)
class Unit:
    """One coded picture or audio frame; `pts` and `dts` in the encoder's time base."""

    data: bytes
    pts: int
    dts: int
    key: bool


def pixel_format(spec: ClipSpec) -> str:
    """What the pictures of a spec are coded as."""
    return f"yuv{spec.chroma}p" + ("10le" if spec.bit_depth == 10 else "")


def configure_video(context: Any, spec: ClipSpec) -> None:
    """Set an encoder context (or a container's stream context) up as the spec asks."""
    context.width, context.height = spec.width, spec.height
    context.pix_fmt = pixel_format(spec)
    context.time_base = 1 / spec.fps
    context.framerate = spec.fps
    context.sample_aspect_ratio = spec.sample_aspect
    context.gop_size = spec.gop
    context.thread_count = 1
    options: dict[str, str] = {}
    flags = ""
    if spec.interlaced:
        flags += "+ildct+ilme"
    if spec.video_codec == "h264":
        options = {"preset": "superfast", "crf": str(spec.quality or 26), "x264-params": _x264_params(spec)}
    elif spec.video_codec == "hevc":
        options = {"preset": "ultrafast", "x265-params": _x265_params(spec)}
    elif spec.video_codec in ("mpeg1video", "mpeg2video"):
        context.max_b_frames = spec.bframes
        context.bit_rate = 2_000_000 if spec.quality is None else 60_000_000
        options = {"sc_threshold": "1000000000", "b_strategy": "0", "qmax": str(spec.quality or 12)}
        flags += "" if spec.open_gop else "+cgop"
    else:
        context.bit_rate = 600_000
        options = {"deadline": "realtime", "cpu-used": "8"}
    if flags:
        options["flags"] = flags
    context.options = options


def _x264_params(spec: ClipSpec) -> str:
    """x264 settings: fixed picture types; with open GOPs only the first keyframe is an IDR, as in broadcasts."""
    params = {
        "open-gop": int(spec.open_gop),
        "keyint": spec.gop,
        "min-keyint": max(1, spec.gop // 2),
        "scenecut": 0,
        "bframes": spec.bframes,
        "b-adapt": 0,
        "b-pyramid": "normal" if spec.b_pyramid else "none",
        "aud": 1,
        "threads": 1,
        "lookahead-threads": 1,
        "rc-lookahead": 8,
    }
    if spec.interlaced:
        params[spec.interlaced] = 1
    return ":".join(f"{name}={value}" for name, value in params.items())


def _x265_params(spec: ClipSpec) -> str:
    """x265 settings: fixed picture types; with open GOPs keyframes are CRA with RASL pictures behind them."""
    params = {
        "open-gop": int(spec.open_gop),
        "keyint": spec.gop,
        "min-keyint": spec.gop,
        "scenecut": 0,
        "bframes": spec.bframes,
        "b-adapt": 0,
        "b-pyramid": int(spec.b_pyramid),
        "aud": 1,
        "repeat-headers": 1,
        "crf": spec.quality or 28,
        "rc-lookahead": 8,
        "pools": "none",
        "frame-threads": 1,
        "log-level": "none",
    }
    if spec.side_data and spec.bit_depth == 10:
        params |= {"colorprim": "bt2020", "transfer": "smpte2084", "colormatrix": "bt2020nc"}
    return ":".join(f"{name}={value}" for name, value in params.items())


def video_frames(spec: ClipSpec) -> Iterator[av.VideoFrame]:
    """The numbered frames of a spec, in display order, with pts counted in frames."""
    mark_fields = _FieldMarker(spec) if spec.interlaced else None
    for number in range(spec.frames):
        planes = draw_yuv(number, spec.width, spec.height, interlaced=spec.interlaced)
        if spec.grain:
            planes = with_grain(planes, number, spec.grain)
        stacked = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, spec.width)
        frame = av.VideoFrame.from_ndarray(stacked, format="yuv420p")
        if pixel_format(spec) != "yuv420p":
            frame = frame.reformat(format=pixel_format(spec))
        frame.pts = number
        frame.time_base = 1 / spec.fps
        if mark_fields is not None:
            frame = mark_fields(frame)
        yield frame


class _FieldMarker:
    """Marks frames as interlaced with the spec's field order, which PyAV's frames have no setter for."""

    def __init__(self, spec: ClipSpec) -> None:
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=spec.width, height=spec.height, format=av.VideoFormat(pixel_format(spec)), time_base=1 / spec.fps
        )
        field = self._graph.add("setfield", spec.interlaced)
        sink = self._graph.add("buffersink")
        source.link_to(field)
        field.link_to(sink)
        self._graph.configure()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        self._graph.push(frame)
        marked = self._graph.pull()
        assert isinstance(marked, av.VideoFrame)
        return marked


def audio_frames(spec: ClipSpec, track: int, frame_size: int, sample_format: str) -> Iterator[av.AudioFrame]:
    """The sound of a track in frames of the encoder's size; pts in samples from frame 0 on, the lead negative."""
    audio = spec.audio[track]
    duration_s = spec.audio_lead_s + spec.duration_s + TAIL_SOUND_S
    sound = make_sound(track, audio.rate, float(-spec.audio_lead_s), float(duration_s))
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[audio.channels]
    first = -round(spec.audio_lead_s * audio.rate)
    size = frame_size or 1024
    for begin in range(0, sound.size // size * size, size):
        part = sound[begin : begin + size]
        frame = _audio_frame(part, sample_format, layout, audio.channels)
        frame.sample_rate = audio.rate
        frame.pts = first + begin
        frame.time_base = Fraction(1, audio.rate)
        yield frame


def _audio_frame(part: Any, sample_format: str, layout: str, channels: int) -> av.AudioFrame:
    samples = np.repeat(part[np.newaxis], channels, axis=0)
    if sample_format.startswith("s16"):
        samples = (samples * 32767).astype(np.int16)
    if not sample_format.endswith("p"):
        samples = samples.T.reshape(1, -1)
    return av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format=sample_format, layout=layout)


def configure_audio(context: Any, audio: AudioSpec) -> str:
    """Set an audio encoder context up; answers the sample format it takes."""
    formats = [sample_format.name for sample_format in context.codec.audio_formats]
    sample_format = next((name for name in ("fltp", "flt", "s16", "s16p") if name in formats), formats[0])
    context.sample_rate = audio.rate
    context.layout = {1: "mono", 2: "stereo", 6: "5.1"}[audio.channels]
    context.format = sample_format
    context.bit_rate = {"ac3": 192_000, "eac3": 192_000, "mp2": 192_000}.get(audio.codec, 96_000)
    return str(sample_format)


def encode_video(spec: ClipSpec) -> list[Unit]:
    """Coded pictures in decode order, parameter sets in band; times in frames."""
    assert spec.video_codec is not None
    if spec.handmade is not None:
        depth = 2 if spec.b_pyramid else min(spec.bframes, 1)
        return [Unit(u.data, u.number, u.order - depth, u.key) for u in encode_handmade(spec)]
    context: Any = av.CodecContext.create(ENCODERS.get(spec.video_codec, spec.video_codec), "w")
    configure_video(context, spec)
    packets = [packet for frame in video_frames(spec) for packet in context.encode(frame)]
    packets += context.encode(None)
    units = [_unit(packet) for packet in packets]
    if spec.side_data:
        units = [replace(unit, data=with_side_data(spec, unit.data, unit.pts, key=unit.key)) for unit in units]
    if spec.pulldown:
        units = [replace(unit, data=with_pulldown(unit.data, unit.pts)) for unit in units]
    return units


def encode_audio(spec: ClipSpec, track: int) -> list[Unit]:
    """Coded audio frames of a track; times in samples."""
    audio = spec.audio[track]
    units = _encode_track(spec, track)
    if audio.later is not None:
        second, channels = audio.later
        others = [*spec.audio[:track], replace(audio, channels=channels), *spec.audio[track + 1 :]]
        later = _encode_track(replace(spec, audio=tuple(others)), track)
        change = second * audio.rate
        units = [*(u for u in units if u.pts < change), *(u for u in later if u.pts >= change)]
    if audio.latm:
        wraps = (replace(audio, channels=_channels_at(audio, unit.pts)) for unit in units)
        return [
            replace(u, data=loas_frame(wrap, u.data, i)) for i, (u, wrap) in enumerate(zip(units, wraps, strict=True))
        ]
    return [replace(unit, data=with_dependent(unit.data)) for unit in units] if audio.dependent else units


def _channels_at(audio: AudioSpec, pts: int) -> int:
    return audio.later[1] if audio.later is not None and pts >= audio.later[0] * audio.rate else audio.channels


def _encode_track(spec: ClipSpec, track: int) -> list[Unit]:
    audio = spec.audio[track]
    context: Any = av.CodecContext.create(ENCODERS.get(audio.codec, audio.codec), "w")
    sample_format = configure_audio(context, audio)
    context.time_base = Fraction(1, audio.rate)
    context.open()
    packets = [
        packet
        for frame in audio_frames(spec, track, context.frame_size, sample_format)
        for packet in context.encode(frame)
    ]
    packets += context.encode(None)
    return [_unit(packet) for packet in packets]


def _unit(packet: Any) -> Unit:
    assert packet.pts is not None
    dts = packet.dts if packet.dts is not None else packet.pts
    return Unit(bytes(packet), packet.pts, dts, packet.is_keyframe)
