"""The proof of a cut sees any byte that is not as it was written, and the parts that it stands on."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xxhash
from tests.media.cut_checks import keep_of
from tests.media_factory import CLIPS, ClipCache
from tests.media_factory.spec import PACKET_SIZES_BYTES

from plexcut.domain.media import Verification
from plexcut.media import ts_writer
from plexcut.media.bitstream.audio import splits
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.ledger import Due, Ledger
from plexcut.media.cutting.opening import settled_plan
from plexcut.media.cutting.output import BackgroundWriter
from plexcut.media.cutting.payloads import CodedPictures, PayloadTap
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.readback import foreseen, read_back
from plexcut.media.cutting.schedule import SpanTimes, make_schedule
from plexcut.media.cutting.sound import SoundCutter, SoundFrame, SoundReader
from plexcut.media.cutting.splice_ts import TransportSplice
from plexcut.media.cutting.transport_check import transport_faults
from plexcut.media.cutting.verify import Made, prove_cut
from plexcut.media.index.blocks import Block, packet_blocks
from plexcut.media.index.build import build_index
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PayloadReader, find_layout
from plexcut.media.sources import open_source
from plexcut.media.ts_packets import PidPackets, Room
from plexcut.media.ts_pictures import Laid, fill
from plexcut.media.units import open_units

_SPANS = [(5, 31), (50, 75)]


@dataclass
class Written:
    source: tuple[Path, MediaIndex]
    path: Path
    made: Made

    def proved(self) -> Verification:
        return prove_cut(self.source, self.path, self.made, lambda _what, _fraction: None).verification


def _written(
    path: Path, folder: Path, ledger: Ledger | None = None, spans: Sequence[tuple[int, int]] = _SPANS
) -> Written:
    index = build_index(path, None, lambda _fraction: None)
    plan = settled_plan(path, index, keep_of(spans), "exact")
    schedule = make_schedule(index, plan)
    pictures = PictureSource(path, index, plan, schedule)
    target = folder / "result.ts"
    try:
        pictures.encode_behind()
        splice = TransportSplice(path, index, schedule, pictures)
        with target.open("wb") as file:
            fractions = list(splice.write(file))
    finally:
        pictures.close()
    assert fractions == sorted(fractions)
    return Written((path, index), target, Made(plan, schedule, ledger or splice.ledger))


@pytest.fixture(scope="module")
def written(clip_cache: ClipCache, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return _written(clip_cache.get(CLIPS["broadcast"]).path, tmp_path_factory.mktemp("proof"))


def test_what_was_written_passes(written: Written) -> None:
    proof = written.proved()
    assert proof.ok
    assert {check.name for check in proof.checks} == {
        "frames", "times", "order", "transport", "bytes", "pictures", "playing", "decoding", "streams", "sound"
    }  # fmt: skip


_KINDS = ["broadcast", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "mpeg2_pulldown", "hevc_cra",
          "ts_lost_frames", "ts_discontinuity"]  # fmt: skip


@pytest.mark.parametrize("name", _KINDS)
def test_the_index_of_a_result_is_that_of_a_scan(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    """Made from the source's index and the result's clocks, for pictures whose bytes are the source's."""
    made = _written(clip_cache.get(CLIPS[name]).path, tmp_path)
    assert made.made.ledger is not None
    schedule = made.made.schedule
    due = Due(made.made.ledger, schedule.pts, schedule.dts, schedule.start)
    found = read_back(made.path, made.source[1], (due, None), lambda _fraction: None)
    scanned = build_index(made.path, None, lambda _fraction: None)
    assert not found.wrong
    ahead = foreseen(made.source[1], due)
    assert ahead is not None
    for column in ("at", "skip", "size", "pts", "dts", "flags", "display"):
        assert np.array_equal(getattr(ahead, column), getattr(found.index, column)), column
    for column in ("pts", "dts", "display"):
        assert np.array_equal(getattr(found.index, column), getattr(scanned, column)), column
    key, closed = int(PictureFlag.KEY), int(PictureFlag.CLOSED)
    assert np.array_equal(found.index.flags & (key | closed), scanned.flags & (key | closed))
    with open_units(made.path, found.index) as ours, open_units(made.path, scanned) as theirs:
        count = scanned.pts.size
        pairs = zip(ours.read(0, count), theirs.read(0, count), strict=True)
        assert all(a[0].strip(b"\x00") == b[0].strip(b"\x00") for a, b in pairs)


def test_any_byte_that_is_changed_is_seen(written: Written) -> None:
    """Payload, headers, stuffing, tables, clocks of every stream."""
    data = written.path.read_bytes()
    rng = random.Random(1)
    pids = np.frombuffer(data, np.uint8).reshape(-1, 188)[:, 1:3].astype(int)
    pid = (pids[:, 0] & 0x1F) << 8 | pids[:, 1]
    places = [188 * int(rng.choice(np.flatnonzero(pid == this))) + rng.randrange(188) for this in np.unique(pid)]
    places += [rng.randrange(len(data)) for _ in range(20)]
    try:
        for place in places:
            spoiled = bytearray(data)
            spoiled[place] ^= 1 << rng.randrange(8)
            written.path.write_bytes(spoiled)
            assert not written.proved().ok, f"byte {place} of {len(data)}"
    finally:
        written.path.write_bytes(data)


def test_what_is_lost_added_or_elsewhere_is_seen(written: Written) -> None:
    data = written.path.read_bytes()
    half = len(data) // 2 // 188 * 188
    try:
        for spoiled in (
            data[:-188],
            data[:half] + data[half + 188 :],
            data + data[-188:],
            data + b"\x00" * 100,
            data[:half] + data[half + 188 : half + 376] + data[half : half + 188] + data[half + 376 :],
            b"",
            data[:1000],
            bytes(len(data)),
        ):
            written.path.write_bytes(spoiled)
            assert not written.proved().ok
    finally:
        written.path.write_bytes(data)
    assert written.proved().ok


def _failed(proof: Verification) -> set[str]:
    return {check.name for check in proof.checks if not check.ok}


def test_a_picture_that_was_copied_wrongly_is_seen(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is what stands in the file, but it is not the recording's: a byte in the middle of a picture."""
    chosen: list[int] = []

    def wrong(room: Room, pid: int, laid: Laid) -> None:
        fill(room, pid, laid)
        if laid.pictures and not chosen:
            _, first, count, *_ = laid.pictures[len(laid.pictures) // 2]
            room[2][188 * (first + count // 2) + 100] ^= 1
            chosen.append(first)

    monkeypatch.setattr(ts_writer, "fill", wrong)
    written = _written(clip_cache.get(CLIPS["broadcast"]).path, tmp_path)
    assert chosen
    assert "bytes" in _failed(written.proved())


def test_a_picture_that_was_taken_wrongly_is_seen(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for pictures that are looked at one by one, such as those at the end of a span."""
    plain = PictureSource.plain
    chosen: list[int] = []

    def wrong(self: PictureSource, row: int, source: memoryview) -> tuple[bytes, memoryview] | None:
        found = plain(self, row, source)
        if found is None or chosen not in ([], [row]):
            return found
        chosen.append(row)
        return found[0], memoryview(bytes(found[1])[:-1] + b"\x55")

    monkeypatch.setattr(PictureSource, "plain", wrong)
    monkeypatch.setattr(PictureSource, "fitted_rows", list(range(1000)))
    proof = _written(clip_cache.get(CLIPS["broadcast"]).path, tmp_path).proved()
    assert "bytes" in _failed(proof)


@pytest.mark.parametrize("by", [1, -1, 400])
def test_a_picture_that_was_looked_for_in_a_wrong_place_is_seen(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    """What went into the file is what was taken out of the recording, far from all seams, but it is no picture."""
    whole = CodedPictures.whole
    chosen: list[int] = []

    def wrong(self: CodedPictures, rows: np.ndarray) -> np.ndarray:
        begin = whole(self, rows).copy()
        if begin.size > 36 and not chosen:
            chosen.append(int(rows[18]))
            begin[18] += by
        return begin

    monkeypatch.setattr(CodedPictures, "whole", wrong)
    written = _written(clip_cache.get(CLIPS["h264_no_bframes"]).path, tmp_path, spans=[(2, 74)])
    assert chosen
    assert "bytes" in _failed(written.proved())


def test_a_subtitle_that_was_written_wrongly_is_seen(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is what stands in the file, but it is not what was to be written."""
    path = clip_cache.get(CLIPS["broadcast"]).path
    made = _written(path, tmp_path).made.ledger
    assert made is not None
    assert made.carried
    pid, count = max(((pid, len(one.digests)) for pid, one in made.carried.items()), key=lambda found: found[1])
    assert count > 3
    pack, seen = PidPackets.pack, list[int]()

    def wrong(self: PidPackets, room: Room, pieces: tuple[bytes, bytes], fields: bytes) -> None:
        pack(self, room, pieces, fields)
        if (room[2][1] & 0x1F) << 8 | room[2][2] == pid:
            seen.append(pid)
            if len(seen) == 3:
                room[2][187] ^= 1

    monkeypatch.setattr(PidPackets, "pack", wrong)
    assert _failed(_written(path, tmp_path).proved()) == {"transport"}


# --------------------------------------------------------------------------------------------------------------- parts


_STREAMS = ["broadcast", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra", "ts_192", "ts_204", "ts_lost_frames",
            "ts_discontinuity", "ts_pmt_change", "h264_two_audio"]  # fmt: skip


def _blocks(path: Path, chunk_bytes: int) -> Iterator[Block]:
    with open_source(path) as file:
        layout = find_layout(file.read(1 << 18))
        assert layout is not None
        size = path.stat().st_size
        yield from packet_blocks(file, layout, (0, size), size, chunk_bytes)


@pytest.mark.parametrize("name", _STREAMS)
@pytest.mark.parametrize("chunk_bytes", [40_000, 1 << 20])
def test_payloads_are_those_of_the_other_reader(clip_cache: ClipCache, name: str, chunk_bytes: int) -> None:
    path = clip_cache.get(CLIPS[name]).path
    index = build_index(path, None, lambda _fraction: None)
    for pid in (index.video.id, *(track.id for track in index.tracks)):
        tap, reader = PayloadTap(), PayloadReader()
        for block in _blocks(path, chunk_bytes):
            heads = block.heads()
            which = np.flatnonzero(((heads & 0x1F00) | (heads >> 16 & 0xFF)) == pid)
            found, expected = tap.take(block, which, heads[which]), reader.take(block.packets(which))
            assert found.es.tobytes() == expected.es.tobytes()
            assert (found.starts.tolist(), found.at.tolist()) == (expected.starts.tolist(), expected.at.tolist())


@pytest.mark.parametrize("name", _STREAMS)
def test_pictures_are_those_of_the_other_reader(clip_cache: ClipCache, name: str) -> None:
    path = clip_cache.get(CLIPS[name]).path
    index = build_index(path, None, lambda _fraction: None)
    with open_units(path, index) as reader:
        expected = [b"".join(unit) for unit in reader.read(0, index.pts.size)]
    coded, found = CodedPictures(index), list[bytes]()
    for block in _blocks(path, 50_000):
        heads = block.heads()
        which = np.flatnonzero(((heads & 0x1F00) | (heads >> 16 & 0xFF)) == index.video.id)
        coded.feed(block, which, heads[which], len(found))
        while len(found) < index.pts.size and (picture := coded.take(len(found))) is not None:
            found.append(bytes(picture))
    assert found == expected


@pytest.mark.parametrize("name", ["broadcast", "h264_two_audio", "ts_lost_frames", "eac3", "aac_latm"])
def test_runs_of_sound_are_its_frames(clip_cache: ClipCache, name: str) -> None:
    """Placed all at once or one by one, read in large pieces or small ones."""
    if name not in CLIPS:
        name = "h264_subtitles"
    path = clip_cache.get(CLIPS[name]).path
    index = build_index(path, None, lambda _fraction: None)
    rng = random.Random(2)
    for track in index.tracks:
        if track.kind != "audio" or not splits(track.codec):
            continue
        payload, small, large = PayloadReader(), SoundReader(track.codec, 90_000), SoundReader(track.codec, 90_000)
        frames: list[SoundFrame] = []
        runs = []
        for block in _blocks(path, 1 << 20):
            heads = block.heads()
            which = np.flatnonzero(((heads & 0x1F00) | (heads >> 16 & 0xFF)) == track.id)
            part = payload.take(block.packets(which))
            es, marks = part.es.tobytes(), [(p.es, p.pts) for p in part.pes if p.pts is not None]
            runs += large.feed_runs(es, marks)
            cuts = sorted(rng.sample(range(len(es)), min(len(es), 30)))
            for a, b in itertools.pairwise([0, *cuts, len(es)]):
                frames += small.feed(es[a:b], [(at - a, pts) for at, pts in marks if a <= at < b])
        assert [frame for run in runs for frame in run.frames()] == frames
        start, base, spans = round(frames[0].time), 0, []
        for length in (20_000, 70_001, 33_333):
            spans.append(SpanTimes(start + 5_000, start + 5_000 + length, base))
            start, base = start + 9_000 + length, base + length
        one, all_ = SoundCutter(), SoundCutter()
        for span in spans:
            single = [(p.time, p.data) for p in (one.place(frame, span) for frame in frames) if p is not None]
            placed = [p for p in (all_.place_run(run, span) for run in runs) if p is not None]
            together = [
                (p.time + i * p.run.length, p.run.frames()[p.first + i].data)
                for p in placed
                for i in range(p.end - p.first)
            ]
            assert together == single
            assert single


def test_sizes_of_packets_are_told_from_faults(clip_cache: ClipCache, written: Written, tmp_path: Path) -> None:
    assert transport_faults(written.path, written.source[1].video.id) == []
    for name in ("ts_192", "ts_204"):
        clip = clip_cache.get(CLIPS[name])
        assert PACKET_SIZES_BYTES[clip.spec.container] != 188
        index = build_index(clip.path, None, lambda _fraction: None)
        assert transport_faults(clip.path, index.video.id) == []
    data = written.path.read_bytes()
    spoiled = tmp_path / "spoiled.ts"
    spoiled.write_bytes(data[: 188 * 40] + data[188 * 41 :])
    assert transport_faults(spoiled, written.source[1].video.id) != []


@pytest.mark.parametrize("table", [0, 1])
def test_tables_come_often_enough(written: Written, tmp_path: Path, table: int) -> None:
    index = written.source[1]
    tables = (0, index.pmt_pid)
    assert transport_faults(written.path, index.video.id, tables) == []
    data = written.path.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    begin, end = len(packets) // 4, len(packets) * 3 // 4
    rest = [
        packet
        for n, packet in enumerate(packets)
        if not begin <= n < end or (packet[1] & 31) << 8 | packet[2] != tables[table]
    ]
    seldom = tmp_path / "seldom.ts"
    seldom.write_bytes(b"".join(rest))
    assert any("table comes too late" in fault for fault in transport_faults(seldom, index.video.id, tables))


def test_writing_on_a_thread() -> None:
    pieces = [bytes([n]) * 10_000 for n in range(50)]
    out = io.BytesIO()
    with BackgroundWriter(out) as writer:
        for piece in pieces:
            writer.write(memoryview(piece))
    assert out.getvalue() == b"".join(pieces)
    assert (writer.digest, writer.size_bytes) == (xxhash.xxh3_64_intdigest(out.getvalue()), len(out.getvalue()))


def test_a_full_disk_is_told_by_the_next_call() -> None:
    class Full(io.BytesIO):
        calls = 0

        def write(self, data: object) -> int:
            self.calls += 1
            raise OSError(28, "No space left on device")

    out = Full()
    with pytest.raises(OSError, match="No space"), BackgroundWriter(out) as writer:
        for _ in range(1000):
            writer.write(memoryview(b"x" * 1000))
    assert out.calls == 1
    with pytest.raises(OSError, match="No space"), BackgroundWriter(Full()) as writer:
        writer.write(memoryview(b"x"))
