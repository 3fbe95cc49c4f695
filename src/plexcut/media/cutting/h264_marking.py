"""Reference pictures of H.264 (ISO 14496-10, 8.2.5): which the source holds, and what its pictures do to them."""

from __future__ import annotations

from dataclasses import dataclass

from plexcut.media.bitstream import h264
from plexcut.media.bitstream.bits import BitReader, unescape
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.h264_sets import SourceSets, unit_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader


@dataclass(frozen=True, slots=True)
class Marking:
    """What a picture does to the reference pictures held: unmark those whose numbers lie so far back, in order.

    `drops` None: the oldest slides out.
    """

    frame_num: int
    drops: tuple[int, ...] | None


def followed(buffer: tuple[int, ...], marking: Marking, sets: SourceSets) -> tuple[Marking, tuple[int, ...]]:
    """A picture's marking without what is not held, and the reference pictures held behind it."""
    space = 1 << sets.sps.frame_num_bits
    if marking.drops is None:
        most = max(sets.sps.ref_frames, 1)
        kept = buffer[-(most - 1) :] if most > 1 else ()
        return marking, (*kept, marking.frame_num)
    drops = tuple(back for back in marking.drops if (marking.frame_num - back - 1) % space in buffer)
    gone = {(marking.frame_num - back - 1) % space for back in drops}
    return Marking(marking.frame_num, drops), (*(n for n in buffer if n not in gone), marking.frame_num)


def marking_of(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> Marking | None:
    """The marking of a reference picture of the source; None where it is none, or does more than unmark frames."""
    known = sets.parsed()
    found = _marking_of(unit_nals(next(reader.read(row, row + 1))[0], index), known)
    if found is None or not found[0].ref or any(op != 1 for op, _ in found[1] or ()):
        return None
    operations = found[1]
    return Marking(found[0].frame_num, None if operations is None else tuple(value for _, value in operations))


def references_before(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> frozenset[int] | None:
    """Frame numbers of the reference pictures that the source holds when it decodes the picture of `row`.

    None where they cannot be followed (field pictures, long-term references).
    """
    known = sets.parsed()
    earlier = index.keys[index.keys < row]
    start = int(earlier[max(0, earlier.size - 3)]) if earlier.size else row
    space = 1 << sets.sps.frame_num_bits
    held: list[int] = []
    for unit in reader.read(start, row):
        marked = _marking_of(unit_nals(unit[0], index), known)
        if marked is None:
            return None
        header, operations = marked
        if not header.ref:
            continue
        if header.idr:
            held = []
        for op, value in operations or ():
            if op == 1:
                gone = (header.frame_num - value - 1) % space
                held = [number for number in held if number != gone]
            elif op == 5:
                held = []
            else:
                return None
        if operations is None and len(held) >= max(sets.sps.ref_frames, 1):
            held = held[1:]
        held.append(header.frame_num)
    return frozenset(held)


def unclean_opening(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> bool:
    """Whether pictures behind a keyframe unmark ones before it, which decoders report missing if it is the first."""
    marking = marking_of(reader, index, row, sets)
    if marking is None:
        return False
    _, buffer = followed((), marking, sets)
    behind = index.keys[index.keys > row]
    end = int(behind[1]) if behind.size > 1 else index.pts.size
    for other in range(row + 1, min(end, row + 250)):
        if not index.flags[other] & PictureFlag.REF or index.pts[other] < index.pts[row]:
            continue
        if index.flags[other] & PictureFlag.CLOSED:
            break
        marking = marking_of(reader, index, other, sets)
        if marking is None:
            break
        possible, buffer = followed(buffer, marking, sets)
        if possible != marking:
            return True
    return False


def _marking_of(
    nals: list[bytes], sets: h264.ParameterSets
) -> tuple[h264.SliceHeader, list[tuple[int, int]] | None] | None:
    for nal in nals:
        kind = nal[0] & 31 if nal else 0
        if kind in (h264.SLICE, h264.IDR, h264.PARTITION_A):
            data = unescape(nal[:512])
            reader = BitReader(data)
            header = sets.header_of(reader)
            if header is None or header.field:
                return None
            tail = h264.header_tail(reader, header, sets, kind)
            reader = BitReader(data)
            reader.pos = tail.marking
            return header, h264.read_marking(reader, header, kind)
    return None
