"""The vectorised pass finds, row by row, what the plain one does: in whole, damaged and cut files of every kind."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.media.reference_index import Reference, raw_clocks, reference_scan
from tests.media_factory import CLIPS, ClipCache

from plexcut.errors import PlexcutError
from plexcut.media.bitstream.pictures import ASSEMBLERS
from plexcut.media.index import transport_stream
from plexcut.media.index.blocks import coded_blocks, packet_blocks
from plexcut.media.index.packets import PACKET, PacketReader, find_layout
from plexcut.media.index.parts import added_at, parts_of_scan
from plexcut.media.index.rows import clock_raw_rows
from plexcut.media.index.transport_stream import StreamScan, choose_program, scan_stretch

_TS = sorted(
    name for name, spec in CLIPS.items() if spec.container in ("ts", "m2ts192", "ts204") and name != "audio_only"
)
_REAL = sorted((Path(__file__).resolve().parents[3] / "shared" / "media").glob("*.ts"))
_CHUNKS = (20_000, 33_333, 65_536, 200_001, 4 << 20)


def _same(scan: StreamScan, plain: Reference) -> None:
    rows, expected = scan.rows, plain.video.rows
    for name in ("es", "at", "skip", "flags", "hint"):
        assert list(getattr(rows, name)) == [int(value) for value in getattr(expected, name)], name
    assert rows.hint_bits == expected.hint_bits
    raw = raw_clocks(expected, plain.video.pes)
    assert [scan.pts.tolist(), scan.dts.tolist()] == [column.tolist() for column in raw]
    assert (scan.gaps, scan.clock_breaks, scan.es_bytes) == (plain.video.gaps, plain.breaks, plain.video.es_bytes)
    assert scan.scrambled == (plain.scrambled > 0.5)
    parts = parts_of_scan(scan)
    clocked = clock_raw_rows(parts.rows, parts.breaks)
    for name in ("pts", "dts", "clock_at", "clock_add"):
        assert getattr(clocked, name).tolist() == getattr(plain.clocked, name).tolist(), name
    assert clocked.discontinuities == plain.clocked.discontinuities
    # From the times come the clocks again.
    added = added_at(parts.rows.at, clocked.clock_at, clocked.clock_add)
    again = clocked.sent.raw(clocked.pts, clocked.dts, added)
    assert [column.tolist() for column in again] == [column.tolist() for column in raw]


def _compare(path: Path, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """False for a file that both refuse."""

    def blocks(*args: object) -> object:
        return coded_blocks(*args, chunk_bytes=chunk_bytes)  # type: ignore[arg-type]

    monkeypatch.setattr(transport_stream, "coded_blocks", blocks)
    try:
        found = transport_stream.scan(path, None, lambda _fraction: None)
    except PlexcutError:
        return False
    if found is None:
        return False
    _same(found, reference_scan(path))
    return True


@pytest.mark.parametrize("name", _TS)
@pytest.mark.parametrize("chunk_bytes", [20_000, 4 << 20])
def test_clips(clip_cache: ClipCache, monkeypatch: pytest.MonkeyPatch, name: str, chunk_bytes: int) -> None:
    assert _compare(clip_cache.get(CLIPS[name]).path, chunk_bytes, monkeypatch)


@pytest.mark.parametrize("path", _REAL, ids=lambda path: path.name)
def test_real_recordings(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    if path.stat().st_size < 12 << 20:
        _compare(path, 1 << 20, monkeypatch)


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """Cut at both ends, with start codes, adaptation fields and junk where there were none, and packets repeated."""
    begin = chance.choice([0, 0, chance.randrange(len(data) // 2)])
    end = chance.choice([len(data), chance.randrange(len(data) // 2 + 1, len(data))])
    wrong = bytearray(data[begin:end])
    for _ in range(chance.choice([0, 1, 5, 50, 500])):
        at, kind = chance.randrange(len(wrong)), chance.randrange(8)
        length = chance.choice([1, 2, 3, 4, 50, 188, 1000])
        packet = at // PACKET * PACKET
        if kind < 2:
            wrong[at] = chance.choice([0, 1, 3, 255, chance.randrange(256)])
        elif kind == 2:
            wrong[at : at + length] = bytes(len(wrong[at : at + length]))
        elif kind == 3:
            code = chance.choice([1, 0x41, 0x65, 0x67, 0x68, 6, 9, 0, 0xB3, 0xB8, 0xB5, 0x26, 2])
            wrong[at : at + 4] = bytes([0, 0, 1, code])
        elif kind == 4:
            wrong[at:at] = wrong[at : at + length]
        elif kind == 5 and len(wrong) > 5000:
            del wrong[at : at + length]
        elif kind == 6 and packet + PACKET <= len(wrong):
            wrong[packet + 3] = wrong[packet + 3] & 0xCF | chance.choice([0x10, 0x20, 0x30])
            wrong[packet + 4] = chance.choice([0, 1, 7, 100, 180, 181, 182, 183, 184, 255])
        elif kind == 7:
            wrong[packet:packet] = wrong[packet : packet + PACKET]
    return bytes(wrong)


@pytest.mark.parametrize("name", _TS)
def test_damage_and_cuts(clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    data = clip_cache.get(CLIPS[name]).path.read_bytes()
    path = tmp_path / "clip.ts"
    for seed in range(8):
        chance = random.Random(f"{name} {seed}")
        path.write_bytes(_damaged(data, chance))
        _compare(path, chance.choice(_CHUNKS), monkeypatch)


@pytest.mark.parametrize("stride", [192, 204])
@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "hevc_cra"])
def test_other_strides(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, stride: int
) -> None:
    chance = random.Random(f"{name} {stride}")
    packets = np.frombuffer(clip_cache.get(CLIPS[name]).path.read_bytes(), np.uint8).reshape(-1, PACKET)
    wrapped = np.frombuffer(chance.randbytes(len(packets) * stride), np.uint8).reshape(-1, stride).copy()
    first = 4 if stride == 192 else 0
    wrapped[:, first : first + PACKET] = packets
    path = tmp_path / "clip.ts"
    for begin in (0, 1, 3, *chance.sample(range(5, 2000), 3)):
        path.write_bytes(wrapped.tobytes()[begin:])
        assert _compare(path, chance.choice(_CHUNKS), monkeypatch)


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "ts_204", "mpeg2_interlaced_wrap"])
def test_stretches(clip_cache: ClipCache, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    size = path.stat().st_size
    chance = random.Random(name)
    with path.open("rb") as file:
        layout = find_layout(file.read(1 << 18))
        assert layout is not None
        choice = choose_program(file, layout, size, None, path.name)
        for _ in range(8):
            start, end = sorted(chance.sample(range(size), 2))
            plain = reference_scan(path, stretch=(start, end))
            _same(scan_stretch(file, layout, choice, (start, end)), plain)


@pytest.mark.parametrize("stride", [188, 192, 204])
@pytest.mark.parametrize("chunk_bytes", [10_000, 30_000, 1 << 20])
def test_blocks_hold_the_packets_that_a_reader_finds(tmp_path: Path, stride: int, chunk_bytes: int) -> None:
    """With holes, junk, and sync bytes elsewhere."""
    path = tmp_path / "holes.ts"
    for seed in range(6):
        chance = random.Random(f"{stride} {seed}")
        pieces: list[bytes] = [chance.randbytes(chance.choice([0, 0, 1, 500]))]
        for n in range(500):
            pid = b"\x01\x47" if chance.random() < 0.8 else b"\x01\x02"
            pieces.append(b"\x47" + pid + bytes([0x10 | n % 16]) + chance.randbytes(184) + b"\xff" * (stride - 188))
            if chance.random() < 0.05:
                pieces.append(chance.randbytes(chance.randrange(1, 900)))
            if chance.random() < 0.03:
                pieces[-1] = pieces[-1][: chance.randrange(1, len(pieces[-1]))]
        data = b"".join(pieces)[: chance.choice([None, -1, -100])]
        path.write_bytes(data)
        size = len(data)
        with path.open("rb") as file:
            layout = find_layout(data[: 1 << 18])
            assert layout is not None and layout.stride == stride
            for stretch in ((0, size), tuple(sorted(chance.sample(range(size), 2)))):
                reader = PacketReader(file, layout, size)
                whole = [b.at for b in reader.blocks(*stretch, synced=False)]
                expected = np.concatenate([np.empty(0, np.int64), *whole]).tolist()
                found: list[int] = []
                for block in packet_blocks(file, layout, (stretch[0], stretch[1]), size, chunk_bytes):
                    packets = block.packets(np.arange(block.count))
                    assert bool((block.heads() == packets.data[:, :4].copy().view("<u4").ravel()).all())
                    for at, row in zip(packets.at.tolist(), packets.data, strict=True):
                        assert data[at : at + PACKET] == row.tobytes()
                    found += packets.at.tolist()
                assert found == expected, seed


def test_all_codecs_are_compared() -> None:
    assert {CLIPS[name].video_codec for name in _TS} == set(ASSEMBLERS)
