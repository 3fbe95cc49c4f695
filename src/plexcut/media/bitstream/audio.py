"""Audio elementary streams, split into their frames.

Broadcast PES packets carry several audio frames, or parts of them; a cut chooses single frames. The sizes come from the
frame headers: ISO 11172-3 and 13818-3 (MPEG audio), ETSI TS 102 366 (AC-3, E-AC-3), ISO 14496-3 (ADTS, LOAS/LATM).

A sync word alone is no proof, since it also occurs inside of frames (a byte pair of 0x0B77 every 64 KiB of noise, the
11 bits of LOAS every 2 KiB). It counts when another header stands where its length points, or when the data end there.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple

# The bytes that each header takes, as far as it is read here.
_MPEG_HEADER, _ADTS_HEADER, _AC3_HEADER, _LOAS_HEADER = 4, 7, 6, 3

_MPEG_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = (44100, 48000, 32000)
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES = (48000, 44100, 32000)
# Broadcasts send LATM at 48 kHz; taken for frames before the first StreamMuxConfig, which no decoder can play either.
_LATM_DEFAULT = (48000, 1024)
_LATM_CONFIG_BYTES = 32


class AudioFormat(NamedTuple):
    """What the last frame of a split was; pass it on as `known` when the next piece of the same stream is split.

    `samples` per frame and channel. `substreams` is how many sync frames make up one frame (E-AC-3; else 1).
    """

    codec: str
    sample_rate: int
    samples: int
    substreams: int = 1


class AudioFrame(NamedTuple):
    """One frame: `offset` and `size` in bytes within the split data, `samples` per channel at `sample_rate` Hz."""

    offset: int
    size: int
    samples: int
    sample_rate: int


class AudioSplit(NamedTuple):
    """The whole frames in the data, in order, without overlap (gaps between them were junk).

    `consumed` bytes are dealt with; what follows is the beginning of a frame that is not yet whole, to be put in front
    of the next data. `format` is None when no frame was found and none was known.
    """

    frames: list[AudioFrame]
    consumed: int
    format: AudioFormat | None


class _Header(NamedTuple):
    """A sync frame's header. `key` must be the same in the next one; `joins`: belongs to the frame before it."""

    size: int
    samples: int
    sample_rate: int
    key: int
    joins: bool = False


class _Syntax(NamedTuple):
    first_byte: bytes
    read: Callable[[bytes, int], _Header | None]


# The bytes agree with a header as far as they go, but the data end before its length is known.
_SHORT = _Header(0, 0, 0, -1)


def split_audio(codec: str, es: bytes, known: AudioFormat | None = None) -> AudioSplit:
    """Split elementary stream data at the frame boundaries; damage between frames is skipped.

    `codec` is FFmpeg's name: mp1, mp2, mp3 (each takes all layers), ac3, eac3 (likewise), aac (ADTS), aac_latm (LOAS).
    Garbage yields no frames; at most one frame's length of it is left unconsumed. Data that end between two substreams
    of the very first E-AC-3 frame pass for a whole frame: PES packets never end there.

    Raises:
        ValueError: the codec is none of these.
    """
    syntax = _SYNTAX.get(codec)
    if syntax is None:
        raise ValueError(f"no frame syntax known for audio codec {codec!r}")
    headers, consumed = _sync_frames(syntax, es)
    substreams = 1
    if codec in {"ac3", "eac3"}:
        frames, consumed, substreams = _join_substreams(es, headers, consumed, known)
    else:
        frames = [AudioFrame(offset, h.size, h.samples, h.sample_rate) for offset, h in headers]
    if codec == "aac_latm":
        frames = _with_latm_config(es, frames, known)
    if not frames:
        return AudioSplit(frames, consumed, known)
    return AudioSplit(frames, consumed, AudioFormat(codec, frames[-1].sample_rate, frames[-1].samples, substreams))


def splits(codec: str) -> bool:
    """Whether `split_audio` knows the codec."""
    return codec in _SYNTAX


def frame_duration(frame: AudioFrame) -> Fraction:
    """How long the frame sounds, in seconds, exactly."""
    return Fraction(frame.samples, frame.sample_rate)


def _sync_frames(syntax: _Syntax, es: bytes) -> tuple[list[tuple[int, _Header]], int]:
    """All trustworthy sync frames as (offset, header), and how many bytes are dealt with."""
    found: list[tuple[int, _Header]] = []
    size = len(es)
    pos = last_end = 0
    pending = -1  # the first candidate after the last frame that the data do not hold whole
    while (pos := es.find(syntax.first_byte, pos)) >= 0:
        header = syntax.read(es, pos)
        if header is None:
            pos += 1
            continue
        in_step = bool(found) and pos == last_end
        end = pos + header.size
        if header is _SHORT or end > size:
            pending = pos if pending < 0 else pending
            if in_step:
                break
            # Perhaps not a frame at all: whole ones may follow.
            pos += 1
        elif _header_follows(syntax, es, end, header.key, whole=pending >= 0) or (
            in_step and not _hides_frame(syntax, es, pos, header)
        ):
            found.append((pos, header))
            pos = last_end = end
            pending = -1
        else:
            pos += 1
    return found, pending if pending >= 0 else size


def _header_follows(syntax: _Syntax, es: bytes, end: int, key: int, *, whole: bool = False) -> bool:
    """Whether the data end here, or go on with a header of the same kind, as far as it can be seen.

    With `whole` only a whole header counts: within the beginning of a long frame something that looks like a short one
    ends where the data do more often than one would think (measured with MPEG-2 layer 2 in pieces of 7 bytes).
    """
    if end >= len(es):
        return end == len(es) and not whole
    following = syntax.read(es, end)
    if following is None or following is _SHORT:
        return following is _SHORT and not whole
    return following.key == key


def _hides_frame(syntax: _Syntax, es: bytes, pos: int, header: _Header) -> bool:
    """Whether a frame begins within this one: then this one lost its end. Otherwise it is whole and junk follows it."""
    end = pos + header.size
    inner = pos
    while (inner := es.find(syntax.first_byte, inner + 1, end)) >= 0:
        candidate = syntax.read(es, inner)
        if candidate is None or candidate is _SHORT or candidate.key != header.key:
            continue
        if _header_follows(syntax, es, inner + candidate.size, candidate.key):
            return True
    return False


# ---------------------------------------------------------------------------------------------------- MPEG layers 1-3


def _read_mpeg(es: bytes, pos: int) -> _Header | None:
    if len(es) - pos < _MPEG_HEADER:
        return _SHORT if len(es) - pos == 1 or es[pos + 1] & 0xE0 == 0xE0 else None
    return _mpeg_header(es[pos + 1], es[pos + 2])


@cache
def _mpeg_header(b1: int, b2: int) -> _Header | None:
    """Header from its second and third byte. Free format (no length in the header) is not accepted."""
    version, layer = (b1 >> 3) & 3, 4 - ((b1 >> 1) & 3)
    bitrate_index, rate_index = b2 >> 4, (b2 >> 2) & 3
    if b1 & 0xE0 != 0xE0 or version == 1 or layer == 4 or bitrate_index in {0, 15} or rate_index == 3:
        return None
    low_rate = version != 3  # MPEG-2, and MPEG-2.5 at half its rates
    rate = _MPEG_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * _MPEG_KBITS[2 if low_rate else 1, layer][bitrate_index - 1]
    padding = (b2 >> 1) & 1
    key = version << 16 | layer << 8 | rate_index
    if layer == 1:
        return _Header((12 * bits // rate + padding) * 4, 384, rate, key)
    samples = 576 if layer == 3 and low_rate else 1152
    return _Header(samples // 8 * bits // rate + padding, samples, rate, key)


# --------------------------------------------------------------------------------------------------------- AC-3, E-AC-3


def _read_ac3(es: bytes, pos: int) -> _Header | None:
    if len(es) - pos < _AC3_HEADER:
        return _SHORT if len(es) - pos == 1 or es[pos + 1] == 0x77 else None
    if es[pos + 1] != 0x77:
        return None
    bsid = es[pos + 5] >> 3
    if bsid <= 10:
        rate_code, size_code = es[pos + 4] >> 6, es[pos + 4] & 0x3F
        if rate_code == 3 or size_code >= 38:
            return None
        kbits = _AC3_KBITS[size_code >> 1]
        words = (2 * kbits, 320 * kbits // 147 + (size_code & 1), 3 * kbits)[rate_code]
        rate = _AC3_RATES[rate_code] >> max(0, bsid - 8)
        return _Header(2 * words, 1536, rate, rate)
    if bsid > 16:
        return None
    return _eac3_header(es[pos + 2], es[pos + 3], es[pos + 4])


def _eac3_header(b2: int, b3: int, b4: int) -> _Header | None:
    stream_type, substream = b2 >> 6, (b2 >> 3) & 7
    size = 2 * (((b2 & 7) << 8 | b3) + 1)
    rate_code, blocks_code = b4 >> 6, (b4 >> 4) & 3
    if stream_type == 3 or size < 8:
        return None
    if rate_code < 3:
        rate, blocks = _AC3_RATES[rate_code], (1, 2, 3, 6)[blocks_code]
    elif blocks_code < 3:
        rate, blocks = _AC3_RATES[blocks_code] // 2, 6
    else:
        return None
    # Dependent substreams (more channels), and independent ones above 0 (other programmes) sound at the same time as
    # the substream 0 before them.
    return _Header(size, 256 * blocks, rate, rate, joins=stream_type == 1 or substream != 0)


def _join_substreams(
    es: bytes, headers: list[tuple[int, _Header]], consumed: int, known: AudioFormat | None
) -> tuple[list[AudioFrame], int, int]:
    """Frames of all substreams that sound together, the bytes dealt with, and the substreams of the last frame.

    The last frame is left for the next data when parts of it are still to come.
    """
    frames: list[AudioFrame] = []
    parts: list[int] = []
    for offset, header in headers:
        if not header.joins:
            frames.append(AudioFrame(offset, header.size, header.samples, header.sample_rate))
            parts.append(1)
        elif frames and frames[-1].offset + frames[-1].size == offset:
            frames[-1] = frames[-1]._replace(size=frames[-1].size + header.size)
            parts[-1] += 1
        # else: its substream 0 was lost, and without that it cannot be decoded
    usual = known.substreams if known else 1
    if not frames:
        return frames, consumed, usual
    if len(frames) > 1:
        usual = parts[-2]
    if frames[-1].offset + frames[-1].size == consumed:
        following = _read_ac3(es, consumed) if consumed < len(es) else _SHORT
        if (following is _SHORT and parts[-1] < usual) or (following is not None and following.joins):
            return frames[:-1], frames[-1].offset, usual
    return frames, consumed, parts[-1]


# ------------------------------------------------------------------------------------------------------------------ AAC


def _read_adts(es: bytes, pos: int) -> _Header | None:
    left = len(es) - pos
    if left > 1 and es[pos + 1] & 0xF6 != 0xF0:
        return None
    if left < _ADTS_HEADER:
        return _SHORT
    rate_index = (es[pos + 2] >> 2) & 15
    size = (es[pos + 3] & 3) << 11 | es[pos + 4] << 3 | es[pos + 5] >> 5
    if rate_index >= len(_AAC_RATES) or size < _ADTS_HEADER:
        return None
    # The channels are not in the key: stations switch between stereo and 5.1.
    key = (es[pos + 1] & 0xF8) << 8 | es[pos + 2] & 0xFC
    return _Header(size, 1024 * ((es[pos + 6] & 3) + 1), _AAC_RATES[rate_index], key)


def _read_loas(es: bytes, pos: int) -> _Header | None:
    left = len(es) - pos
    if left > 1 and es[pos + 1] & 0xE0 != 0xE0:
        return None
    if left < _LOAS_HEADER:
        return _SHORT
    size = (es[pos + 1] & 0x1F) << 8 | es[pos + 2]
    rate, samples = _LATM_DEFAULT
    return _Header(_LOAS_HEADER + size, samples, rate, 0) if size else None


def _with_latm_config(es: bytes, frames: list[AudioFrame], known: AudioFormat | None) -> list[AudioFrame]:
    """The frames with the rate and samples of the last StreamMuxConfig before them (or else of the first one)."""
    configs: list[tuple[int, int] | None] = []
    for frame in frames:
        start = frame.offset + _LOAS_HEADER
        config = _latm_config(es[start : min(start + _LATM_CONFIG_BYTES, frame.offset + frame.size)])
        configs.append(config or (configs[-1] if configs else None))
    first = (known.sample_rate, known.samples) if known else next((c for c in configs if c), _LATM_DEFAULT)
    result = []
    for frame, config in zip(frames, configs, strict=True):
        rate, samples = config or first
        result.append(AudioFrame(frame.offset, frame.size, samples, rate))
    return result


class _Bits:
    """Bits of a short piece of data from the left; beyond its end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)


@lru_cache(maxsize=256)
def _latm_config(data: bytes) -> tuple[int, int] | None:
    """(sample rate, samples of the whole AudioMuxElement) from its StreamMuxConfig; None if there is none."""
    bits = _Bits(data)
    if bits.take(1):  # useSameStreamMux
        return None
    version = bits.take(1)
    if version:
        if bits.take(1):  # audioMuxVersionA: reserved
            return None
        bits.take(8 * (bits.take(2) + 1))  # taraBufferFullness
    bits.take(1)
    subframes = bits.take(6) + 1
    bits.take(4 + 3)
    if version:
        bits.take(8 * (bits.take(2) + 1))  # the length of what follows
    config = _audio_specific_config(bits)
    return (config[0], config[1] * subframes) if config else None


def _audio_specific_config(bits: _Bits) -> tuple[int, int] | None:
    """(sample rate, samples per frame) of the core coder; with SBR both are half of what is heard."""
    object_type = _object_type(bits)
    rate = _latm_rate(bits)
    bits.take(4)
    if object_type in {5, 29}:  # SBR, PS: the rate of the extension, then the core's type
        _latm_rate(bits)
        object_type = _object_type(bits)
    if not rate or not object_type:
        return None
    short_frames = bits.take(1)
    if object_type in {23, 39}:  # low delay
        return rate, 480 if short_frames else 512
    return rate, 960 if short_frames else 1024


def _object_type(bits: _Bits) -> int:
    value = bits.take(5)
    return 32 + bits.take(6) if value == 31 else value


def _latm_rate(bits: _Bits) -> int:
    index = bits.take(4)
    if index == 15:
        return bits.take(24)
    return _AAC_RATES[index] if index < len(_AAC_RATES) else 0


_MPEG = _Syntax(b"\xff", _read_mpeg)
_AC3 = _Syntax(b"\x0b", _read_ac3)
_SYNTAX = {
    "mp1": _MPEG,
    "mp2": _MPEG,
    "mp3": _MPEG,
    "mp3float": _MPEG,  # what FFmpeg's decoder calls itself
    "ac3": _AC3,
    "eac3": _AC3,
    "aac": _Syntax(b"\xff", _read_adts),
    "aac_latm": _Syntax(b"\x56", _read_loas),
}
