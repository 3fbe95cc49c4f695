"""Stretches of a recording's file that go into a cut whole: as right as what is taken apart, and proved as sharply."""

from __future__ import annotations

import errno
import os
import random
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.media.cut_checks import Spans, check_pictures, keep_of, make_cut, never, quiet
from tests.media_factory import CLIPS, Clip, ClipCache

from plexcut.domain.media import CutRequest
from plexcut.errors import Cancelled, RecordingChanged
from plexcut.media.cutting import cut as cut_module
from plexcut.media.cutting import output, passages, passing
from plexcut.media.cutting.ledger import Passed
from plexcut.media.cutting.packet_change import Changing, PacketChange, Unpassable, room_packet
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.sound import SoundCutter, SoundRun
from plexcut.media.cutting.verify import CutProof, Made, prove_cut
from plexcut.media.engine import Engine
from plexcut.media.index.packets import Packets
from plexcut.media.index.pes import UNKNOWN, parse_pes_heads

_SMALL_BYTES = 20_000
_LONG = {
    "broadcast": [(13, 140)],
    "h264_open_gop_50p": [(13, 110)],
    "h264_open_gop_pyramid": [(13, 110)],
    "h264_grain": [(9, 90)],
    "h264_paff": [(7, 70)],
    "h264_paff_mixed": [(7, 70)],
    "h264_mbaff_grain": [(7, 90)],
    "h264_two_audio": [(13, 130)],
    "h264_subtitles": [(5, 110)],
    "mpeg2_grain": [(7, 90)],
    "mpeg2_interlaced_wrap": [(5, 90)],
    "hevc_grain": [(9, 90)],
}


@dataclass
class Proofs:
    """What was proved of cuts that were made: each time what went along whole, and whether it held."""

    passed: list[list[Passed]] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> Proofs:
    """Also short stretches go along whole."""
    found = Proofs()

    def proved(source: Any, path: Path, made: Made, on_done: Any) -> CutProof:
        proof = prove_cut(source, path, made, on_done)
        assert made.ledger is not None
        found.passed.append(made.ledger.passed)
        found.held.append(proof.verification.ok)
        return proof

    monkeypatch.setattr(passages, "LEAST_BYTES", _SMALL_BYTES)
    monkeypatch.setattr(cut_module, "prove_cut", proved)
    return found


def _spans(clip: Clip, name: str) -> list[Spans]:
    count = len(clip.numbers)
    chance = random.Random(name)
    found: list[Spans] = [[(a, min(b, count)) for a, b in _LONG[name]]]
    middle = count // 2
    found.append([(2, middle - 3), (middle + 4, count - 1)])
    for _ in range(3):
        edges = sorted(chance.sample(range(count + 1), 4))
        found.append(list(zip(edges[::2], edges[1::2], strict=True)))
    return found


@pytest.mark.parametrize("name", _LONG)
def test_every_kind(clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, name: str) -> None:
    """The kept frames and nothing else, for others' decoders; and whoever looks at the two files later says so too."""
    clip, engine = clip_cache.get(CLIPS[name]), Engine(None)
    for spans in _spans(clip, name):
        cut = make_cut(engine, clip, tmp_path, spans)
        check_pictures(cut)
        proof = engine.verify(clip.path, cut.path, cut.keep)
        assert proof.ok, (spans, [check for check in proof.checks if not check.ok])
    assert all(proofs.held)
    assert any(proofs.passed), "nothing went along whole"


def test_the_first_stretch_is_copied_by_the_kernel(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte; where the kernel cannot, it is copied all the same, and the result is no other."""
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)
    copied: list[int] = []
    copy = os.copy_file_range

    def counted(source: int, target: int, size: int, at: int, to: int) -> int:
        copied.append(size)
        return copy(source, target, size, at, to)

    monkeypatch.setattr(os, "copy_file_range", counted)
    cut = make_cut(engine, clip, tmp_path, _LONG["broadcast"])
    [passed] = proofs.passed[-1]
    assert sum(copied) == passed.size_bytes
    assert not passed.counted
    assert passed.change.is_plain
    ours = bytearray(cut.path.read_bytes()[passed.begin : passed.stop])
    theirs = bytearray(clip.path.read_bytes()[passed.at : passed.at + passed.size_bytes])
    for at in passed.change.instead:
        place = at - passed.at
        assert ours[place + 3] & 0x30 == 0x20
        ours[place : place + 188] = theirs[place : place + 188]
    assert ours == theirs
    before = cut.path.read_bytes()

    def cannot(*_: int) -> int:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    for instead in (cannot, lambda *_: 0):
        monkeypatch.setattr(os, "copy_file_range", instead)
        assert make_cut(engine, clip, tmp_path, _LONG["broadcast"]).path.read_bytes() == before


def test_behind_it_clocks_and_counters_are_changed(clip_cache: ClipCache, tmp_path: Path, proofs: Proofs) -> None:
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)
    check_pictures(make_cut(engine, clip, tmp_path, [(13, 70), (85, 140)]))
    first, second = proofs.passed[-1]
    assert first.change.is_plain
    assert second.counted
    assert not second.change.is_plain


def test_any_byte_that_is_changed_is_seen(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what was copied and of what was changed, in every stream: the cut is made again without."""
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)
    chance = random.Random(3)
    proved = cut_module.prove_cut

    def spoiling(source: Any, path: Path, made: Made, on_done: Any) -> CutProof:
        assert made.ledger is not None
        if made.ledger.passed:
            passed = chance.choice(made.ledger.passed)
            data = bytearray(path.read_bytes())
            data[chance.randrange(passed.begin, passed.stop)] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
        return proved(source, path, made, on_done)

    monkeypatch.setattr(cut_module, "prove_cut", spoiling)
    for _ in range(12):
        check_pictures(make_cut(engine, clip, tmp_path, [(13, 70), (85, 140)]))
        assert proofs.held[-2:] == [False, True]
        assert proofs.passed[-1] == []


@pytest.mark.parametrize("what", ["sound", "subtitles", "clock"])
def test_clocks_that_are_moved_wrongly_are_seen(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Though they were written as it was meant: the cut is made again without."""
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)
    index = engine.index(clip.path)
    tracks = {track.id for track in index.tracks if (track.kind == "audio") == (what == "sound")}

    def wrong(ticks: int, stamps: dict[int, int], *more: Any) -> PacketChange:
        if what == "clock":
            return PacketChange(ticks + 900, stamps, *more)
        moved = {pid: by + 45_000 * (pid in tracks and pid != index.video.id) for pid, by in stamps.items()}
        return PacketChange(ticks, moved, *more)

    monkeypatch.setattr(passing, "PacketChange", wrong)
    check_pictures(make_cut(engine, clip, tmp_path, [(13, 70), (85, 140)]))
    assert proofs.held == [False, True]


def test_what_is_open_at_the_end_must_not_be_forgotten(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)
    forgotten: list[int] = []

    def none(file: Any, positions: Any) -> Packets:
        forgotten.extend(positions)
        return Packets(np.empty((0, 188), np.uint8), np.empty(0, np.int64))

    monkeypatch.setattr(passing, "packets_at", none)
    monkeypatch.setattr(passing, "_instead", lambda *_: {})
    make_cut(engine, clip, tmp_path, [(13, 70), (85, 140)])
    assert forgotten
    assert proofs.held == [False, True]


def test_what_is_in_front_does_not_wait_in_memory_for_ever(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where much lies in front of the first stretch it is that whose counters are changed."""
    monkeypatch.setattr(passing, "_HELD_BYTES", 0)
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)
    check_pictures(make_cut(engine, clip, tmp_path, [(13, 70), (85, 140)]))
    assert proofs.held == [True]
    assert all(passed.counted for passed in proofs.passed[0])


def test_what_cannot_go_along_is_taken_apart(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, engine = clip_cache.get(CLIPS["broadcast"]), Engine(None)

    def cannot(self: Changing, data: Any, at: int) -> None:
        raise Unpassable("for no reason")

    monkeypatch.setattr(Changing, "apply", cannot)
    check_pictures(make_cut(engine, clip, tmp_path, [(13, 70), (85, 140)]))
    assert proofs.passed == [[]]


def test_a_recording_that_gets_shorter_meanwhile(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    source, folder = tmp_path / "source.ts", tmp_path / "out"
    source.write_bytes(clip.path.read_bytes())
    folder.mkdir()
    copy = output.copy_range

    def shorter(one: int, other: int, places: tuple[int, int], size: int) -> int:
        os.truncate(source, places[0] + 1000)
        return copy(one, other, places, size)

    monkeypatch.setattr(output, "copy_range", shorter)
    with pytest.raises(RecordingChanged):
        Engine(None).cut(CutRequest(source, folder / "cut.ts", keep_of([(13, 140)])), quiet, never)
    assert list(folder.iterdir()) == []


def test_cancelled_while_it_is_copied(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    begun: list[int] = []
    copy = output.copy_range

    def slowly(one: int, other: int, places: tuple[int, int], size: int) -> int:
        begun.append(size)
        time.sleep(0.3)
        return copy(one, other, places, size)

    monkeypatch.setattr(output, "copy_range", slowly)
    monkeypatch.setattr(passing, "_COPIED_BYTES", 5_000)
    with pytest.raises(Cancelled):
        request = CutRequest(clip.path, tmp_path / "cut.ts", keep_of([(13, 140)]))
        Engine(None).cut(request, quiet, lambda: bool(begun))
    assert len(begun) < 10
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "byte", "bits"), [("audio", 13, 0x80), ("audio", 11, 0x02), ("subtitle", 10, 0x40)])
def test_a_time_stamp_with_a_wrong_bit_does_not_go_along(
    clip_cache: ClipCache, tmp_path: Path, proofs: Proofs, kind: str, byte: int, bits: int
) -> None:
    """Though all else is whole: what is around it is taken apart, where such stamps are put right or left out."""
    clip = clip_cache.get(CLIPS["broadcast"])
    index = Engine(None).index(clip.path)
    assert index.raw is not None
    pid = next(track.id for track in index.tracks if track.kind == kind)
    mine = index.raw.pes.take(np.flatnonzero(index.raw.pes.pid == pid))
    data = bytearray(clip.path.read_bytes())
    at = int(mine.at[mine.at.size // 2])
    data[at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0) + byte] ^= bits
    source = tmp_path / "source.ts"
    source.write_bytes(data)
    Engine(None).cut(CutRequest(source, tmp_path / "cut.ts", keep_of([(13, 140)])), quiet, never)
    assert all(not passed.at <= at < passed.at + passed.size_bytes for passed in proofs.passed[0])
    assert proofs.held == [True]


def test_sound_joins_the_span_before() -> None:
    """Also where the first frame of a span goes along by itself: half a frame at most from its place."""
    length = Fraction(2160)
    spans = [SpanTimes(0, 90_000, 0), SpanTimes(900_000, 990_000, 90_000)]
    for late in (-1080, -500, 0, 7, 350):
        cutter = SoundCutter()
        run = SoundRun(Fraction(late), length, bytes(42), range(43))
        assert cutter.place_run(run, spans[0]) is not None
        following = late + 42 * 2160
        for off in (-1000, 0, 400):
            joined = SoundCutter()
            joined.place_run(run, spans[0])
            added = joined.passed(spans[1], 900_000 + following - 90_000 + off, 980_000, length)
            assert added == spans[1].shift - off
    assert SoundCutter().passed(spans[0], 5, 80_000, length) == spans[0].shift


# --------------------------------------------------------------------------------------------------- single packets


def _clocks(data: np.ndarray[Any, Any]) -> tuple[list[int], list[tuple[int, int, int]]]:
    """PCRs, and PID, PTS and DTS of PES packets."""
    pcrs: list[int] = []
    stamps: list[tuple[int, int, int]] = []
    for at in range(0, data.size, 188):
        packet = data[at : at + 188]
        begin = 4 + (1 + int(packet[4]) if packet[3] & 0x20 else 0)
        if packet[3] & 0x20 and packet[4] and packet[5] & 0x10:
            field = int.from_bytes(packet[6:11].tobytes(), "big")
            pcrs.append(field >> 7)
        if packet[1] & 0x40 and packet[3] & 0x10:
            pes = parse_pes_heads(data, np.array([at + begin]), np.array([at + 188]))
            if pes.found[0] and pes.pts[0] != UNKNOWN:
                pid = int(packet[1] & 0x1F) << 8 | int(packet[2])
                stamps.append((pid, int(pes.pts[0]), int(pes.dts[0])))
    return pcrs, stamps


@pytest.mark.parametrize("name", ["broadcast", "mpeg2_interlaced_wrap", "h264_subtitles"])
def test_what_is_added_to_clocks_is_added_and_nothing_else(clip_cache: ClipCache, name: str) -> None:
    data = np.frombuffer(clip_cache.get(CLIPS[name]).path.read_bytes(), np.uint8)
    data = data[: data.size // 188 * 188]
    before = _clocks(data)
    pids = {pid for pid, *_ in before[1]}
    chance = random.Random(name)
    wrap = 1 << 33
    ticks = chance.randrange(wrap)
    stamps = {pid: chance.randrange(wrap) for pid in pids}
    counters = {pid: chance.randrange(16) for pid in pids}
    changed = data.copy()
    changing = Changing(PacketChange(ticks, stamps, counters))
    at = 0
    while at < data.size:
        # However it comes in pieces.
        end = at + 188 * chance.choice([1, 2, 30, 500])
        changing.apply(changed[at:end], at)
        at = end
    after = _clocks(changed)
    assert after[0] == [(pcr + ticks) % wrap for pcr in before[0]]
    assert after[1] == [(p, (pts + stamps[p]) % wrap, (dts + stamps[p]) % wrap) for p, pts, dts in before[1]]
    back = Changing(PacketChange(-ticks % wrap, {p: -t % wrap for p, t in stamps.items()}, _first_counters(data)))
    back.apply(changed, 0)
    assert np.array_equal(changed, data)


def _first_counters(data: np.ndarray[Any, Any]) -> dict[int, int]:
    found: dict[int, int] = {}
    for packet in data.reshape(-1, 188):
        if packet[3] & 0x10:
            found.setdefault(int(packet[1] & 0x1F) << 8 | int(packet[2]), int(packet[3] & 15))
    return found


def test_a_packet_that_is_only_room() -> None:
    packet = room_packet(0x123, 16 + 5)
    assert len(packet) == 188
    assert packet[:6] == bytes((0x47, 0x01, 0x23, 0x25, 183, 0))
    assert set(packet[6:]) == {0xFF}
