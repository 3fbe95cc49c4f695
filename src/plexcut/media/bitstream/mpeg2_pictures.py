"""From start-code units of MPEG-1 and MPEG-2 video to coded pictures, one by one and many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream import mpeg2
from plexcut.media.bitstream.coded import CodedPicture, PictureAssembler, PictureFlag, PictureRun
from plexcut.media.bitstream.units import Units

I64 = npt.NDArray[np.int64]

_HEAD_BYTES = 8
"""Bytes of its units that are looked at."""
_HINT_BITS = 10
_MANY = 8
"""Pictures that are worth making together."""

_KEY, _CLOSED, _REF, _INTRA, _INTERLACED = (
    int(flag)
    for flag in (
        PictureFlag.KEY,
        PictureFlag.CLOSED,
        PictureFlag.REF,
        PictureFlag.INTRA,
        PictureFlag.INTERLACED,
    )
)


class Mpeg2Pictures(PictureAssembler):
    """MPEG-1 and MPEG-2 video; one picture for each frame or field."""

    def __init__(self) -> None:
        super().__init__()
        self._sequence = False
        self._seen_sequence = False
        self._closed = False

    def relevant(self, heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        code = heads[:, 0]
        return np.asarray((code == 0) | (code == 0xB3) | (code == 0xB5) | (code == 0xB8), np.bool_)

    def units(self, units: Units) -> None:
        heads = units.gather(np.arange(units.start.size), _HEAD_BYTES)
        heads[np.arange(_HEAD_BYTES) >= units.sizes[:, None]] = 0
        columns = _Columns(units.start, heads, units.sizes)
        done = self._to_first_picture(columns) if columns.shown.size > _MANY else 0
        first = int(np.searchsorted(columns.shown, done))
        if columns.shown.size - first > _MANY:
            # The picture under way may still get something from the units before the next one.
            self._one_by_one(columns, done, int(columns.shown[first]))
            if self._current is not None:
                self.pictures.append(self._current)
            pictures = columns.pictures(first)
            self.runs.append(PictureRun(len(self.pictures), pictures[:, :-1]))
            self._current = CodedPicture(*pictures[:, -1].tolist())
            self._start, self._sequence, self._closed = None, False, False
            done = int(columns.shown[-1]) + 1
        self._one_by_one(columns, done, units.start.size)

    def _to_first_picture(self, columns: _Columns) -> int:
        """Take units until one has begun a picture; how many that were."""
        for i in range(columns.start.size):
            self._one_by_one(columns, i, i + 1)
            if self._current is not None and columns.code[i] == mpeg2.PICTURE:
                return i + 1
        return columns.start.size

    def _one_by_one(self, columns: _Columns, begin: int, end: int) -> None:
        data = columns.heads[begin:end].tobytes()
        sizes = np.minimum(columns.sizes[begin:end], _HEAD_BYTES).tolist()
        for at, start, size in zip(
            range(0, len(data), _HEAD_BYTES), columns.start[begin:end].tolist(), sizes, strict=True
        ):
            self.unit(start, data[at : at + size])

    def unit(self, start: int, data: bytes, *, new_pes: bool = False) -> None:
        code = data[0]
        if code == mpeg2.SEQUENCE:
            self._opens(start)
            self._sequence = self._seen_sequence = True
        elif code == mpeg2.GROUP:
            self._opens(start)
            self._closed = mpeg2.group_is_closed(data)
        elif code == mpeg2.PICTURE:
            self._picture(start, data)
        elif self._current is not None and (extension := mpeg2.coding_extension(data)):
            self._current.structure = extension.structure or mpeg2.FRAME
            if not extension.progressive:
                self._current.flags |= _INTERLACED

    def _picture(self, start: int, data: bytes) -> None:
        if self._current is not None:
            self.end()
        head = mpeg2.picture_head(data)
        if not 1 <= head.coding_type <= 4 or not self._seen_sequence:
            self._start = None
            return
        flags = 0
        if head.coding_type == mpeg2.I_PICTURE:
            flags |= _INTRA
            if self._sequence:
                flags |= _KEY
                if self._closed:
                    flags |= _CLOSED
        if head.coding_type != mpeg2.B_PICTURE:
            flags |= _REF
        self._current = CodedPicture(
            self._first_byte(start), flags, head.temporal_reference, _HINT_BITS, mpeg2.FRAME, head.temporal_reference
        )
        self._sequence = self._closed = False


class _Columns:
    """Units and their first bytes, `(n, 8)`, zeros behind their end.

    `shown` are the picture headers whose coding type there is.
    """

    def __init__(self, start: I64, heads: npt.NDArray[np.uint8], sizes: I64) -> None:
        self.start, self.heads, self.sizes = start, heads, sizes
        self.code = heads[:, 0]
        self._any_picture = np.flatnonzero(self.code == mpeg2.PICTURE)
        word = heads[self._any_picture, 1].astype(np.int64) << 8 | heads[self._any_picture, 2]
        kind = word >> 3 & 7
        told = (kind >= 1) & (kind <= 4)
        self.shown = self._any_picture[told]
        self._reference, self._kind = word[told] >> 6, kind[told]

    def pictures(self, first: int) -> I64:
        """Those of `shown` from the one with this number on, as the columns of a `PictureRun`.

        A picture was begun by the picture header before; a sequence header has been seen. Of the last one the units
        behind its header are left out.
        """
        code, shown = self.code, self.shown[first:]
        # `first` is never 0: that one is begun singly.
        before = self.shown[first - 1 : -1]
        openers = np.flatnonzero((code == mpeg2.SEQUENCE) | (code == mpeg2.GROUP))
        sequences, groups = np.flatnonzero(code == mpeg2.SEQUENCE), np.flatnonzero(code == mpeg2.GROUP)
        last_header = self._any_picture[np.searchsorted(self._any_picture, shown) - 1]
        opener = np.append(openers, code.size)[np.searchsorted(openers, last_header, side="right")]
        start = self.start[np.minimum(opener, shown)]
        intra = self._kind[first:] == mpeg2.I_PICTURE
        key = intra & (np.searchsorted(sequences, shown) > np.searchsorted(sequences, before))
        group = np.searchsorted(groups, shown)
        closed = np.append(self.heads[groups, 4] & 0x40, 0)[group - 1] != 0
        closed &= key & (group > np.searchsorted(groups, before))
        flags = intra * _INTRA | key * _KEY | closed * _CLOSED | (self._kind[first:] != mpeg2.B_PICTURE) * _REF
        structure = np.full(shown.size, mpeg2.FRAME)
        self._extend(shown[:-1], openers, structure, flags)
        reference = self._reference[first:]
        return np.stack((start, flags, reference, np.full(shown.size, _HINT_BITS), structure, reference))

    def _extend(self, shown: I64, openers: I64, structure: I64, flags: I64) -> None:
        """What the picture coding extensions say of pictures."""
        heads = self.heads
        coding = (self.code == mpeg2.EXTENSION) & (heads[:, 1] >> 4 == mpeg2.CODING_EXTENSION) & (self.sizes >= 6)
        extension = np.flatnonzero(coding)
        header = np.searchsorted(self._any_picture, extension) - 1
        extension, header = extension[header >= 0], self._any_picture[header[header >= 0]]
        which = np.searchsorted(shown, header)
        mine = np.append(shown, -1)[which] == header
        mine &= np.searchsorted(openers, extension) == np.searchsorted(openers, header)
        extension, which = extension[mine], which[mine]
        told = heads[extension, 3] & 3
        # Of several the last one counts.
        structure[which] = np.where(told == 0, mpeg2.FRAME, told)
        flags[which[heads[extension, 5] & 0x80 == 0]] |= _INTERLACED
