"""From NAL units (or MPEG-2 start-code units) to coded pictures: where each begins, and what kind it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream import h264, h264_slices, hevc, hevc_slices
from plexcut.media.bitstream.bits import BitReader
from plexcut.media.bitstream.coded import CodedPicture, PictureAssembler, PictureFlag, PictureRun
from plexcut.media.bitstream.h264_slices import SliceColumns, may_hold_recovery
from plexcut.media.bitstream.mpeg2_pictures import Mpeg2Pictures
from plexcut.media.bitstream.units import Units, first_of_run

__all__ = [
    "ASSEMBLERS",
    "CodedPicture",
    "H264Pictures",
    "HevcPictures",
    "Mpeg2Pictures",
    "PictureAssembler",
    "PictureFlag",
]

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SEI_BYTES = 96
_MANY = 8
"""Pictures that are worth making together."""

# As plain integers: hundreds of thousands of pictures are put together here, and enum arithmetic is slow.
_KEY, _CLOSED, _REF, _RADL, _INTRA, _RECOVERY, _INTERLACED = (
    int(flag)
    for flag in (
        PictureFlag.KEY,
        PictureFlag.CLOSED,
        PictureFlag.REF,
        PictureFlag.RADL,
        PictureFlag.INTRA,
        PictureFlag.RECOVERY,
        PictureFlag.INTERLACED,
    )
)
_H264_SLICES = np.isin(np.arange(32), (h264.SLICE, h264.PARTITION_A, h264.IDR))
_H264_HEADS = np.isin(np.arange(32), list(h264.BEGINS_ACCESS_UNIT))


class H264Pictures(PictureAssembler):
    """H.264; one picture for each frame or field."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = h264.ParameterSets()
        self._recovery: int | None = None

    def relevant(self, heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        kind = heads[:, 0] & 31
        return np.asarray((kind >= 1) & (kind <= 18) & (kind != 12) & (kind != 10) & (kind != 11), np.bool_)

    def unit(self, start: int, data: bytes, *, new_pes: bool = False) -> None:
        kind = data[0] & 31
        if kind in (h264.SLICE, h264.PARTITION_A, h264.IDR):
            self._slice(start, data, new_pes)
        elif kind in h264.BEGINS_ACCESS_UNIT:
            if self._current is not None:
                self._recovery = None
            self._opens(start)
            if kind in (h264.SPS, h264.PPS):
                self.sets.add(data)
            elif kind == h264.SEI and (count := h264.recovery_frames(data)) is not None:
                self._recovery = count

    def _slice(self, start: int, data: bytes, new_pes: bool) -> None:
        first = len(data) > 1 and bool(data[1] & 0x80)
        if not first and self._current is not None and not new_pes:
            if self._current.flags & _INTRA and self._kind_of(data) not in (2, 4):
                self._current.flags &= ~_INTRA
            return
        header = self.sets.slice_header(data)
        if header is None:
            self._unknown()
            return
        sps = self.sets.sps_of(header)
        flags = _KEY | _CLOSED if header.idr else 0
        if header.slice_type in (2, 4):
            flags |= _INTRA
        if header.ref:
            flags |= _REF
        if not sps.frame_mbs_only:
            flags |= _INTERLACED
        structure = (2 if header.bottom else 1) if header.field else 3
        picture = CodedPicture(start, flags, header.poc_lsb, sps.poc_lsb_bits, structure, header.frame_num)
        self._begins(picture, first=first)

    def _begins(self, picture: CodedPicture, *, first: bool) -> None:
        """A slice that may begin a picture, which `picture` is then, but for what the units before it say."""
        current = self._current
        if current is not None:
            if not first and (current.frame_num, current.order_hint) == (picture.frame_num, picture.order_hint):
                return
            self._recovery = None
            self.end()
        if self._recovery is not None:
            if not picture.flags & _KEY:
                picture.flags |= _KEY if self._recovery == 0 and picture.flags & _INTRA else _RECOVERY
            self._recovery = None
        if self._start is not None:
            picture.start = self._start
        self._current = picture

    @staticmethod
    def _kind_of(data: bytes) -> int:
        reader = BitReader(data[1:12])
        reader.ue()
        return reader.ue() % 5

    def units(self, units: Units) -> None:
        kind = units.heads[:, 0] & 31
        self._between_sets(units, np.flatnonzero((kind == h264.SPS) | (kind == h264.PPS)), self.sets.changes)

    def _run(self, units: Units, run: slice) -> None:
        starts, new_pes, heads = units.start[run], units.new_pes[run], units.heads[run]
        kind = heads[:, 0] & 31
        is_slice = _H264_SLICES[kind]
        exact, kept = np.zeros(kind.size, np.bool_), first_of_run(_H264_HEADS[kind])
        which = np.flatnonzero(is_slice)
        pieces = units.gather(which + run.start, h264_slices.HEAD_BYTES)
        slices = h264_slices.slice_columns(self.sets, pieces, units.sizes[run][which])
        first = (heads[which, 1] & 0x80) != 0
        kept[which] = ~_says_nothing(slices, which, first, new_pes[which])
        exact[which] = ~slices.known
        recovery = np.full(which.size, -1)
        for i, count in _recovery_points(units, np.flatnonzero(kind == h264.SEI) + run.start):
            k = int(np.searchsorted(which, i - run.start))
            if k < which.size and first[k] and slices.known[k]:
                recovery[k] = count
            else:
                exact[i - run.start] = True
        flags = np.where(slices.idr, _KEY | _CLOSED, 0) | np.where(slices.intra, _INTRA, 0)
        flags |= np.where(slices.ref, _REF, 0) | np.where(slices.progressive, 0, _INTERLACED)
        told = recovery >= 0
        flags |= np.where(told & (flags & _KEY == 0), np.where((recovery == 0) & slices.intra, _KEY, _RECOVERY), 0)
        columns = np.stack((first, flags, slices.poc_lsb, slices.poc_bits, slices.structure, slices.frame_num))
        chosen = np.flatnonzero(kept | exact)
        if not which.size:
            columns = np.zeros((6, 1), np.int64)
            told = np.zeros(1, np.bool_)
        slice_of = (np.cumsum(is_slice) - 1)[chosen]
        steps = _Steps(starts[chosen], is_slice[chosen], columns[:, slice_of], told[slice_of])
        begin = 0
        for special in np.flatnonzero(exact[chosen] | (steps.is_slice & (steps.columns[0] == 0))).tolist():
            self._regular(steps, begin, special)
            i, begin = int(chosen[special]), special + 1
            if exact[i]:
                self.unit(int(starts[i]), units.data(i + run.start), new_pes=bool(new_pes[i]))
            elif self._current is None or new_pes[i]:
                self._begins(steps.picture(special), first=False)
            elif not slices.intra[np.searchsorted(which, i)]:
                self._current.flags &= ~_INTRA
        self._regular(steps, begin, chosen.size)

    def _regular(self, steps: _Steps, begin: int, end: int) -> None:
        """Heads and first slices."""
        slices = begin + np.flatnonzero(steps.is_slice[begin:end])
        if slices.size < _MANY:
            self._one_by_one(steps, range(begin, end))
            return
        first, last = int(slices[0]), int(slices[-1])
        self._one_by_one(steps, range(begin, first + 1))
        if self._current is not None:
            self.pictures.append(self._current)
        # A picture begins with the unit behind the slice of the one before.
        places = steps.start[slices[:-1] + 1]
        self.runs.append(
            PictureRun(len(self.pictures), np.concatenate((places[None, :-1], steps.columns[1:, slices[1:-1]])))
        )
        self._current, self._start = steps.picture(last), None
        self._current.start = int(places[-1])
        self._one_by_one(steps, range(last + 1, end))

    def _one_by_one(self, steps: _Steps, which: range) -> None:
        for i in which:
            if steps.is_slice[i]:
                if steps.told[i]:
                    self._recovery = None
                self._begins(steps.picture(i), first=True)
            else:
                if self._current is not None:
                    self._recovery = None
                self._opens(int(steps.start[i]))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Units of H.264 that matter. `columns`, of slices: whether it is a first one, and what its picture is then.

    `told`, of slices: a recovery point stands before it, and its flags say so.
    """

    start: I64
    is_slice: Mask
    columns: I64
    told: Mask

    def picture(self, i: int) -> CodedPicture:
        flags, order_hint, hint_bits, structure, frame_num = self.columns[1:, i].tolist()
        return CodedPicture(int(self.start[i]), flags, order_hint, hint_bits, structure, frame_num)


def _recovery_points(units: Units, sei: I64) -> Iterator[tuple[int, int]]:
    """Which SEI units tell of a recovery point, and their `recovery_frame_cnt`."""
    if not sei.size:
        return
    pieces, sizes = units.gather(sei, _SEI_BYTES), units.sizes[sei]
    maybe = np.flatnonzero(may_hold_recovery(pieces, sizes))
    for i, size, piece in zip(sei[maybe].tolist(), sizes[maybe].tolist(), pieces[maybe], strict=True):
        count = h264.recovery_frames(piece[:size].tobytes() if size <= _SEI_BYTES else units.data(i))
        if count is not None:
            yield i, count


def _says_nothing(slices: SliceColumns, which: I64, first: Mask, new_pes: Mask) -> Mask:
    """Further slices of a picture that change nothing: it is not all intra any more, or stays so."""
    nothing = np.zeros(first.size, np.bool_)
    if first.size < 2:
        return nothing
    follows = slices.known[1:] & slices.known[:-1] & (np.diff(which) == 1)
    told = ~slices.intra[:-1] & (first[:-1] | ~new_pes[:-1])
    nothing[1:] = follows & ~first[1:] & ~new_pes[1:] & (slices.intra[1:] | told)
    return nothing


class HevcPictures(PictureAssembler):
    """HEVC."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = hevc.ParameterSets()

    def relevant(self, heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        kind = heads[:, 0] >> 1 & 63
        base_layer = ((heads[:, 0] & 1) == 0) & ((heads[:, 1] >> 3) == 0)
        keep = base_layer & ((kind <= 21) | ((kind >= 32) & (kind <= 35)) | (kind == 39) | (kind >= 41))
        return np.asarray(keep, np.bool_)

    def unit(self, start: int, data: bytes, *, new_pes: bool = False) -> None:
        kind = hevc.nal_type(data)
        if kind < 32:
            if len(data) > 2 and data[2] & 0x80:
                self._slice(start, data, kind)
        elif kind in hevc.BEGINS_ACCESS_UNIT:
            self._opens(start)
            if kind in (hevc.SPS, hevc.PPS):
                self.sets.add(data)

    def _slice(self, start: int, data: bytes, kind: int) -> None:
        head = self.sets.slice_head(data)
        if head is None:
            self._unknown()
        else:
            self._begins(start, kind, head.poc_lsb, head.poc_bits)

    def _begins(self, start: int, kind: int, poc_lsb: int, poc_bits: int) -> None:
        if self._current is not None:
            self.end()
        self._current = CodedPicture(self._first_byte(start), _HEVC_FLAGS[kind], poc_lsb, poc_bits, 3, 0)

    def units(self, units: Units) -> None:
        kind = units.heads[:, 0] >> 1 & 63
        self._between_sets(units, np.flatnonzero((kind == hevc.SPS) | (kind == hevc.PPS)), self.sets.changes)

    def _run(self, units: Units, run: slice) -> None:
        kind = units.heads[run, 0] >> 1 & 63
        kept = first_of_run(_HEVC_HEADS[kind])
        which = np.flatnonzero(kind < 32)
        pieces = units.gather(which + run.start, hevc_slices.HEAD_BYTES)
        sizes = units.sizes[run][which]
        first = (pieces[:, 2] & 0x80 != 0) & (sizes > 2)
        which, pieces, sizes = which[first], pieces[first], sizes[first]
        slices = hevc_slices.slice_columns(self.sets, pieces, sizes)
        columns = np.zeros((kind.size, 3), np.int64)
        columns[which] = np.stack((slices.known, slices.poc_lsb, slices.poc_bits), axis=1)
        kept[which] = True
        chosen = np.flatnonzero(kept)
        steps = zip(
            chosen.tolist(), units.start[run][chosen].tolist(), kind[chosen].tolist(), columns[chosen].tolist(),
            strict=True,
        )  # fmt: skip
        for i, start, nal_type, (known, poc_lsb, poc_bits) in steps:
            if nal_type >= 32:
                self._opens(start)
            elif known:
                self._begins(start, nal_type, poc_lsb, poc_bits)
            else:
                self.unit(start, units.data(i + run.start))


def _hevc_flags(kind: int) -> int:
    """What the type of a slice says of its picture."""
    flags = 0
    if hevc.BLA_W_LP <= kind <= hevc.CRA:
        flags |= _KEY | _INTRA
        if kind != hevc.CRA:
            flags |= _CLOSED
    if kind in (hevc.RADL_N, hevc.RADL_R):
        flags |= _RADL
    if kind >= hevc.BLA_W_LP or kind % 2 == 1:
        flags |= _REF
    return flags


_HEVC_FLAGS = tuple(_hevc_flags(kind) for kind in range(32))
_HEVC_HEADS = np.isin(np.arange(64), list(hevc.BEGINS_ACCESS_UNIT))


ASSEMBLERS: dict[str, type[PictureAssembler]] = {
    "h264": H264Pictures,
    "hevc": HevcPictures,
    "mpeg2video": Mpeg2Pictures,
    "mpeg1video": Mpeg2Pictures,
}
"""Codecs whose pictures are told apart by plexcut itself, by FFmpeg's name of the codec."""
