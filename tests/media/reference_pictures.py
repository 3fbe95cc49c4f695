"""Coded pictures out of the units of a stream, one unit after the other: what the vectorised pass must find too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plexcut.media.bitstream import h264, hevc, mpeg2
from plexcut.media.bitstream.bits import BitReader
from plexcut.media.bitstream.pictures import PictureFlag


@dataclass(slots=True)
class CodedPicture:
    """A coded frame or field. `start` is its first byte in the elementary stream.

    `order_hint` counts in display order modulo `2**hint_bits` (picture order count or temporal reference), `hint_bits`
    0 where the stream has none. `structure` is as in MPEG-2: 1 top field, 2 bottom field, 3 frame.
    """

    start: int
    flags: PictureFlag
    order_hint: int
    hint_bits: int
    structure: int
    frame_num: int


class PictureAssembler:
    """Base of the codec state machines: `unit` takes every relevant unit in order, `pictures` collects the result."""

    def __init__(self) -> None:
        self.pictures: list[CodedPicture] = []
        self._start: int | None = None
        self._current: CodedPicture | None = None

    def relevant(self, heads: np.ndarray) -> np.ndarray:
        """Which units must be given to `unit`, from the two bytes behind each start code, `(n, 2)`."""
        raise NotImplementedError

    def unit(self, start: int, data: bytes, *, new_pes: bool = False) -> None:
        """A unit at `start`; `data` begins behind the start code and may be cut short.

        `new_pes`: a PES packet began since the last relevant unit.
        """
        raise NotImplementedError

    def end(self) -> None:
        """The picture that is being collected is whole (end of a packet or of the stream)."""
        if self._current is not None:
            self.pictures.append(self._current)
        self._current = None
        self._start = None

    def pending(self, default: int) -> int:
        """The first byte that may still be asked for: the start of the picture under way, or `default`."""
        if self._current is not None:
            return self._current.start
        return default if self._start is None else self._start

    def _opens(self, start: int) -> None:
        """A unit that belongs to the head of an access unit."""
        if self._current is not None:
            self.end()
        if self._start is None:
            self._start = start

    def _unknown(self) -> None:
        """A picture that cannot be told (its parameter sets were before the file's start) begins no access unit."""
        if self._current is None:
            self._start = None

    def _first_byte(self, start: int) -> int:
        return start if self._start is None else self._start


class H264Pictures(PictureAssembler):
    """H.264; one picture for each frame or field."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = h264.ParameterSets()
        self._recovery: int | None = None

    def relevant(self, heads: np.ndarray) -> np.ndarray:
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
            if self._current.flags & PictureFlag.INTRA and self._kind_of(data) not in (2, 4):
                self._current.flags &= ~PictureFlag.INTRA
            return
        header = self.sets.slice_header(data)
        if header is None:
            self._unknown()
            return
        if not first and self._current is not None:
            same = (self._current.frame_num, self._current.order_hint) == (header.frame_num, header.poc_lsb)
            if same:
                return
        if self._current is not None:
            self._recovery = None
            self.end()
        sps = self.sets.sps_of(header)
        flags = PictureFlag(0)
        intra = header.slice_type in (2, 4)
        if header.idr:
            flags |= PictureFlag.KEY | PictureFlag.CLOSED
        elif self._recovery is not None:
            flags |= PictureFlag.KEY if self._recovery == 0 and intra else PictureFlag.RECOVERY
        if intra:
            flags |= PictureFlag.INTRA
        if header.ref:
            flags |= PictureFlag.REF
        if not sps.frame_mbs_only:
            flags |= PictureFlag.INTERLACED
        structure = (2 if header.bottom else 1) if header.field else 3
        self._current = CodedPicture(
            self._first_byte(start), flags, header.poc_lsb, sps.poc_lsb_bits, structure, header.frame_num
        )
        self._recovery = None

    @staticmethod
    def _kind_of(data: bytes) -> int:
        reader = BitReader(data[1:12])
        reader.ue()
        return reader.ue() % 5


class HevcPictures(PictureAssembler):
    """HEVC."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = hevc.ParameterSets()

    def relevant(self, heads: np.ndarray) -> np.ndarray:
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
            return
        if self._current is not None:
            self.end()
        flags = PictureFlag(0)
        if hevc.BLA_W_LP <= kind <= hevc.CRA:
            flags |= PictureFlag.KEY | PictureFlag.INTRA
            if kind != hevc.CRA:
                flags |= PictureFlag.CLOSED
        if kind in (hevc.RADL_N, hevc.RADL_R):
            flags |= PictureFlag.RADL
        if kind >= hevc.BLA_W_LP or kind % 2 == 1:
            flags |= PictureFlag.REF
        self._current = CodedPicture(self._first_byte(start), flags, head.poc_lsb, head.poc_bits, 3, 0)


class Mpeg2Pictures(PictureAssembler):
    """MPEG-1 and MPEG-2 video; one picture for each frame or field."""

    def __init__(self) -> None:
        super().__init__()
        self._sequence = False
        self._seen_sequence = False
        self._closed = False

    def relevant(self, heads: np.ndarray) -> np.ndarray:
        code = heads[:, 0]
        return np.asarray((code == 0) | (code == 0xB3) | (code == 0xB5) | (code == 0xB8), np.bool_)

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
                self._current.flags |= PictureFlag.INTERLACED

    def _picture(self, start: int, data: bytes) -> None:
        if self._current is not None:
            self.end()
        head = mpeg2.picture_head(data)
        if not 1 <= head.coding_type <= 4 or not self._seen_sequence:
            self._start = None
            return
        flags = PictureFlag(0)
        if head.coding_type == mpeg2.I_PICTURE:
            flags |= PictureFlag.INTRA
            if self._sequence:
                flags |= PictureFlag.KEY
                if self._closed:
                    flags |= PictureFlag.CLOSED
        if head.coding_type != mpeg2.B_PICTURE:
            flags |= PictureFlag.REF
        self._current = CodedPicture(
            self._first_byte(start), flags, head.temporal_reference, 10, mpeg2.FRAME, head.temporal_reference
        )
        self._sequence = self._closed = False


ASSEMBLERS: dict[str, type[PictureAssembler]] = {
    "h264": H264Pictures,
    "hevc": HevcPictures,
    "mpeg2video": Mpeg2Pictures,
    "mpeg1video": Mpeg2Pictures,
}
"""Codecs whose pictures are told apart by plexcut itself, by FFmpeg's name of the codec."""
