"""Fitting re-encoded H.264 pictures to the copied ones around them (ISO 14496-10).

A broadcast's keyframes are hardly ever IDR pictures, so two counters run on across a seam. A decoder derives the
picture order count (POC, 8.2.1) of a copied keyframe from the picture before it: where that does not fit, pictures are
dropped or put out of order without a warning. And where the frame number (7.4.3) has a gap, decoders fill it with
pictures of their own, which end up in the reference lists of what follows.

So re-encoded pictures are made to be pictures of the source's own sequence: they refer to its SPS (through a PPS of
their own), an IDR in front resets the decoder, and the ones behind it carry the counts that lead into the keyframe.
Leading pictures that later ones count on are stood in for by intra pictures with the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream import h264
from plexcut.media.bitstream.bits import BitReader, BitWriter, annexb_nals, escape, sized_nals, unescape
from plexcut.media.cutting.encode import CodingNeeds
from plexcut.media.index.container import nal_length_size, parameter_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader

_POC_STEP = 2
_MB = 16
_HIGH_PROFILE = 100
_BASELINE_PROFILES = (66, 88)
_RECOVERY_POINT = bytes([h264.SEI, 6, 1, 0xC4, 0x80])
"""An SEI NAL unit: recovery point, at this picture, exact match, link not broken (D.1.8)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters of one picture."""

    frame_num: int
    poc_lsb: int
    delta_bottom: int = 0


@dataclass(frozen=True, slots=True)
class SourceSets:
    """The parameter sets in force at a copied keyframe, and its counters.

    `nals` are all SPS and PPS NAL units known there; `in_band`: the keyframe's own access unit brings them.
    """

    nals: tuple[bytes, ...]
    in_band: bool
    sps: h264.SequenceParameters
    counts: Counts
    pps_ids: frozenset[int]

    @property
    def own_pps(self) -> int:
        """An id for a PPS that the source does not use; one for each SPS."""
        free = [i for i in range(255, -1, -1) if i not in self.pps_ids]
        return free[self.sps.id % len(free)]

    def needs(self) -> CodingNeeds:
        """What these sets ask of the encoder."""
        return CodingNeeds(
            interlaced=self.sps.mbaff,
            cabac=self.sps.profile not in _BASELINE_PROFILES,
            transform_8x8=self.sps.profile >= _HIGH_PROFILE,
        )

    def check_size(self, height: int, width: int) -> None:
        """Raises FormatUnsupported when pictures of this size do not fit the source's macroblocks."""
        rows = self.sps.map_units_high * (1 if self.sps.frame_mbs_only else 2)
        if (-(-height // _MB), -(-width // _MB)) != (rows, self.sps.width_mbs):
            raise FormatUnsupported("this H.264 stream's picture size cannot be re-encoded", "use --mode keyframe")


def source_sets(reader: UnitReader, index: MediaIndex, row: int) -> SourceSets:
    """The parameter sets that the picture of `row` uses.

    They are looked for in its own access unit, in those of the keyframes before it, and in the file's header.

    Raises:
        FormatUnsupported: they are nowhere to be found.
    """
    sets = h264.ParameterSets()
    kept: dict[tuple[int, int], bytes] = {}
    for nal in parameter_nals("h264", index.video.extradata):
        _take(nal, sets, kept)
    for key in index.keys[index.keys < row][-12:].tolist():
        for nal in unit_nals(next(reader.read(key, key + 1))[0], index):
            _take(nal, sets, kept)
    nals = unit_nals(next(reader.read(row, row + 1))[0], index)
    own = {nal[0] & 31 for nal in nals if _take(nal, sets, kept)}
    header = _first_header(nals, sets)
    if header is None:
        raise FormatUnsupported("a keyframe's parameter sets are missing", "cut at another place")
    return SourceSets(
        nals=tuple(kept[key] for key in sorted(kept)),
        in_band=own == {h264.SPS, h264.PPS},
        sps=sets.sps_of(header),
        counts=Counts(header.frame_num, header.poc_lsb, header.delta_bottom),
        pps_ids=frozenset(sets.pps),
    )


def unit_nals(unit: bytes, index: MediaIndex) -> list[bytes]:
    """The NAL units of an access unit as the file stores them."""
    size = nal_length_size(index.video.codec, index.video.extradata)
    return sized_nals(unit, size) if size else annexb_nals(unit)


def _first_header(nals: list[bytes], sets: h264.ParameterSets) -> h264.SliceHeader | None:
    for nal in nals:
        if nal and nal[0] & 31 in (h264.SLICE, h264.IDR, h264.PARTITION_A):
            return sets.slice_header(nal)
    return None


def _take(nal: bytes, sets: h264.ParameterSets, kept: dict[tuple[int, int], bytes]) -> bool:
    kind = nal[0] & 31 if nal else 0
    if kind not in (h264.SPS, h264.PPS):
        return False
    parsed = h264.parse_sps(nal) if kind == h264.SPS else h264.parse_pps(nal)
    if parsed is None:
        return False
    sets.add(nal)
    kept[kind, parsed.id] = nal
    return True


@dataclass(frozen=True, slots=True)
class Numbered:
    """How a re-encoded picture is to be numbered.

    `drops`: reference pictures that it unmarks, by how far their frame numbers lie before its own; None lets the oldest
    slide out. `ref`: whether it is a reference picture.
    """

    counts: Counts
    idr: bool
    drops: tuple[int, ...] | None = None
    ref: bool = True


@dataclass(frozen=True, slots=True)
class LeadIn:
    """What a run of re-encoded pictures leads into.

    `distances`: how many pictures before the keyframe each is shown, stand-ins counted. `held`: frame numbers of the
    source's reference pictures when it decodes the keyframe, None where that is not known. `first_of_file`: nothing
    comes before the run.
    """

    distances: tuple[int, ...]
    held: frozenset[int] | None
    first_of_file: bool


@dataclass(frozen=True, slots=True)
class Numbering:
    """Numbers for the pictures of a run, and the frame numbers of the reference pictures held behind it, oldest first."""

    numbers: list[Numbered]
    buffer: tuple[int, ...] = ()


def number_run(count: int, sets: SourceSets, lead_in: LeadIn | None) -> Numbering:
    """Numbers for `count` re-encoded pictures in display order.

    `lead_in` None: what follows, if anything, resets the counters by itself.
    """
    poc_space, num_space = 1 << max(sets.sps.poc_lsb_bits, 4), 1 << sets.sps.frame_num_bits
    if lead_in is None:
        return Numbering([Numbered(Counts(i % num_space, _POC_STEP * i % poc_space), i == 0) for i in range(count)])
    key = sets.counts
    numbered = []
    for i in range(count):
        poc = key.poc_lsb - _POC_STEP * lead_in.distances[i]
        numbered.append(Numbered(Counts((key.frame_num - count + i) % num_space, poc % poc_space), idr=False))
    if not count or (count == 1 and lead_in.first_of_file):
        return Numbering(numbered, tuple(number.counts.frame_num for number in numbered))
    if count < 2:
        raise FormatUnsupported("the pictures before a seam are too few", "cut a little beside it")
    if numbered[1].counts.frame_num == 0:
        # Two reference pictures in a row must not have the same number: the last one is none, and the gap is gone.
        numbered = [
            Numbered(Counts((n.counts.frame_num + 1) % num_space, n.counts.poc_lsb), idr=False, ref=i < count - 1)
            for i, n in enumerate(numbered)
        ]
    gap = (numbered[1].counts.frame_num - 1) % num_space
    filled = min(gap, sets.sps.ref_frames)
    early = _POC_STEP * (filled + 1)
    held = lead_in.held
    if early + _POC_STEP * (lead_in.distances[0] - lead_in.distances[1]) >= poc_space // 2:
        # No room to keep what a decoder fills the gap with below all that is shown: have it forgotten.
        early, held = 0, frozenset()
    first = numbered[0].counts.poc_lsb - early
    numbered[0] = Numbered(Counts(0, first % poc_space), idr=True)
    return _with_drops(numbered, sets, held)


def _with_drops(numbered: list[Numbered], sets: SourceSets, held: frozenset[int] | None) -> Numbering:
    """Let each picture unmark what the source does not hold, so that the buffer at the keyframe is the source's.

    What the keyframe and its followers then unmark or let slide out is what they did in the source. With `held` None the
    newest are kept.
    """
    space = 1 << sets.sps.frame_num_bits
    most = max(sets.sps.ref_frames, 1)
    # Frame numbers counted back from the keyframe's, so that those of an earlier round are told apart.
    newest = range(1, most + 1)
    wanted = set(newest) if held is None else {(sets.counts.frame_num - number) % space for number in held}
    references = sum(number.ref for number in numbered)
    gap = (numbered[1].counts.frame_num - 1) % space
    buffer = list(range(references - 1 + min(gap, most), references - 1, -1))
    buffer = ([references if gap == 0 else _NEVER, *buffer])[-most:]
    dropping = [numbered[0]]
    back = references - 1
    for number in numbered[1:]:
        if not number.ref:
            dropping.append(number)
            continue
        gone = [distance for distance in buffer if distance not in wanted]
        kept = [distance for distance in buffer if distance in wanted]
        if len(kept) >= most:
            gone, kept = [*gone, kept[0]], kept[1:]
        drops = tuple((number.counts.frame_num - 1 if d == _NEVER else d - back - 1) % space for d in gone)
        dropping.append(replace(number, drops=drops or None))
        buffer = [*kept, back]
        back -= 1
    at_key = sets.counts.frame_num
    return Numbering(dropping, tuple((at_key - d) % space for d in buffer if d != _NEVER))


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
    known = h264.ParameterSets()
    for nal in sets.nals:
        known.add(nal)
    found = _marking_of(unit_nals(next(reader.read(row, row + 1))[0], index), known)
    if found is None or not found[0].ref or any(op != 1 for op, _ in found[1] or ()):
        return None
    operations = found[1]
    return Marking(found[0].frame_num, None if operations is None else tuple(value for _, value in operations))


def remarked(nals: Sequence[bytes], sets: SourceSets, marking: Marking) -> list[bytes]:
    """An access unit of intra slices with another marking; all else stays bit by bit as it is."""
    known = h264.ParameterSets()
    for nal in sets.nals:
        known.add(nal)
    return [_remarked_slice(nal, known, marking) if nal[0] & 31 == h264.SLICE else nal for nal in nals]


def _remarked_slice(nal: bytes, known: h264.ParameterSets, marking: Marking) -> bytes:
    data = unescape(nal)
    reader = BitReader(data[:512])
    header = known.header_of(reader)
    if header is None or header.slice_type not in (2, 4):
        return nal
    tail = h264.header_tail(reader, header, known, h264.SLICE)
    out = BitWriter()
    out.copy(data[:512], 0, tail.marking)
    _write_marking(out, marking.drops)
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


_NEVER = 1 << 30
"""The distance of an IDR picture that is followed by a gap: its frame number 0 is no part of the source's count."""


def references_before(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> frozenset[int] | None:
    """Frame numbers of the reference pictures that the source holds when it decodes the picture of `row`.

    None where they cannot be followed (field pictures, long-term references).
    """
    known = h264.ParameterSets()
    for nal in sets.nals:
        known.add(nal)
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


def stand_in_counts(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> Counts:
    """The counters of the leading picture that a stand-in replaces."""
    known = h264.ParameterSets()
    for nal in sets.nals:
        known.add(nal)
    header = _first_header(unit_nals(next(reader.read(row, row + 1))[0], index), known)
    if header is None:
        raise FormatUnsupported("a picture's parameter sets are missing", "cut at another place")
    return Counts(header.frame_num, header.poc_lsb, header.delta_bottom)


def with_reordering(nal: bytes, reorder: int) -> bytes:
    """An SPS that says how many pictures are shown out of decode order, where the source's leaves that open.

    Without it FFmpeg guesses from the first pictures. Re-encoded ones are in order, so that it guesses none, and drops
    the first copied pictures that are not (E.2.1, max_num_reorder_frames).
    """
    sps = h264.parse_sps(nal)
    if sps is None:
        return nal
    data = unescape(nal)
    reader = BitReader(data)
    reader.pos = sps.vui_at
    out = BitWriter()
    if reader.flag():
        at = h264.restriction_at(data, sps.vui_at)
        reader.pos = at or 0
        if at is None or reader.flag():
            return nal
        out.copy(data, 0, at)
    else:
        out.copy(data, 0, sps.vui_at)
        out.u(1, 1)
        out.u(8, 0)
    out.u(2, 3)
    for value in (0, 0, 16, 16, reorder, max(sps.ref_frames, reorder, 1)):
        out.ue(value)
    return escape(out.rbsp())


def reorder_depth(index: MediaIndex) -> int:
    """How many pictures at most are decoded before one that is shown before them."""
    rows = np.sort(index.display)
    rank = index.number_of[rows]
    return int((np.arange(rows.size) - rank).max()) if rows.size else 0


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
        sps, number = self._sets.sps, self._number
        out = BitWriter()
        out.u(8, (nal[0] & 0xE0 if number.ref else 0) | (h264.IDR if number.idr else h264.SLICE))
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
            out.se(0)
            if bottom:
                out.se(0)

    def _marking(self, out: BitWriter) -> None:
        if not self._number.ref:
            return
        if self._number.idr:
            out.u(2, 0)
        else:
            _write_marking(out, self._number.drops or None)
