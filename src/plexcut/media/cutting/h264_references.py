"""Reference pictures of H.264 (ISO 14496-10, 8.2.5): which a decoder holds, and what each picture does to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from plexcut.media.bitstream import h264
from plexcut.media.bitstream.bits import BitReader, unescape
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.h264_sets import SourceSets, unit_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader

_UNMARK, _RESET = 1, 5
_GROUPS_BEFORE = 3
"""From so many keyframes ahead it is followed which reference pictures are held."""
_MOST_FOLLOWED = 250
_FRAME, _TOP, _BOTTOM = 3, 1, 2
"""Bits of what is held of a frame."""


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """A reference picture, frame or field, and its marking.

    `drops`: what it unmarks, as `difference_of_pic_nums_minus1`, in order; None lets the oldest slide out. `second`: it
    is the second field of its frame.
    """

    frame_num: int
    idr: bool = False
    parity: int = _FRAME
    second: bool = False
    drops: tuple[int, ...] | None = None

    def target(self, value: int, space: int) -> tuple[int, int]:
        """Frame number and fields of what one of `drops` names (8.2.4.1)."""
        if self.parity == _FRAME:
            return (self.frame_num - value - 1) % space, _FRAME
        same = (value + 1) % 2 == 0
        return (self.frame_num - (value + 1) // 2) % space, self.parity if same else _FRAME - self.parity

    def names(self, frame_num: int, held: int, space: int) -> list[int]:
        """What `drops` must hold to unmark the fields `held` of a frame."""
        back = (self.frame_num - frame_num) % space
        if self.parity == _FRAME:
            return [back - 1]
        return [2 * back - 1] * bool(held & self.parity) + [2 * back] * bool(held & (_FRAME - self.parity))


@dataclass(slots=True)
class Buffer:
    """The reference frames that are held, oldest first: frame number and which fields; at most `most`."""

    space: int
    most: int
    held: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, sets: SourceSets) -> Buffer:
        """An empty one."""
        return cls(1 << sets.sps.frame_num_bits, max(sets.sps.ref_frames, 1))

    def copy(self) -> Buffer:
        return Buffer(self.space, self.most, list(self.held))

    @property
    def frames(self) -> frozenset[int]:
        """Frame numbers."""
        return frozenset(number for number, _ in self.held)

    def possible(self, picture: CodedPicture) -> tuple[int, ...] | None:
        """A picture's `drops` without what is not held."""
        if picture.drops is None:
            return None
        rest = dict(self.held)
        found: list[int] = []
        for value in picture.drops:
            number, fields = picture.target(value, self.space)
            if rest.get(number, 0) & fields:
                rest[number] &= ~fields
                found.append(value)
        return tuple(found)

    def take(self, picture: CodedPicture) -> None:
        """Mark a decoded reference picture, and unmark what it unmarks."""
        if picture.idr:
            self.held = []
        elif picture.drops is not None:
            for value in picture.drops:
                number, fields = picture.target(value, self.space)
                self.held = [(n, held & ~fields if n == number else held) for n, held in self.held]
            self.held = [(n, held) for n, held in self.held if held]
        elif not picture.second and len(self.held) >= self.most:
            self.held = self.held[1:]
        if picture.second and self.held and self.held[-1][0] == picture.frame_num:
            self.held[-1] = picture.frame_num, self.held[-1][1] | picture.parity
        else:
            self.held.append((picture.frame_num, picture.parity))

    def take_all(self, pictures: Sequence[CodedPicture]) -> None:
        """The same for several."""
        for picture in pictures:
            self.take(picture)

    def fill(self, before: int, behind: int) -> int:
        """What a decoder fills a gap of the frame numbers with (8.2.5.2); gives how many frames are missing."""
        missing = (behind - before - 1) % self.space
        for back in range(min(missing, self.most), 0, -1):
            if len(self.held) >= self.most:
                self.held = self.held[1:]
            self.held.append(((behind - back) % self.space, _FRAME))
        return missing


def coded_pictures(unit: bytes, index: MediaIndex, known: h264.ParameterSets) -> list[CodedPicture] | None:
    """The reference pictures of an access unit: a frame, a field or two; none if it is none.

    None where it does more to reference pictures than to unmark them, or cannot be read.
    """
    found: list[CodedPicture] = []
    fields = 0
    for nal in unit_nals(unit, index):
        kind = nal[0] & 31 if nal else 0
        if kind not in (h264.SLICE, h264.IDR, h264.PARTITION_A):
            continue
        data = unescape(nal[:512])
        reader = BitReader(data)
        header = known.header_of(reader)
        if header is None:
            return None
        if header.first_mb:
            continue
        fields += header.field
        if not header.ref:
            continue
        tail = h264.header_tail(reader, header, known, kind)
        reader = BitReader(data)
        reader.pos = tail.marking
        operations = h264.read_marking(reader, header, kind)
        if reader.overrun or any(op != _UNMARK for op, _ in operations or ()):
            return None
        found.append(
            CodedPicture(
                header.frame_num,
                header.idr,
                (_BOTTOM if header.bottom else _TOP) if header.field else _FRAME,
                second=header.field and fields > 1,
                drops=None if operations is None else tuple(value for _, value in operations),
            )
        )
    return found


def _followed(
    reader: UnitReader, index: MediaIndex, rows: range, known: h264.ParameterSets
) -> Iterator[tuple[int, list[CodedPicture] | None]]:
    for row, unit in enumerate(reader.read(rows.start, rows.stop), rows.start):
        yield row, coded_pictures(unit[0], index, known)


def held_before(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> Buffer | None:
    """What the source holds when it decodes the picture of `row`; None where that cannot be followed."""
    earlier = index.keys[index.keys < row]
    start = int(earlier[max(0, earlier.size - _GROUPS_BEFORE)]) if earlier.size else row
    buffer = Buffer.of(sets)
    for _, pictures in _followed(reader, index, range(start, row), sets.parsed()):
        if pictures is None:
            return None
        for picture in pictures:
            buffer.take(picture)
    return buffer


def unclean_opening(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> bool:
    """Whether pictures behind a keyframe unmark ones before it, which decoders report missing if it is the first."""
    buffer = Buffer.of(sets)
    behind = index.keys[index.keys > row]
    end = int(behind[1]) if behind.size > 1 else index.pts.size
    for other, pictures in _followed(reader, index, range(row, min(end, row + _MOST_FOLLOWED)), sets.parsed()):
        if other > row and (index.pts[other] < index.pts[row] or not pictures):
            continue
        if pictures is None or (other > row and index.flags[other] & PictureFlag.CLOSED):
            return False
        for picture in pictures:
            # What the keyframe itself unmarks is taken out of it.
            if other > row and buffer.possible(picture) != picture.drops:
                return True
            buffer.take(_only(picture, buffer.possible(picture)))
    return False


def _only(picture: CodedPicture, drops: tuple[int, ...] | None) -> CodedPicture:
    return CodedPicture(picture.frame_num, picture.idr, picture.parity, picture.second, drops)


def fitted_marking(
    pictures: Sequence[CodedPicture], buffer: Buffer, wanted: frozenset[int] | None
) -> list[tuple[int, ...] | None]:
    """What a copied frame's pictures must unmark so that `buffer`, which is before them, becomes the source's.

    `wanted`: the frame numbers that the source holds before them, None where that is not known. `buffer` is then what
    is held behind them.
    """
    found: list[tuple[int, ...] | None] = []
    for i, picture in enumerate(pictures):
        drops = buffer.possible(picture)
        if i == 0 and wanted is not None:
            strange = [(n, held) for n, held in buffer.held if n not in wanted]
            more = [value for n, held in strange for value in picture.names(n, held, buffer.space)]
            if more and drops is None and len(buffer.held) - len(strange) >= buffer.most:
                n, held = next(entry for entry in buffer.held if entry[0] in wanted)
                more += picture.names(n, held, buffer.space)
            if more:
                named = set(more)
                drops = (*more, *(value for value in drops or () if value not in named))
        buffer.take(_only(picture, drops))
        found.append(drops)
    return found
