"""What goes into a transport stream, noted on its way: what the proof must find in the finished file."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import xxhash

from plexcut.domain.media import Source
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.packet_change import PacketChange
from plexcut.media.cutting.sound import SoundRun
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PACKET
from plexcut.media.index.pes import GrowingColumn, PesColumns
from plexcut.media.index.rows import WRAP
from plexcut.media.ts_packets import CLOCK_MASK
from plexcut.media.ts_pictures import PictureRun

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]

UNKNOWN_FLAGS = -1
_SAME_PART = 100
"""Frames that are nearer to one another than this part of their length are one."""
EDGE_BYTES = (1 << 20) // PACKET * PACKET


@dataclass(frozen=True, slots=True)
class HeardTrack:
    """The frames of an audio track, by time: when each begins and how long it sounds, and a hash of it.

    Seconds, times from the first picture on. `disordered_s` are times around which the track was sent out of order.
    """

    times_s: F64
    lengths_s: F64
    digests: U64
    disordered_s: F64 = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return int(self.times_s.size)


class TrackRecord:
    """Collects the frames of a track as they go by."""

    def __init__(self) -> None:
        # Frames that follow one another at the same distance: when the first begins, the distance, and how many.
        self._times, self._lengths, self._counts = array("d"), array("d"), array("q")
        self._digests = GrowingColumn("u8")
        self._end: float | None = None
        self._disordered: list[float] = []

    def begin_anew(self) -> None:
        """What follows lies elsewhere in the file."""
        self._end = None

    def add(self, run: SoundRun) -> None:
        """Note the frames of a run."""
        count = len(run)
        time, length = float(run.time), float(run.length)
        if self._end is not None and time < self._end - length / 2:
            self._disordered += (time, self._end)
        self._end = time + count * length
        if self._goes_on(time, length):
            self._counts[-1] += count
        else:
            self._times.append(time)
            self._lengths.append(length)
            self._counts.append(count)
        data, edges = memoryview(run.data), run.edges
        self._digests.extend(
            np.array([xxhash.xxh3_64_intdigest(data[edges[i] : edges[i + 1]]) for i in range(count)], np.uint64)
        )

    def _goes_on(self, time: float, length: float) -> bool:
        """Whether a frame is just where the next one would be; to the tick, so that nothing is rounded."""
        if not self._times or length != self._lengths[-1] or not (time.is_integer() and length.is_integer()):
            return False
        return time == self._times[-1] + length * self._counts[-1]

    def columns(self) -> tuple[F64, F64, U64] | None:
        """Times and lengths, in ticks, and digests of all; None if there are none."""
        if not self._times:
            return None
        counts = np.frombuffer(self._counts, np.int64)
        lengths = np.repeat(np.frombuffer(self._lengths), counts)
        within = np.arange(lengths.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return (
            np.repeat(np.frombuffer(self._times), counts) + lengths * within,
            lengths,
            self._digests.values(),
        )

    def heard(self, first: int, ticks_per_s: int) -> HeardTrack | None:
        """All frames, each once; `first` is the time of the first picture, in ticks. None if there are none."""
        columns = self.columns()
        if columns is None:
            return None
        disordered = (np.array(sorted(self._disordered)) - first) / ticks_per_s
        return replace(heard_track(columns, first, ticks_per_s), disordered_s=disordered)


def heard_track(columns: tuple[F64, F64, U64], first: int, ticks_per_s: int) -> HeardTrack:
    """The frames of a record's columns, each once; `first` as in `TrackRecord.heard`."""
    times, lengths, digests = (columns[0] - first) / ticks_per_s, columns[1] / ticks_per_s, columns[2]
    if bool((np.diff(times) > lengths[1:] / _SAME_PART).all()):
        return HeardTrack(times, lengths, digests)
    order = np.lexsort((digests, times))
    times, lengths, digests = times[order], lengths[order], digests[order]
    # What lies around two spans that are near one another was read twice.
    fresh = np.ones(times.size, np.bool_)
    fresh[1:] = (np.diff(times) > lengths[1:] / _SAME_PART) | (digests[1:] != digests[:-1])
    return HeardTrack(times[fresh], lengths[fresh], digests[fresh])


@dataclass(slots=True)
class Carried:
    """The PES packets of a stream that goes along as it is, in order: the raw clock of each (-1: none), a hash of what
    is in it.
    """

    clocks: array[int] = field(default_factory=lambda: array("q"))
    digests: array[int] = field(default_factory=lambda: array("Q"))

    def __len__(self) -> int:
        return len(self.clocks)

    def extend(self, other: Carried, first: int = 0, end: int | None = None) -> None:
        """Note some of those of another stretch."""
        self.clocks.extend(other.clocks[first:end])
        self.digests.extend(other.digests[first:end])

    def add(self, pts: int | None, data: bytes | memoryview) -> None:
        """Note the next one."""
        self.clocks.append(-1 if pts is None else pts & CLOCK_MASK)
        self.digests.append(xxhash.xxh3_64_intdigest(data))


@dataclass(frozen=True, slots=True)
class Due:
    """What a finished transport stream must hold: what was noted of it, and when its pictures are shown and decoded, in
    ticks from `start` on.
    """

    ledger: Ledger
    pts: I64
    dts: I64
    start: int = 0

    def pes(self, first: int, end: int, es: int) -> PesColumns:
        """The PES packets of some pictures, the first of which begins at byte `es` of the elementary stream."""
        sizes = self.ledger.sizes.values()[first:end]
        begins = np.cumsum(sizes, dtype=np.int64)
        begins += es
        begins -= sizes
        pts, dts = self.pts[first:end] + self.start, self.dts[first:end] + self.start
        pts %= WRAP
        dts %= WRAP
        return PesColumns(begins, self.ledger.at.values()[first:end], pts, dts)


@dataclass(frozen=True, slots=True)
class Passed:
    """A stretch of the source's file that went along whole: `size_bytes` from `at` on, to `begin` of the result.

    `first` up to before `end` are its pictures' places in the schedule, in span `span`; `counted` as in `Changing`.
    `carried`: how many PES packets were written in front of it of streams that go along as they are, by PID.
    """

    source: Source
    at: int
    begin: int
    size_bytes: int
    first: int
    end: int
    change: PacketChange
    counted: bool
    span: int
    carried: Mapping[int, int]

    @property
    def edge_bytes(self) -> int:
        """So much at each end is also taken apart by the proof, across the edge."""
        return min(EDGE_BYTES, self.size_bytes // (2 * PACKET) * PACKET)

    @property
    def stop(self) -> int:
        """Where it ends in the result."""
        return self.begin + self.size_bytes

    def picture_at(self, position: int) -> int:
        """About which picture lies at a position of the source."""
        return self.first + (self.end - self.first) * (position - self.at) // max(self.size_bytes, 1)


@dataclass(slots=True)
class Ledger:
    """What went into a transport stream. Of its coded pictures in order: bytes, how many zeros are in front of it, hash
    of it without them, the source's row whose bytes it has (-1: none), its `PictureFlag`s (`UNKNOWN_FLAGS`: it could
    not be told), and where in the file its first packet begins.

    `sound` is of the source, around the kept spans, by PID; `carried` what was written of streams that go along as they
    are; `others` counts the packets of subtitles and data among them; `digest` is of the whole file, of `size_bytes`,
    less what is `passed`. `joints`: by PID of a track where in the source, in ticks, each `passed` begins and ends.
    """

    sizes: GrowingColumn = field(default_factory=lambda: GrowingColumn("i4"))
    leads: GrowingColumn = field(default_factory=lambda: GrowingColumn("u1"))
    digests: GrowingColumn = field(default_factory=lambda: GrowingColumn("u8"))
    rows: GrowingColumn = field(default_factory=lambda: GrowingColumn("i4"))
    flags: GrowingColumn = field(default_factory=lambda: GrowingColumn("i4"))
    at: GrowingColumn = field(default_factory=lambda: GrowingColumn("i8"))
    sound: dict[int, TrackRecord] = field(default_factory=dict)
    carried: dict[int, Carried] = field(default_factory=lambda: defaultdict(Carried))
    others: int = 0
    passed: list[Passed] = field(default_factory=list)
    joints: dict[int, list[tuple[int, int] | None]] = field(default_factory=dict)
    digest: int = 0
    size_bytes: int = 0

    def add(
        self,
        lead: bytes,
        written: memoryview,
        flags: int,
        copied: tuple[int, memoryview] | None = None,
        *,
        same: int = -1,
    ) -> None:
        """Note the next picture: a few zeros, its bytes, and what kind it is.

        `copied`: a row, and its bytes in the recording, where it is copied as it is. Then it is these that the result
        must have. `same`: the row whose picture it is all the same, though it was looked at.
        """
        self.sizes.append(len(lead) + len(written))
        self.leads.append(len(lead))
        row, expected = same, written
        if copied is not None:
            row, source = copied
            expected = source[: len(written)]
            if bytes(source[len(written) :]).strip(b"\x00") or bytes(source[:4]).lstrip(b"\x00")[:1] != b"\x01":
                row = -1
        self.rows.append(row)
        self.flags.append(flags)
        self.digests.append(xxhash.xxh3_64_intdigest(expected))

    def add_run(self, run: PictureRun, rows: I64, flags: npt.NDArray[np.uint16]) -> None:
        """Note pictures that are copied as they are: the rows whose bytes they have, and what kinds they are."""
        self.sizes.extend(run.size + run.lead)
        self.leads.extend(run.lead)
        self.rows.extend(rows)
        self.flags.extend(flags)
        data, digest = run.es.data, xxhash.xxh3_64_intdigest
        places = zip(run.begin.tolist(), (run.begin + run.size).tolist(), strict=True)
        self.digests.extend(np.array([digest(data[begin:end]) for begin, end in places], np.uint64))

    def add_passed(self, index: MediaIndex, rows: range, passed: Passed) -> None:
        """Note pictures that go along with all that lies among them. What they hold is asked of the source itself."""
        some = slice(rows.start, rows.stop)
        self.passed.append(passed)
        lead = index.skip[rows.start : rows.stop + 1].astype(np.int64)
        # Zeros in front of a picture count to the one before it in an index, and to itself here.
        self.sizes.extend(index.size[some] + lead[:-1] - lead[1:])
        self.leads.extend(lead[:-1])
        self.rows.extend(np.arange(rows.start, rows.stop))
        self.flags.extend(index.flags[some] & ~np.uint16(PictureFlag.DAMAGED))
        self.digests.extend(np.zeros(len(rows), np.uint64))
        self.at.extend(index.at[some] - passed.at + passed.begin)
