"""Parsers of foreign bytes: right on real headers, and neither an exception nor an endless loop on anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media_factory import CLIPS, ClipCache

from plexcut.media import ts_tables
from plexcut.media.bitstream import h264, hevc, mpeg2
from plexcut.media.bitstream.bits import (
    BitReader,
    BitWriter,
    annexb_nals,
    escape,
    sized_nals,
    start_codes,
    to_annexb,
    to_sized,
    unescape,
)
from plexcut.media.bitstream.pictures import ASSEMBLERS, CodedPicture, PictureFlag
from plexcut.media.index import container, psi
from plexcut.media.index.packets import (
    PACKET,
    Packets,
    PayloadReader,
    PesStart,
    find_layout,
    parse_pes_header,
)
from plexcut.media.index.rows import PictureRows, Placed, clock_rows, promote_keys

_bytes = st.binary(max_size=300)
_nal = st.binary(min_size=1, max_size=64)


# ------------------------------------------------------------------------------------------------------------- bits


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2**40)), max_size=20))
def test_written_bits_are_read_again(fields: list[tuple[int, int]]) -> None:
    writer = BitWriter()
    for n, value in fields:
        writer.u(n, value)
    total = writer.count
    reader = BitReader(writer.rbsp())
    assert [reader.u(n) for n, _ in fields] == [value & ((1 << n) - 1) for n, value in fields]
    assert reader.pos == total
    assert not reader.overrun


@given(st.lists(st.integers(0, 2**32 - 2), max_size=20))
def test_exponential_golomb(values: list[int]) -> None:
    writer = BitWriter()
    for value in values:
        writer.ue(value)
    data = writer.rbsp()
    reader = BitReader(data)
    assert [reader.ue() for _ in values] == values
    signed = BitReader(data)
    assert [signed.se() for _ in values] == [(v + 1) // 2 if v % 2 else -(v // 2) for v in values]


@given(_bytes, st.integers(0, 64))
def test_reading_past_the_end_gives_zeros(data: bytes, n: int) -> None:
    reader = BitReader(data)
    reader.u(8 * len(data))
    assert not reader.overrun
    assert reader.u(n) == 0
    assert reader.overrun == (n > 0)
    assert reader.ue() == 0


@given(_bytes, st.integers(0, 100), st.integers(0, 100))
def test_copied_bits_are_the_same(data: bytes, start: int, length: int) -> None:
    end = min(8 * len(data), start + length)
    writer = BitWriter()
    writer.u(3, 5)
    writer.copy(data, start, end)
    if end > start:
        source, copy = BitReader(data), BitReader(writer.rbsp())
        source.u(start)
        copy.u(3)
        assert copy.u(end - start) == source.u(end - start)


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=60).map(bytes))
def test_emulation_prevention(rbsp: bytes) -> None:
    escaped = escape(rbsp)
    assert unescape(escaped) == rbsp
    assert not any(code in escaped for code in (b"\x00\x00\x00", b"\x00\x00\x01", b"\x00\x00\x02"))


@given(st.lists(st.sampled_from([0, 0, 1, 7, 255]), max_size=200).map(bytes))
def test_start_codes_are_those_that_a_search_finds(data: bytes) -> None:
    found = [i for i in range(len(data) - 2) if data[i : i + 3] == b"\x00\x00\x01"] if len(data) >= 4 else []
    assert start_codes(np.frombuffer(data, np.uint8)).tolist() == found
    assert len(annexb_nals(data)) == len(found)


@given(st.lists(_nal.map(lambda nal: escape(nal) + b"\x80"), max_size=6), st.integers(2, 4))
def test_units_survive_both_framings(nals: list[bytes], length_size: int) -> None:
    assert annexb_nals(to_annexb(nals)) == nals
    assert sized_nals(to_sized(nals, length_size), length_size) == nals


@given(_bytes, st.integers(1, 4))
def test_damaged_samples_give_what_is_whole(data: bytes, length_size: int) -> None:
    assert sum(len(nal) + length_size for nal in sized_nals(data, length_size)) <= len(data)


# ---------------------------------------------------------------------------------------------------------- headers


@given(_bytes)
@settings(max_examples=300)
def test_h264_headers_from_anything(data: bytes) -> None:
    h264.parse_sps(data)
    h264.parse_pps(data)
    h264.recovery_frames(data)
    sets = h264.ParameterSets()
    sets.add(data)
    sets.slice_header(data)
    h264.recovery_frames(b"\x06" + b"\xff" * 20 + data)


@given(_nal)
@settings(max_examples=300)
def test_hevc_headers_from_anything(data: bytes) -> None:
    sets = hevc.ParameterSets()
    for kind in (hevc.SPS, hevc.PPS, hevc.CRA, 1):
        sets.add(bytes([kind << 1, 1]) + data)
        sets.slice_head(bytes([kind << 1, 1]) + data)
    sets.add(data)


@given(_nal)
def test_mpeg2_headers_from_anything(data: bytes) -> None:
    mpeg2.picture_head(data)
    mpeg2.coding_extension(data)
    mpeg2.group_is_closed(data)


@given(_bytes)
def test_parameter_records_from_anything(data: bytes) -> None:
    for codec in ("h264", "hevc"):
        assert container.nal_length_size(codec, b"\x01" + data) in range(5)
        assert all(container.parameter_nals(codec, b"\x01" + data))
        container.parameter_nals(codec, data)


def _units(clip_cache: ClipCache, name: str) -> tuple[str, list[bytes]]:
    spec = CLIPS[name]
    with av.open(str(clip_cache.get(spec).path)) as opened:
        data = b"".join(bytes(packet) for packet in opened.demux(video=0))
    at = start_codes(np.frombuffer(data, np.uint8)).tolist()
    return spec.video_codec or "", [data[a + 3 : b] for a, b in zip(at, [*at[1:], len(data)], strict=True)]


def test_h264_headers_say_what_was_encoded(clip_cache: ClipCache) -> None:
    _, units = _units(clip_cache, "h264_mbaff_tff")
    sps = next(filter(None, (h264.parse_sps(u) for u in units if u[0] & 31 == h264.SPS)))
    assert (sps.width_mbs * 16, sps.map_units_high * 32) == (320, 192)
    assert not sps.frame_mbs_only
    assert (sps.poc_type, sps.bit_depth, sps.chroma_format, sps.profile) == (0, 8, 1, 100)
    sets = h264.ParameterSets()
    for unit in units:
        sets.add(unit)
    headers = [h for u in units if u[0] & 31 in (1, 5) and (h := sets.slice_header(u)) is not None]
    assert sum(h.first_mb == 0 for h in headers) == 75
    assert sum(h.idr for h in headers) == 1
    for header, unit in zip(headers, (u for u in units if u[0] & 31 in (1, 5)), strict=True):
        reader = BitReader(unescape(unit[:64]))
        reader.u(header.poc_lsb_at)
        assert reader.u(sps.poc_lsb_bits) == header.poc_lsb


def test_slice_headers_with_any_parameters_end(clip_cache: ClipCache) -> None:
    """Reference counts of four thousand million stand in damaged headers."""
    _, units = _units(clip_cache, "h264_mbaff_tff")
    sets = h264.ParameterSets()
    for unit in units:
        sets.add(unit)
    (pps_id,) = sets.pps
    chance = random.Random(1)
    for _ in range(60):
        sets.pps[pps_id] = replace(
            sets.pps[pps_id],
            bottom_poc_present=chance.random() < 0.5,
            refs_l0=chance.choice([1, 3, 2**32]),
            weighted_p=chance.random() < 0.7,
            redundant_count=chance.random() < 0.2,
        )
        for kind in (h264.SLICE, h264.IDR):
            for fill in (chance.randbytes(40), bytes(40), b"\xff" * 40, b"\xe0" + bytes(6) + chance.randbytes(9)):
                nal = bytes([0x60 | kind]) + fill
                header = sets.slice_header(nal)
                if header is not None:
                    reader = BitReader(unescape(nal))
                    sets.header_of(reader)
                    h264.header_tail(reader, header, sets, kind)


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra_pyramid"])
def test_assemblers_survive_damage_in_every_unit(clip_cache: ClipCache, name: str) -> None:
    codec, units = _units(clip_cache, name)
    chance = random.Random(name)
    whole = ASSEMBLERS[codec]()
    for unit in units:
        whole.unit(0, unit[:400])
    whole.end()
    count = len(whole.pictures)
    assert sum(bool(p.flags & PictureFlag.KEY) for p in whole.pictures) == len(clip_cache.get(CLIPS[name]).keyframes)
    for _ in range(12):
        damaged = ASSEMBLERS[codec]()
        rows = PictureRows()
        for at, unit in enumerate(units):
            piece = bytearray(unit[: chance.choice([2, 3, 5, 9, 30, 400])])
            for _ in range(chance.choice([0, 0, 1, 4])):
                piece[chance.randrange(len(piece))] = chance.randrange(256)
            heads = np.frombuffer(bytes(piece[:2]).ljust(2, b"\x00"), np.uint8).reshape(1, 2)
            if piece and bool(damaged.relevant(heads)[0]):
                damaged.unit(at * 1000, bytes(piece), new_pes=chance.random() < 0.3)
        damaged.end()
        assert len(damaged.pictures) <= 3 * count
        for picture in damaged.pictures:
            rows.add(picture, Placed(picture.start, 0))
        clocks = (None, 0, (1 << 33) - 1, chance.getrandbits(33), chance.getrandbits(33))
        pes = [
            PesStart(p.start, p.start, chance.choice(clocks), chance.choice(clocks))
            for p in damaged.pictures
            if chance.random() < 0.8
        ]
        clocked = clock_rows(rows, pes, sorted(chance.sample(range(10**6), 5)))
        assert clocked.pts.size == clocked.dts.size == len(rows)
        promote_keys(np.asarray(rows.flags, np.uint16))


# -------------------------------------------------------------------------------------------------- transport stream


def _packets(chance: random.Random, count: int) -> Packets:
    """Packets with arbitrary heads and adaptation fields, some repeated, some with sections and PES headers."""
    data = np.frombuffer(chance.randbytes(count * PACKET), np.uint8).reshape(count, PACKET).copy()
    data[:, 0] = 0x47
    for row in range(count):
        if chance.random() < 0.6:
            data[row, 3] = 0x10 | (row % 16)
        if chance.random() < 0.3:
            data[row, 4:13] = (0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, chance.randrange(256))
            data[row, 1] |= 0x40
        if row and chance.random() < 0.1:
            data[row] = data[row - 1]
    return Packets(data, np.arange(count, dtype=np.int64) * PACKET)


@given(st.randoms(use_true_random=False), st.integers(0, 30))
def test_packets_from_anything(chance: random.Random, count: int) -> None:
    packets = _packets(chance, count)
    reader = PayloadReader()
    half = count // 2
    first = np.arange(count) < half
    for part in (packets.where(first), packets.where(~first)):
        payload = reader.take(part)
        assert payload.es.size <= len(part) * 184
        assert payload.starts.size == payload.at.size <= len(part)
        assert all(0 <= pes.es <= payload.es.size for pes in payload.pes)
    sections = psi.SectionReader()
    for section in sections.feed(packets):
        psi.parse_pat(section)
        psi.parse_pmt(section, 100)


@given(_bytes)
def test_tables_from_anything(data: bytes) -> None:
    for table in (0, 2):
        rest = b"\x00\x01\xc1\x00\x00" + data  # valid now, the first of one
        body = bytes([table, 0xB0 | (len(rest) + 4) >> 8, (len(rest) + 4) & 255]) + rest
        section = body + ts_tables.crc32_mpeg(body).to_bytes(4, "big")
        assert ts_tables.crc32_mpeg(section) == 0
        psi.parse_pat(section)
        program = psi.parse_pmt(section, 100)
        for stream in program.streams if program else ():
            assert stream.kind in ("video", "audio", "subtitle", "data")
            assert stream.language is None or len(stream.language) == 3
    psi.split_descriptors(data)


@given(_bytes)
def test_pes_headers_and_layouts_from_anything(data: bytes) -> None:
    for head in (data, b"\x00\x00\x01\xe0\x00\x00" + data):
        found = parse_pes_header(head)
        assert found is None or (found[0] > 0 and all(t is None or 0 <= t < 1 << 33 for t in found[1:]))
    layout = find_layout(data * 50)
    assert layout is None or layout.stride in (188, 192, 204)


@given(st.integers(0, (1 << 33) - 1), st.integers(0, (1 << 33) - 1))
def test_clocks_are_read_as_they_were_written(pts: int, dts: int) -> None:
    from tests.media_factory.transport import _timestamp

    head = b"\x00\x00\x01\xe0\x00\x00\x80\xc0\x0a" + _timestamp(3, pts) + _timestamp(1, dts)
    assert parse_pes_header(head) == (19, pts, dts)


@pytest.mark.parametrize("step", [1800, 1502, 3600, 3003])
def test_clocks_are_made_continuous_over_wraps_holes_and_jumps(step: int) -> None:
    """Raw clocks wrap, lose two seconds, and are set anew; the line of time goes on."""
    rows, pes, times = PictureRows(), [], []
    clock: Callable[[int], int] = lambda n: (1 << 33) - 20 * step + n * step  # noqa: E731
    for n in range(100):
        raw = clock(n) + (2 * 90_000 if n >= 40 else 0) - (3_000_000 if n >= 70 else 0)
        times.append(n * step + (2 * 90_000 if n >= 40 else 0))
        rows.add(CodedPicture(n * 1000, 1, 0, 0, 3, 0), Placed(n * 188, 0))
        pes.append(PesStart(n * 1000, n * 188, (raw + step) % (1 << 33), raw % (1 << 33)))
    clocked = clock_rows(rows, pes, [])
    assert (clocked.dts - clocked.dts[0]).tolist() == times
    assert (clocked.pts - clocked.dts).tolist() == [step] * 100
    assert clocked.discontinuities == 1
    assert Fraction(int(clocked.clock_add[1] - clocked.clock_add[0])) == 3_000_000
