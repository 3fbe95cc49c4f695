"""Stretches of a transport stream around a time, indexed by themselves before the whole index is there."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from plexcut.domain.media import ByteRanges, Source
from plexcut.errors import FormatUnsupported
from plexcut.media.bitstream.pictures import ASSEMBLERS
from plexcut.media.index.build import stream_index, with_video_facts, without_lost_end
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketLayout, PacketReader, find_layout
from plexcut.media.index.psi import SectionReader, parse_pat
from plexcut.media.index.rows import WRAP
from plexcut.media.index.transport_stream import ProgramChoice, choose_program, scan_stretch
from plexcut.media.sources import open_source, status_of
from plexcut.media.window.clock_line import ClockLine, ClockUnclear, Mark, Ranges, ReadRanges, SampledStream
from plexcut.media.window.stretch import Stretch, first_is_known, has_own_keys, whole_rows

GiveUp = Callable[[], bool]

_TICKS_S = 90_000
_HEAD_BYTES = 3 << 19
_LONGEST_HEAD = 48 << 20
_LONGEST_STRETCH = 96 << 20
_TABLES_BYTES = 1 << 20
_SAMPLE_BYTES = (32 << 10, 1 << 20)
_TAIL_TICKS = _TICKS_S
_USUAL_GOP_TICKS = 2 * _TICKS_S
_TRIES = 6

_READERS = 16
"""Samples that are asked for at once over a network: each waits, none works."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the file's beginning tells. Line ticks count from decode time `base`; frame 0 has timestamp `zero_pts`."""

    layout: PacketLayout
    choice: ProgramChoice
    stretch: Stretch
    base: int
    zero_pts: int
    gop_ticks: int


class TransportWindows:
    """Stretches of one transport stream; not for several threads at once.

    Raises:
        ClockUnclear, PlexcutError: only the whole index can tell.
    """

    def __init__(self, source: Source, program: int | None) -> None:
        self._source = source
        with open_source(source) as file:
            size = status_of(source).size_bytes
            layout = find_layout(file.read(1 << 18))
            if layout is None:
                raise FormatUnsupported(f"{source.name} is no transport stream")
            choice = _choice(file, layout, size, program, source.name)
            if choice.codec not in ASSEMBLERS:
                raise ClockUnclear
            self._size = size
            self._head = self._scan_head(file, layout, choice)
        index = self._head.stretch.index
        self._line = ClockLine(
            SampledStream(layout, choice.video_pid, choice.program.pcr_pid, size, _sample_bytes(index)),
            Mark(int(index.at[0]), self._head.base % WRAP),
            int(index.at[-1] - index.at[0]) / max(1, int(index.dts[-1] - index.dts[0])),
        )

    def around(self, time_us: int, give_up: GiveUp) -> Stretch:
        """A stretch that tells which frame is shown at a time.

        Raises:
            ClockUnclear: only the whole index can tell.
        """
        head = self._head
        if head.stretch.frame_at(time_us) is not None:
            return head.stretch
        target = head.zero_pts - head.base + time_us * 9 // 100
        lead, tail = head.gop_ticks * 11 // 10 + _TICKS_S // 2, _TAIL_TICKS
        with open_source(self._source) as file:
            read = _reader(self._source, file, self._size)
            for _ in range(_TRIES):
                begin, end = self._line.bracket(target - lead, target + tail, read, give_up)
                if end - begin > _LONGEST_STRETCH:
                    break
                stretch = self._stretch(file, (begin, end), target)
                if stretch is None or stretch.begins_behind(time_us):
                    lead = 5 * lead // 2
                elif stretch.ends_before(time_us):
                    tail = 2 * tail
                elif stretch.frame_at(time_us) is None:
                    break
                else:
                    return stretch
        raise ClockUnclear

    def _scan_head(self, file: BinaryIO, layout: PacketLayout, choice: ProgramChoice) -> _Head:
        end = min(_HEAD_BYTES, self._size)
        while True:
            index = self._scan(file, layout, choice, (0, end))
            if index is not None and (end == self._size or first_is_known(index)):
                break
            if end in (self._size, _LONGEST_HEAD):
                raise ClockUnclear
            end = min(2 * end, self._size, _LONGEST_HEAD)
        index = with_video_facts(self._source, index)
        zero_pts = int(index.shown_pts[0])
        gops = np.diff(index.dts[index.keys])
        return _Head(
            layout=layout,
            choice=choice,
            stretch=Stretch("head", index, zero_pts, from_start=True, to_end=end == self._size),
            base=int(index.dts[0]),
            zero_pts=zero_pts,
            gop_ticks=int(gops.max()) if gops.size else _USUAL_GOP_TICKS,
        )

    def _scan(
        self, file: BinaryIO, layout: PacketLayout, choice: ProgramChoice, stretch: tuple[int, int]
    ) -> MediaIndex | None:
        """The index of a stretch; None where it has no keyframe.

        Raises:
            ClockUnclear: its clock does not run on.
        """
        scan = scan_stretch(file, layout, choice, stretch)
        if scan.scrambled:
            raise ClockUnclear
        if not has_own_keys(np.asarray(scan.rows.flags, np.uint16)):
            return None
        index = stream_index(scan, self._size)
        if index.discontinuities:
            raise ClockUnclear
        if stretch[1] < self._size:
            index = whole_rows(index, stretch[1])
        else:
            index = without_lost_end(self._source, index)
        return index if index.frames else None

    def _stretch(self, file: BinaryIO, place: tuple[int, int], target: int) -> Stretch | None:
        head = self._head
        index = self._scan(file, head.layout, head.choice, place)
        if index is None:
            return None
        if abs(index.frame_ticks - head.stretch.index.frame_ticks) > 1:
            # Times of pictures without a timestamp follow from the usual distance of all.
            raise ClockUnclear
        # The clock of the stretch may have wrapped since the file's beginning.
        wraps = round((target + head.base - int(index.dts[index.dts.size // 2])) / WRAP)
        return Stretch(
            f"{place[0]}-{place[1]}",
            replace(index, video=head.stretch.index.video),
            head.zero_pts - wraps * WRAP,
            from_start=place[0] == 0,
            to_end=place[1] == self._size,
        )


def _choice(file: BinaryIO, layout: PacketLayout, size: int, program: int | None, name: str) -> ProgramChoice:
    """As `choose_program`, from the first bytes alone where more of them could not change it."""
    front = min(size, _TABLES_BYTES)
    try:
        choice = choose_program(file, layout, front, program, name)
    except FormatUnsupported:
        return choose_program(file, layout, size, program, name)
    wanted = program if program is not None else _first_program(PacketReader(file, layout, front))
    first_video = next(s for s in choice.program.streams if s.kind == "video")
    if choice.program.number == wanted and first_video.pid == choice.video_pid and choice.codec in ASSEMBLERS:
        return choice
    return choose_program(file, layout, size, program, name)


def _first_program(reader: PacketReader) -> int | None:
    sections = SectionReader()
    for block in reader.blocks():
        for section in sections.feed(block.where(block.pid == 0)):
            for number in parse_pat(section):
                return number
    return None


def _sample_bytes(index: MediaIndex) -> int:
    """Enough for a picture to begin in most samples."""
    usual = int(np.quantile(np.diff(index.at), 0.9)) if index.at.size > 1 else 0
    low, high = _SAMPLE_BYTES
    return min(high, max(low, 3 * usual // 2))


def _reader(source: Source, file: BinaryIO, size: int) -> ReadRanges:
    """How samples are read: one after another from a local file, many at once over a network."""
    if isinstance(source, Path):
        handle = file.fileno()
        return lambda ranges: [os.pread(handle, length, start) for start, length in ranges]
    return lambda ranges: _read_ranges(source, ranges, size)


def _read_ranges(source: ByteRanges, ranges: Ranges, size: int) -> list[bytes]:
    found: list[bytes | None] = [None] * len(ranges)
    failures: list[BaseException] = []
    left = iter(enumerate(ranges))
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                i, (start, length) = next(left, (-1, (0, 0)))
            if i < 0:
                return
            try:
                found[i] = source.read(start, max(0, min(length, size - start)))
            except BaseException as error:  # noqa: BLE001 - handed over whole to whoever waits
                failures.append(error)

    # Daemons: one that hangs must not keep the process alive.
    threads = [threading.Thread(target=work, name="samples", daemon=True) for _ in range(min(_READERS, len(ranges)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [data or b"" for data in found]
