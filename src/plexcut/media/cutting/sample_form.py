"""Coded pictures in the two forms that files hold them in, and what is the same in both.

A transport stream has byte streams: start codes, delimiters, parameter sets and filler in band. A sample of MP4 and MKV
has lengths instead, no delimiters, and parameter sets mostly in the file's header.
"""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.media.bitstream import h264, hevc
from plexcut.media.bitstream.bits import annexb_nals, sized_nals
from plexcut.media.index.container import nal_length_size
from plexcut.media.index.model import MediaIndex

_H264_FILLER = 12
_HEVC_AUD, _HEVC_FILLER = 35, 38
_SETS = {"h264": (h264.SPS, h264.PPS), "hevc": (hevc.VPS, hevc.SPS, hevc.PPS)}
_LEFT_OUT = {"h264": (h264.AUD, _H264_FILLER), "hevc": (_HEVC_AUD, _HEVC_FILLER)}


def kind_of(codec: str, nal: bytes) -> int:
    """The type of a NAL unit, which is not empty."""
    return hevc.nal_type(nal) if codec == "hevc" else nal[0] & 31


def is_set(codec: str, nal: bytes) -> bool:
    """Whether a NAL unit is a parameter set."""
    return kind_of(codec, nal) in _SETS[codec]


def sample_nals(codec: str, nals: Sequence[bytes]) -> list[bytes]:
    """Of an access unit what a sample holds: neither delimiters nor filler."""
    return [nal for nal in nals if nal and kind_of(codec, nal) not in _LEFT_OUT[codec]]


def essence(index: MediaIndex, unit: bytes) -> bytes:
    """What of a coded picture is the same in every form: slices and messages, without parameter sets and framing."""
    codec = index.video.codec
    if codec not in _SETS:
        return unit.strip(b"\x00")
    size = nal_length_size(codec, index.video.extradata)
    nals = sized_nals(unit, size) if size else annexb_nals(unit)
    return b"\x00\x00\x01".join(nal for nal in sample_nals(codec, nals) if not is_set(codec, nal))


def of_one_form(one: MediaIndex, other: MediaIndex) -> bool:
    """Whether two files hold pictures in the same form, with parameter sets in the same place."""
    sized = [nal_length_size(index.video.codec, index.video.extradata) for index in (one, other)]
    return one.video.codec != "hevc" and sized[0] == sized[1] and one.container == other.container
