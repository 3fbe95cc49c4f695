"""The heads of many HEVC slices at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream import hevc
from plexcut.media.bitstream.units import BitColumns, escaped

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

HEAD_BYTES = 18
"""Bytes of each slice segment that are looked at: the NAL unit's header, and 16 with fields."""

# What a picture parameter set says of its slices, as columns of a table by its id.
_USABLE, _OUTPUT, _EXTRA, _POC_BITS, _SEPARATE, _PPS_IDS = 0, 1, 2, 3, 4, 64


@dataclass(frozen=True, slots=True)
class SliceColumns:
    """Heads of first slice segments; of those not `known` the rest means nothing: they must be parsed singly."""

    known: Mask
    poc_lsb: I64
    poc_bits: I64


def slice_columns(sets: hevc.ParameterSets, pieces: U8, sizes: I64) -> SliceColumns:
    """What `ParameterSets.slice_head` says of NAL units of first slice segments, from their first `HEAD_BYTES`.

    `sizes`: bytes of each, where less than `HEAD_BYTES` the rest of its row is noise.
    """
    table = np.zeros((_PPS_IDS + 1, 5), np.int64)
    for number, (output, extra, poc_bits, separate) in sets.slice_fields():
        if 0 <= number < _PPS_IDS:
            table[number] = 1, output, extra, poc_bits, separate
    kind = pieces[:, 0] >> 1 & 63
    bits = BitColumns(pieces[:, 2:])
    bits.u(1)
    bits.u(1, (kind >= 16) & (kind <= 23))
    rows = table[np.minimum(bits.ue(), _PPS_IDS)]
    bits.u(rows[:, _EXTRA])
    bits.ue()
    bits.u(1, rows[:, _OUTPUT] != 0)
    bits.u(2, rows[:, _SEPARATE] != 0)
    idr = (kind == hevc.IDR_W_RADL) | (kind == hevc.IDR_N_LP)
    poc_lsb = bits.u(rows[:, _POC_BITS], ~idr)
    known = (rows[:, _USABLE] != 0) & ~bits.bad & (bits.used <= 8 * (sizes - 2)) & ~escaped(pieces)
    return SliceColumns(known, poc_lsb, rows[:, _POC_BITS])
