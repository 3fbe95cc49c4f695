"""How many bits a stream's level lets pictures take, so that re-encoded ones do not overrun a decoder's buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from plexcut.media.bitstream import h264, hevc, mpeg2
from plexcut.media.bitstream.bits import unescape
from plexcut.media.cutting.mpeg2_join import split_units

_KILO = 1000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a level allows: `rate` in bits per second, `buffer` in bits."""

    rate: int
    buffer: int

    def most_bits(self, pictures: int, fps: Fraction) -> int:
        """What so many re-encoded pictures in a row may take: half of the buffer is left to the copied ones around."""
        return int(self.rate * pictures / fps) + self.buffer // 2


_H264_LEVELS = {
    9: (128, 350), 10: (64, 175), 11: (192, 500), 12: (384, 1000), 13: (768, 2000), 20: (2000, 2000), 21: (4000, 4000),
    22: (4000, 4000), 30: (10_000, 10_000), 31: (14_000, 14_000), 32: (20_000, 20_000), 40: (20_000, 25_000),
    41: (50_000, 62_500), 42: (50_000, 62_500), 50: (135_000, 135_000), 51: (240_000, 240_000), 52: (240_000, 240_000),
}  # fmt: skip
"""Kilobits of rate and buffer of the lower profiles (ISO 14496-10, table A-1)."""
_H264_MORE = {100: Fraction(5, 4), 110: Fraction(3), 122: Fraction(4), 244: Fraction(4)}
"""How much more the higher profiles have (table A-2)."""

_HEVC_MAIN = {
    60: 1500, 63: 3000, 90: 6000, 93: 10_000, 120: 12_000, 123: 20_000, 150: 25_000, 153: 40_000, 156: 60_000,
    180: 60_000, 183: 120_000, 186: 240_000,
}  # fmt: skip
_HEVC_HIGH = {
    120: 30_000, 123: 50_000, 150: 100_000, 153: 160_000, 156: 240_000, 180: 240_000, 183: 480_000, 186: 800_000,
}  # fmt: skip
"""Kilobits of rate, of the buffer as well (ISO 23008-2, table A.9), by `general_level_idc`."""

_MPEG2_LEVELS = {
    0x4A: (4_000_000, 475_136), 0x48: (15_000_000, 1_835_008), 0x46: (60_000_000, 7_340_032),
    0x44: (80_000_000, 9_781_248), 0x85: (50_000_000, 9_437_184), 0x82: (300_000_000, 47_185_920),
}  # fmt: skip
"""By `profile_and_level_indication` (ISO 13818-2, tables 8-2, 8-13, 8-14); Main and 4:2:2 profile."""


def h264_limit(sps: h264.SequenceParameters) -> RateLimit | None:
    """What the level of a sequence allows; None where it is not known."""
    found = _H264_LEVELS.get(sps.level)
    if found is None:
        return None
    more = _KILO * _H264_MORE.get(sps.profile, Fraction(1))
    return RateLimit(int(found[0] * more), int(found[1] * more))


def hevc_limit(nals: Sequence[bytes]) -> RateLimit | None:
    """What the level of the first sequence parameter set among `nals` allows; None without one, or where not known."""
    for nal in nals:
        if len(nal) > 2 and hevc.nal_type(nal) == hevc.SPS:
            data = unescape(nal[:32])
            if len(data) < 15:
                return None
            kilobits = (_HEVC_HIGH if data[3] & 0x20 else _HEVC_MAIN).get(data[14])
            return None if kilobits is None else RateLimit(_KILO * kilobits, _KILO * kilobits)
    return None


def mpeg2_limit(keyframe: bytes) -> RateLimit | None:
    """What the sequence extension in front of a keyframe allows; None where it does not say."""
    for unit in split_units(keyframe):
        if unit[:1] == bytes([mpeg2.EXTENSION]) and len(unit) > 2 and unit[1] >> 4 == 1:
            found = _MPEG2_LEVELS.get((unit[1] & 0x0F) << 4 | unit[2] >> 4)
            return None if found is None else RateLimit(*found)
    return None
