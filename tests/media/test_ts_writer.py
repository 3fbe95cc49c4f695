"""Written transport streams, read back by FFmpeg and by an own checker of counters, clocks and tables."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plexcut.media.ts_writer import (
    NO_PCR_PID,
    Pat,
    PesUnit,
    Pmt,
    PmtStream,
    ProgramTables,
    RawUnit,
    TransportStreamWriter,
    build_pat,
    build_pmt,
    build_section_packets,
)

VIDEO, SOUND, DOLBY, SUBTITLE, SDT, PMT_PID = 0x101, 0x102, 0x103, 0x104, 0x11, 0x100
WRAP = 1 << 33
GERMAN, ENGLISH = b"\x0a\x04deu\x00", b"\x0a\x04eng\x00"
PMT = Pmt(
    7,
    VIDEO,
    b"\x05\x04HDMV",
    [PmtStream(0x1B, VIDEO, b""), PmtStream(0x03, SOUND, GERMAN), PmtStream(0x06, DOLBY, b"\x6a\x01\x00" + ENGLISH)],
    version=3,
)
SDT_SECTION = bytes.fromhex("42f01600010000ff0001ff0007fc800548030100000102030405")


def tables(pmt: Pmt = PMT, **changes: Any) -> ProgramTables:
    base = {
        "pat_section": build_pat(Pat(99, [(0, 0x10), (7, PMT_PID)])),
        "pmt_pid": PMT_PID,
        "pmt_section": build_pmt(pmt),
        "pcr_pid": pmt.pcr_pid,
        "other": [(SDT, SDT_SECTION)],
    }
    return ProgramTables(**{**base, **changes})


@dataclass
class Read:
    """What the checker found: PES packets and sections by PID, PCRs, and where units start, by packet number."""

    pes: dict[int, list[bytes]] = field(default_factory=dict)
    pcrs: list[tuple[int, int]] = field(default_factory=list)  # packet number, 27 MHz
    starts: dict[int, list[int]] = field(default_factory=dict)
    random_access: dict[int, int] = field(default_factory=dict)


def read_ts(data: bytes) -> Read:
    """Take a transport stream apart by the letter of ISO 13818-1; asserts its syntax and continuity."""
    assert len(data) % 188 == 0
    found, counters = Read(), {}
    for n in range(len(data) // 188):
        packet = data[n * 188 : n * 188 + 188]
        assert packet[0] == 0x47
        assert packet[1] & 0x80 == 0
        assert packet[3] & 0xC0 == 0
        pid, start, control, counter = (
            (packet[1] & 31) << 8 | packet[2],
            packet[1] & 0x40,
            packet[3] & 0x30,
            packet[3] & 15,
        )
        assert control
        expected = (counters.get(pid, counter - 1) + bool(control & 0x10)) & 15
        assert counter == expected or pid not in counters, f"packet {n}, PID {pid:#x}"
        counters[pid] = counter
        at = 4
        if control & 0x20:
            length = packet[4]
            assert length <= (182 if control & 0x10 else 183)
            assert control & 0x10 or length == 183
            at = 5 + length
            flags = packet[5] if length else 0
            fields = 1 if length else 0
            if flags & 0x10:
                assert packet[10] & 0x7E == 0x7E
                base = int.from_bytes(packet[6:11], "big") >> 7
                found.pcrs.append((n, base * 300 + ((packet[10] & 1) << 8 | packet[11])))
                fields += 6
            if flags & 0x40:
                assert start
                found.random_access[pid] = found.random_access.get(pid, 0) + 1
            assert set(packet[5 + fields : at]) <= {0xFF}
        if not control & 0x10:
            continue
        if start:
            found.starts.setdefault(pid, []).append(n)
            found.pes.setdefault(pid, []).append(b"")
        found.pes[pid][-1] += packet[at:]
    return found


def write(units: list[tuple[PesUnit | RawUnit, int | None]], given: ProgramTables | None = None) -> bytes:
    out = io.BytesIO()
    with TransportStreamWriter(out, given or tables()) as writer:
        for unit, at in units:
            writer.write(unit, at)
    assert writer.bytes_written == len(out.getvalue())
    return out.getvalue()


def pictures(sizes: list[int], *, start: int = 100_000, step: int = 1800) -> list[tuple[PesUnit, int]]:
    units = []
    for n, size in enumerate(sizes):
        payload = (b"\x00\x00\x00\x01\x09\xf0" + np.random.default_rng(n).bytes(size))[:size]
        dts = start + n * step
        units.append((PesUnit(VIDEO, 0xE0, payload, dts + 3600, dts, random_access=n % 10 == 0), dts - 63_000))
    return units


def payload_of(pes: bytes) -> bytes:
    length = int.from_bytes(pes[4:6], "big")
    assert length == 0 or len(pes) == 6 + length
    return pes[9 + pes[8] :]


# --------------------------------------------------------------------------------------------------------- packets


def test_a_long_section_runs_over_several_packets() -> None:
    section = build_pmt(PMT._replace(program_descriptors=bytes(range(256)) * 3))
    found = read_ts(build_section_packets(PMT_PID, section))
    (data,) = found.pes[PMT_PID]
    assert data[0] == 0
    assert data[1 : 1 + len(section)] == section
    assert set(data[1 + len(section) :]) == {0xFF}


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.one_of(st.integers(0, 800), st.sampled_from([5000, 20_000, 70_000])), min_size=1, max_size=12))
@example(sizes=list(range(140, 190)))
@example(sizes=list(range(324, 372)))
@example(sizes=list(range(5700, 5890)))
def test_payloads_of_every_size_come_back(sizes: list[int]) -> None:
    units = pictures(sizes)
    found = read_ts(write(units))
    assert [payload_of(pes) for pes in found.pes[VIDEO]] == [unit.payload for unit, _ in units]


def test_clock_and_tables_come_often_enough_and_only_forward() -> None:
    units: list[tuple[PesUnit | RawUnit, int | None]] = [*pictures([30_000, 900, 5000, 900] * 100)]
    # A gap of two seconds in the middle, as where a broadcast lost its signal.
    late = [
        (PesUnit(u.pid, u.stream_id, u.payload, u.pts + 180_000, u.dts + 180_000), at + 180_000)
        for u, at in units[200:]
    ]
    data = write(units[:200] + late)
    found = read_ts(data)
    clock = [value for _, value in found.pcrs]
    assert all(0 < b - a <= 27_000_000 * 0.0401 for a, b in pairwise(clock))
    assert clock[0] == units[0][1] * 300
    for pid in (0, PMT_PID):
        times = [np.interp(n, *zip(*found.pcrs, strict=True)) for n in found.starts[pid]]
        assert max(b - a for a, b in pairwise(times)) <= 27_000_000 * 0.1
        assert found.starts[pid][0] == pid // PMT_PID
    assert 3 <= len(found.starts[SDT]) <= 8
    assert found.random_access == {VIDEO: 20}
    # PAT and PMT stand right before each random access point.
    tables_at = set(found.starts[PMT_PID]) | set(found.starts[SDT])
    access = [found.starts[VIDEO][n] for n in range(0, 200, 10)]
    assert all(n - 1 in tables_at for n in access)


def test_the_clock_never_passes_a_decoding_time() -> None:
    out = io.BytesIO()
    with TransportStreamWriter(out, tables()) as writer:
        for n in range(50):
            writer.write(PesUnit(VIDEO, 0xE0, bytes(500), 90_000 + n * 3600), 90_000 + n * 3600 + 1000)
        assert writer.late_units == 0
        writer.write(PesUnit(SOUND, 0xC0, bytes(500), 90_000))
        assert writer.late_units == 1
    found = read_ts(out.getvalue())
    stamps = dict(zip(found.starts[VIDEO], (90_000 + n * 3600 for n in range(50)), strict=True))
    assert all(value // 300 <= stamps[n] for n, value in found.pcrs if n in stamps)


def test_without_a_moment_units_go_out_mux_delay_before_their_time() -> None:
    out = io.BytesIO()
    with TransportStreamWriter(out, tables(), mux_delay=20_000) as writer:
        writer.write(PesUnit(VIDEO, 0xE0, bytes(10), 93_600, 90_000))
    assert read_ts(out.getvalue()).pcrs == [(3, 70_000 * 300)]


def test_a_programme_without_pcr_gets_none() -> None:
    found = read_ts(write([*pictures([500] * 50)], tables(PMT._replace(pcr_pid=NO_PCR_PID))))
    assert found.pcrs == []
    assert len(found.starts[0]) >= 10


def test_a_clock_on_a_pid_of_its_own() -> None:
    found = read_ts(write([*pictures([500] * 50)], tables(PMT._replace(pcr_pid=0x1F0))))
    assert len(found.pcrs) >= 24
    assert found.pes.keys() == {0, PMT_PID, SDT, VIDEO}


def test_foreign_packets_keep_all_but_counter_and_pid() -> None:
    def foreign(counter: int, fill: int, control: int = 0x10) -> bytes:
        return bytes([0x47, 0x41, 0xF4, control | counter]) + bytes([fill]) * 184

    stuffing = bytes([0x47, 0x01, 0xF4, 0x29, 183, 0]) + b"\xff" * 182
    packets = foreign(9, 1) + foreign(9, 1) + stuffing + foreign(3, 2) + foreign(4, 2)
    data = write([(RawUnit(0x50, packets), 1000), (RawUnit(0x50, foreign(0, 5)), 1000)])
    own = [data[i : i + 188] for i in range(0, len(data), 188) if data[i + 2] == 0x50]
    assert [p[3] for p in own] == [0x10, 0x20, 0x11, 0x12, 0x13]
    assert [p[4:] for p in own] == [
        p[4:] for p in (foreign(9, 1), stuffing, foreign(3, 2), foreign(4, 2), foreign(0, 5))
    ]
    assert {p[1] for p in own} == {0x40, 0x00}


@pytest.mark.parametrize("packets", [b"\x47" * 100, b"\x00" * 188, b"\x47" + bytes(187 + 188)])
def test_what_is_no_packet_is_refused_and_nothing_of_it_written(packets: bytes) -> None:
    out = io.BytesIO()
    with TransportStreamWriter(out, tables()) as writer:
        writer.write(pictures([300])[0][0])
        before = writer.bytes_written
        with pytest.raises(ValueError, match="not whole transport packets"):
            writer.write(RawUnit(0x50, packets))
        assert writer.bytes_written == before


def test_header_forms() -> None:
    teletext = PesUnit(SUBTITLE, 0xBD, b"\x10" + bytes(45), 90_000, header_tail=b"\xff" * 31)
    extended = PesUnit(
        DOLBY, 0xFD, bytes(20), 90_000, header_tail=b"\x0f\x81\x71", header_flags=1, data_alignment=False
    )
    bare = PesUnit(0x60, 0xBF, b"\x00" * 30, None)
    timeless = PesUnit(0x61, 0xBD, b"\x01\x02", None)
    found = read_ts(write([(u, 1000) for u in (teletext, extended, bare, timeless)]))
    assert found.pes[SUBTITLE] == [
        bytes.fromhex("000001bd00558480242100 05bf21".replace(" ", "")) + b"\xff" * 31 + teletext.payload
    ]
    assert found.pes[DOLBY] == [bytes.fromhex("000001fd001f80810821 0005bf21 0f8171".replace(" ", "")) + bytes(20)]
    assert found.pes[0x60] == [b"\x00\x00\x01\xbf\x00\x1e" + bytes(30)]
    assert found.pes[0x61] == [bytes.fromhex("000001bd00058400000102")]


def test_lengths_that_do_not_fit_are_refused_and_unknown_for_video() -> None:
    with pytest.raises(ValueError, match="only video"):
        write([(PesUnit(SOUND, 0xC0, bytes(70_000), 0), 0)])
    with pytest.raises(ValueError, match="header"):
        write([(PesUnit(SOUND, 0xC0, b"", 0, header_tail=bytes(251)), 0)])
    for size, known, expected in ((70_000, True, 0), (100, False, 0), (100, True, 108)):
        found = read_ts(write([(PesUnit(VIDEO, 0xE0, bytes(size), 0, pes_length_known=known), 0)]))
        assert int.from_bytes(found.pes[VIDEO][0][4:6], "big") == expected


def test_a_full_disk_is_told_and_not_tried_again() -> None:
    class Full(io.BytesIO):
        calls = 0

        def write(self, data: Any) -> int:
            self.calls += 1
            raise OSError(28, "No space left on device")

    out = Full()
    with pytest.raises(OSError, match="No space"), TransportStreamWriter(out, tables()) as writer:
        for unit, at in pictures([200_000] * 20):
            writer.write(unit, at)
    assert out.calls == 1


def test_a_file_that_takes_little_at_a_time_gets_everything() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(data[:1000])

    units = pictures([9000] * 5)
    out = Slow()
    with TransportStreamWriter(out, tables()) as writer:
        for unit, at in units:
            writer.write(unit, at)
    assert out.getvalue() == write([*units])


# ----------------------------------------------------------------------------------------------------- with FFmpeg


def encoded_units(start: int) -> Iterator[tuple[int, PesUnit]]:
    """Two seconds of H.264 with B pictures, MP2 and AC-3, as (mux clock, unit)."""
    video = av.CodecContext.create("libx264", "w")
    video.width, video.height, video.pix_fmt, video.time_base = 160, 96, "yuv420p", Fraction(1, 25)
    video.gop_size, video.max_b_frames = 12, 2
    video.options = {"x264-params": "aud=1:open-gop=1:scenecut=0"}
    coded: list[tuple[int, Any, int]] = []
    pixels = np.random.default_rng(5).integers(0, 255, (96, 160, 3), dtype=np.uint8)
    for n in range(51):
        frame = None
        if n < 50:
            frame = av.VideoFrame.from_ndarray(np.roll(pixels, n, 1), format="rgb24").reformat(format="yuv420p")
            frame.pts = n
        coded += [(VIDEO, p, 3600) for p in video.encode(frame)]
    for codec, pid in (("mp2", SOUND), ("ac3", DOLBY)):
        sound = av.CodecContext.create(codec, "w")
        sound.sample_rate, sound.layout, sound.format = 48000, "stereo", sound.codec.audio_formats[0].name
        sound.open()
        size = sound.frame_size
        for n in range(96_000 // size):
            wave = av.AudioFrame(format=sound.format, layout="stereo", samples=size)
            for plane in wave.planes:
                plane.update(
                    np.random.default_rng(n).bytes(plane.buffer_size) if codec == "mp2" else bytes(plane.buffer_size)
                )
            wave.sample_rate, wave.pts = 48000, n * size
            coded += [(pid, p, 0) for p in sound.encode(wave)]
    for pid, packet, _ in coded:
        scale = Fraction(90_000) * (packet.time_base or Fraction(1, 48000))
        pts = start + 7200 + int(packet.pts * scale)
        dts = start + 7200 + int(packet.dts * scale)
        unit = PesUnit(pid, {VIDEO: 0xE0, SOUND: 0xC0, DOLBY: 0xBD}[pid], bytes(packet), pts, dts, packet.is_keyframe)
        yield dts - (63_000 if pid == VIDEO else 20_000), unit


@pytest.mark.parametrize("start", [900_000, WRAP - 90_000], ids=["plain", "across the clock wrap"])
def test_ffmpeg_reads_what_was_written(tmp_path: Path, start: int) -> None:
    units = sorted(encoded_units(start), key=lambda pair: pair[0])
    path = tmp_path / "written.ts"
    path.write_bytes(write([(unit, at) for at, unit in units]))
    found = read_ts(path.read_bytes())
    assert all(0 < (b - a) % (WRAP * 300) <= 27_000_000 * 0.0401 for (_, a), (_, b) in pairwise(found.pcrs))
    with av.open(str(path)) as container:
        assert [s.id for s in container.streams] == [VIDEO, SOUND, DOLBY]
        assert [s.codec_context.name.removesuffix("float") for s in container.streams] == ["h264", "mp2", "ac3"]
        assert [s.metadata.get("language") for s in container.streams] == [None, "deu", "eng"]
        got: dict[int, list[tuple[int, int, bytes]]] = {}
        for packet in container.demux():
            if packet.size:
                got.setdefault(packet.stream.id, []).append((packet.pts, packet.dts, bytes(packet)))
    first = min(pts for packets in got.values() for pts, _, _ in packets)
    shift = min(u.pts for _, u in units if u.pts is not None) - first
    assert shift == (0 if start < WRAP // 2 else WRAP)  # FFmpeg counts the time before a wrap from below zero
    for pid in (VIDEO, SOUND, DOLBY):
        expected = [unit for _, unit in units if unit.pid == pid]
        assert [data for _, _, data in got[pid]] == [unit.payload for unit in expected]
        assert [pts for pts, _, _ in got[pid]] == [unit.pts - shift for unit in expected if unit.pts is not None]
        assert [dts for _, dts, _ in got[pid]] == [unit.decode_time - shift for unit in expected]


def test_ffprobe_has_no_complaint(tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe on this machine")
    path = tmp_path / "written.ts"
    path.write_bytes(write([(u, at) for at, u in sorted(encoded_units(500_000), key=lambda pair: pair[0])]))
    command = ["ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    frames = [int(s["nb_read_frames"]) for s in json.loads(done.stdout)["streams"]]
    assert frames == [50, 83, 62]
