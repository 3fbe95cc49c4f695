"""The parameter sets and counters of a copied H.264 keyframe (ISO 14496-10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream import h264
from plexcut.media.bitstream.bits import BitReader, BitWriter, annexb_nals, escape, sized_nals, unescape
from plexcut.media.cutting.encode import CodingNeeds
from plexcut.media.index.container import nal_length_size, parameter_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader

_MB = 16
_KEYS_BEFORE, _ROWS_BEFORE, _KEYS_BEHIND = 12, 300, 3
_HIGH_PROFILE = 100
_BASELINE_PROFILES = (66, 88)
_LEVEL_MACROBLOCKS = {
    9: 396, 10: 396, 11: 900, 12: 2376, 13: 2376, 20: 2376, 21: 4752, 22: 8100, 30: 8100, 31: 18_000, 32: 20_480,
    40: 32_768, 41: 32_768, 42: 34_816, 50: 110_400, 51: 184_320, 52: 184_320,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters of one picture; `deltas` are of picture order counts of type 1."""

    frame_num: int
    poc_lsb: int
    delta_bottom: int = 0
    deltas: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, header: h264.SliceHeader) -> Counts:
        """Those of a slice's picture."""
        return cls(header.frame_num, header.poc_lsb, header.delta_bottom, header.deltas)


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

    def parsed(self) -> h264.ParameterSets:
        """The sets, ready to read slice headers with."""
        known = h264.ParameterSets()
        for nal in self.nals:
            known.add(nal)
        return known

    def needs(self) -> CodingNeeds:
        """What these sets ask of the encoder."""
        return CodingNeeds(
            interlaced=self.sps.mbaff,
            cabac=self.sps.profile not in _BASELINE_PROFILES,
            transform_8x8=self.sps.profile >= _HIGH_PROFILE,
        )

    @property
    def coded_size(self) -> tuple[int, int]:
        """Width and height of the coded picture, before cropping."""
        rows = self.sps.map_units_high * (1 if self.sps.frame_mbs_only else 2)
        return self.sps.width_mbs * _MB, rows * _MB


def source_sets(reader: UnitReader, index: MediaIndex, row: int) -> SourceSets:
    """The parameter sets that the picture of `row` uses.

    They are looked for in its own access unit, in those of the keyframes before it, and in the file's header; where
    packets were lost or came in another order, around it.

    Raises:
        FormatUnsupported: they are nowhere to be found.
    """
    sets = h264.ParameterSets()
    kept: dict[tuple[int, int], bytes] = {}
    for nal in parameter_nals("h264", index.video.extradata):
        _take(nal, sets, kept)
    nals = unit_nals(next(reader.read(row, row + 1))[0], index)
    own: set[int] = set()
    header: h264.SliceHeader | None = None
    for rows in rows_with_sets(index, row):
        for each in rows:
            for nal in unit_nals(next(reader.read(each, each + 1))[0], index):
                _take(nal, sets, kept)
        own = {nal[0] & 31 for nal in nals if _take(nal, sets, kept)}
        header = first_header(nals, sets)
        if header is not None:
            break
    if header is None:
        raise FormatUnsupported("a keyframe's parameter sets are missing", "cut at another place")
    return SourceSets(
        nals=tuple(kept[key] for key in sorted(kept)),
        in_band=own == {h264.SPS, h264.PPS},
        sps=sets.sps_of(header),
        counts=Counts.of(header),
        pps_ids=frozenset(sets.pps),
    )


def rows_with_sets(index: MediaIndex, row: int) -> Iterator[list[int]]:
    """Where the parameter sets of a keyframe may be that does not bring its own, the likeliest first."""
    keys = index.keys
    before = keys[keys < row]
    yield before[-_KEYS_BEFORE:].tolist()
    yield list(range(max(int(before[-1]) if before.size else 0, row - _ROWS_BEFORE), row))
    yield keys[keys > row][:_KEYS_BEHIND].tolist()


def unit_nals(unit: bytes, index: MediaIndex) -> list[bytes]:
    """The NAL units of an access unit as the file stores them, without empty ones."""
    size = nal_length_size(index.video.codec, index.video.extradata)
    return [nal for nal in (sized_nals(unit, size) if size else annexb_nals(unit)) if nal]


def first_header(nals: list[bytes], sets: h264.ParameterSets) -> h264.SliceHeader | None:
    """The header of an access unit's first slice; None where its parameter sets are missing."""
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


def stand_in_counts(reader: UnitReader, index: MediaIndex, row: int, sets: SourceSets) -> Counts:
    """The counters of the leading picture that a stand-in replaces."""
    known = sets.parsed()
    header = first_header(unit_nals(next(reader.read(row, row + 1))[0], index), known)
    if header is None:
        raise FormatUnsupported("a picture's parameter sets are missing", "cut at another place")
    return Counts.of(header)


def _level_frames(sps: h264.SequenceParameters) -> int:
    """How many frames the level lets a decoder hold (A.3.1), at most 15."""
    macroblocks = sps.width_mbs * sps.map_units_high * (1 if sps.frame_mbs_only else 2)
    return min(15, _LEVEL_MACROBLOCKS.get(sps.level, 184_320) // max(macroblocks, 1))


def with_reordering(nal: bytes, reorder: int) -> bytes:
    """An SPS that says how many pictures are shown out of decode order, where the source's leaves that open.

    Without it FFmpeg guesses from the first pictures. Re-encoded ones are in order, so that it guesses none, and drops
    the first copied pictures that are not (E.2.1, max_num_reorder_frames). As many are told as the level allows: that
    is what a strict decoder takes the copied parts' own SPS to mean, and a change in mid-stream costs it pictures.
    """
    sps = h264.parse_sps(nal)
    if sps is None or reorder == 0:
        return nal
    reorder = max(reorder, _level_frames(sps))
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
