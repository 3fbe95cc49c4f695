"""H.264 (ISO 14496-10): the headers that finding and joining pictures needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from plexcut.media.bitstream.bits import BitReader, unescape

SLICE, PARTITION_A, IDR, SEI, SPS, PPS, AUD, END_SEQUENCE = 1, 2, 5, 6, 7, 8, 9, 10
BEGINS_ACCESS_UNIT = frozenset({SEI, SPS, PPS, AUD, 14, 15, 16, 17, 18})
"""A NAL unit of one of these types after the slices of a picture begins the next one (7.4.1.2.3)."""

_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
RECOVERY_POINT = 6
_MOST_REFS = 32
_MOST_SETS = 64
"""Parameter sets, as they came, whose meaning is kept."""


@dataclass(frozen=True, slots=True)
class SequenceParameters:
    """A sequence parameter set.

    Bit positions in the unescaped NAL unit: `poc_lsb_at` of its log2 size (None where it has none), `vui_at` of the
    flag that says whether there is usability information (VUI).
    """

    id: int
    profile: int
    constraints: int
    level: int
    separate_planes: bool
    chroma_format: int
    bit_depth: int
    frame_num_bits: int
    poc_type: int
    poc_lsb_bits: int
    poc_lsb_at: int | None
    delta_always_zero: bool
    poc_cycle: tuple[int, ...]
    ref_frames: int
    width_mbs: int
    map_units_high: int
    frame_mbs_only: bool
    mbaff: bool
    scaling_lists: bool
    vui_at: int


@dataclass(frozen=True, slots=True)
class PictureParameters:
    """A picture parameter set."""

    id: int
    sps: int
    cabac: bool
    bottom_poc_present: bool
    refs_l0: int
    refs_l1: int
    weighted_p: bool
    weighted_b: int
    deblocking_control: bool
    redundant_count: bool


class SliceHeader(NamedTuple):
    """The head of a slice. `poc_lsb_at` and `frame_num_at` are bit positions in the unescaped NAL unit.

    `deltas` are those of picture order counts of type 1.
    """

    first_mb: int
    slice_type: int
    pps: int
    frame_num: int
    frame_num_at: int
    field: bool
    bottom: bool
    idr: bool
    ref: bool
    poc_lsb: int
    poc_lsb_at: int
    delta_bottom: int
    after_poc: int
    deltas: tuple[int, int] = (0, 0)


def parse_sps(nal: bytes) -> SequenceParameters | None:
    """None where it is damaged."""
    r = BitReader(unescape(nal[:4096]))
    r.u(8)
    profile, constraints, level = r.u(8), r.u(8), r.u(8)
    sps_id = r.ue()
    chroma, separate, depth, scaling = 1, False, 8, False
    if profile in _HIGH_PROFILES:
        chroma = r.ue()
        if chroma == 3:
            separate = r.flag()
        depth = 8 + r.ue()
        r.ue()
        r.flag()
        scaling = r.flag()
        if scaling:
            for i in range(8 if chroma != 3 else 12):
                if r.flag():
                    _skip_scaling_list(r, 16 if i < 6 else 64)
    frame_num_bits = r.ue() + 4
    poc_type = r.ue()
    poc_bits, poc_at, always_zero = 0, None, False
    cycle: list[int] = []
    if poc_type == 0:
        poc_at = r.pos
        poc_bits = r.ue() + 4
    elif poc_type == 1:
        always_zero = r.flag()
        r.se()
        r.se()
        cycle = [r.se() for _ in range(min(r.ue(), 255))]
    ref_frames = r.ue()
    r.flag()
    width, high = r.ue() + 1, r.ue() + 1
    frame_mbs_only = r.flag()
    mbaff = False if frame_mbs_only else r.flag()
    r.flag()
    if r.flag():
        for _ in range(4):
            r.ue()
    vui_at = r.pos
    if r.overrun or sps_id > 31 or frame_num_bits > 16 or poc_bits > 16 or poc_type > 2:
        return None
    return SequenceParameters(
        id=sps_id,
        profile=profile,
        constraints=constraints,
        level=level,
        separate_planes=separate,
        chroma_format=chroma,
        bit_depth=depth,
        frame_num_bits=frame_num_bits,
        poc_type=poc_type,
        poc_lsb_bits=poc_bits,
        poc_lsb_at=poc_at,
        delta_always_zero=always_zero,
        poc_cycle=tuple(cycle),
        ref_frames=ref_frames,
        width_mbs=width,
        map_units_high=high,
        frame_mbs_only=frame_mbs_only,
        mbaff=mbaff,
        scaling_lists=scaling,
        vui_at=vui_at,
    )


def _skip_scaling_list(r: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + r.se()) % 256
        last = following or last


def parse_pps(nal: bytes) -> PictureParameters | None:
    """None where it is damaged or uses slice groups (baseline's flexible ordering, unknown in recordings)."""
    r = BitReader(unescape(nal[:1024]))
    r.u(8)
    pps_id, sps_id = r.ue(), r.ue()
    cabac, bottom = r.flag(), r.flag()
    if r.ue():
        return None
    l0, l1 = r.ue() + 1, r.ue() + 1
    weighted_p, weighted_b = r.flag(), r.u(2)
    for _ in range(3):
        r.se()
    deblocking = r.flag()
    r.flag()
    redundant = r.flag()
    if r.overrun or pps_id > 255 or sps_id > 31:
        return None
    return PictureParameters(pps_id, sps_id, cabac, bottom, l0, l1, weighted_p, weighted_b, deblocking, redundant)


class ParameterSets:
    """The parameter sets seen so far, by id."""

    def __init__(self) -> None:
        self.sps: dict[int, SequenceParameters] = {}
        self.pps: dict[int, PictureParameters] = {}
        self._parsed: dict[bytes, SequenceParameters | PictureParameters | None] = {}

    def changes(self, nal: bytes) -> bool:
        """Whether `add` would change anything."""
        parsed = self._parse(nal)
        known = self.sps if isinstance(parsed, SequenceParameters) else self.pps
        if parsed is None:
            return False
        before = known.get(parsed.id)
        return before is not parsed and before != parsed

    def _parse(self, nal: bytes) -> SequenceParameters | PictureParameters | None:
        if nal not in self._parsed:
            if len(self._parsed) >= _MOST_SETS:
                self._parsed.clear()
            kind = nal[0] & 31 if nal else 0
            self._parsed[nal] = parse_sps(nal) if kind == SPS else parse_pps(nal) if kind == PPS else None
        return self._parsed[nal]

    def add(self, nal: bytes) -> None:
        """Take up an SPS or PPS NAL unit; damaged ones are ignored."""
        parsed = self._parse(nal)
        if isinstance(parsed, SequenceParameters):
            self.sps[parsed.id] = parsed
        elif parsed is not None:
            self.pps[parsed.id] = parsed

    def slice_header(self, nal: bytes) -> SliceHeader | None:
        """Parse the head of a slice NAL unit; None where its parameter sets are unknown."""
        return self.header_of(BitReader(unescape(nal[:64])))

    def header_of(self, r: BitReader) -> SliceHeader | None:
        """The same from a reader at the start of the NAL unit; leaves it behind the picture order count."""
        head = r.u(8)
        kind = head & 31
        first_mb, slice_type, pps_id = r.ue(), r.ue(), r.ue()
        pps = self.pps.get(pps_id)
        sps = self.sps.get(pps.sps) if pps else None
        if pps is None or sps is None:
            return None
        if sps.separate_planes:
            r.u(2)
        frame_num_at = r.pos
        frame_num = r.u(sps.frame_num_bits)
        field = bottom = False
        if not sps.frame_mbs_only:
            field = r.flag()
            bottom = r.flag() if field else False
        if kind == IDR:
            r.ue()
        poc_lsb, poc_at, delta = 0, r.pos, 0
        deltas = (0, 0)
        if sps.poc_type == 0:
            poc_lsb = r.u(sps.poc_lsb_bits)
            if pps.bottom_poc_present and not field:
                delta = r.se()
        elif sps.poc_type == 1 and not sps.delta_always_zero:
            deltas = r.se(), r.se() if pps.bottom_poc_present and not field else 0
        if r.overrun:
            return None
        return SliceHeader(
            first_mb, slice_type % 5, pps_id, frame_num, frame_num_at, field, bottom,
            kind == IDR, bool(head & 0x60), poc_lsb, poc_at, delta, r.pos, deltas,
        )  # fmt: skip

    def sps_of(self, header: SliceHeader) -> SequenceParameters:
        """The sequence parameters that a parsed header refers to."""
        return self.sps[self.pps[header.pps].sps]


class HeaderTail(NamedTuple):
    """Where the rest of a slice header lies, as bit positions in the unescaped NAL unit (7.3.3).

    `refs` is behind the picture order count, `marking` where the reference marking begins, `after_marking` where it
    ends, `data` where the slice data (for CABAC: their alignment) begin.
    """

    refs: int
    marking: int
    after_marking: int
    data: int


def header_tail(r: BitReader, header: SliceHeader, sets: ParameterSets, nal_type: int) -> HeaderTail:
    """Read on from behind the picture order count to the slice data; of B slices only as far as the marking."""
    pps = sets.pps[header.pps]
    if pps.redundant_count:
        r.ue()
    refs_at = r.pos
    is_p, is_b = header.slice_type == 0, header.slice_type == 1
    if is_b:
        r.flag()
    if is_p or is_b:
        refs = [pps.refs_l0, pps.refs_l1][: 1 + is_b]
        if r.flag():
            refs = [r.ue() + 1 for _ in refs]
        for _ in refs:
            if r.flag():
                while r.ue() != 3 and not r.overrun:
                    r.ue()
        if (pps.weighted_p and is_p) or (pps.weighted_b == 1 and is_b):
            _skip_weights(r, refs, sets.sps_of(header).chroma_format)
    marking = r.pos
    read_marking(r, header, nal_type)
    after_marking = r.pos
    if pps.cabac and (is_p or is_b):
        r.ue()
    r.se()
    if pps.deblocking_control and r.ue() != 1:
        r.se()
        r.se()
    return HeaderTail(refs_at, marking, after_marking, r.pos)


def read_marking(r: BitReader, header: SliceHeader, nal_type: int) -> list[tuple[int, int]] | None:
    """Reference marking (7.3.3.3): `(operation, its first value)` in order; None where old pictures slide out."""
    if not header.ref:
        return None
    if nal_type == IDR:
        r.u(2)
        return None
    if not r.flag():
        return None
    operations: list[tuple[int, int]] = []
    while (op := r.ue()) and not r.overrun:
        operations.append((op, r.ue() if op in (1, 2, 3, 4, 6) else 0))
        if op == 3:
            r.ue()
    return operations


def _skip_weights(r: BitReader, refs: list[int], chroma_format: int) -> None:
    r.ue()
    if chroma_format:
        r.ue()
    for _ in range(min(sum(refs), 2 * _MOST_REFS)):
        if r.flag():
            r.se()
            r.se()
        if chroma_format and r.flag():
            for _ in range(4):
                r.se()


def restriction_at(sps: bytes, vui_at: int) -> int | None:
    """Bit position, in an unescaped SPS with VUI, of `bitstream_restriction_flag` (E.1.1); None where it is damaged."""
    r = BitReader(sps)
    r.pos = vui_at
    if not r.flag():
        return None
    if r.flag() and r.u(8) == 255:
        r.u(32)
    if r.flag():
        r.flag()
    if r.flag():
        r.u(4)
        if r.flag():
            r.u(24)
    if r.flag():
        r.ue()
        r.ue()
    if r.flag():
        r.u(65)
    hrds = 0
    for _ in range(2):
        if r.flag():
            hrds += 1
            count = r.ue() + 1
            r.u(8)
            for _ in range(min(count, 32)):
                r.ue()
                r.ue()
                r.flag()
            r.u(20)
    if hrds:
        r.flag()
    r.flag()
    return None if r.overrun else r.pos


@lru_cache(maxsize=64)
def recovery_frames(sei: bytes) -> int | None:
    """`recovery_frame_cnt` of the recovery point in an SEI NAL unit; None where it holds none (D.2.8)."""
    data = unescape(sei[:1024])
    at = 1
    while at + 2 <= len(data):
        kind = size = 0
        while at < len(data) and data[at] == 0xFF:
            kind += 255
            at += 1
        if at >= len(data):
            return None
        kind += data[at]
        at += 1
        while at < len(data) and data[at] == 0xFF:
            size += 255
            at += 1
        if at >= len(data):
            return None
        size += data[at]
        at += 1
        if kind == RECOVERY_POINT:
            return BitReader(data[at : at + max(size, 1)]).ue()
        at += size
    return None
