"""Access units that a copied part begins with."""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream import h264, hevc
from plexcut.media.cutting.h264_sets import rows_with_sets, unit_nals
from plexcut.media.index.container import parameter_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader

HEVC_SETS = (hevc.VPS, hevc.SPS, hevc.PPS)


def with_opening(nals: list[bytes], opening: list[bytes], delimiter: int) -> list[bytes]:
    """`opening` in front of an access unit, but behind its delimiter."""
    first = nals[0][0] & 31 if delimiter == h264.AUD else hevc.nal_type(nals[0])
    at = 1 if first == delimiter else 0
    return [*nals[:at], *opening, *nals[at:]]


def broken_link(nals: list[bytes]) -> list[bytes]:
    """An HEVC access unit with its CRA slices as BLA without leading pictures; their syntax is the same.

    A CRA picture behind an end of sequence would also start anew, but throws away what was not shown yet (C.5.2.2).
    """
    return [
        bytes([nal[0] & 0x81 | hevc.BLA_N_LP << 1]) + nal[1:] if hevc.nal_type(nal) == hevc.CRA else nal for nal in nals
    ]


def missing_hevc_sets(reader: UnitReader, index: MediaIndex, row: int) -> list[bytes]:
    """The HEVC parameter sets that a keyframe's access unit does not bring itself, from elsewhere in the recording.

    Raises:
        FormatUnsupported: they are nowhere to be found.
    """
    own = {hevc.nal_type(nal) for nal in _nals(reader, index, row)}
    if own.issuperset(HEVC_SETS):
        return []
    kept: dict[int, list[bytes]] = {}
    _take(kept, parameter_nals("hevc", index.video.extradata))
    for rows in rows_with_sets(index, row):
        for each in rows:
            _take(kept, _nals(reader, index, each))
        if own.union(kept).issuperset(HEVC_SETS):
            return [nal for kind in HEVC_SETS if kind not in own for nal in kept[kind]]
    raise FormatUnsupported("a keyframe's parameter sets are missing", "cut at another place")


def _nals(reader: UnitReader, index: MediaIndex, row: int) -> list[bytes]:
    return unit_nals(b"".join(next(reader.read(row, row + 1))), index)


def _take(kept: dict[int, list[bytes]], nals: Sequence[bytes]) -> None:
    """Parameter sets by their kind: those of one access unit take the place of earlier ones."""
    fresh: dict[int, list[bytes]] = {}
    for nal in nals:
        if hevc.nal_type(nal) in HEVC_SETS:
            fresh.setdefault(hevc.nal_type(nal), []).append(nal)
    kept.update(fresh)
