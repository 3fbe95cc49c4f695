"""Writes a demo recording as a transport stream."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.filter
import numpy as np

from plexcut.demo.pictures import PictureMaker
from plexcut.demo.plan import DemoRecording, Format
from plexcut.demo.sounds import RATE, make_sound

_AUDIO_BIT_RATES = {"ac3": 192_000, "mp2": 160_000}


def write_recording(recording: DemoRecording, path: Path, on_second: Callable[[], None]) -> None:
    """Write the recording to `path`, replacing what is there.

    `on_second` is called after each second of the recording; what it raises ends the work and leaves a part of the
    file. Raises: OSError where the file cannot be written.
    """
    coded = recording.format
    pictures = PictureMaker(recording)
    mark_fields = _field_marker(coded) if coded.interlaced else None
    # Without the delay the muxer would put each picture's PCR at its own DTS, which no decoder could keep up with.
    with av.open(str(path), "w", format="mpegts", options={"max_delay": "700000"}) as output:
        video = _add_video(output, coded)
        tracks = [
            (_add_audio(output, codec, language), make_sound(recording, track))
            for track, (codec, language) in enumerate(coded.audio)
        ]
        for second in range(-(-recording.duration_ms // 1000)):
            for number in range(second * coded.fps, min((second + 1) * coded.fps, recording.frames)):
                frame = av.VideoFrame.from_ndarray(pictures.frame(number).data, format="yuv420p")
                frame.pts = number
                frame.time_base = Fraction(1, coded.fps)
                output.mux(video.encode(mark_fields(frame) if mark_fields else frame))
            for stream, sound in tracks:
                output.mux(stream.encode(_audio_frame(sound, second)))
            on_second()
        output.mux(video.encode(None))
        for stream, _ in tracks:
            output.mux(stream.encode(None))


def _add_video(output: Any, coded: Format) -> Any:
    stream = output.add_stream(coded.codec, rate=coded.fps)
    context = stream.codec_context
    context.width, context.height = coded.width, coded.height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, coded.fps)
    context.sample_aspect_ratio = coded.pixel_aspect
    context.thread_count = 1
    if coded.codec == "libx264":
        # As broadcasters send it: open GOPs, and after the first picture recovery points instead of IDR pictures.
        params = "open-gop=1:keyint=40:min-keyint=10:bframes=3:b-adapt=0:b-pyramid=none:aud=1:rc-lookahead=10"
        context.options = {"preset": "superfast", "crf": "25", "x264-params": params}
    elif coded.codec == "libx265":
        params = "open-gop=1:keyint=25:min-keyint=25:bframes=3:b-adapt=0:aud=1:repeat-headers=1"
        params += ":rc-lookahead=10:pools=none:frame-threads=1:log-level=none"
        context.options = {"preset": "ultrafast", "crf": "27", "x265-params": params}
    else:
        context.gop_size = 12
        context.max_b_frames = 2
        context.bit_rate = 3_000_000
        context.options = {"flags": "+ildct+ilme", "maxrate": "6000000", "bufsize": "1835008", "b_strategy": "0"}
    return stream


def _add_audio(output: Any, codec: str, language: str) -> Any:
    stream = output.add_stream(codec, rate=RATE)
    stream.codec_context.layout = "stereo"
    stream.codec_context.bit_rate = _AUDIO_BIT_RATES[codec]
    stream.metadata["language"] = language
    return stream


def _audio_frame(sound: Any, second: int) -> av.AudioFrame:
    samples = np.ascontiguousarray(sound[:, second * RATE : (second + 1) * RATE])
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
    frame.sample_rate = RATE
    frame.pts = second * RATE
    frame.time_base = Fraction(1, RATE)
    return frame


def _field_marker(coded: Format) -> Callable[[av.VideoFrame], Any]:
    """Marks frames as interlaced, top field first: PyAV's frames have no setter for that, a filter does it."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=coded.width, height=coded.height, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, coded.fps)
    )
    fields = graph.add("setfield", "tff")
    sink = graph.add("buffersink")
    source.link_to(fields)
    fields.link_to(sink)
    graph.configure()

    def mark(frame: av.VideoFrame) -> Any:
        graph.push(frame)
        return graph.pull()

    return mark
