"""What a test clip is asked to be, and what was made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

VideoCodec = Literal["h264", "hevc", "mpeg1video", "mpeg2video", "vp8", "vp9"]
AudioCodec = Literal["ac3", "eac3", "mp2", "aac", "vorbis", "opus"]
SubtitleKind = Literal["teletext", "dvb", "srt"]
Container = Literal["ts", "m2ts192", "ts204", "mp4", "mkv", "webm"]

TS_CONTAINERS = ("ts", "m2ts192", "ts204")
PACKET_SIZES_BYTES = {"ts": 188, "m2ts192": 192, "ts204": 204}

# The recipe's version is part of every cache key: raise it when the same spec makes different bytes.
RECIPE_VERSION = 4


@dataclass(frozen=True)
class AudioSpec:
    """An audio track. `frames_per_pes`: how many audio frames share a PES packet (transport streams only).

    `later`: from a second on the track has another number of channels, `(second, channels)`. `latm`: AAC in LATM.
    `dependent`: E-AC-3 frames of two substreams. The last two in transport streams only.
    """

    codec: AudioCodec = "mp2"
    language: str = "deu"
    channels: int = 2
    rate: int = 48_000
    frames_per_pes: int = 1
    later: tuple[int, int] | None = None
    latm: bool = False
    dependent: bool = False


@dataclass(frozen=True)
class SubtitleSpec:
    """A subtitle track with one line a second, shown from 0.2 s after the whole second for 0.6 s."""

    kind: SubtitleKind
    language: str = "deu"


@dataclass(frozen=True)
class Discontinuity:
    """The clock jumps by `jump_90k` where the first keyframe at or after frame `at_frame` begins in the file."""

    at_frame: int
    jump_90k: int


@dataclass(frozen=True)
class Damage:
    """Packets between two shares (0..1) of the file that are lost, or of which single bytes are changed."""

    begin_share: float = 0.4
    end_share: float = 0.6
    dropped_packets: int = 4
    flipped_packets: int = 6
    seed: int = 7


@dataclass(frozen=True)
class Handmade:
    """H.264 that no encoder at hand makes, of 64x128 pixels, written macroblock by macroblock.

    `fields`: which pictures are coded as two fields, "mixed" some of them. `poc_type`: how pictures are counted; 2 only
    without B pictures, 1 without a pyramid. `second_intra`: both fields of keyframes are intra pictures. `forgets`: the
    keyframe, or the reference picture behind it, unmarks what is older. `restriction`: the SPS tells of reordering.
    """

    fields: Literal["none", "all", "mixed"] = "none"
    poc_type: Literal[0, 1, 2] = 0
    second_intra: bool = False
    ref_frames: int = 4
    forgets: Literal["no", "key", "next"] = "no"
    restriction: bool = True


@dataclass(frozen=True)
class ClipSpec:
    """A test clip. `video_codec` None means sound alone; times count from frame 0.

    `grain`: standard deviation of noise in the picture, of 255. `quality`: the encoder's quantiser, the lower the
    better; None is middling. `side_data`: captions and AFD with every picture, with 10 bits HDR data too.
    `pulldown`: film in 60 fields (2:3), as flags of MPEG-2; `fps` is then the film's.
    `lost_frames`: pictures that are missing in a transport stream; name B pictures to which no other refers.
    `radio`: a second programme with sound alone, named in the PAT before or after the first.
    `start_pts_90k`: clock of frame 0 in a transport stream, taken modulo 2**33, so that a value just below 2**33
    wraps in the middle. `audio_lead_s`: how much sound comes before frame 0. `cut_start_bytes`: bytes missing at the
    file's start. `muxer` "ffmpeg" writes the transport stream by FFmpeg's muxer, which knows none of the oddities.
    """

    name: str
    video_codec: VideoCodec | None = "h264"
    width: int = 320
    height: int = 192
    fps: Fraction = Fraction(25)
    frames: int = 100
    gop: int = 24
    bframes: int = 3
    open_gop: bool = True
    b_pyramid: bool = False
    interlaced: Literal["tff", "bff"] | None = None
    bit_depth: Literal[8, 10] = 8
    chroma: Literal["420", "422"] = "420"
    grain: int = 0
    quality: int | None = None
    side_data: bool = False
    pulldown: bool = False
    sample_aspect: Fraction = Fraction(1)
    audio: tuple[AudioSpec, ...] = (AudioSpec(),)
    subtitles: tuple[SubtitleSpec, ...] = ()
    container: Container = "ts"
    muxer: Literal["own", "ffmpeg"] = "own"
    start_pts_90k: int = 900_000
    audio_lead_s: Fraction = Fraction(0)
    random_access_indicator: bool = True
    discontinuity: Discontinuity | None = None
    pmt_change_frame: int | None = None
    damage: Damage | None = None
    lost_frames: tuple[int, ...] = ()
    radio: Literal["before", "after"] | None = None
    scrambled: bool = False
    cut_start_bytes: int = 0
    cut_end_bytes: int = 0
    handmade: Handmade | None = None

    @property
    def duration_s(self) -> Fraction:
        """Nominal length: frames over frame rate."""
        return self.frames / self.fps

    def time_s(self, number: int) -> Fraction:
        """When frame `number` is shown, counted from frame 0."""
        if not self.pulldown:
            return number / self.fps
        return (5 * (number // 2) + 3 * (number % 2)) / (self.fps * Fraction(5, 2))

    @property
    def suffix(self) -> str:
        """File name suffix, dot included."""
        return {"m2ts192": ".m2ts", "ts204": ".ts"}.get(self.container, f".{self.container}")

    @property
    def key(self) -> str:
        """Short hash of everything that decides the bytes."""
        return hashlib.sha256(f"{RECIPE_VERSION} {self!r}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Clip:
    """A clip that was made.

    `decode_order`: frame numbers in the order in which the file holds them. `keyframes`: the numbers of those that
    the encoder marked as places to start from. Both tell what was encoded, before anything was cut off or damaged.
    """

    path: Path
    spec: ClipSpec
    decode_order: tuple[int, ...]
    keyframes: tuple[int, ...]

    @property
    def frames(self) -> int:
        """Number of frames in the file (before damage)."""
        return len(self.decode_order)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the frames in the file, in display order: 0, 1, 2, ... unless some were lost."""
        return sorted(self.decode_order)

    @property
    def fps(self) -> Fraction:
        """Frame rate."""
        return self.spec.fps

    def leading_frames(self, keyframe: int) -> tuple[int, ...]:
        """Frames that follow a keyframe in the file but are shown before it."""
        begin = self.decode_order.index(keyframe) + 1
        leading: list[int] = []
        for number in self.decode_order[begin:]:
            if number in self.keyframes:
                break
            if number < keyframe:
                leading.append(number)
        return tuple(leading)
