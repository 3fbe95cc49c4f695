"""Writing the cut of a transport stream as MP4 or MKV: the same pictures, sounds and times in another file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, cast

import av
import av.container
from av.stream import Stream

from plexcut.domain.media import Source, StreamResult
from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream import h264, mpeg2
from plexcut.media.bitstream.bare_aac import adts_of
from plexcut.media.bitstream.bits import annexb_nals, to_annexb
from plexcut.media.cutting.bare_sound import BareSound, first_frames
from plexcut.media.cutting.companions import Companion, PesCompanion, SoundCompanion, Timed
from plexcut.media.cutting.h264_sets import source_sets, unit_nals
from plexcut.media.cutting.mpeg2_join import split_units
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.remux import Wishes, add_chapters, open_result, picture_durations
from plexcut.media.cutting.sample_form import is_set, kind_of, sample_nals
from plexcut.media.cutting.schedule import START_TICKS, Schedule
from plexcut.media.cutting.sound import PlacedRun
from plexcut.media.cutting.source_clock import TICKS, SourceClock
from plexcut.media.cutting.splice_ts import TransportSplice, layout_of
from plexcut.media.cutting.tracks import describe_video, kept_tags
from plexcut.media.index.container import FACTS_OPTIONS, open_container
from plexcut.media.index.model import MediaIndex, Track
from plexcut.media.sources import open_source
from plexcut.media.ts_pictures import PictureRun
from plexcut.media.ts_writer import PesUnit, RawUnit, picture_unit
from plexcut.media.units import open_units

_MUXERS = {"mp4": "mp4", "mkv": "matroska"}
_NAMES = {"mp4": "MP4", "mkv": "Matroska"}
_PROBED = {**FACTS_OPTIONS, "probesize": "50000000", "analyzeduration": "20000000"}
_SOUND_LEAD = 9_000
_SOUND_CODECS = {
    "mp4": ("aac", "aac_latm", "ac3", "eac3", "mp1", "mp2", "mp3"),
    "mkv": ("aac", "aac_latm", "ac3", "eac3", "mp1", "mp2", "mp3"),
}
_DVB_HEAD, _DVB_END = b"\x20\x00", 0xFF


class SetsMeet(Exception):
    """Parameter sets change on the way: they have to go along in band."""


@dataclass(frozen=True, slots=True)
class _FrameUnit:
    """One audio frame; its time in ticks of the result, exactly."""

    pid: int
    data: bytes
    time: Fraction
    length: Fraction


class _FrameSound(SoundCompanion):
    """An audio track, frame by frame."""

    def _grouped(self, placed: PlacedRun) -> Iterator[Timed]:
        run = placed.run
        self.written += placed.end - placed.first
        for i in range(placed.first, placed.end):
            time = placed.time + (i - placed.first) * run.length
            unit = _FrameUnit(self.pid, run.data[run.edges[i] : run.edges[i + 1]], Fraction(time), run.length)
            yield int(time) - _SOUND_LEAD, cast("Any", unit)


@dataclass(slots=True)
class _Sound:
    """An audio track of the result."""

    stream: Stream
    bare: BareSound
    config: bytes
    rate: int


class TransportToContainer(TransportSplice):
    """One cut of one transport stream into an MP4 or MKV file.

    `in_band`: parameter sets stay with the pictures, as the source has them; else they move to the file's header.
    """

    def __init__(
        self, path: Source, index: MediaIndex, schedule: Schedule, pictures: PictureSource, wishes: Wishes
    ) -> None:
        super().__init__(path, index, schedule, pictures)
        assert wishes.container in ("mp4", "mkv")
        self._container = wishes.container
        self._at_seams = wishes.chapters
        self.in_band = index.video.codec == "hevc" and bool((schedule.row < 0).any())
        self._durations = picture_durations(schedule)
        self._number = 0
        self._sets: list[bytes] = []
        self._streams: dict[int, Stream] = {}
        self._sounds: dict[int, _Sound] = {}
        self._why: dict[int, str] = {}
        self._companions = self._that_fit()

    def write(self, out: BinaryIO) -> Iterator[float]:
        """Write the result to `out`; gives the fraction done from time to time.

        Raises:
            OSError: `out` cannot be written.
            FileUnreadable: the source cannot be read.
            FormatUnsupported: this cannot be written into such a file.
            SetsMeet: parameter sets change on the way, which needs `in_band`.
        """
        with (
            open_source(self._path) as file,
            open_container(self._path, _PROBED) as source,
            open_result(out, _MUXERS[self._container]) as target,
        ):
            layout = layout_of(file)
            self._add_streams(source, target)
            sink = _Sink(self, target)
            for number, span in enumerate(self._schedule.spans):
                for done in self._apart((file, layout), sink, self._schedule.of_span(number), span):
                    yield done / self._schedule.pts.size
            self._drain(sink, None)

    def results(self) -> tuple[StreamResult, ...]:
        """What became of every stream of the source."""
        found = super().results()
        return tuple(StreamResult(r.id, r.codec, False, self._why[r.id]) if r.id in self._why else r for r in found)

    # ----------------------------------------------------------------------------------------------------- streams

    def _that_fit(self) -> dict[int, Companion]:
        found: dict[int, Companion] = {}
        clock = SourceClock(self._index)
        for track in self._index.tracks:
            before = self._companions.get(track.id)
            why = self._why_not(track, before)
            if why:
                self._why[track.id] = why
            elif isinstance(before, SoundCompanion):
                found[track.id] = _FrameSound(track.id, track.codec, clock)
            elif before is not None:
                found[track.id] = before
        return found

    def _why_not(self, track: Track, companion: Companion | None) -> str:
        name = _NAMES[self._container]
        if track.kind == "audio":
            known = track.codec in _SOUND_CODECS[self._container] and isinstance(companion, SoundCompanion)
            return "" if known else f"{name} holds no {track.codec}, or its frames are not known"
        if track.codec == "dvb_subtitle" and isinstance(companion, PesCompanion):
            return "" if self._container == "mkv" else "MP4 holds no DVB subtitles; cut to MKV to keep them"
        if "teletext" in track.codec:
            return f"{name} holds no teletext; a transport stream does"
        return f"{name} holds no {track.codec} of a transport stream"

    def _add_streams(self, source: av.container.InputContainer, target: av.container.OutputContainer) -> None:
        theirs = {stream.id: stream for stream in source.streams}
        self._add_video(theirs.get(self._index.video.id), target)
        for track in self._index.tracks:
            companion = self._companions.get(track.id)
            if companion is None:
                continue
            template = theirs.get(track.id)
            if isinstance(companion, SoundCompanion):
                self._add_sound(track, template, target)
            elif template is None or template.codec_context is None:
                self._leave(track, "it cannot be described: nothing of it was found near the beginning")
            else:
                stream = target.add_stream_from_template(cast("Any", template), opaque=True)
                self._describe(stream, template, track.id)
        if self._at_seams:
            add_chapters(source, target, (self._index, self._schedule), at_seams=True)

    def _leave(self, track: Track, why: str) -> None:
        self._why[track.id] = why
        del self._companions[track.id]

    def _describe(self, stream: Stream, template: Stream, pid: int) -> None:
        stream.metadata.update(kept_tags(template.metadata))
        stream.disposition = template.disposition
        stream.time_base = Fraction(1, TICKS)
        self._streams[pid] = stream

    def _add_video(self, template: Stream | None, target: av.container.OutputContainer) -> None:
        video = self._index.video
        if template is None or template.codec_context is None:
            raise FormatUnsupported("the video cannot be described for another kind of file", "cut it as it is")
        stream = target.add_stream_from_template(cast("Any", template), opaque=True)
        context = stream.codec_context
        context.width, context.height = video.width, video.height
        context.sample_aspect_ratio = video.sample_aspect
        self._sets = self._parameter_sets()
        if video.codec in ("h264", "hevc"):
            context.extradata = to_annexb(self._sets)
            if self._container == "mp4":
                context.codec_tag = {"h264": ("avc1", "avc3"), "hevc": ("hvc1", "hev1")}[video.codec][self.in_band]
        elif video.codec in ("mpeg2video", "mpeg1video"):
            context.extradata = self._sets[0]
        describe_video(stream, template, self._index.time_base)
        self._streams[video.id] = stream

    def _parameter_sets(self) -> list[bytes]:
        """What the file's header says of the pictures: parameter sets, one for each id; an MPEG-2 sequence header.

        Raises:
            SetsMeet: there are several for one id, and they are not to be in band.
        """
        codec = self._index.video.codec
        firsts = [part.rows.start for part in self._pictures.parts if part.rows is not None]
        firsts = firsts or [self._index.key_before(int(self._index.display[int(self._schedule.frame[0])]))]
        with open_units(self._path, self._index) as reader:
            if codec not in ("h264", "hevc"):
                return [_sequence_header(next(reader.read(firsts[0], firsts[0] + 1))[0])]
            found: dict[tuple[int, int], bytes] = {}
            for row in firsts:
                nals = unit_nals(b"".join(next(reader.read(row, row + 1))), self._index)
                if codec == "h264":
                    nals = list(source_sets(reader, self._index, row).nals)
                else:
                    nals = [*self._pictures.opening(row), *nals]
                for nal in nals:
                    if nal and is_set(codec, nal):
                        self._take(found, nal)
        for nal in self._pictures.encoder_sets:
            found[_id_of(codec, nal)] = nal
        return [found[key] for key in sorted(found)]

    def _take(self, found: dict[tuple[int, int], bytes], nal: bytes) -> None:
        if found.setdefault(_id_of(self._index.video.codec, nal), nal) != nal and not self.in_band:
            raise SetsMeet

    def _add_sound(self, track: Track, template: Stream | None, target: av.container.OutputContainer) -> None:
        frames = first_frames(self._path, self._index, track.id, track.codec, self._schedule.spans[0].start)
        bare = BareSound(track.codec)
        bare.prime([data for _, data in frames])
        first = next((found for _, data in frames if (found := bare.unwrap(data)) is not None), None)
        if first is None:
            self._leave(track, "none of its frames can be unwrapped" if frames else "it carries nothing here")
            return
        described = template
        context: object = None if template is None else template.codec_context
        if context is None or track.codec == "aac_latm":
            described = _described_by(track.codec, first.config, frames[0][1], first.data)
        if described is None:
            self._leave(track, "it cannot be described for another kind of file")
            return
        stream = target.add_stream_from_template(cast("Any", described), opaque=True)
        if not stream.codec_context.sample_rate:
            stream.codec_context.sample_rate = frames[0][0].sample_rate
        if first.config:
            stream.codec_context.extradata = first.config
        self._describe(stream, template or described, track.id)
        stream.time_base = Fraction(1, stream.codec_context.sample_rate)
        self._sounds[track.id] = _Sound(stream, bare, first.config, stream.codec_context.sample_rate)

    # ----------------------------------------------------------------------------------------------------- packets

    def packet_of(self, unit: PesUnit | _FrameUnit) -> av.Packet[Any] | None:
        """What is written of a unit."""
        if isinstance(unit, _FrameUnit):
            return self._sound_packet(unit)
        if unit.pid == self._index.video.id:
            return self._picture_packet(unit)
        data = _bare_subtitle(bytes(unit.payload))
        if not data or unit.pts is None:
            return None
        packet = _packet(data, self._streams[unit.pid], Fraction(1, TICKS))
        packet.pts = packet.dts = unit.pts - START_TICKS
        return packet

    def _picture_packet(self, unit: PesUnit) -> av.Packet[Any]:
        assert unit.pts is not None
        data = unit.lead + bytes(unit.payload)
        if self._index.video.codec in ("h264", "hevc"):
            data = to_annexb(self._sample(data))
        packet = _packet(data, self._streams[unit.pid], self._index.time_base)
        packet.pts = unit.pts - START_TICKS
        packet.dts = (unit.pts if unit.dts is None else unit.dts) - START_TICKS
        packet.duration = int(self._durations[self._number])
        packet.is_keyframe = unit.random_access
        self._number += 1
        return packet

    def _sample(self, data: bytes) -> list[bytes]:
        codec = self._index.video.codec
        nals = sample_nals(codec, annexb_nals(data))
        if self.in_band:
            return nals
        for nal in nals:
            # An encoder's own SPS stands for the source's under its id; it says the same and more.
            if is_set(codec, nal) and nal not in self._sets and not self._is_amended(nal):
                raise SetsMeet
        return [nal for nal in nals if not is_set(codec, nal)]

    def _is_amended(self, nal: bytes) -> bool:
        return (
            self._index.video.codec == "h264"
            and nal[0] & 31 == h264.SPS
            and self._pictures.amended(nal) in self._pictures.encoder_sets
        )

    def _sound_packet(self, unit: _FrameUnit) -> av.Packet[Any] | None:
        sound = self._sounds[unit.pid]
        found = sound.bare.unwrap(unit.data)
        if found is None:
            return None
        if found.config != sound.config:
            raise FormatUnsupported(
                f"the sound of stream {unit.pid} changes on the way, which {_NAMES[self._container]} cannot say",
                "cut it to a transport stream, or keep one side of the change",
            )
        packet = _packet(found.data, sound.stream, Fraction(1, sound.rate))
        packet.pts = packet.dts = round(unit.time * sound.rate / TICKS)
        packet.duration = round(unit.length * sound.rate / TICKS)
        return packet


@dataclass(frozen=True, slots=True)
class _Sink:
    """Takes units in the order of their clocks."""

    cut: TransportToContainer
    target: av.container.OutputContainer

    def write(self, unit: PesUnit | RawUnit, at: int) -> int:
        if not isinstance(unit, RawUnit) and (packet := self.cut.packet_of(unit)) is not None:
            self.target.mux(packet)
        return 0

    def write_pictures(self, run: PictureRun, first: int, end: int) -> list[int]:
        return [self.write(picture_unit(self.cut.video, run, i), int(run.at[i])) for i in range(first, end)]


def _packet(data: bytes, stream: Stream, time_base: Fraction) -> av.Packet[Any]:
    packet: av.Packet[Any] = av.Packet(data)
    packet.stream = stream
    packet.time_base = time_base
    packet.is_keyframe = True
    return packet


def _id_of(codec: str, nal: bytes) -> tuple[int, int]:
    """A parameter set's kind and id. Of HEVC, whose sets come one of a kind, the kind alone."""
    if codec == "hevc":
        return kind_of(codec, nal), 0
    parsed = h264.parse_sps(nal) if nal[0] & 31 == h264.SPS else h264.parse_pps(nal)
    return nal[0] & 31, parsed.id if parsed else -1


def _sequence_header(unit: bytes) -> bytes:
    """The sequence header of an MPEG-2 keyframe and its extension; empty where it brings none."""
    parts = split_units(unit)
    at = next((i for i, part in enumerate(parts) if part[:1] == bytes([mpeg2.SEQUENCE])), None)
    if at is None:
        return b""
    behind = parts[at + 1 : at + 2]
    taken = [parts[at], *(part for part in behind if part[:1] == bytes([mpeg2.EXTENSION]))]
    return b"".join(b"\x00\x00\x01" + part.rstrip(b"\x00") for part in taken)


def _bare_subtitle(payload: bytes) -> bytes:
    """The segments of a DVB subtitle, as Matroska holds them."""
    if not payload.startswith(_DVB_HEAD):
        return b""
    at = len(_DVB_HEAD)
    while at + 6 <= len(payload) and payload[at] == 0x0F:
        at += 6 + int.from_bytes(payload[at + 4 : at + 6], "big")
    return payload[len(_DVB_HEAD) : min(at, len(payload))]


def _described_by(codec: str, config: bytes, wrapped: bytes, bare: bytes) -> Stream | None:
    """A stream of FFmpeg's that is described as one with these frames would be."""
    name = {"aac_latm": "aac", "mp1": "mp3", "mp2": "mp3"}.get(codec, codec)
    data = adts_of(config, bare) if codec == "aac_latm" else wrapped
    try:
        container = av.open(io.BytesIO(data * 8), format=name)
    except (av.FFmpegError, ValueError):
        return None
    return container.streams[0] if container.streams else None
