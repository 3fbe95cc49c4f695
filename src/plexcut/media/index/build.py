"""Building the index of any recording, with its facts proved by decoding its first picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.decoding import decode_units, make_decoder
from plexcut.media.frames import FrameCache, exact_frame
from plexcut.media.index import container, transport_stream
from plexcut.media.index.model import MediaIndex, Track, VideoTrack, display_order
from plexcut.media.index.packets import find_layout
from plexcut.media.index.psi import Program
from plexcut.media.index.rows import clock_rows, promote_keys
from plexcut.media.sources import open_source, status_of
from plexcut.media.units import open_units

I64 = npt.NDArray[np.int64]

_TS_TIME_BASE = Fraction(1, 90_000)
_FIRST_PICTURES = 160
_NO_CLOCK = np.zeros(1, np.int64)


@dataclass(frozen=True, slots=True)
class _StreamFacts:
    """What FFmpeg says of one stream; `kind` in our words."""

    id: int
    index: int
    kind: str
    codec: str
    language: str | None
    channels: int | None
    sample_rate: int | None


def build_index(path: Source, program: int | None, on_fraction: Callable[[float], None]) -> MediaIndex:
    """Index a recording; one sequential pass.

    `on_fraction` is called with 0 to 1.

    Raises:
        FileUnreadable: it is missing, a folder, or cannot be read.
        FormatUnsupported: it is no recording, has no video that can be decoded, or is scrambled.
        UsageError: it has no such programme.
    """
    with open_source(path) as file:
        head = file.read(1 << 18)
    if not head:
        raise FormatUnsupported(f"{path.name} is empty", "copy it again, or choose another recording")
    is_transport_stream = find_layout(head) is not None
    if is_transport_stream:
        scan = transport_stream.scan(path, program, on_fraction)
        if scan is not None:
            return _proved(path, _from_transport_stream(path, scan))
    options = container.OPTIONS if is_transport_stream else container.FILE_OPTIONS
    found = container.scan(path, on_fraction, options)
    return _proved(path, _from_container(path, found))


def _from_transport_stream(path: Source, scan: transport_stream.StreamScan) -> MediaIndex:
    if scan.scrambled:
        raise FormatUnsupported(f"{path.name} is scrambled", "record it with its access card, unscrambled")
    facts = {f.id: f for f in _stream_facts(path)}
    tracks = []
    for stream in scan.program.streams:
        if stream.pid == scan.video_pid:
            continue
        known = facts.get(stream.pid)
        tracks.append(
            Track(
                id=stream.pid,
                kind=stream.kind if stream.kind != "video" else "data",
                codec=_exact_codec(stream.codec, known),
                language=stream.language,
                channels=known.channels if known else None,
                sample_rate=known.sample_rate if known else None,
            )
        )
    return replace(stream_index(scan, status_of(path).size_bytes), tracks=tuple(tracks))


def stream_index(scan: transport_stream.StreamScan, size_bytes: int) -> MediaIndex:
    """The pictures of a scan, of a whole transport stream or of a stretch; no tracks, the video's facts still open."""
    rows = scan.rows
    video = next(s for s in scan.program.streams if s.pid == scan.video_pid)
    clocked = clock_rows(rows, scan.pes, scan.clock_breaks)
    flags = promote_keys(np.array(rows.flags, np.uint16))
    es = np.append(np.array(rows.es, np.int64), scan.es_bytes)
    damaged = np.searchsorted(es[:-1], np.asarray(scan.gaps, np.int64), side="right") - 1
    flags[damaged[damaged >= 0]] |= np.uint16(PictureFlag.DAMAGED)
    return MediaIndex(
        container="mpegts",
        program=scan.program.number,
        time_base=_TS_TIME_BASE,
        video=VideoTrack(video.pid, video.codec, 0, 0, False, Fraction(1), None, ""),
        tracks=(),
        pts=clocked.pts,
        dts=clocked.dts,
        at=np.array(rows.at, np.int64),
        skip=np.array(rows.skip, np.int32),
        size=np.diff(es).astype(np.int32),
        flags=flags,
        display=_unique_times(clocked.pts, display_order(clocked.pts, flags)),
        clock_at=clocked.clock_at,
        clock_add=clocked.clock_add,
        discontinuities=clocked.discontinuities,
        size_bytes=size_bytes,
        dropped=_other_programs(scan.program, scan.programs),
        pmt=scan.program.section,
        pmt_pid=scan.program.pmt_pid,
    )


def _exact_codec(codec: str, known: _StreamFacts | None) -> str:
    """What FFmpeg has seen inside counts for audio: PMTs name MPEG audio without its layer, and sometimes lie."""
    if known is None or known.kind != "audio" or not known.channels:
        return codec
    return known.codec


def _other_programs(chosen: Program, programs: tuple[Program, ...]) -> tuple[str, ...]:
    return tuple(f"programme {p.number}" for p in programs if p.number != chosen.number)


def _from_container(path: Source, found: container.ContainerScan) -> MediaIndex:
    tracks = tuple(
        Track(f.index, f.kind, f.codec, f.language, f.channels, f.sample_rate)
        for f in _stream_facts(path)
        if f.index != found.stream
    )
    return replace(packets_index(found, status_of(path).size_bytes), tracks=tracks)


def packets_index(found: container.ContainerScan, size_bytes: int) -> MediaIndex:
    """The same as `stream_index` for what a demuxer gave out."""
    flags = promote_keys(found.flags)
    return MediaIndex(
        container=found.format,
        program=None,
        time_base=found.time_base,
        video=VideoTrack(found.stream, found.codec, 0, 0, False, Fraction(1), None, "", found.extradata),
        tracks=(),
        pts=found.pts,
        dts=found.dts,
        at=found.at,
        skip=np.zeros(found.pts.size, np.int32),
        size=found.size,
        flags=flags,
        display=_unique_times(found.pts, display_order(found.pts, flags)),
        clock_at=_NO_CLOCK,
        clock_add=_NO_CLOCK,
        discontinuities=0,
        size_bytes=size_bytes,
    )


def _unique_times(pts: I64, display: I64) -> I64:
    """Make the times of shown frames rise strictly: of two at the same time the second moves on by one tick."""
    shown = pts[display]
    if shown.size and bool((np.diff(shown) <= 0).any()):
        steps = np.arange(shown.size)
        pts[display] = np.maximum.accumulate(shown - steps) + steps
    return display


def _stream_facts(path: Source) -> list[_StreamFacts]:
    """What FFmpeg finds out about the streams; nothing where it cannot open the file."""
    facts: list[_StreamFacts] = []
    try:
        with container.open_container(path, container.FACTS_OPTIONS) as opened:
            for stream in opened.streams:
                kind = {"audio": "audio", "subtitle": "subtitle", "attachment": "attachment", "video": "video"}
                # FFmpeg has none for a codec that it does not know (AC-4, ...).
                context: object = stream.codec_context
                audio = context if isinstance(context, AudioCodecContext) else None
                language = stream.metadata.get("language")
                facts.append(
                    _StreamFacts(
                        id=stream.id,
                        index=stream.index,
                        kind=kind.get(stream.type, "data"),
                        codec=_codec_name(stream, context),
                        language=None if language in (None, "und") else language,
                        channels=(audio.channels or None) if audio is not None else None,
                        sample_rate=(audio.sample_rate or None) if audio is not None else None,
                    )
                )
    except FormatUnsupported:
        return []
    except av.FFmpegError:
        return facts
    return facts


def _codec_name(stream: av.stream.Stream, context: object) -> str:
    name = getattr(getattr(context, "codec", None), "canonical_name", None) or getattr(context, "name", None)
    return str(name or getattr(stream, "name", None) or "bin_data")


def _proved(path: Source, index: MediaIndex) -> MediaIndex:
    return without_lost_end(path, with_video_facts(path, index))


def with_video_facts(path: Source, index: MediaIndex) -> MediaIndex:
    """The index with what its first pictures say; refuses what cannot be decoded."""
    if not index.frames:
        raise FormatUnsupported(
            f"{path.name} holds no picture that can be decoded", "it may be cut too short, damaged, or scrambled"
        )
    first = index.key_before(int(index.display[0]))
    context = make_decoder(index.video.codec, index.video.extradata)
    frames: list[VideoFrame] = []
    with open_units(path, index) as reader:
        rows = enumerate(reader.read(first, min(first + _FIRST_PICTURES, index.pts.size)), first)
        for _row, frame in decode_units(context, rows):
            frames.append(frame)
            if len(frames) >= 3:
                break
    if not frames:
        raise FormatUnsupported(f"{path.name} holds no picture that can be decoded", "it may be damaged or scrambled")
    aspect = context.sample_aspect_ratio
    video = replace(
        index.video,
        width=frames[0].width,
        height=frames[0].height,
        interlaced=any(frame.interlaced_frame for frame in frames),
        pixel_format=frames[0].format.name,
        sample_aspect=Fraction(aspect) if aspect else Fraction(1),
        profile=context.profile,
    )
    return replace(index, video=video)


def without_lost_end(path: Source, index: MediaIndex) -> MediaIndex:
    """Less the frame that was cut off with the end of the file, where so little of it is left that none comes out."""
    last = index.pts.size - 1
    number = int(index.number_of[last])
    if number < 0 or index.frames < 2:
        return index
    try:
        exact_frame(path, index, number, FrameCache(), "")
    except FormatUnsupported:
        return replace(index, display=np.delete(index.display, number))
    return index
