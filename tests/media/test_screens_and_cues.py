"""What is taken off the screen where a span ends, and splice messages whose times move with the clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from tests.media_factory.subtitles import dvb_units, teletext_units

from plexcut.media.cutting.companions import CueCompanion
from plexcut.media.cutting.cues import moved_cue
from plexcut.media.cutting.schedule import START_TICKS, SpanTimes
from plexcut.media.cutting.screens import DvbScreen, TeletextScreen, screen_for
from plexcut.media.index.packets import PACKET, Packets
from plexcut.media.index.psi import SectionReader
from plexcut.media.ts_tables import build_section_packets, crc32_mpeg
from plexcut.media.ts_writer import RawUnit

_CUE = bytes.fromhex("fc302500000000000000fff01405000000017feffe2d142b00fe0123d3080001010100007f157a49")
_ADJUSTMENT = slice(4, 9)
_SUBTITLE_UNIT = 0x03
_ERASE_BYTE = 5


def _adjustment(section: bytes) -> int:
    return int.from_bytes(section[_ADJUSTMENT], "big") & (1 << 33) - 1


def test_the_times_of_a_splice_message_move() -> None:
    assert crc32_mpeg(_CUE) == 0
    for ticks in (1, 90_000, -90_000, 1 << 33, (1 << 34) + 5):
        moved = moved_cue(_CUE, ticks)
        assert _adjustment(moved) == ticks % (1 << 33)
        assert crc32_mpeg(moved) == 0
        assert moved[:4] == _CUE[:4]
        assert moved[9:-4] == _CUE[9:-4]
        assert moved_cue(moved, -ticks) == _CUE


def test_other_sections_and_damaged_ones_stay_as_they_are() -> None:
    damaged = _CUE[:20] + bytes([_CUE[20] ^ 1]) + _CUE[21:]
    other = b"\x42" + _CUE[1:-4]
    other += crc32_mpeg(other).to_bytes(4, "big")
    for section in (damaged, other, _CUE[:10], b""):
        assert moved_cue(section, 90_000) == section


@dataclass(frozen=True)
class _Clock:
    """A clock that was set anew by an hour; packets lie a second apart."""

    start = START_TICKS

    def near(self, position: int) -> int:
        return 90_000 * (position // PACKET)

    def added(self, position: int) -> int:
        return -3600 * 90_000


@dataclass(frozen=True)
class _Mine:
    rows: Any

    def packets(self) -> Packets:
        return Packets(self.rows, PACKET * np.arange(len(self.rows), dtype=np.int64))


def test_splice_messages_within_a_span_are_kept_and_moved() -> None:
    packets = build_section_packets(0x200, _CUE) * 6
    rows = np.frombuffer(packets, np.uint8).reshape(-1, PACKET)
    companion = CueCompanion(0x200, _Clock())  # type: ignore[arg-type]
    span = SpanTimes(2 * 90_000, 4 * 90_000, 500_000)
    kept = list(companion.take(_Mine(rows), span))  # type: ignore[arg-type]
    assert [at for at, _ in kept] == [500_000, 590_000]
    for _, unit in kept:
        assert isinstance(unit, RawUnit)
        data = np.frombuffer(unit.packets, np.uint8).reshape(-1, PACKET)
        (section,) = SectionReader().feed(Packets(data, np.zeros(len(data), np.int64)))
        # The raw clock was an hour ahead of the time line, which begins at the result's own start.
        assert _adjustment(section) == (-3600 * 90_000 + span.shift + START_TICKS) % (1 << 33)
        assert moved_cue(section, 3600 * 90_000 - span.shift - START_TICKS) == _CUE


def test_a_teletext_page_is_erased_once() -> None:
    screen = TeletextScreen()
    line, empty = (unit.data for unit in teletext_units(Fraction(1)))
    assert screen.cleared() is None
    screen.show(line)
    cleared = screen.cleared()
    assert cleared is not None
    units = [cleared[at : at + 46] for at in range(1, len(cleared), 46)]
    assert [unit[0] for unit in units[:2]] == [_SUBTITLE_UNIT] * 2
    # The page's own header with the bit that erases it, then that of a page nobody calls up.
    assert units[0] == line[1:47]
    assert units[0][4 + _ERASE_BYTE] & 1
    assert units[1][6:8] == line[1 + 2 * 46 + 6 : 1 + 2 * 46 + 8]
    assert (45 + len(cleared)) % 184 == 0
    assert screen.cleared() is None
    screen.show(line)
    screen.show(empty)
    assert screen.cleared() is None


def test_dvb_pages_are_cleared_once() -> None:
    screen = DvbScreen()
    shown, gone = (unit.data for unit in dvb_units(Fraction(1)))
    screen.show(shown)
    assert screen.cleared() is not None
    assert screen.cleared() is None
    screen.show(shown)
    screen.show(gone)
    assert screen.cleared() is None


def test_damaged_subtitles_are_no_trouble() -> None:
    for codec in ("dvb_subtitle", "dvb_teletext"):
        screen = screen_for(codec)
        assert screen is not None
        for data in (b"", b"\x10", b"\x20\x00\x0f\x10", b"\x10" + b"\xff" * 100, bytes(range(256))):
            screen.show(data)
        assert screen.cleared() is None
    assert screen_for("ac3") is None
