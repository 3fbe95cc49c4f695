"""The boxes of a fragmented MP4 file (ISO 14496-12 and -15), as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from plexcut.media.bitstream.bits import to_sized
from plexcut.media.bitstream.h264 import PPS, SPS

VIDEO_TRACK, AUDIO_TRACK = 1, 2
_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC, _NO_SYNC = 0x02000000, 0x01010000
_HIGH_PROFILES = (100, 110, 122, 244)
_LENGTH_BYTES = 4
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)


@dataclass(frozen=True, slots=True)
class VideoEntry:
    """What a player must know of the video: coded size, the shape of a sample, its parameter sets (NAL units).

    `in_band`: parameter sets may also come among the samples. `delay`: ticks by which the first picture is shown later
    than it is decoded.
    """

    width: int
    height: int
    sample_aspect: Fraction
    sets: tuple[bytes, ...]
    in_band: bool = False
    delay: int = 0

    @property
    def shown_width(self) -> int:
        """Width in square pixels."""
        return max(1, round(self.width * self.sample_aspect))


@dataclass(frozen=True, slots=True)
class AudioEntry:
    """What a player must know of the sound (AAC-LC)."""

    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A coded picture or sound frame. `duration` in ticks of its track; `offset`: shown so much after it is decoded."""

    data: bytes
    duration: int
    sync: bool = True
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Reference:
    """An entry of the segment index: the bytes and the ticks of a fragment."""

    size: int
    duration: int


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of its contents."""
    size = 8 + sum(map(len, parts))
    return b"".join((size.to_bytes(4, "big"), kind, *parts))


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, bytes([version]) + flags.to_bytes(3, "big"), *parts)


def file_type() -> bytes:
    """`ftyp`."""
    return box(b"ftyp", b"iso6", (512).to_bytes(4, "big"), b"iso6iso5mp41avc1")


def movie(video: VideoEntry, audio: AudioEntry | None, timescale: int, duration: int) -> bytes:
    """`moov`: the tracks, without samples. `duration` in ticks of the video's `timescale`."""
    tracks = [_track(VIDEO_TRACK, timescale, _avc(video), (video.shown_width, video.height), video.delay)]
    extends = [_extends(VIDEO_TRACK)]
    if audio is not None:
        tracks.append(_track(AUDIO_TRACK, audio.rate, _mp4a(audio), None))
        extends.append(_extends(AUDIO_TRACK))
    head = struct.pack(">IIIIIHHII", 0, 0, timescale, 0, 0x10000, 0x100, 0, 0, 0) + _MATRIX + bytes(24)
    told = _full(b"mehd", 1, 0, struct.pack(">Q", duration))
    return box(
        b"moov", _full(b"mvhd", 0, 0, head, struct.pack(">I", AUDIO_TRACK + 1)), *tracks, box(b"mvex", told, *extends)
    )


def _track(number: int, timescale: int, entry: bytes, size: tuple[int, int] | None, delay: int = 0) -> bytes:
    # The clock of the samples begins with the decoding of the first one, the movie's when that is shown.
    edits = box(b"edts", _full(b"elst", 0, 0, struct.pack(">IIiHH", 1, 0, delay, 1, 0))) if delay else b""
    volume = 0 if size else 0x100
    width, height = size or (0, 0)
    head = struct.pack(">IIIIIQHHHH", 0, 0, number, 0, 0, 0, 0, 0, volume, 0) + _MATRIX
    head += struct.pack(">II", width << 16, height << 16)
    handler = (b"vide", b"VideoHandler\0") if size else (b"soun", b"SoundHandler\0")
    media_head = _full(b"vmhd", 0, 1, bytes(8)) if size else _full(b"smhd", 0, 0, bytes(4))
    table = box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        _full(b"stts", 0, 0, bytes(4)),
        _full(b"stsc", 0, 0, bytes(4)),
        _full(b"stsz", 0, 0, bytes(8)),
        _full(b"stco", 0, 0, bytes(4)),
    )
    here = box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1)))
    return box(
        b"trak",
        _full(b"tkhd", 0, 3, head),
        edits,
        box(
            b"mdia",
            _full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, timescale, 0, 0x55C4, 0)),
            _full(b"hdlr", 0, 0, bytes(4), handler[0], bytes(12), handler[1]),
            box(b"minf", media_head, here, table),
        ),
    )


def _extends(number: int) -> bytes:
    return _full(b"trex", 0, 0, struct.pack(">IIIII", number, 1, 0, 0, 0))


def _avc(video: VideoEntry) -> bytes:
    aspect = video.sample_aspect
    return box(
        b"avc3" if video.in_band else b"avc1",
        bytes(6) + struct.pack(">H", 1) + bytes(16),
        struct.pack(">HHIIIH", video.width, video.height, 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">HH", 24, 0xFFFF),
        box(b"avcC", avc_record(video.sets)),
        box(b"pasp", struct.pack(">II", aspect.numerator, aspect.denominator)),
    )


def avc_record(sets: Iterable[bytes]) -> bytes:
    """The `avcC` record of SPS and PPS NAL units, for samples of four-byte lengths (ISO 14496-15, 5.3.3.1)."""
    known = list(sets)
    sps = [nal for nal in known if nal[0] & 31 == SPS]
    pps = [nal for nal in known if nal[0] & 31 == PPS]
    record = bytes([1]) + sps[0][1:4] + bytes([0xFC | _LENGTH_BYTES - 1, 0xE0 | len(sps)])
    record += to_sized(sps, 2) + bytes([len(pps)]) + to_sized(pps, 2)
    if sps[0][1] in _HIGH_PROFILES:
        # 4:2:0 with 8 bits: nothing else is ever written here.
        record += bytes([0xFD, 0xF8, 0xF8, 0])
    return record


def _mp4a(audio: AudioEntry) -> bytes:
    config = (2 << 11 | _AAC_RATES.index(audio.rate) << 7 | audio.channels << 3).to_bytes(2, "big")
    decoder = b"\x40\x15" + bytes(11) + _descriptor(5, config)
    stream = _descriptor(3, b"\0\0\0" + _descriptor(4, decoder) + _descriptor(6, b"\x02"))
    return box(
        b"mp4a",
        bytes(6) + struct.pack(">H", 1) + bytes(8),
        struct.pack(">HHHHI", audio.channels, 16, 0, 0, audio.rate << 16),
        _full(b"esds", 0, 0, stream),
    )


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def segment_index(timescale: int, references: Sequence[Reference]) -> bytes:
    """`sidx`: where every fragment is and what it lasts; each begins with a picture that decoding can start at."""
    head = struct.pack(">IIQQHH", VIDEO_TRACK, timescale, 0, 0, 0, len(references))
    entries = b"".join(struct.pack(">III", r.size, r.duration, 0x90000000) for r in references)
    return _full(b"sidx", 1, 0, head, entries)


@dataclass(frozen=True, slots=True)
class TrackRun:
    """The samples of one track in a fragment; `start`: decode time of the first, in ticks of the track."""

    track: int
    start: int
    samples: Sequence[Sample]


def fragment(number: int, runs: Sequence[TrackRun], size: int) -> bytes | None:
    """`moof` and `mdat` of one fragment, `size` bytes together; None where they take more.

    What is left over lies unused at the beginning of `mdat`. In a `free` box behind it would be better said, but
    FFmpeg's demuxer, Chromium's too, then does not notice that it has read the next fragment, and reads it again. The
    last picture is at the very end: whoever waits for the next fragment shall do so before it has read all of this one.
    """
    runs = [run for run in runs if run.samples]
    head = len(_moof(number, runs, 0)) + 8
    data = b"".join(sample.data for run in reversed(runs) for sample in run.samples)
    unused = size - head - len(data)
    if unused < 0:
        return None
    return _moof(number, runs, head + unused) + box(b"mdat", bytes(unused), data)


def _moof(number: int, runs: Sequence[TrackRun], data_at: int) -> bytes:
    """`data_at`: where the data of the last run begins; that of the others follows, the first one's last."""
    places = {}
    for run in reversed(runs):
        places[run.track] = data_at
        data_at += sum(len(sample.data) for sample in run.samples)
    parts = [_full(b"mfhd", 0, 0, struct.pack(">I", number))]
    for run in runs:
        samples = b"".join(
            struct.pack(">IIIi", s.duration, len(s.data), _SYNC if s.sync else _NO_SYNC, s.offset) for s in run.samples
        )
        head = struct.pack(">Ii", len(run.samples), places[run.track])
        parts.append(
            box(
                b"traf",
                _full(b"tfhd", 0, 0x020000, struct.pack(">I", run.track)),
                _full(b"tfdt", 1, 0, struct.pack(">Q", run.start)),
                _full(b"trun", 1, 0xF01, head, samples),
            )
        )
    return box(b"moof", *parts)


def overhead(pictures: int, sounds: int) -> int:
    """Bytes that a fragment takes beside the data of so many samples."""
    tracks = (pictures > 0) + (sounds > 0)
    return 8 + 16 + tracks * (8 + 16 + 20 + 20) + 16 * (pictures + sounds) + 8
