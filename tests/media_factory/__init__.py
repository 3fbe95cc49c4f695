"""Clips whose pictures carry their frame number and whose sound carries the time, for every codec and oddity.

    clip = clip_cache.get(CLIPS["h264_open_gop_50p"])
    assert [picture.number for picture in decode_numbers(clip.path)] == list(range(clip.frames))

`clip_cache` is a pytest fixture in `tests.media_factory.fixtures`.
"""

from tests.media_factory.clips import CLIPS
from tests.media_factory.decode import (
    DecodedSound,
    NumberedPicture,
    decode_numbers,
    decode_numbers_with_ffmpeg,
    decode_sound,
)
from tests.media_factory.make import ClipCache, make_clip
from tests.media_factory.numbers import draw_yuv, read_number
from tests.media_factory.spec import AudioSpec, Clip, ClipSpec, Damage, Discontinuity, SubtitleSpec
from tests.media_factory.tones import Beep, make_sound, read_beeps, read_seconds

__all__ = [
    "CLIPS",
    "AudioSpec",
    "Beep",
    "Clip",
    "ClipCache",
    "ClipSpec",
    "Damage",
    "DecodedSound",
    "Discontinuity",
    "NumberedPicture",
    "SubtitleSpec",
    "decode_numbers",
    "decode_numbers_with_ffmpeg",
    "decode_sound",
    "draw_yuv",
    "make_clip",
    "make_sound",
    "read_beeps",
    "read_number",
    "read_seconds",
]
