"""Program tables: real ones made again byte for byte, damaged ones refused."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plexcut.media.ts_tables import (
    Pat,
    Pmt,
    PmtStream,
    build_pat,
    build_pmt,
    build_section_packets,
    crc32_mpeg,
    parse_pat,
    parse_pmt,
)

PMT_PID, SOUND = 0x100, 0x102
PMT = Pmt(
    7,
    0x101,
    b"\x05\x04HDMV",
    [
        PmtStream(0x1B, 0x101, b""),
        PmtStream(0x03, SOUND, b"\x0a\x04deu\x00"),
        PmtStream(0x06, 0x103, b"\x6a\x01\x00\x0a\x04eng\x00"),
    ],
    version=3,
)


def test_crc_of_the_standard_check_string() -> None:
    assert crc32_mpeg(b"123456789") == 0x0376E6E7


def test_tables_come_back() -> None:
    assert parse_pmt(build_pmt(PMT)) == PMT
    pat = Pat(99, [(0, 0x10), (7, PMT_PID), (8, 0x1FF0)], version=31)
    assert parse_pat(build_pat(pat)) == pat
    fewer = PMT._replace(streams=PMT.streams[:2], pcr_pid=SOUND)
    assert parse_pmt(build_pmt(fewer)) == fewer


def test_real_tables_are_made_again_byte_for_byte(real_media_dir: Path) -> None:
    data = (real_media_dir / "tsduck-206.1_bbcnews_mpeg2_576i_opengop36.ts").read_bytes()
    pmt_pid: int | None = None
    for at in range(0, len(data), 188):
        packet = data[at : at + 188]
        pid = (packet[1] & 31) << 8 | packet[2]
        if packet[1] & 0x40 and packet[3] & 0x20 == 0 and pid in (0, pmt_pid):
            section = packet[5 + packet[4] :]
            length = 3 + ((section[1] & 15) << 8 | section[2])
            if pid == 0 and pmt_pid is None:
                assert build_pat(parse_pat(section)) == section[:length]
                pmt_pid = next(p for number, p in parse_pat(section).programs if number)
            elif pid == pmt_pid:
                assert build_pmt(parse_pmt(section)) == section[:length]
                assert build_section_packets(pid, section[:length])[4:] == packet[4:]
                return
    pytest.fail("no tables found")


@settings(deadline=None)
@given(st.binary(max_size=60))
@example(b"")
def test_damaged_tables_are_refused(junk: bytes) -> None:
    section = build_pmt(PMT)
    for hurt in (junk, section[: len(junk)], junk + section, bytes([section[0] ^ 1]) + section[1:]):
        for parse in (parse_pat, parse_pmt):
            with pytest.raises(ValueError, match="section"):
                parse(hurt if hurt != section else b"")
    # With a right checksum, but lengths that lie.
    body = bytes([2, 0xB0, 9 + len(junk), 0, 7, 0xC1, 0, 0]) + junk
    with suppress(ValueError):
        parse_pmt(body + crc32_mpeg(body).to_bytes(4, "big"))


def test_tables_too_large_for_a_section_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        build_pmt(PMT._replace(program_descriptors=bytes(1100)))
