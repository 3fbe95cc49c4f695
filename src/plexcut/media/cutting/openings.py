"""Access units that a copied part begins with."""

from __future__ import annotations

from plexcut.media.bitstream import h264, hevc


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
