"""The streams of an MP4 or MKV file that is written: which of the source's go along, as what, and why others do not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
import av.container
from av.stream import Disposition, Stream

from plexcut.domain.media import Source, StreamResult
from plexcut.media.cutting.captions import CaptionCutter, caption_cutter
from plexcut.media.cutting.sound import SoundCutter
from plexcut.media.index.container import open_container

_MP4 = ("mp4", "mov")
_STALE_TAGS = ("duration", "bps", "number_of_frames", "number_of_bytes", "source_id")
"""Tags of Matroska files that count what the source holds; so do all `_statistics_…`."""
_FILE_TAGS = ("major_brand", "minor_version", "compatible_brands", "duration")
_PICTURE_TYPES = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png"), "bmp": ("bmp", "image/bmp")}


@dataclass(slots=True)
class Track:
    """A stream that goes along packet by packet; one of the cutters is there."""

    source: Stream
    target: Stream
    sound: SoundCutter | None = None
    captions: CaptionCutter | None = None


@dataclass(slots=True)
class Tracks:
    """What became of all streams beside the video: by the source's number those that are cut; covers to write whole."""

    cut: dict[int, Track] = field(default_factory=dict)
    covers: list[tuple[Stream, bytes]] = field(default_factory=list)
    results: list[StreamResult] = field(default_factory=list)


class TrackAdder:
    """Adds the streams of a container to a result, but for the video that is cut."""

    def __init__(self, path: Source, source: av.container.InputContainer, target: av.container.OutputContainer) -> None:
        self._path = path
        self._source = source
        self._target = target
        self._found = Tracks()

    def add_all(self, video: int) -> Tracks:
        """All but stream `video`.

        Raises:
            FileUnreadable, FormatUnsupported: the source is gone.
        """
        covers = self._covers(video)
        for stream in self._source.streams:
            if stream.index == video:
                continue
            codec = codec_of(stream)
            if self._is_chapter_text(stream):
                self._found.results.append(StreamResult(stream.index, codec, True, "its chapters are written anew"))
                continue
            why = self._add_cover(stream, covers[stream.index]) if stream.index in covers else self._add(stream)
            self._found.results.append(StreamResult(stream.index, codec, not why, why))
        return self._found

    def _is_chapter_text(self, stream: Stream) -> bool:
        """Whether a stream holds the titles of the chapters, which FFmpeg has taken out of it (MP4)."""
        return stream.type == "data" and codec_of(stream) == "bin_data" and bool(self._source.chapters())

    def _covers(self, video: int) -> dict[int, bytes]:
        """Cover pictures, by stream: they are packets of a video stream that is none."""
        wanted = [s.index for s in self._source.streams.video if s.index != video and is_cover(s)]
        found: dict[int, bytes] = {}
        if not wanted:
            return found
        with open_container(self._path) as container:
            for index in wanted:
                packets = container.demux(container.streams[index])
                found[index] = next((bytes(p) for p in itertools.islice(packets, 8) if p.size), b"")
        return found

    def _add_cover(self, stream: Stream, data: bytes) -> str:
        codec = codec_of(stream)
        if not data:
            return "its picture cannot be read"
        if self._target.format.name == "matroska":
            suffix, mime = _PICTURE_TYPES.get(codec, ("jpg", "image/jpeg"))
            name = _tag(stream, "filename") or f"cover.{suffix}"
            copy = self._target.add_attachment(name, _tag(stream, "mimetype") or mime, data)
            copy.metadata.update(kept_tags(stream.metadata))
            return ""
        if self._target.format.name not in _MP4 or codec not in _PICTURE_TYPES:
            return f"{self._target.format.name} files hold no pictures like this"
        copy = self._target.add_stream_from_template(cast("Any", stream), opaque=True)
        _describe(copy, stream)
        copy.disposition = Disposition.attached_pic
        self._found.covers.append((copy, data))
        return ""

    def _add(self, stream: Stream) -> str:
        """Why a stream does not go along; "" where it does."""
        if stream.type == "video":
            return "only one picture is cut"
        if stream.type == "data":
            return "data of this kind cannot be cut"
        if stream.type == "attachment":
            if self._target.format.name != "matroska":
                return f"{self._target.format.name} files hold no attachments"
            self._target.add_stream_from_template(cast("Any", stream))
            return ""
        context: object = stream.codec_context
        if context is None:
            return "of a kind that is not known"
        codec, plain = codec_of(stream), False
        try:
            if codec == "mov_text" and self._target.format.name == "matroska":
                copy, plain = self._target.add_mux_stream("subrip"), True
            elif stream.type == "subtitle" and codec != "mov_text" and self._target.format.name in _MP4:
                return f"MP4 holds no {codec} subtitles; cut to MKV to keep them"
            else:
                copy = self._target.add_stream_from_template(cast("Any", stream), opaque=True)
        except (ValueError, av.FFmpegError):
            return f"{self._target.format.name} files hold no {codec}"
        _describe(copy, stream)
        sound = SoundCutter() if stream.type == "audio" else None
        captions = None if sound is not None else caption_cutter(codec, plain=plain)
        self._found.cut[stream.index] = Track(stream, copy, sound, captions)
        return ""


def is_cover(stream: Stream) -> bool:
    """Whether a video stream is a picture that goes with the file."""
    return bool(stream.disposition & Disposition.attached_pic)


def codec_of(stream: Stream) -> str:
    """A stream's codec, by FFmpeg's name; what kind of stream it is where there is no codec."""
    context: Any = stream.codec_context
    if context is None:
        return getattr(stream, "name", None) or stream.type
    return str(getattr(getattr(context, "codec", None), "canonical_name", None) or context.name)


def _tag(stream: Stream, name: str) -> str | None:
    return next((value for key, value in stream.metadata.items() if key.lower() == name), None)


def _describe(copy: Stream, stream: Stream) -> None:
    """Languages, titles, and what the stream is for."""
    copy.metadata.update(kept_tags(stream.metadata))
    copy.disposition = stream.disposition


def describe_video(copy: Stream, stream: Stream, time_base: Fraction) -> None:
    """The same for the video, in whose ticks its times are written."""
    _describe(copy, stream)
    copy.time_base = time_base


def kept_tags(tags: dict[str, str]) -> dict[str, str]:
    """Less those that tell how much there is of a stream."""
    return {
        key: value
        for key, value in tags.items()
        if not key.lower().startswith(("_statistics_", *_STALE_TAGS)) and key.lower() not in _STALE_TAGS
    }


def file_tags(tags: dict[str, str]) -> dict[str, str]:
    """What a file says of itself, less what only holds of that file."""
    return {key: value for key, value in kept_tags(tags).items() if key.lower() not in _FILE_TAGS}


def kept_in_order(results: Sequence[StreamResult]) -> tuple[StreamResult, ...]:
    """By the source's own order."""
    return tuple(sorted(results, key=lambda result: result.id))
