"""The heads of many H.264 slices at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream import h264
from plexcut.media.bitstream.units import BitColumns, escaped

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

HEAD_BYTES = 17
"""Bytes of each slice that are looked at: the NAL unit's first one, and 16 with fields."""

# What a picture parameter set says of its slices, as columns of a table by its id.
_USABLE, _SEPARATE, _NUM_BITS, _FRAMES, _POC_BITS, _DELTA, _PPS_IDS = 0, 1, 2, 3, 4, 5, 256


@dataclass(frozen=True, slots=True)
class SliceColumns:
    """Slice heads; of those not `known` the rest means nothing: they must be parsed singly.

    Not known are those with emulation prevention in their head, of unknown or unusual parameter sets, and cut off ones.
    `poc_bits` as in their sequence's parameters, `progressive` its `frame_mbs_only`.
    """

    known: Mask
    intra: Mask
    idr: Mask
    ref: Mask
    progressive: Mask
    structure: I64
    frame_num: I64
    poc_lsb: I64
    poc_bits: I64


def _table(sets: h264.ParameterSets) -> I64:
    table = np.zeros((_PPS_IDS + 1, 6), np.int64)
    for number, pps in sets.pps.items():
        sps = sets.sps.get(pps.sps)
        if sps is None or not 0 <= number < _PPS_IDS or (sps.poc_type == 1 and not sps.delta_always_zero):
            continue
        delta = sps.poc_type == 0 and pps.bottom_poc_present
        table[number] = (
            1, sps.separate_planes, sps.frame_num_bits, sps.frame_mbs_only, sps.poc_lsb_bits, delta,
        )  # fmt: skip
    return table


def slice_columns(sets: h264.ParameterSets, pieces: U8, sizes: I64) -> SliceColumns:
    """What `ParameterSets.slice_header` says of NAL units, from their first `HEAD_BYTES`, `(n, HEAD_BYTES)`.

    `sizes`: bytes of each, where less than `HEAD_BYTES` the rest of its row is noise.
    """
    head = pieces[:, 0]
    idr = (head & 31) == h264.IDR
    bits = BitColumns(pieces[:, 1:])
    bits.ue()
    slice_type = bits.ue() % 5
    rows = _table(sets)[np.minimum(bits.ue(), _PPS_IDS)]
    progressive = rows[:, _FRAMES] != 0
    bits.u(2, rows[:, _SEPARATE] != 0)
    frame_num = bits.u(rows[:, _NUM_BITS])
    field = bits.u(1, ~progressive) != 0
    bottom = bits.u(1, field) != 0
    bits.ue(idr)
    poc_lsb = bits.u(rows[:, _POC_BITS])
    bits.ue((rows[:, _DELTA] != 0) & ~field)
    known = (rows[:, _USABLE] != 0) & ~bits.bad & (bits.used <= 8 * (sizes - 1)) & ~escaped(pieces)
    return SliceColumns(
        known=known,
        intra=(slice_type == 2) | (slice_type == 4),
        idr=idr,
        ref=(head & 0x60) != 0,
        progressive=progressive,
        structure=np.where(field, np.where(bottom, 2, 1), 3),
        frame_num=frame_num,
        poc_lsb=poc_lsb,
        poc_bits=rows[:, _POC_BITS],
    )


def may_hold_recovery(pieces: U8, sizes: I64) -> Mask:
    """Which SEI NAL units may hold a recovery point, from their first bytes `(n, m)`, noise behind `sizes`."""
    n, width = pieces.shape
    rows = np.arange(n)
    triples = (pieces[:, :-2] == 0) & (pieces[:, 1:-1] == 0) & (pieces[:, 2:] == 3)
    clear = np.where(triples.any(axis=1), triples.argmax(axis=1), width)
    at = np.ones(n, np.int64)
    maybe = np.zeros(n, np.bool_)
    under_way = at + 2 <= sizes
    while under_way.any():
        beyond = (at + 2 > clear) | (at + 2 > width)
        here = np.minimum(at, width - 2)
        kind, size = pieces[rows, here], pieces[rows, here + 1]
        maybe |= under_way & (beyond | (kind == h264.RECOVERY_POINT) | (kind == 255) | (size == 255))
        under_way &= ~maybe
        at += 2 + size.astype(np.int64)
        under_way &= at + 2 <= sizes
    return maybe
