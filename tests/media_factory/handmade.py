"""H.264 written by hand: kinds of streams that no encoder at hand makes (ISO 14496-10).

Pictures are coded as two fields or as frames (PAFF), counted in any of the three ways (picture order count types 0, 1
and 2), and reference pictures are unmarked at will. Macroblocks are either samples as they are (I_PCM) or taken from a
reference picture without change, by turns from every one that the picture may look at: whoever mixes up the lists of
reference pictures shows another picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.media_factory.bitwriter import Bits
from tests.media_factory.numbers import draw_yuv
from tests.media_factory.spec import ClipSpec, Handmade

WIDTH, HEIGHT = 64, 128
_MB = 16
_ACROSS = WIDTH // _MB
_FRAME_NUM_BITS, _POC_BITS = 5, 7
_P, _B, _I = 5, 6, 7
_NUMBER_ROWS = {True: (0, 3), False: (0, 1, 7)}
"""Rows of macroblocks in which the frame number stands, in a field and in a frame."""


@dataclass
class _Reference:
    """A reference frame as a decoder holds it; `fields` by parity (0: top) that are decoded already."""

    frame_num: int
    number: int
    decoded: int
    fields: set[int] = field(default_factory=set)

    def poc(self, parity: int | None, *, interlaced: bool) -> int:
        return 2 * self.number + (parity or 0 if interlaced else 0)


@dataclass(frozen=True)
class _Planned:
    """A picture: its number, and `key`, `ref` and B or not."""

    number: int
    kind: int
    ref: bool
    key: bool


@dataclass(frozen=True)
class HandmadeUnit:
    """A frame in one access unit or two; `number` and `order` (when it is decoded) count frames."""

    data: bytes
    number: int
    order: int
    key: bool


def encode_handmade(spec: ClipSpec) -> list[HandmadeUnit]:
    """The pictures of a spec in decode order."""
    assert spec.handmade is not None
    return _Encoder(spec, spec.handmade).units()


def _plan(spec: ClipSpec) -> list[_Planned]:
    """Every group begins with an I picture, shown behind the B pictures that follow it."""
    planned = [_Planned(0, _I, ref=True, key=True)]
    last = 0
    while last < spec.frames - 1:
        next_key = (last // spec.gop + 1) * spec.gop
        anchor = min(last + spec.bframes + 1, next_key, spec.frames - 1)
        key = anchor == next_key
        planned.append(_Planned(anchor, _I if key else _P, ref=True, key=key))
        between = list(range(last + 1, anchor))
        middle = between[len(between) // 2] if spec.b_pyramid and len(between) > 2 else None
        if middle is not None:
            planned.append(_Planned(middle, _B, ref=True, key=False))
        planned += [_Planned(n, _B, ref=False, key=False) for n in between if n != middle]
        last = anchor
    return planned


class _Encoder:
    def __init__(self, spec: ClipSpec, how: Handmade) -> None:
        self._spec = spec
        self._how = how
        self._interlaced = how.fields != "none"
        self._held: list[_Reference] = []
        self._frame_num = 0
        self._references = 0
        self._key = _Reference(0, 0, 0)
        self._decoded = 0
        self._forget = False

    def units(self) -> list[HandmadeUnit]:
        planned = _plan(self._spec)
        return [HandmadeUnit(self._picture(p), p.number, i, p.key) for i, p in enumerate(planned)]

    def _picture(self, picture: _Planned) -> bytes:
        idr = picture.number == 0
        if idr:
            self._held, self._frame_num = [], 0
        head = b"\x00\x00\x00\x01\x09\xf0"
        if picture.key:
            head += self._sets()
            if not idr:
                head += b"\x00\x00\x00\x01\x06\x06\x01\xc4\x80"
        planes = draw_yuv(picture.number, WIDTH, HEIGHT, interlaced="tff" if self._interlaced else None)
        now = _Reference(self._frame_num, picture.number, self._decoded)
        drops = self._drops(picture, now)
        as_fields = self._how.fields == "all" or (self._how.fields == "mixed" and picture.number // 3 % 2 == 0)
        if picture.key:
            self._key = now
        if as_fields:
            data = head
            for parity in (0, 1):
                kind = picture.kind if parity == 0 or self._how.second_intra or picture.kind != _I else _P
                data += self._coded(picture, now, (kind, parity), planes, drops if parity == 0 else ())
                now.fields.add(parity)
                if picture.ref and parity == 0:
                    self._hold(now, drops)
        else:
            data = head + self._coded(picture, now, (picture.kind, None), planes, drops)
            now.fields = {0, 1}
            if picture.ref:
                self._hold(now, drops)
        self._decoded += 1
        if picture.ref:
            self._frame_num = (self._frame_num + 1) % (1 << _FRAME_NUM_BITS)
            self._references += 1
        return data

    def _drops(self, picture: _Planned, now: _Reference) -> tuple[_Reference, ...]:
        """What the picture unmarks: at `forgets` "key" all that is older, at "next" the anchor behind it does."""
        forgets = self._how.forgets
        if forgets == "key" and picture.key and picture.number:
            return tuple(self._held[:-1])
        if forgets == "next" and picture.kind == _P and self._forget:
            self._forget = False
            return tuple(r for r in self._held if r.decoded < self._key.decoded)
        self._forget = self._forget or picture.key
        return ()

    def _hold(self, now: _Reference, drops: Sequence[_Reference]) -> None:
        self._held = [r for r in self._held if r not in drops]
        if not drops and len(self._held) >= self._how.ref_frames:
            self._held.pop(0)
        self._held.append(now)

    def _lists(
        self, now: _Reference, kind: int, parity: int | None, held: Sequence[_Reference]
    ) -> list[list[tuple[_Reference, int | None]]]:
        """The initial lists of reference pictures (8.2.4.2) where these are held."""
        space = 1 << _FRAME_NUM_BITS

        def wrapped(r: _Reference) -> int:
            return r.frame_num - space if r.frame_num > now.frame_num else r.frame_num

        if kind == _P:
            return [self._by_parity(sorted(held, key=wrapped, reverse=True), parity)]
        own = now.poc(parity, interlaced=self._interlaced)

        def poc(r: _Reference) -> int:
            known = r.fields if parity is not None else {0}
            return min(r.poc(p, interlaced=self._interlaced) for p in known)

        before = sorted((r for r in held if poc(r) <= own), key=poc, reverse=True)
        behind = sorted((r for r in held if poc(r) > own), key=poc)
        first, second = self._by_parity(before + behind, parity), self._by_parity(behind + before, parity)
        if len(second) > 1 and first == second:
            second[:2] = second[1], second[0]
        return [first, second]

    @staticmethod
    def _by_parity(frames: Sequence[_Reference], parity: int | None) -> list[tuple[_Reference, int | None]]:
        """Fields by turns, of the same parity first (8.2.4.2.5)."""
        if parity is None:
            return [(r, None) for r in frames]
        same = [(r, parity) for r in frames if parity in r.fields]
        other = [(r, 1 - parity) for r in frames if 1 - parity in r.fields]
        found: list[tuple[_Reference, int | None]] = []
        while same and other:
            found += [same.pop(0), other.pop(0)]
        return [*found, *same, *other]

    def _allowed(self, picture: _Planned, now: _Reference, kind: int, parity: int | None) -> list[list[int]]:
        """Which of each list a picture may look at.

        One that is shown behind the keyframe at nothing from before it, and only where the list is the same for a
        decoder that began at the keyframe.
        """
        lists = self._lists(now, kind, parity, self._held)
        if picture.number < self._key.number:
            return [list(range(len(entries))) for entries in lists]
        began = [r for r in self._held if r is now or r.decoded >= self._key.decoded]
        others = [self._lists(now, kind, parity, began)]
        others.append(self._lists(now, kind, parity, [r for r in began if r.number >= self._key.number]))
        return [
            [
                i
                for i, entry in enumerate(entries)
                if entry[0] in began
                and entry[0].number >= self._key.number
                and all(other[at][i : i + 1] == [entry] for other in others)
            ]
            for at, entries in enumerate(lists)
        ]

    def _sets(self) -> bytes:
        how = self._how
        out = Bits()
        for value in (77, 0, 30):
            out.u(8, value)
        out.ue(0)
        out.ue(_FRAME_NUM_BITS - 4)
        out.ue(how.poc_type)
        if how.poc_type == 0:
            out.ue(_POC_BITS - 4)
        elif how.poc_type == 1:
            out.u(1, 0)
            out.se(-2)
            out.se(1 if self._interlaced else 0)
            out.ue(1)
            out.se(2 * (self._spec.bframes + 1))
        out.ue(how.ref_frames)
        out.u(1, 0)
        out.ue(_ACROSS - 1)
        out.ue(HEIGHT // _MB // (2 if self._interlaced else 1) - 1)
        out.u(1, not self._interlaced)
        if self._interlaced:
            out.u(1, 0)
        out.u(2, 0b10)
        out.u(1, how.restriction)
        if how.restriction:
            out.u(8, 0)
            out.u(2, 0b11)
            reorder = 0 if not self._spec.bframes else 2 if self._spec.b_pyramid else 1
            for value in (0, 0, 16, 16, reorder, how.ref_frames):
                out.ue(value)
        sps = out.nal(0x67)
        out = Bits()
        out.ue(0)
        out.ue(0)
        out.u(2, 0)
        out.ue(0)
        out.ue(0)
        out.ue(0)
        out.u(3, 0)
        for _ in range(3):
            out.se(0)
        out.u(3, 0b100)
        return sps + out.nal(0x68)

    def _coded(
        self, picture: _Planned, now: _Reference, how: tuple[int, int | None], planes: Any, drops: Sequence[_Reference]
    ) -> bytes:
        kind, parity = how
        choices = [] if kind == _I else self._allowed(picture, now, kind, parity)
        sizes = [max(choice, default=0) + 1 for choice in choices]
        out = Bits()
        idr = picture.number == 0 and not parity
        self._header(out, (picture, now), (kind, parity, idr), sizes, drops)
        if parity is not None:
            planes = tuple(plane[parity::2] for plane in planes)
        self._macroblocks(out, picture, (kind, parity is not None), planes, (choices, sizes))
        return out.nal((0x60 if picture.ref else 0) | (5 if idr else 1))

    def _header(
        self,
        out: Bits,
        pictures: tuple[_Planned, _Reference],
        how: tuple[int, int | None, bool],
        sizes: list[int],
        drops: Sequence[_Reference],
    ) -> None:
        picture, now = pictures
        kind, parity, idr = how
        out.ue(0)
        out.ue(kind)
        out.ue(0)
        out.u(_FRAME_NUM_BITS, now.frame_num)
        if self._interlaced:
            out.u(1, parity is not None)
            if parity is not None:
                out.u(1, parity)
        if idr:
            out.ue(0)
        if self._how.poc_type == 0:
            out.u(_POC_BITS, now.poc(parity, interlaced=self._interlaced))
        elif self._how.poc_type == 1:
            # Behind which reference it is expected (8.2.1.2); the rest is told.
            counted = self._references - (0 if picture.ref else 1)
            expected = 2 * (self._spec.bframes + 1) * counted - (0 if picture.ref else 2)
            out.se(2 * picture.number - expected)
        if kind == _B:
            out.u(1, 1)
        if kind != _I:
            out.u(1, 1)
            for size in sizes:
                out.ue(size - 1)
            out.u(len(sizes), 0)
        if picture.ref:
            self._marking(out, now, (parity, idr), drops)
        out.se(0)
        out.ue(1)

    def _marking(self, out: Bits, now: _Reference, how: tuple[int | None, bool], drops: Sequence[_Reference]) -> None:
        parity, idr = how
        if idr:
            out.u(2, 0)
            return
        out.u(1, bool(drops))
        if not drops:
            return
        space = 1 << _FRAME_NUM_BITS
        for gone in drops:
            back = (now.frame_num - gone.frame_num) % space
            # In fields each field by itself: of the same parity 2n + 1, of the other 2n (8.2.4.1).
            for difference in (back,) if parity is None else (2 * back, 2 * back + 1):
                out.ue(1)
                out.ue(difference - 1)
        out.ue(0)

    def _macroblocks(
        self,
        out: Bits,
        picture: _Planned,
        how: tuple[int, bool],
        planes: Any,
        lists: tuple[list[list[int]], list[int]],
    ) -> None:
        kind, is_field = how
        choices, sizes = lists
        first_pcm = {_I: 25, _P: 30, _B: 48}[kind]
        for row in range(HEIGHT // _MB // (2 if is_field else 1)):
            for column in range(_ACROSS):
                if kind != _I:
                    out.ue(0)
                told = row in _NUMBER_ROWS[is_field] or column == picture.number % _ACROSS
                turn = row * _ACROSS + column
                if kind == _I or told or not all(choices):
                    out.ue(first_pcm)
                    out.raw(_samples(planes, row, column))
                elif kind == _P:
                    _inter(out, 0, [(choices[0], sizes[0])], turn)
                else:
                    used = {1: [0], 2: [1], 3: [0, 1]}[turn % 3 + 1]
                    _inter(out, turn % 3 + 1, [(choices[i], sizes[i]) for i in used], turn)


def _inter(out: Bits, kind: int, lists: Sequence[tuple[list[int], int]], turn: int) -> None:
    """A macroblock that is a reference picture's, unmoved; with two lists the mean of two pictures."""
    out.ue(kind)
    for choice, size in lists:
        which = choice[turn % len(choice)]
        if size == 2:
            out.u(1, 1 - which)
        elif size > 2:
            out.ue(which)
    for _ in lists:
        out.se(0)
        out.se(0)
    out.ue(0)


def _samples(planes: Any, row: int, column: int) -> bytes:
    parts = [
        plane[row * size : (row + 1) * size, column * size : (column + 1) * size]
        for plane, size in zip(planes, (_MB, _MB // 2, _MB // 2), strict=True)
    ]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
