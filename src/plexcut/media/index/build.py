"""Building the index of any recording, with its facts proved by decoding its first picture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported
from plexcut.media.decoding import decode_units, make_decoder
from plexcut.media.frames import FrameCache, exact_frame
from plexcut.media.heap import give_back
from plexcut.media.index import container, transport_stream
from plexcut.media.index.model import MediaIndex, Track, VideoTrack, display_order
from plexcut.media.index.packets import find_layout
from plexcut.media.index.parts import StreamParts, longer_index, parts_index, parts_of_scan, unique_times
from plexcut.media.index.psi import Program, parse_pmt
from plexcut.media.index.rows import promote_keys
from plexcut.media.sources import open_source, status_of
from plexcut.media.units import open_units

_FIRST_PICTURES = 160
_LAST_GROUPS = 4
_NO_CLOCK = np.zeros(1, np.int64)
ALL_AGAIN_BYTES = 64 << 20
"""Up to this size a file that grew is read again: it takes no longer, and its programmes may not have been complete."""


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


def build_index(
    path: Source, program: int | None, on_fraction: Callable[[float], None], size_bytes: int = 0
) -> MediaIndex:
    """Index a recording; one sequential pass.

    `on_fraction` is called with 0 to 1. `size_bytes`: how much of a file counts that may grow meanwhile; 0 for all.

    Raises:
        FileUnreadable: it is missing, a folder, or cannot be read.
        FormatUnsupported: it is no recording, has no video that can be decoded, or is scrambled.
        UsageError: it has no such programme.
    """
    size = size_bytes or status_of(path).size_bytes
    with open_source(path) as file:
        head = file.read(min(size, 1 << 18))
    if not head:
        raise FormatUnsupported(f"{path.name} is empty", "copy it again, or choose another recording")
    is_transport_stream = find_layout(head) is not None
    if is_transport_stream:
        with ThreadPoolExecutor(1, "index-facts") as pool:
            # Meanwhile, on the other core.
            facts = pool.submit(_stream_facts, path)
            scan = transport_stream.scan(path, program, on_fraction, size)
            if scan is not None:
                chosen, parts = scan.program, _parts(path, scan)
                # What only the pass needed goes before the rest is made of it.
                del scan
                give_back()
                index = parts_index(parts, size)
                del parts
                give_back()
                return _proved(path, _with_tracks(index, chosen, facts.result()))
    options = container.OPTIONS if is_transport_stream else container.FILE_OPTIONS
    found = container.scan(path, on_fraction, options)
    return _proved(path, _from_container(path, found, size))


def extend_index(
    path: Source, index: MediaIndex, on_fraction: Callable[[float], None], size_bytes: int
) -> MediaIndex | None:
    """The index of a file that grew to `size_bytes` since; None where all of it must be read again.

    Raises:
        As `build_index`.
    """
    if index.size_bytes < ALL_AGAIN_BYTES:
        return None
    longer = longer_index(path, index, size_bytes, on_fraction)
    program = None if longer is None else parse_pmt(longer.pmt, longer.pmt_pid)
    if longer is None or program is None:
        return None
    return _proved(path, _with_tracks(longer, program, _stream_facts(path)))


def _parts(path: Source, scan: transport_stream.StreamScan) -> StreamParts:
    if scan.scrambled:
        raise FormatUnsupported(f"{path.name} is scrambled", "record it with its access card, unscrambled")
    return parts_of_scan(scan)


def stream_index(scan: transport_stream.StreamScan, size_bytes: int) -> MediaIndex:
    """The pictures of a scan, of a whole transport stream or of a stretch; no tracks, the video's facts still open."""
    return parts_index(parts_of_scan(scan), size_bytes)


def _with_tracks(index: MediaIndex, program: Program, facts: list[_StreamFacts]) -> MediaIndex:
    by_id = {f.id: f for f in facts}
    tracks = []
    for stream in program.streams:
        if stream.pid == index.video.id:
            continue
        known = by_id.get(stream.pid)
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
    return replace(index, tracks=tuple(tracks))


def _exact_codec(codec: str, known: _StreamFacts | None) -> str:
    """What FFmpeg has seen inside counts for audio: PMTs name MPEG audio without its layer, and sometimes lie."""
    if known is None or known.kind != "audio" or not known.channels:
        return codec
    return known.codec


def _from_container(path: Source, found: container.ContainerScan, size_bytes: int) -> MediaIndex:
    tracks = tuple(
        Track(f.index, f.kind, f.codec, f.language, f.channels, f.sample_rate)
        for f in _stream_facts(path)
        if f.index != found.stream
    )
    return replace(packets_index(found, size_bytes), tracks=tracks)


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
        skip=np.zeros(found.pts.size, np.int16),
        size=found.size,
        flags=flags,
        display=unique_times(found.pts, display_order(found.pts, flags)),
        clock_at=_NO_CLOCK,
        clock_add=_NO_CLOCK,
        discontinuities=0,
        size_bytes=size_bytes,
        last_ticks=found.last_ticks,
    )


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
    number = _number_of_last(index)
    if number < 0 or index.frames < 2:
        return index
    try:
        end = _end_of(index)
        exact_frame(path, end, _number_of_last(end), FrameCache(), "")
    except FormatUnsupported:
        return replace(index, display=np.delete(index.display, number))
    return index


def without_last(index: MediaIndex) -> MediaIndex:
    """Less the last coded frame, of which more is still to come."""
    number = _number_of_last(index)
    return index if number < 0 or index.frames < 2 else replace(index, display=np.delete(index.display, number))


def _number_of_last(index: MediaIndex) -> int:
    """The number of the frame that was coded last; -1 where it is never shown."""
    found = np.flatnonzero(index.display == index.pts.size - 1)
    return int(found[0]) if found.size else -1


def _end_of(index: MediaIndex) -> MediaIndex:
    """The last groups of pictures, as an index of their own: what is worked out of it takes no memory."""
    begin = int(index.keys[-_LAST_GROUPS]) if index.keys.size > _LAST_GROUPS else 0
    rows = {name: getattr(index, name)[begin:] for name in ("pts", "dts", "at", "skip", "size", "flags")}
    return replace(index, display=index.display[index.display >= begin] - begin, raw=None, **rows)
