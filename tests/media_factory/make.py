"""Make the file a spec asks for."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.media_factory.encode import (
    ENCODERS,
    Unit,
    audio_frames,
    configure_audio,
    configure_video,
    encode_audio,
    encode_video,
    video_frames,
)
from tests.media_factory.spec import TS_CONTAINERS, AudioSpec, Clip, ClipSpec, SubtitleSpec
from tests.media_factory.subtitles import dvb_units, srt_cues, teletext_units
from tests.media_factory.transport import (
    FIRST_OTHER_PID,
    RADIO_PROGRAMME,
    VIDEO_PID,
    AccessUnit,
    TsStream,
    descriptor,
    write_transport_stream,
)

_VIDEO_STREAM_TYPES = {"mpeg1video": 0x01, "mpeg2video": 0x02, "h264": 0x1B, "hevc": 0x24}
_AUDIO_STREAM_TYPES = {"mp2": 0x03, "aac": 0x0F, "ac3": 0x06, "eac3": 0x06}
_LATM_STREAM_TYPE = 0x11
_AUDIO_FRAME_SAMPLES = {"mp2": 1152, "aac": 1024, "ac3": 1536, "eac3": 1536}


def make_clip(spec: ClipSpec, path: Path) -> Clip:
    """Write the clip to `path`, replacing what is there in one step."""
    if spec.container in TS_CONTAINERS and spec.muxer == "own":
        video = encode_video(spec) if spec.video_codec else []
        video = [unit for unit in video if unit.pts not in spec.lost_frames]
        _write_atomically(path, write_transport_stream(spec, _ts_streams(spec, video)))
        order = [(unit.pts, unit.key) for unit in video]
    else:
        order = _mux_with_ffmpeg(spec, path)
    return Clip(path, spec, tuple(number for number, _ in order), tuple(number for number, key in order if key))


class ClipCache:
    """Clips in a folder, made when first asked for and shared by all tests (and test processes) that use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clips: dict[str, Clip] = {}

    def get(self, spec: ClipSpec) -> Clip:
        """The clip of a spec. The file is shared: copy it before changing it."""
        if spec.key not in self._clips:
            self._clips[spec.key] = self._load(spec) or self._make(spec)
        return self._clips[spec.key]

    def _paths(self, spec: ClipSpec) -> tuple[Path, Path]:
        base = self._folder / f"{spec.name}-{spec.key}"
        return base.with_name(base.name + spec.suffix), base.with_name(base.name + ".json")

    def _load(self, spec: ClipSpec) -> Clip | None:
        path, facts_path = self._paths(spec)
        try:
            facts = json.loads(facts_path.read_text())
        except FileNotFoundError:
            return None
        return Clip(path, spec, tuple(facts["decode_order"]), tuple(facts["keyframes"]))

    def _make(self, spec: ClipSpec) -> Clip:
        self._folder.mkdir(parents=True, exist_ok=True)
        path, facts_path = self._paths(spec)
        with facts_path.with_suffix(".lock").open("w") as lock:
            # Another test process may be making it, and would replace the file under the eyes of a test.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (made := self._load(spec)) is not None:
                return made
            clip = make_clip(spec, path)
            facts = {"decode_order": clip.decode_order, "keyframes": clip.keyframes}
            _write_atomically(facts_path, json.dumps(facts).encode())
        return clip


def _write_atomically(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)


def _ts_streams(spec: ClipSpec, video: list[Unit]) -> list[TsStream]:
    streams: list[TsStream] = []
    if spec.video_codec is not None:
        tick = 90_000 / spec.fps
        units = [
            AccessUnit(u.data, round(90_000 * spec.time_s(u.pts)), round(u.dts * tick), round(tick), u.key)
            for u in video
        ]
        streams.append(TsStream(VIDEO_PID, _VIDEO_STREAM_TYPES[spec.video_codec], 0xE0, b"", units))
    pid = FIRST_OTHER_PID
    for track, audio in enumerate(spec.audio):
        streams.append(_audio_stream(spec, track, audio, pid))
        pid += 1
    for subtitle in spec.subtitles:
        streams.append(_subtitle_stream(spec, subtitle, pid))
        pid += 1
    if spec.radio:
        radio = replace(spec, audio=(*spec.audio, AudioSpec("mp2", "fra")))
        stream = _audio_stream(radio, len(spec.audio), radio.audio[-1], pid)
        streams.append(replace(stream, programme=RADIO_PROGRAMME))
    return streams


def _audio_stream(spec: ClipSpec, track: int, audio: AudioSpec, pid: int) -> TsStream:
    coded = encode_audio(spec, track)
    samples = _AUDIO_FRAME_SAMPLES[audio.codec]
    units: list[AccessUnit] = []
    for begin in range(0, len(coded), audio.frames_per_pes):
        group = coded[begin : begin + audio.frames_per_pes]
        adts = audio.codec == "aac" and not audio.latm
        data = b"".join(_adts_header(audio, len(u.data)) + u.data if adts else u.data for u in group)
        pts = round(Fraction(group[0].pts * 90_000, audio.rate))
        units.append(AccessUnit(data, pts, pts, len(group) * samples * 90_000 // audio.rate))
    descriptors = descriptor(0x0A, audio.language.encode() + b"\x00")
    if audio.codec == "ac3":
        descriptors += descriptor(0x6A, b"\x00")
    elif audio.codec == "eac3":
        descriptors += descriptor(0x7A, b"\x00")
    stream_id = 0xBD if audio.codec in ("ac3", "eac3") else 0xC0 + track
    stream_type = _LATM_STREAM_TYPE if audio.latm else _AUDIO_STREAM_TYPES[audio.codec]
    return TsStream(pid, stream_type, stream_id, descriptors, units)


def _adts_header(audio: AudioSpec, payload_bytes: int) -> bytes:
    """The 7 bytes before each AAC-LC frame in a transport stream."""
    rate_index = {96_000: 0, 48_000: 3, 44_100: 4, 32_000: 5, 24_000: 6}[audio.rate]
    length = payload_bytes + 7
    bits = 0xFFF << 44 | 0 << 43 | 0 << 41 | 1 << 40 | 1 << 38 | rate_index << 34
    bits |= min(audio.channels, 7) << 30 | length << 13 | 0x7FF << 2
    return bits.to_bytes(7, "big")


def _subtitle_stream(spec: ClipSpec, subtitle: SubtitleSpec, pid: int) -> TsStream:
    language = subtitle.language.encode()
    if subtitle.kind == "teletext":
        # Type 2: subtitle page, magazine 1, page 0x50.
        descriptors = descriptor(0x56, language + bytes([2 << 3 | 1, 0x50]))
        units = teletext_units(spec.duration_s)
    elif subtitle.kind == "dvb":
        descriptors = descriptor(0x59, language + b"\x10\x00\x01\x00\x01")
        units = dvb_units(spec.duration_s)
    else:
        raise ValueError("srt subtitles do not exist in a transport stream")
    return TsStream(pid, 0x06, 0xBD, descriptors, units, is_subtitle=subtitle.kind == "teletext")


def _mux_with_ffmpeg(spec: ClipSpec, path: Path) -> list[tuple[int, bool]]:
    """Write through FFmpeg's muxers; answers (frame number, is keyframe) in decode order."""
    formats = {"mkv": "matroska", "ts": "mpegts", "m2ts192": "mpegts"}
    options = {"mpegts_m2ts_mode": "1"} if spec.container == "m2ts192" else {}
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    order: list[tuple[int, bool]] = []
    with av.open(str(temporary), "w", format=formats.get(spec.container, spec.container), options=options) as output:
        packets: list[Any] = []
        if spec.video_codec is not None:
            stream: Any = output.add_stream(ENCODERS.get(spec.video_codec, spec.video_codec), rate=spec.fps)
            configure_video(stream.codec_context, spec)
            video = [packet for frame in video_frames(spec) for packet in stream.encode(frame)] + stream.encode(None)
            for packet in video:
                order.append((round(packet.pts * packet.time_base * spec.fps), packet.is_keyframe))
            packets += video
        for track, audio in enumerate(spec.audio):
            sound: Any = output.add_stream(ENCODERS.get(audio.codec, audio.codec), rate=audio.rate)
            sample_format = configure_audio(sound.codec_context, audio)
            sound.metadata["language"] = audio.language
            sound.codec_context.open()
            for frame in audio_frames(spec, track, sound.codec_context.frame_size, sample_format):
                packets += sound.encode(frame)
            packets += sound.encode(None)
        for subtitle in spec.subtitles:
            packets += _srt_packets(output, spec, subtitle)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            output.mux(packet)
    temporary.replace(path)
    return order


def _srt_packets(output: Any, spec: ClipSpec, subtitle: SubtitleSpec) -> list[Any]:
    stream = output.add_mux_stream("subrip")
    stream.metadata["language"] = subtitle.language
    packets: list[Any] = []
    for start_s, end_s, text in srt_cues(spec.duration_s):
        packet = av.Packet(text.encode())
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(start_s * 1000)
        packet.duration = round((end_s - start_s) * 1000)
        packets.append(packet)
    return packets
