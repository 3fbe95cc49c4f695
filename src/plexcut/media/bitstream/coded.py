"""What coded pictures are, and the base of what puts them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntFlag
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from plexcut.media.bitstream.units import Units

I64 = npt.NDArray[np.int64]

_MANY = 12
"""Units that are worth taking apart together."""


class PictureFlag(IntFlag):
    """What is known of a coded frame.

    KEY: decoding can start here. CLOSED: nothing that follows refers to what came before (IDR, BLA, closed GOP).
    REF: other pictures may refer to it. FIELDS: two field pictures. LONE_FIELD: one field whose partner is missing.
    RADL: a leading picture that decodes from its own keyframe. INTRA: all its slices are intra coded.
    RECOVERY: decoding can start here, but the picture is whole only some frames later. INTERLACED: coded as two fields.
    DAMAGED: packets of it are missing. HIDDEN: there to decode others from, never shown (edit lists).
    """

    KEY = 1
    CLOSED = 2
    REF = 4
    FIELDS = 8
    LONE_FIELD = 16
    RADL = 32
    INTRA = 64
    RECOVERY = 128
    INTERLACED = 256
    DAMAGED = 512
    HIDDEN = 1024


@dataclass(slots=True)
class CodedPicture:
    """A coded frame or field. `start` is its first byte in the elementary stream, `flags` are of `PictureFlag`.

    `order_hint` counts in display order modulo `2**hint_bits` (picture order count or temporal reference), `hint_bits`
    0 where the stream has none. `structure` is as in MPEG-2: 1 top field, 2 bottom field, 3 frame.
    """

    start: int
    flags: int
    order_hint: int
    hint_bits: int
    structure: int
    frame_num: int


_fields = attrgetter("start", "flags", "order_hint", "hint_bits", "structure", "frame_num")
_NONE = np.empty((6, 0), np.int64)


@dataclass(frozen=True, slots=True)
class PictureRun:
    """Pictures as columns, `(6, n) int64`, a row for each field of `CodedPicture`; `before`: how many single ones came
    first.
    """

    before: int
    columns: I64


class PictureAssembler:
    """Base of the codec state machines: `unit` takes every relevant unit in order, `pictures` collects the result.

    What `units` finds may be in `runs` as well; `take` hands out all.
    """

    def __init__(self) -> None:
        self.pictures: list[CodedPicture] = []
        self.runs: list[PictureRun] = []
        self._start: int | None = None
        self._current: CodedPicture | None = None

    def relevant(self, heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Which units must be given to `unit`, from the two bytes behind each start code, `(n, 2)`."""
        raise NotImplementedError

    def unit(self, start: int, data: bytes, *, new_pes: bool = False) -> None:
        """A unit at `start`; `data` begins behind the start code and may be cut short.

        `new_pes`: a PES packet began since the last relevant unit.
        """
        raise NotImplementedError

    def units(self, units: Units) -> None:
        """Many relevant units, with the same result as `unit` for each of them."""
        starts, new_pes = units.start.tolist(), units.new_pes.tolist()
        for i, start in enumerate(starts):
            self.unit(start, units.data(i), new_pes=new_pes[i])

    def _between_sets(self, units: Units, sets: I64, changes: Callable[[bytes], bool]) -> None:
        """Runs of units to `_run`; the parameter sets that end them, because they change something, to `unit`."""
        begin = 0
        for i, data in zip(sets.tolist(), _each(units, sets), strict=True):
            if changes(data):
                self._few_or_many(units, slice(begin, i))
                self.unit(int(units.start[i]), data, new_pes=bool(units.new_pes[i]))
                begin = i + 1
        self._few_or_many(units, slice(begin, units.start.size))

    def _few_or_many(self, units: Units, run: slice) -> None:
        if run.stop - run.start >= _MANY:
            self._run(units, run)
        else:
            for i in range(run.start, run.stop):
                self.unit(int(units.start[i]), units.data(i), new_pes=bool(units.new_pes[i]))

    def _run(self, units: Units, run: slice) -> None:
        """Units among which no parameter set changes anything."""
        raise NotImplementedError

    def end(self) -> None:
        """The picture that is being collected is whole (end of a packet or of the stream)."""
        if self._current is not None:
            self.pictures.append(self._current)
        self._current = None
        self._start = None

    def take(self) -> I64:
        """All pictures since the last time, in order, as the columns of a `PictureRun`."""
        singles, pieces, at = self.pictures, list[I64](), 0
        for run in [*self.runs, PictureRun(len(singles), _NONE)]:
            if run.before > at:
                pieces.append(np.array([_fields(picture) for picture in singles[at : run.before]], np.int64).T)
                at = run.before
            pieces.append(run.columns)
        singles.clear()
        self.runs.clear()
        return np.concatenate(pieces, axis=1)

    def pending(self, default: int) -> int:
        """The first byte that may still be asked for: the start of the picture under way, or `default`."""
        if self._current is not None:
            return self._current.start
        return default if self._start is None else self._start

    def _opens(self, start: int) -> None:
        """A unit that belongs to the head of an access unit."""
        if self._current is not None:
            self.end()
        if self._start is None:
            self._start = start

    def _unknown(self) -> None:
        """A picture that cannot be told (its parameter sets were before the file's start) begins no access unit."""
        if self._current is None:
            self._start = None

    def _first_byte(self, start: int) -> int:
        return start if self._start is None else self._start


_SHORT = 96
"""Bytes of a parameter set that are fetched together with others; few are longer."""


def _each(units: Units, which: I64) -> Iterator[bytes]:
    """The bytes of some units."""
    sizes = units.sizes[which].tolist()
    pieces = units.gather(which, _SHORT).tobytes() if sizes else b""
    for place, (i, size) in enumerate(zip(which.tolist(), sizes, strict=True)):
        yield pieces[place * _SHORT : place * _SHORT + size] if size <= _SHORT else units.data(i)
