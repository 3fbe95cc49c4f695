"""The index of a transport stream, one unit and one picture after the other: slow, and plain enough to be believed.

What the vectorised pass finds must be equal to this, row by row. Both share only what parses single headers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tests.media.reference_pictures import ASSEMBLERS, CodedPicture, PictureAssembler

from plexcut.media.bitstream.bits import start_codes
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.index.packets import PacketReader, Packets, PayloadReader, find_layout
from plexcut.media.index.transport_stream import choose_program

UNKNOWN = np.int64(-(1 << 62))
WRAP = 1 << 33
HOLE_TICKS = 10 * 90_000
BACK_TICKS = 90_000 // 2
_SHORTEST_UNIT = 5
_HEAD_BYTES = 2048


class PictureRows:
    """Frames in decode order, growing. Two fields of opposite parity that belong together are one row."""

    def __init__(self) -> None:
        self.es: list[int] = []
        self.at: list[int] = []
        self.skip: list[int] = []
        self.flags: list[int] = []
        self.hint: list[int] = []
        self.hint_bits = 0
        self._open_field: CodedPicture | None = None

    def __len__(self) -> int:
        return len(self.es)

    def add(self, picture, at, skip):
        """Take up the next picture in decode order."""
        self.hint_bits = max(self.hint_bits, picture.hint_bits)
        first = self._open_field
        if first is not None and self._pairs(first, picture):
            kept = PictureFlag(self.flags[-1]) & ~PictureFlag.LONE_FIELD
            self.flags[-1] = int(kept | PictureFlag.FIELDS | (picture.flags & PictureFlag.REF))
            self._open_field = None
            return
        flags = picture.flags
        self._open_field = None
        if picture.structure != 3:
            flags |= PictureFlag.LONE_FIELD | PictureFlag.INTERLACED
            self._open_field = picture
        self.es.append(picture.start)
        self.at.append(at)
        self.skip.append(skip)
        self.flags.append(int(flags))
        self.hint.append(picture.order_hint)

    @staticmethod
    def _pairs(first: CodedPicture, second: CodedPicture) -> bool:
        return {first.structure, second.structure} == {1, 2} and first.frame_num == second.frame_num


@dataclass(frozen=True, slots=True)
class Clocked:
    """Rows with their times on one continuous line; clock arrays as in `MediaIndex`."""

    pts: np.ndarray
    dts: np.ndarray
    clock_at: np.ndarray
    clock_add: np.ndarray
    discontinuities: int


def signed_wrap(ticks: int) -> int:
    """The 33-bit difference nearest to zero."""
    return (ticks + WRAP // 2) % WRAP - WRAP // 2


def clock_rows(rows: PictureRows, pes: list[object], breaks: list[int]) -> Clocked:
    """Times of all rows. `breaks` are file positions at which the stream itself announces a new clock."""
    raw_pts, raw_dts = raw_clocks(rows, pes)
    _forget_torn(raw_pts, raw_dts, rows, breaks)
    n = len(rows)
    pts, dts = np.full(n, UNKNOWN), np.full(n, UNKNOWN)
    step = _usual_step(raw_dts)
    clock_at, clock_add = [0], [0]
    announced = np.asarray(sorted(breaks), np.int64)
    previous: int | None = None
    previous_row = 0
    for i in np.flatnonzero(raw_dts != UNKNOWN).tolist():
        raw = int(raw_dts[i])
        if previous is None:
            now = raw
        else:
            expected = previous + step * (i - previous_row)
            now = previous + signed_wrap(raw + clock_add[-1] - previous)
            told = _between(announced, rows.at[previous_row], rows.at[i])
            off = now - expected
            if now - previous > HOLE_TICKS or now - previous < -BACK_TICKS or (told and abs(off) > 4 * step):
                now = expected
                clock_at.append(_break_position(announced, rows, previous_row, i))
                clock_add.append(now - raw)
        dts[i] = now
        pts[i] = now + signed_wrap(int(raw_pts[i]) - raw)
        previous, previous_row = now, i
    _fill(pts, dts, rows, step)
    return Clocked(pts, dts, np.asarray(clock_at, np.int64), np.asarray(clock_add, np.int64), len(clock_at) - 1)


def _forget_torn(pts: np.ndarray, dts: np.ndarray, rows: PictureRows, breaks: list[int]) -> None:
    """No clock for single pictures whose own one says something else than that of both neighbours, or is absurd."""
    known = np.flatnonzero(dts != UNKNOWN).tolist()
    torn = [i for i in known if not -90_000 <= signed_wrap(int(pts[i] - dts[i])) <= 900_000]
    for a, b, c in zip(known, known[1:], known[2:], strict=False):
        steps = [signed_wrap(int(dts[j] - dts[i])) for i, j in ((a, b), (b, c))]
        announced = any(rows.at[a] < place <= rows.at[c] for place in breaks)
        over = signed_wrap(int(dts[c] - dts[a]))
        if all(not -45_000 <= step <= 900_000 for step in steps) and 0 <= over <= 900_000 and not announced:
            torn.append(b)
    torn = sorted(set(torn))
    if len(torn) * 8 <= len(known):
        pts[torn] = dts[torn] = UNKNOWN


def raw_clocks(rows: PictureRows, pes: list[object]) -> tuple[np.ndarray, np.ndarray]:
    """The clocks of a PES packet belong to the first picture that begins in it (2.4.3.7)."""
    es = np.asarray(rows.es, np.int64)
    pts, dts = np.full(es.size, UNKNOWN), np.full(es.size, UNKNOWN)
    timed = [p for p in pes if p.pts is not None]
    if not timed or not es.size:
        return pts, dts
    starts = np.asarray([p.es for p in pes], np.int64)
    which = np.searchsorted(starts, es, side="right") - 1
    fresh = np.ones(es.size, np.bool_)
    fresh[1:] = which[1:] != which[:-1]
    for i in np.flatnonzero(fresh & (which >= 0)).tolist():
        packet = pes[int(which[i])]
        if packet.pts is not None:
            pts[i] = packet.pts
            dts[i] = packet.pts if packet.dts is None else packet.dts
    return pts, dts


def _usual_step(raw_dts: np.ndarray) -> int:
    known = np.flatnonzero(raw_dts != UNKNOWN)
    steps = np.diff(raw_dts[known]) // np.maximum(np.diff(known), 1)
    steps = steps[(steps > 0) & (steps < 90_000)]
    return int(np.median(steps)) if steps.size else 3600


def _between(positions: np.ndarray, after: int, until: int) -> bool:
    i = int(np.searchsorted(positions, after, side="right"))
    return i < positions.size and int(positions[i]) <= until


def _break_position(announced: np.ndarray, rows: PictureRows, before: int, row: int) -> int:
    i = int(np.searchsorted(announced, rows.at[before], side="right"))
    if i < announced.size and int(announced[i]) <= rows.at[row]:
        return int(announced[i])
    return rows.at[row]


def _fill(pts: np.ndarray, dts: np.ndarray, rows: PictureRows, step: int) -> None:
    """Times for pictures that came without, from their place in display order."""
    missing = np.flatnonzero(dts == UNKNOWN).tolist()
    if not missing:
        return
    if len(missing) == pts.size:
        dts[:] = pts[:] = step * np.arange(pts.size)
        return
    known = np.flatnonzero(dts != UNKNOWN)
    for i in missing:
        j = int(np.searchsorted(known, i))
        near = int(known[max(j - 1, 0)])
        dts[i] = dts[near] + step * (i - near)
    keys = np.flatnonzero(np.asarray(rows.flags) & PictureFlag.KEY)
    scale = _ticks_per_hint(pts, rows, known, step)
    for i in missing:
        pts[i] = _by_hint(i, (pts, dts), rows, keys, scale)


def _hint_difference(rows: PictureRows, a: int, b: int) -> int:
    span = 1 << rows.hint_bits
    return (rows.hint[a] - rows.hint[b] + span // 2) % span - span // 2


def _ticks_per_hint(pts: np.ndarray, rows: PictureRows, known: np.ndarray, step: int) -> float:
    if not rows.hint_bits:
        return float(step)
    found = []
    for a, b in zip(known[:-1].tolist(), known[1:].tolist(), strict=True):
        difference = _hint_difference(rows, b, a)
        if difference and 0 < (pts[b] - pts[a]) / difference < 90_000:
            found.append((pts[b] - pts[a]) / difference)
    return float(np.median(found)) if found else float(step)


def _by_hint(i: int, times: tuple[np.ndarray, np.ndarray], rows: PictureRows, keys: np.ndarray, scale: float) -> int:
    pts, dts = times
    if not rows.hint_bits:
        return int(dts[i])
    k = int(np.searchsorted(keys, i, side="right"))
    low = int(keys[k - 1]) if k else 0
    high = int(keys[k]) if k < keys.size else pts.size
    for distance in range(1, 64):
        for j in (i - distance, i + distance):
            if low <= j < high and pts[j] != UNKNOWN:
                return int(pts[j]) + round(_hint_difference(rows, i, j) * scale)
    return int(dts[i])


@dataclass(slots=True)
class _EsMap:
    """From offsets in the elementary stream to packets, for the stretch that may still be asked for."""

    base: list[int] = field(default_factory=list)
    starts: list[np.ndarray] = field(default_factory=list)
    at: list[np.ndarray] = field(default_factory=list)

    def add(self, base: int, starts: np.ndarray, at: np.ndarray) -> None:
        self.base.append(base)
        self.starts.append(starts + base)
        self.at.append(at)

    def place(self, offset: int) -> tuple[int, int]:
        """`(file position of the packet, bytes of its payload before offset)`."""
        for starts, at in zip(reversed(self.starts), reversed(self.at), strict=True):
            if starts.size and starts[0] <= offset:
                i = int(np.searchsorted(starts, offset, side="right")) - 1
                return int(at[i]), offset - int(starts[i])
        return int(self.at[0][0]), 0

    def forget_before(self, offset: int) -> None:
        while len(self.base) > 1 and self.base[1] <= offset:
            for rows in (self.base, self.starts, self.at):
                rows.pop(0)


class _VideoScan:
    """Feeds the units of the video stream to a picture assembler, block by block."""

    def __init__(self, assembler: PictureAssembler) -> None:
        self._assembler = assembler
        self._payload = PayloadReader()
        self._carry: np.ndarray = np.empty(0, np.uint8)
        self._map = _EsMap()
        self._done = 0
        self._pes_seen = 0
        self.rows = PictureRows()
        self.pes: list[object] = []
        self.es_bytes = 0
        self.gaps: list[int] = []

    def feed(self, packets: object) -> None:
        payload = self._payload.take(packets)
        base = self.es_bytes
        self.gaps += (payload.gaps + base).tolist()
        if payload.at.size:
            self._map.add(base, payload.starts, payload.at)
        self.pes += [replace(p, es=p.es + base) for p in payload.pes]
        self.es_bytes += int(payload.es.size)
        self._scan(np.concatenate((self._carry, payload.es)) if self._carry.size else payload.es, last=False)

    def finish(self) -> None:
        self._scan(self._carry, last=True)
        self._assembler.end()
        self._collect()

    def _scan(self, es: np.ndarray, *, last: bool) -> None:
        base = self.es_bytes - int(es.size)
        codes = start_codes(es)
        codes = codes[codes < es.size - 4]
        ends = np.append(codes[1:], es.size)
        used = max(0, int(es.size) - 4)
        if not last and codes.size and es.size - codes[-1] < _HEAD_BYTES:
            # The last unit waits until it is whole, or until enough of it is there to be judged.
            used = int(codes[-1])
            codes, ends = codes[:-1], ends[:-1]
        if codes.size:
            chosen = self._assembler.relevant(np.stack((es[codes + 3], es[codes + 4]), axis=1))
            chosen &= ends - codes >= _SHORTEST_UNIT
            for at, end in zip(codes[chosen].tolist(), ends[chosen].tolist(), strict=True):
                head = es[at + 3 : min(end, at + 3 + _HEAD_BYTES)].tobytes()
                self._assembler.unit(base + at, head, new_pes=self._pes_before(base + at))
        self._carry = es[used:].copy()
        self._collect()
        self._map.forget_before(self._assembler.pending(base + used))

    def _pes_before(self, offset: int) -> bool:
        seen = self._pes_seen
        while seen < len(self.pes) and self.pes[seen].es <= offset:
            seen += 1
        fresh, self._pes_seen = seen > self._pes_seen, seen
        return fresh

    def _collect(self) -> None:
        for picture in self._assembler.pictures:
            at, skip = self._map.place(picture.start)
            self.rows.add(picture, at, skip)
        self._assembler.pictures.clear()


@dataclass
class Reference:
    """What the plain pass found."""

    video: _VideoScan
    breaks: list
    scrambled: float
    clocked: Clocked


def reference_scan(path: Path, program: int | None = None, stretch: tuple[int, int] | None = None) -> Reference:
    """Index a transport stream."""
    size = path.stat().st_size
    with path.open("rb") as file:
        layout = find_layout(file.read(1 << 18))
        choice = choose_program(file, layout, size, program, path.name)
        video = _VideoScan(ASSEMBLERS[choice.codec]())
        breaks: list[int] = []
        scrambled = total = 0
        start, end = stretch or (0, size)
        for block in PacketReader(file, layout, size).blocks(start, end, synced=False):
            mine = block.where(block.pid == choice.video_pid)
            if len(mine):
                scrambled += int(np.count_nonzero(mine.data[:, 3] & 0x80))
                total += len(mine)
                video.feed(mine)
            breaks += _discontinuities(block.where(block.pid == choice.program.pcr_pid))
        video.finish()
    return Reference(video, breaks, scrambled / max(total, 1), clock_rows(video.rows, video.pes, breaks))


def _discontinuities(packets: Packets) -> list[int]:
    """File positions of packets that carry a PCR and the discontinuity indicator (2.4.3.5)."""
    data = packets.data
    flagged = ((data[:, 3] & 0x20) != 0) & (data[:, 4] > 0) & ((data[:, 5] & 0x90) == 0x90)
    return [int(at) for at in packets.at[flagged]]
