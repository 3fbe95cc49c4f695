"""Index of a file that a demuxer must take apart (MP4, MKV, programme streams, ...): one pass over its packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
import av.container
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream.bits import annexb_nals, sized_nals, start_codes
from plexcut.media.bitstream.pictures import ASSEMBLERS, PictureAssembler, PictureFlag
from plexcut.media.index.pes import UNKNOWN
from plexcut.media.sources import open_source, status_of

I64 = npt.NDArray[np.int64]

_FORMATS = (
    "mpegts,mpeg,mpegvideo,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mxf,wtv,h264,hevc,mpegtsraw,rm,nut,gxf"
)
OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file,pipe"}
FACTS_OPTIONS = {**OPTIONS, "fflags": "+nofillin"}
"""To look at streams alone. FFmpeg ends the process (an assertion of its own, libavformat/demux.c) where it fills
in times of a transport stream in which a damaged stream turns out to be of another codec than it seemed."""
FILE_OPTIONS = {**OPTIONS, "format_whitelist": _FORMATS.replace("mpegtsraw,", "").replace("mpegts,", "")}
"""For what is no transport stream by our reckoning: FFmpeg must not take it for one, for the same reason."""


@contextmanager
def open_container(path: Source, options: dict[str, str] = OPTIONS) -> Iterator[av.container.InputContainer]:
    """Open a media file through FFmpeg, as data of its own: it can neither name other files nor reach the network.

    `options`: `OPTIONS`, `FACTS_OPTIONS` or `FILE_OPTIONS`.

    Raises:
        FileUnreadable: it cannot be read.
        FormatUnsupported: FFmpeg does not know what it is.
    """
    with open_source(path) as file:
        try:
            container = av.open(file, mode="r", options=dict(options))
        except (av.FFmpegError, ValueError, EOFError) as error:
            raise FormatUnsupported(f"{path.name} is no recording that can be read", _advice(error)) from error
        with container:
            yield container


def _advice(error: Exception) -> str:
    """What to do about a file that FFmpeg does not take; its own phrase only where that says more."""
    reason = str(getattr(error, "strerror", "") or "").strip().lower()
    known = "" if not reason or "invalid data" in reason else f" ({reason})"
    return f"is it a video file? It may be damaged, or not wholly copied{known}"


@dataclass(slots=True)
class ContainerScan:
    """What the pass over a container found.

    `last_ticks`: how long the frame lasts that is shown last; 0 where the file does not say.
    """

    format: str
    stream: int
    codec: str
    time_base: Fraction
    extradata: bytes
    pts: I64
    dts: I64
    at: I64
    size: npt.NDArray[np.int32]
    flags: npt.NDArray[np.uint16]
    last_ticks: int = 0


def nal_length_size(codec: str, extradata: bytes) -> int:
    """Bytes of the length in front of each NAL unit of an MP4/MKV sample; 0 where start codes are used."""
    if codec == "h264" and len(extradata) > 6 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 22 and extradata[0] == 1:
        return (extradata[21] & 3) + 1
    return 0


def parameter_nals(codec: str, extradata: bytes) -> list[bytes]:
    """The parameter sets of an `avcC` or `hvcC` record (ISO 14496-15), or of start-code extradata."""
    if codec in ("h264", "hevc") and extradata[:1] != b"\x01":
        return [nal for nal in annexb_nals(extradata) if nal]
    nals: list[bytes] = []
    if codec == "h264" and len(extradata) > 6:
        at = 5
        for mask in (31, 255):
            if at >= len(extradata):
                break
            count = extradata[at] & mask
            at += 1
            for _ in range(count):
                size = int.from_bytes(extradata[at : at + 2], "big")
                nals.append(extradata[at + 2 : at + 2 + size])
                at += 2 + size
    elif codec == "hevc" and len(extradata) > 22:
        at = 23
        for _ in range(extradata[22]):
            count = int.from_bytes(extradata[at + 1 : at + 3], "big")
            at += 3
            # Damage may announce millions; each takes two bytes at least.
            for _ in range(min(count, (len(extradata) - at + 1) // 2)):
                size = int.from_bytes(extradata[at : at + 2], "big")
                nals.append(extradata[at + 2 : at + 2 + size])
                at += 2 + size
    return [nal for nal in nals if nal]


def scan(path: Source, on_fraction: Callable[[float], None], options: dict[str, str] = OPTIONS) -> ContainerScan:
    """One pass over the packets of the first video stream; `options` as for `open_container`.

    Raises:
        FileUnreadable, FormatUnsupported: as `open_container`; also for a file without video.
    """
    total = max(1, status_of(path).size_bytes)
    with open_container(path, options) as container:
        stream = _video_stream(container, path.name)
        codec = stream.codec_context.name
        extradata = bytes(stream.codec_context.extradata or b"")
        found = _Packets(_assembler(codec, extradata), nal_length_size(codec, extradata))
        try:
            for packet in container.demux(stream):
                if packet.size:
                    found.add(packet)
                    if len(found.pts) % 256 == 0:
                        on_fraction(min(1.0, max(packet.pos or 0, 0) / total))
        except (av.FFmpegError, EOFError) as error:
            if not found.pts:
                raise FormatUnsupported(f"{path.name} is no recording that can be read", _advice(error)) from error
        return found.result(container.format.name, stream, codec, extradata)


def scan_stretch(
    container: av.container.InputContainer, name: str, enough: Callable[[list[int], list[int]], bool]
) -> ContainerScan:
    """The same for the packets from where a demuxer stands on, until `enough(pts, dts)` of those so far says so.

    Raises:
        FormatUnsupported: no video, or it cannot be read on.
    """
    stream = _video_stream(container, name)
    codec = stream.codec_context.name
    extradata = bytes(stream.codec_context.extradata or b"")
    found = _Packets(_assembler(codec, extradata), nal_length_size(codec, extradata))
    try:
        for packet in container.demux(stream):
            if packet.size:
                found.add(packet)
                if enough(found.pts, found.dts):
                    break
    except (av.FFmpegError, EOFError) as error:
        raise FormatUnsupported(f"{name} is no recording that can be read", _advice(error)) from error
    return found.result(container.format.name, stream, codec, extradata)


def _video_stream(container: av.container.InputContainer, name: str) -> VideoStream:
    for stream in container.streams.video:
        context: object = stream.codec_context
        if context is None or "attached_pic" in str(stream.disposition).lower():
            continue
        return stream
    raise FormatUnsupported(f"{name} has no video", "plexcut cuts recordings with a picture")


def _assembler(codec: str, extradata: bytes) -> PictureAssembler | None:
    if codec not in ASSEMBLERS:
        return None
    assembler = ASSEMBLERS[codec]()
    nals = parameter_nals(codec, extradata) if codec in ("h264", "hevc") else _start_code_units(extradata)
    for nal in nals:
        assembler.unit(0, nal)
    assembler.end()
    return assembler


def _start_code_units(data: bytes) -> list[bytes]:
    at = start_codes(np.frombuffer(data, np.uint8)).tolist()
    if not at:
        return []
    return [data[a + 3 : b] for a, b in zip(at, [*at[1:], len(data)], strict=True) if b > a + 4]


class _Packets:
    """Rows of packets, growing."""

    def __init__(self, assembler: PictureAssembler | None, length_size: int) -> None:
        self._assembler = assembler
        self._length_size = length_size
        self._single_field = False
        self._last_pts, self._last_ticks = int(UNKNOWN), 0
        self.pts: list[int] = []
        self.dts: list[int] = []
        self.at: list[int] = []
        self.size: list[int] = []
        self.flags: list[int] = []

    def add(self, packet: av.Packet[VideoStream]) -> None:
        data = bytes(packet)
        flags = self._flags(data, packet)
        if flags is None:
            return
        if self._single_field and flags & PictureFlag.LONE_FIELD:
            self.flags[-1] = (self.flags[-1] & ~PictureFlag.LONE_FIELD) | PictureFlag.FIELDS
            self.size[-1] += len(data)
            self._single_field = False
            return
        self._single_field = bool(flags & PictureFlag.LONE_FIELD)
        self.pts.append(int(UNKNOWN) if packet.pts is None else packet.pts)
        self.dts.append(int(UNKNOWN) if packet.dts is None else packet.dts)
        self.at.append(packet.pos if packet.pos is not None else -1)
        self.size.append(len(data))
        self.flags.append(int(flags | PictureFlag.HIDDEN if packet.is_discard else flags))
        if self.pts[-1] >= self._last_pts and not packet.is_discard:
            self._last_pts, self._last_ticks = self.pts[-1], packet.duration or 0

    def _flags(self, data: bytes, packet: av.Packet[VideoStream]) -> PictureFlag | None:
        """None for a packet that holds no picture to show."""
        if self._assembler is None:
            if packet.stream.codec_context.name == "vp8" and data and not data[0] & 0x10:
                return None
            key = PictureFlag.KEY | PictureFlag.CLOSED | PictureFlag.INTRA if packet.is_keyframe else PictureFlag(0)
            return key | PictureFlag.REF
        units = sized_nals(data, self._length_size) if self._length_size else _start_code_units(data)
        for unit in units:
            self._assembler.unit(0, unit)
        self._assembler.end()
        pictures = list(self._assembler.pictures)
        self._assembler.pictures.clear()
        if not pictures:
            return None
        flags = PictureFlag(pictures[0].flags)
        if len(pictures) > 1 and pictures[0].structure != 3:
            flags |= PictureFlag.FIELDS | PictureFlag.INTERLACED | (pictures[1].flags & PictureFlag.REF)
        elif pictures[0].structure != 3:
            flags |= PictureFlag.LONE_FIELD | PictureFlag.INTERLACED
        return flags

    def result(self, name: str, stream: VideoStream, codec: str, extradata: bytes) -> ContainerScan:
        dts = np.asarray(self.dts, np.int64)
        pts = np.asarray(self.pts, np.int64)
        pts = np.where(pts == UNKNOWN, dts, pts)
        dts = np.where(dts == UNKNOWN, pts, dts)
        if pts.size and bool((pts == UNKNOWN).any()):
            step = max(1, round(1 / ((stream.average_rate or Fraction(25)) * (stream.time_base or Fraction(1, 1000)))))
            pts = dts = step * np.arange(pts.size, dtype=np.int64)
        return ContainerScan(
            format=name,
            stream=stream.index,
            codec=codec,
            time_base=Fraction(stream.time_base or Fraction(1, 1000)),
            extradata=extradata,
            pts=pts,
            dts=dts,
            at=np.asarray(self.at, np.int64),
            size=np.asarray(self.size, np.int32),
            flags=np.asarray(self.flags, np.uint16),
            # Matroska tells of durations only what it takes for usual.
            last_ticks=0 if "matroska" in name else self._last_ticks,
        )
