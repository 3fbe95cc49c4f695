"""What is done for many packets or units at once is what is done for each of them: random ones of every kind."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from plexcut.media.bitstream.bits import BitReader
from plexcut.media.bitstream.mpeg2_pictures import Mpeg2Pictures
from plexcut.media.bitstream.units import BitColumns, Units
from plexcut.media.index import glance
from plexcut.media.index.glance import (
    Glance,
    KnownCodes,
    Lens,
    Scratch,
    Seen,
    Sought,
    heads_of,
    start_codes,
    zero_tails,
)
from plexcut.media.index.packets import PACKET, head_of_pid
from plexcut.media.index.window import HEAD, PacketRun, Window

_MINE, _OTHER = 0x100, 0x1FE
_FIRST = 40_000


def _units(all_units: list[tuple[int, bytes]]) -> Units:
    def gather(which: np.ndarray, count: int) -> np.ndarray:
        rows = [all_units[i][1].ljust(count, b"\xff")[:count] for i in which.tolist()]
        return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, count).copy()

    count = len(all_units)
    return Units(
        start=np.array([start for start, _ in all_units], np.int64),
        heads=gather(np.arange(count), 2),
        sizes=np.array([len(data) for _, data in all_units], np.int64),
        new_pes=np.zeros(count, np.bool_),
        data=lambda i: all_units[i][1],
        gather=gather,
    )


@pytest.mark.parametrize("seed", range(60))
def test_mpeg2_pictures_of_many_units(seed: int) -> None:
    chance = random.Random(seed)
    weights = chance.choice([(6, 1, 6, 1), (9, 0.2, 9, 0.2), (3, 3, 3, 3), (20, 1, 3, 1)])
    found: list[tuple[int, bytes]] = []
    start = 0
    for _ in range(400):
        start += chance.randrange(5, 50)
        code = chance.choices([0x00, 0xB3, 0xB5, 0xB8], weights)[0]
        data = bytearray(chance.randbytes(chance.choice([2, 3, 5, 6, 8, 20])))
        data[0] = code
        if code == 0 and len(data) > 2 and chance.random() < 0.95:
            data[2] = data[2] & 0xC7 | chance.choice([1, 2, 3]) << 3
        if code == 0xB5 and chance.random() < 0.9:
            data[1] = data[1] & 15 | 0x80
        found.append((start, bytes(data)))
    single, many = Mpeg2Pictures(), Mpeg2Pictures()
    begin = 0
    while begin < len(found):
        end = begin + chance.choice([1, 7, 40, 200])
        for at, data in found[begin:end]:
            single.unit(at, data)
        many.units(_units(found[begin:end]))
        assert many.pending(-1) == single.pending(-1)
        assert many.take().tolist() == single.take().tolist()
        begin = end
    single.end()
    many.end()
    assert many.take().tolist() == single.take().tolist()


def test_fields_of_many_pieces_are_those_of_each() -> None:
    chance = random.Random(7)
    pieces = [bytes(chance.choices([0, 1, 0x20, 0x80, 0xFF], (8, 2, 2, 1, 1), k=16)) for _ in range(3000)]
    columns = BitColumns(np.frombuffer(b"".join(pieces), np.uint8).reshape(-1, 16))
    where = np.array([chance.random() < 0.5 for _ in pieces])
    count = np.array([chance.randrange(17) for _ in pieces])
    found = [columns.ue(), columns.u(5), columns.ue(where), columns.u(count), columns.u(3, where), columns.ue()]
    good = np.flatnonzero(~columns.bad)
    assert good.size > 300
    for i in good.tolist():
        reader, asked = BitReader(pieces[i]), bool(where[i])
        expected = [reader.ue(), reader.u(5), reader.ue() if asked else 0, reader.u(int(count[i]))]
        expected += [reader.u(3) if asked else 0, reader.ue()]
        assert [int(column[i]) for column in found] == expected
        assert int(columns.used[i]) == reader.pos


def _stretch(chance: random.Random, stride: int) -> tuple[Window, bytes]:
    """Packets of two streams, many of them odd, full of start codes; what the first one carries."""
    count = chance.randrange(40, 300)
    data = np.frombuffer(
        bytes(chance.choices([0, 1, 2, 0xB3, 0x80], (8, 4, 2, 1, 2), k=60_000 + count * stride)), np.uint8
    )
    data = data.copy()
    slots, odd, begins, payload = [], [], [], []
    for slot in range(count):
        off = _FIRST + slot * stride
        mine = chance.random() < 0.8
        pid = _MINE if mine else _OTHER
        flags = chance.choice([0x10] * 6 + [0x30])
        starts = 0x40 if chance.random() < 0.1 else 0
        data[off : off + HEAD] = (0x47, pid >> 8 | starts, pid & 0xFF, flags)
        if not mine:
            continue
        begin = chance.choice([HEAD, 5, 20, 150, PACKET - 2, PACKET - 1]) if starts or flags == 0x30 else HEAD
        if starts or flags == 0x30:
            odd.append(len(slots))
            begins.append(begin)
        slots.append(slot)
        payload.append(data[off + begin : off + PACKET].tobytes())
    run = PacketRun(np.array(slots), np.array(odd, np.int64), np.array(begins, np.int64), 1000)
    none = np.empty(0, np.int64)
    tails = zero_tails(data, _FIRST, count, stride)
    window = Window(data, stride, _FIRST, run, 0, none, chance.choice([tails, None]))
    return window, b"".join(payload)


def _lens(stride: int) -> Lens:
    """Looks at up to 1024 bytes at once, for units that begin with B3, or have a 2 behind their first byte."""
    sought = Sought(head_of_pid(_MINE), lambda two: np.asarray((two[:, 0] == 0xB3) | (two[:, 1] == 2), np.bool_))
    return Lens(stride, sought, Scratch(1024))


def _glance(chance: random.Random, data: np.ndarray, stretch: tuple[int, int], phase: int, stride: int) -> Seen:
    """What is seen of a stretch in pieces of any size."""
    at, end = stretch
    look = Glance(data, at, phase, _lens(stride))
    while at < end:
        at = min(end, at + chance.choice([1, 2, 3, 187, 1023, 1024]))
        look.look(at)
    return look.seen()


def _all_codes(data: bytes) -> list[int]:
    found, at = [], data.find(b"\x00\x00\x01")
    while at >= 0:
        found.append(at)
        at = data.find(b"\x00\x00\x01", at + 1)
    return found


@pytest.mark.parametrize("stride", [188, 192, 204])
@pytest.mark.parametrize("seed", range(12))
def test_start_codes_of_a_stretch(seed: int, stride: int) -> None:
    chance = random.Random(f"{seed} {stride}")
    window, payload = _stretch(chance, stride)
    expected = _all_codes(payload)
    codes = window.start_codes()
    assert (codes.es - 1000).tolist() == expected
    assert window.end - 1000 == len(payload)
    for count in (2, 17, 96):
        whole = codes.take(codes.es + 3 + count <= window.end)
        rows = [bytes(row) for row in window.gather(whole, count)]
        assert rows == [payload[at - 997 : at - 997 + count] for at in whole.es.tolist()]
    for at in chance.sample(range(len(payload)), 20):
        assert window.bytes_at(1000 + at, 400) == payload[at : at + 400]
    # From anywhere in the packets before on, where what is seen begins.
    begin = _FIRST - chance.randrange(3 * stride)
    end = min(window.data.size - 8, _FIRST + stride * (int(window.run.slots[-1]) + 1) + chance.randrange(3 * stride))
    seen = _glance(chance, window.data, (begin, end), _FIRST - (_FIRST - begin) // stride * stride, stride)
    window = replace(window, known=KnownCodes(begin, seen.sought))
    sifted = (window.start_codes().es - 1000).tolist()
    assert set(sifted) <= set(expected)
    looked_for = [payload[at + 3 : at + 4] == b"\xb3" or payload[at + 4 : at + 5] == b"\x02" for at in expected]
    wanted = [i for i, is_it in enumerate(looked_for) if is_it]
    assert {expected[i] for i in wanted} <= set(sifted)
    # Of each that is looked for the end is known.
    following = dict(pairwise(sifted))
    behind = [*expected[1:], None]
    assert [following.get(expected[i]) for i in wanted] == [behind[i] for i in wanted]


@pytest.mark.parametrize("many", [20, 1 << 17])
@pytest.mark.parametrize("seed", range(12))
def test_a_glance_in_pieces_is_one_at_all(monkeypatch: pytest.MonkeyPatch, seed: int, many: int) -> None:
    monkeypatch.setattr(glance, "_MANY_PAIRS", many)
    chance = random.Random(seed)
    stride, begin = chance.choice([188, 192, 204]), chance.randrange(1000)
    data = np.frombuffer(bytes(chance.choices([0, 1, 2], (8, 4, 1), k=30_000)), np.uint8).copy()
    end, phase = data.size - 64, begin + chance.randrange(stride)
    seen = _glance(chance, data, (begin, end), phase, stride)
    assert seen.codes.tolist() == start_codes(data, begin, end).tolist()
    assert seen.codes.tolist() == [begin + code for code in _all_codes(data[begin:end].tobytes())]
    assert seen.heads.tolist() == heads_of(data, phase, (end - phase - 4) // stride + 1, stride).tolist()
    whole = (end - phase - PACKET) // stride + 1
    assert seen.tails.tolist() == zero_tails(data, phase, whole, stride).tolist()
