"""How many bits re-encoded pictures may take at a place, so that a decoder's buffer holds."""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.domain.media import Source
from plexcut.media.cutting.h264_sets import source_sets, unit_nals
from plexcut.media.cutting.levels import RateLimit, h264_limit, hevc_limit, mpeg2_limit
from plexcut.media.cutting.plan import Plan
from plexcut.media.index.container import parameter_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader, open_units

_NEEDED = 2
"""Pictures that are to have 40 dB often take more bits than the source's own, by this at least where those are fine."""


def limit_at(reader: UnitReader, index: MediaIndex, row: int) -> RateLimit | None:
    """What the level of the stream at a keyframe allows; None where it is not known, or the stream itself takes more.

    Raises:
        FormatUnsupported: the keyframe's parameter sets are missing.
    """
    codec = index.video.codec
    found: RateLimit | None = None
    if codec == "h264":
        found = h264_limit(source_sets(reader, index, row).sps)
    elif codec in ("hevc", "mpeg2video"):
        unit = b"".join(next(reader.read(row, row + 1)))
        if codec == "mpeg2video":
            found = mpeg2_limit(unit)
        else:
            found = hevc_limit([*unit_nals(unit, index), *parameter_nals("hevc", index.video.extradata)])
    if found is None or 8 * int(index.size.sum()) * index.fps > found.rate * index.frames:
        return None
    return found


def own_bits(index: MediaIndex, frames: Sequence[int]) -> int:
    """What the source's own pictures of these frames take."""
    return 8 * int(index.size[index.display[list(frames)]].sum())


def most_bits(reader: UnitReader, index: MediaIndex, row: int, frames: Sequence[int]) -> int | None:
    """What pictures encoded in place of these may take in all; `row`: a keyframe near them. None: there is no limit.

    Never less than the source's own.

    Raises:
        FormatUnsupported: the keyframe's parameter sets are missing.
    """
    limit = limit_at(reader, index, row)
    if limit is None:
        return None
    return max(limit.most_bits(len(frames), index.fps), own_bits(index, frames))


def room_warnings(path: Source, index: MediaIndex, plan: Plan) -> tuple[str, ...]:
    """Where re-encoded pictures will hardly have 40 dB because the stream's level leaves no room for them.

    Raises:
        FileUnreadable: the source is gone.
    """
    encoded = [part.frames for part in plan.parts if part.kind == "encode"]
    if not encoded or not index.keys.size:
        return ()
    with open_units(path, index) as reader:
        limit = limit_at(reader, index, index.key_before(int(index.display[encoded[0].start])))
    if limit is None:
        return ()
    tight = [
        frames
        for frames in encoded
        if _NEEDED * own_bits(index, range(frames.start, frames.end)) > limit.most_bits(len(frames), index.fps)
    ]
    if not tight:
        return ()
    named = ", ".join(f"{frames.start}-{frames.end}" for frames in tight[:4])
    more = f" and {len(tight) - 4} more places" if len(tight) > 4 else ""
    allowed = f"the stream's level allows {limit.rate / 1e6:.1f} Mbit/s"
    return (f"{allowed}: re-encoded pictures (frames {named}{more}) have what quality fits",)
