"""HEVC (ISO 23008-2): the headers that finding pictures needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from plexcut.media.bitstream.bits import BitReader, unescape

RADL_N, RADL_R, RASL_N, RASL_R = 6, 7, 8, 9
BLA_W_LP, BLA_N_LP, IDR_W_RADL, IDR_N_LP, CRA = 16, 18, 19, 20, 21
VPS, SPS, PPS, AUD, END_SEQUENCE, END_STREAM, PREFIX_SEI = 32, 33, 34, 35, 36, 37, 39
BEGINS_ACCESS_UNIT = frozenset({VPS, SPS, PPS, AUD, PREFIX_SEI, 41, 42, 43, 44, 48, 49, 50, 51, 52, 53, 54, 55})
"""A NAL unit of one of these types after the slices of a picture begins the next one (7.4.2.4.4)."""

_MOST_SETS = 64
"""Parameter sets, as they came, whose meaning is kept."""

END_OF_SEQUENCE_NAL = bytes([END_SEQUENCE << 1, 1])


def nal_type(nal: bytes) -> int:
    """`nal_unit_type`; `nal` is not empty."""
    return nal[0] >> 1 & 63


class SliceHead(NamedTuple):
    """The head of a picture's first slice segment; `poc_lsb` is 0 for an IDR picture."""

    nal_type: int
    slice_type: int
    poc_lsb: int
    poc_bits: int


class ParameterSets:
    """As much of SPS and PPS as slice heads need."""

    def __init__(self) -> None:
        self._sps: dict[int, tuple[int, bool]] = {}
        self._pps: dict[int, tuple[int, bool, int]] = {}

    def add(self, nal: bytes) -> None:
        """Take up a parameter set; damaged ones are ignored."""
        if nal_type(nal) == SPS and (sps := _parse_sps(nal)):
            self._sps[sps[0]] = sps[1:]
        elif nal_type(nal) == PPS and (pps := _parse_pps(nal)):
            self._pps[pps[0]] = pps[1:]

    def changes(self, nal: bytes) -> bool:
        """Whether `add` would change anything."""
        if nal_type(nal) == SPS:
            sps = _parse_sps(nal)
            return sps is not None and self._sps.get(sps[0]) != sps[1:]
        pps = _parse_pps(nal) if nal_type(nal) == PPS else None
        return pps is not None and self._pps.get(pps[0]) != pps[1:]

    def slice_fields(self) -> Iterator[tuple[int, tuple[bool, int, int, bool]]]:
        """By PPS: output flag present, extra bits, bits of the picture order count, separate planes."""
        for number, (sps_id, output, extra) in self._pps.items():
            if sps_id in self._sps:
                yield number, (output, extra, *self._sps[sps_id])

    def slice_head(self, nal: bytes) -> SliceHead | None:
        """The head of a first slice segment; None where its parameter sets are unknown or it is not a first one."""
        kind = nal_type(nal)
        r = BitReader(unescape(nal[:48]))
        r.u(16)
        if not r.flag():
            return None
        if 16 <= kind <= 23:
            r.flag()
        pps = self._pps.get(r.ue())
        sps = self._sps.get(pps[0]) if pps else None
        if pps is None or sps is None:
            return None
        r.u(pps[2])
        slice_type = r.ue()
        if pps[1]:
            r.flag()
        if sps[1]:
            r.u(2)
        lsb = 0 if kind in (IDR_W_RADL, IDR_N_LP) else r.u(sps[0])
        return None if r.overrun else SliceHead(kind, slice_type, lsb, sps[0])


@lru_cache(_MOST_SETS)
def _parse_sps(nal: bytes) -> tuple[int, int, bool] | None:
    """`(id, bits of the picture order count, separate planes)`; None where it is damaged."""
    r = BitReader(unescape(nal[:512]))
    r.u(16)
    r.u(4)
    sub_layers = r.u(3)
    r.u(1)
    r.u(88)
    r.u(8)
    present = [(r.flag(), r.flag()) for _ in range(sub_layers)]
    if sub_layers:
        r.u(2 * (8 - sub_layers))
    for profile, level in present:
        r.u((88 if profile else 0) + (8 if level else 0))
    sps_id = r.ue()
    separate = r.ue() == 3 and r.flag()
    r.ue()
    r.ue()
    if r.flag():
        for _ in range(4):
            r.ue()
    r.ue()
    r.ue()
    poc_bits = r.ue() + 4
    return None if r.overrun or poc_bits > 16 else (sps_id, poc_bits, separate)


@lru_cache(_MOST_SETS)
def _parse_pps(nal: bytes) -> tuple[int, int, bool, int] | None:
    """`(id, that of its SPS, output flag present, extra bits)`; None where it is damaged."""
    r = BitReader(unescape(nal[:64]))
    r.u(16)
    pps_id, sps_id = r.ue(), r.ue()
    r.flag()
    output_flag = r.flag()
    extra = r.u(3)
    return None if r.overrun else (pps_id, sps_id, output_flag, extra)
