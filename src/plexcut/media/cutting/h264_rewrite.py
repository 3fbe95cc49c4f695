"""Writing H.264 slice headers anew, so that encoded pictures belong to the source's sequence (ISO 14496-10, 7.3.3)."""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream import h264
from plexcut.media.bitstream.bits import BitReader, BitWriter, escape, unescape
from plexcut.media.cutting.h264_numbers import Numbered
from plexcut.media.cutting.h264_sets import SourceSets

_RECOVERY_POINT = bytes([h264.SEI, 6, 1, 0xC4, 0x80])
"""An SEI NAL unit: recovery point, at this picture, exact match, link not broken (D.1.8)."""


def fit(units: Sequence[list[bytes]], numbers: Sequence[Numbered], sets: SourceSets) -> list[list[bytes]]:
    """Make encoded access units (IDR or P, one slice each) pictures of the source's sequence, numbered as told."""
    own = h264.ParameterSets()
    fitted: list[list[bytes]] = []
    pps = b""
    for unit, number in zip(units, numbers, strict=True):
        nals: list[bytes] = []
        for nal in unit:
            own.add(nal)
            kind = nal[0] & 31
            if kind == h264.PPS:
                pps = _own_pps(nal, sets)
            elif kind in (h264.SLICE, h264.IDR):
                intra = kind == h264.IDR
                if intra:
                    nals += [*(sets.nals if not fitted else ()), pps]
                    if not fitted and not number.idr:
                        nals.append(_RECOVERY_POINT)
                nals.append(_Rewriter(own, sets, number).slice(nal))
            elif kind == h264.AUD:
                nals.append(nal)
        fitted.append(nals)
    return fitted


def _own_pps(nal: bytes, sets: SourceSets) -> bytes:
    """The encoder's PPS with an id of its own, for the source's SPS; with flat scaling where that has lists."""
    data = unescape(nal)
    reader = BitReader(data)
    out = BitWriter()
    out.u(8, reader.u(8))
    reader.ue()
    reader.ue()
    out.ue(sets.own_pps)
    out.ue(sets.sps.id)
    start, stop = reader.pos, _stop_bit(data)
    if not sets.sps.scaling_lists:
        out.copy(data, start, stop)
        return escape(out.rbsp())
    reader.u(2)
    for _ in range(3):
        reader.ue()
    reader.u(3)
    reader.se()
    reader.se()
    chroma_offset = reader.se()
    reader.u(3)
    out.copy(data, start, reader.pos)
    transform_8x8 = reader.pos < stop and reader.flag()
    out.u(1, int(transform_8x8))
    out.u(1, 1)
    for _ in range(8 if transform_8x8 else 6):
        out.u(1, 1)
        out.se(8)
        out.se(-16)
    out.se(chroma_offset)
    return escape(out.rbsp())


def _stop_bit(data: bytes) -> int:
    """Position of the last bit that is set."""
    stripped = data.rstrip(b"\x00")
    last = stripped[-1]
    return 8 * len(stripped) - 1 - ((last & -last).bit_length() - 1)


class _Rewriter:
    """Writes one slice anew under the source's sequence parameters; its macroblocks stay as they are."""

    def __init__(self, own: h264.ParameterSets, sets: SourceSets, number: Numbered) -> None:
        self._own = own
        self._sets = sets
        self._number = number

    def slice(self, nal: bytes) -> bytes:
        data = unescape(nal)
        reader = BitReader(data[:512])
        kind = nal[0] & 31
        header = self._own.header_of(reader)
        if header is None:
            raise FormatUnsupported("the encoder's slices cannot be read")
        tail = h264.header_tail(reader, header, self._own, kind)
        if reader.overrun:
            raise FormatUnsupported("the encoder's slices cannot be read")
        sps, number = self._sets.sps, self._number
        out = BitWriter()
        out.u(8, nal[0] & 0xE0 | (h264.IDR if number.idr else h264.SLICE))
        out.ue(header.first_mb)
        out.ue(header.slice_type + 5 if header.slice_type == 2 else header.slice_type)
        out.ue(self._sets.own_pps)
        out.u(sps.frame_num_bits, number.counts.frame_num)
        if not sps.frame_mbs_only:
            out.u(1, 0)
        if number.idr:
            out.ue(0)
        self._order(out, header)
        out.copy(data[:512], tail.refs, tail.marking)
        self._marking(out)
        out.copy(data[:512], tail.after_marking, tail.data)
        if self._own.pps[header.pps].cabac:
            out.align(1)
            return escape(out.bytes() + data[(tail.data + 7) // 8 :])
        out.copy(data, tail.data, _stop_bit(data))
        return escape(out.rbsp())

    def _order(self, out: BitWriter, header: h264.SliceHeader) -> None:
        sps, counts = self._sets.sps, self._number.counts
        bottom = self._own.pps[header.pps].bottom_poc_present
        if sps.poc_type == 0:
            out.u(sps.poc_lsb_bits, counts.poc_lsb)
            if bottom:
                out.se(counts.delta_bottom or header.delta_bottom)
        elif sps.poc_type == 1 and not sps.delta_always_zero:
            out.se(counts.deltas[0])
            if bottom:
                out.se(counts.deltas[1])

    def _marking(self, out: BitWriter) -> None:
        if self._number.idr:
            out.u(2, 0)
        else:
            _write_marking(out, self._number.drops or None)


def remarked(nals: Sequence[bytes], sets: SourceSets, drops: Sequence[tuple[int, ...] | None]) -> list[bytes]:
    """A keyframe's access unit with another marking, of its frame or its two fields; else it stays bit by bit."""
    known = sets.parsed()
    done: list[bytes] = []
    picture = -1
    for nal in nals:
        if nal[0] & 31 != h264.SLICE:
            done.append(nal)
            continue
        data = unescape(nal)
        header = known.header_of(BitReader(data[:512]))
        picture += header is not None and header.first_mb == 0
        mine = drops[min(max(picture, 0), len(drops) - 1)]
        done.append(nal if header is None else _remarked_slice(nal, data, known, mine))
    return done


def _remarked_slice(nal: bytes, data: bytes, known: h264.ParameterSets, drops: tuple[int, ...] | None) -> bytes:
    reader = BitReader(data[:512])
    header = known.header_of(reader)
    if header is None or header.slice_type not in (0, 2, 4):
        return nal
    tail = h264.header_tail(reader, header, known, h264.SLICE)
    if reader.overrun:
        return nal
    out = BitWriter()
    out.copy(data[:512], 0, tail.marking)
    _write_marking(out, drops)
    out.copy(data[:512], tail.after_marking, tail.data)
    if known.pps[header.pps].cabac:
        out.align(1)
        return escape(out.bytes() + data[(tail.data + 7) // 8 :])
    out.copy(data, tail.data, _stop_bit(data))
    return escape(out.rbsp())


def _write_marking(out: BitWriter, drops: tuple[int, ...] | None) -> None:
    """`dec_ref_pic_marking` of a picture that is no IDR."""
    out.u(1, int(drops is not None))
    if drops is not None:
        for back in drops:
            out.ue(1)
            out.ue(back)
        out.ue(0)
