"""The transport stream of a result, taken apart by a reader of its own: counters, clock, tables, subtitles."""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import pytest
from tests.media.cut_checks import Cut, make_cut
from tests.media_factory import CLIPS, ClipCache
from tests.media_factory.spec import PACKET_SIZES_BYTES
from tests.media_factory.transport import PMT_PID, VIDEO_PID, crc32_mpeg

from plexcut.media.engine import Engine

_CLOCK = 1 << 33
_PCR_MOST = 9_000
"""ISO 13818-1 allows 100 ms between two; DVB wants 40, which a reader measures with an error of a packet or two."""
_PCR_DVB = 3_600
_TABLES_MOST = 9_000 + _PCR_DVB


@dataclass
class Pes:
    """A PES packet: its header behind the length, its payload, its times, and the last PCR before its end."""

    header: bytes
    payload: bytes
    pts: int | None
    dts: int | None
    pcr: int
    pcr_at_start: int
    random_access: bool


@dataclass
class Stream:
    """All of a file: PES packets and sections by PID, faults found on the way."""

    faults: list[str] = field(default_factory=list)
    pes: dict[int, list[Pes]] = field(default_factory=lambda: defaultdict(list))
    sections: dict[int, list[tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(list))
    pcrs: list[int] = field(default_factory=list)


def read_stream(path: Path, packet_bytes: int = 188, pcr_pid: int = VIDEO_PID) -> Stream:
    """Take a file apart. Clocks are unwrapped."""
    data = path.read_bytes()
    found = Stream()
    if len(data) % packet_bytes:
        found.faults.append("half a packet at the end")
    skip = 4 if packet_bytes == 192 else 0
    counters: dict[int, int] = {}
    collected: dict[int, _Collected] = {}
    pcr = -1
    for number in range(len(data) // packet_bytes):
        packet = data[number * packet_bytes + skip :][:188]
        if packet[0] != 0x47 or packet[1] & 0x80:
            found.faults.append(f"packet {number}: no sync byte, or marked as damaged")
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        at, random_access = 4, False
        if packet[3] & 0x20:
            at += 1 + packet[4]
            flags = packet[5] if packet[4] else 0
            random_access = bool(flags & 0x40)
            if flags & 0x10 and pid == pcr_pid:
                raw = int.from_bytes(packet[6:12], "big") >> 15
                pcr = raw if pcr < 0 else pcr + _wrapped(raw - pcr)
                found.pcrs.append(pcr)
        expected = counters.get(pid)
        counter = packet[3] & 15
        if expected is not None and counter != (expected + bool(packet[3] & 0x10)) % 16:
            found.faults.append(f"packet {number} of PID {pid:#x}: counter {counter} after {expected}")
        counters[pid] = counter
        if not packet[3] & 0x10:
            continue
        payload = packet[at:]
        if packet[1] & 0x40:
            _finish(found, pid, collected.pop(pid, None))
            collected[pid] = _Collected(bytearray(payload), pcr, pcr, random_access)
        elif pid in collected:
            collected[pid].data.extend(payload)
            collected[pid].pcr = pcr
        else:
            found.faults.append(f"packet {number} of PID {pid:#x}: the middle of something that never began")
    for pid, rest in collected.items():
        _finish(found, pid, rest)
    return found


def _wrapped(difference: int) -> int:
    return (difference + _CLOCK // 2) % _CLOCK - _CLOCK // 2


@dataclass
class _Collected:
    data: bytearray
    pcr_at_start: int
    pcr: int
    random_access: bool


def _finish(found: Stream, pid: int, collected: _Collected | None) -> None:
    if collected is None:
        return
    data, pcr_at_start = bytes(collected.data), collected.pcr_at_start
    if data[:3] != b"\x00\x00\x01":
        start = 1 + data[0]
        section = data[start : start + 3 + (int.from_bytes(data[start + 1 : start + 3], "big") & 0xFFF)]
        if crc32_mpeg(section):
            found.faults.append(f"damaged section of PID {pid:#x}")
        found.sections[pid].append((pcr_at_start, section))
        return
    length = int.from_bytes(data[4:6], "big")
    if length and len(data) != 6 + length:
        found.faults.append(f"PES packet of PID {pid:#x}: {len(data) - 6} bytes instead of {length}")
    size = 9 + data[8]
    pts = dts = None
    if data[7] & 0x80:
        pts = pcr_at_start + _wrapped(_stamp(data[9:14]) - pcr_at_start)
        dts = pcr_at_start + _wrapped(_stamp(data[14:19]) - pcr_at_start) if data[7] & 0x40 else pts
    found.pes[pid].append(
        Pes(data[6:size], data[size:], pts, dts, collected.pcr, pcr_at_start, collected.random_access)
    )


def _stamp(data: bytes) -> int:
    return (data[0] >> 1 & 7) << 30 | data[1] << 22 | data[2] >> 1 << 15 | data[3] << 7 | data[4] >> 1


def check_stream(stream: Stream) -> None:
    """What any result must keep to, over all of it."""
    assert stream.faults == []
    steps = [b - a for a, b in pairwise(stream.pcrs)]
    assert min(steps) > 0
    assert max(steps) <= _PCR_DVB
    for pid, packets in stream.pes.items():
        times = [packet.dts for packet in packets if packet.dts is not None]
        assert all(b > a for a, b in pairwise(times))
        for packet in packets:
            if packet.dts is not None:
                assert packet.pcr <= packet.dts, f"PID {pid:#x}: comes too late"
                assert packet.dts - packet.pcr_at_start <= 90_000 + _PCR_MOST, f"PID {pid:#x}: waits over a second"
    for pid in (0, PMT_PID):
        moments = [at for at, _ in stream.sections[pid] if at >= 0]
        assert moments[-1] > stream.pcrs[-1] - _TABLES_MOST
        assert all(b - a <= _TABLES_MOST for a, b in pairwise(moments))


_SPANS = [(5, 31), (42, 44), (50, 75)]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def _streams(engine: Engine, clip_cache: ClipCache, folder: Path, name: str) -> tuple[Cut, Stream, Stream]:
    clip = clip_cache.get(CLIPS[name])
    cut = make_cut(engine, clip, folder, _SPANS)
    size = PACKET_SIZES_BYTES[clip.spec.container]
    return cut, read_stream(clip.path, size), read_stream(cut.path)


@pytest.mark.parametrize(
    "name",
    ["broadcast", "h264_two_audio", "h264_subtitles", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra_pyramid",
     "ts_192", "ts_204", "ts_discontinuity", "ts_lost_frames", "ts_radio_after", "ts_radio_before"],
)  # fmt: skip
def test_counters_clock_and_tables(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    _, source, result = _streams(engine, clip_cache, tmp_path, name)
    check_stream(result)
    assert len({section for _, section in result.sections[PMT_PID]}) == 1
    assert result.sections[PMT_PID][0][1] == source.sections[PMT_PID][-1][1]
    programmes = result.sections[0][0][1][8:-4]
    assert programmes == (1).to_bytes(2, "big") + (0xE000 | PMT_PID).to_bytes(2, "big")
    assert result.pes[VIDEO_PID][0].random_access


@pytest.mark.parametrize("name", ["h264_open_gop_50p", "mpeg2_interlaced_wrap", "hevc_cra"])
def test_twenty_seams_keep_the_clock(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    count = len(clip.numbers)
    cut = make_cut(engine, clip, tmp_path, [(n, n + 2) for n in range(0, count - 2, count // 20)])
    assert len(cut.result.seams) >= 19
    check_stream(read_stream(cut.path))


def test_the_service_information_goes_along(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    _, source, result = _streams(engine, clip_cache, tmp_path, "broadcast")
    assert {section for _, section in result.sections[0x11]} == {section for _, section in source.sections[0x11]}


def test_damaged_service_information_stays_behind(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    """Receivers mark packets that came in damaged; a result that holds such a packet would not pass its own checks."""
    clip = clip_cache.get(CLIPS["broadcast"])
    source, folder = tmp_path / "marked.ts", tmp_path / "result"
    data = bytearray(clip.path.read_bytes())
    places = [at for at in range(0, len(data), 188) if (data[at + 1] & 0x1F, data[at + 2]) == (0, 0x11)]
    assert len(places) > 4
    for at in places[1::2]:
        data[at + 1] |= 0x80
    source.write_bytes(data)
    folder.mkdir()
    marked = dataclasses.replace(clip, path=source)
    count = len(clip.numbers)
    cut = make_cut(engine, marked, folder, [(0, count // 2), (count // 2 + 9, count)])
    result = read_stream(cut.path)
    check_stream(result)
    assert len(places) // 3 < len(result.sections[0x11]) <= len(places[::2])
    assert {section for _, section in result.sections[0x11]} == {s for _, s in read_stream(clip.path).sections[0x11]}


def _clear_of_seams(cut: Cut, source: Stream, pid: int) -> list[tuple[int, bytes, bytes]]:
    """The subtitle packets that lie inside kept spans: ticks from the result's first picture, header, payload."""
    first = min(packet.pts for packet in source.pes[VIDEO_PID] if packet.pts is not None)
    ticks = 90_000 // int(cut.clip.fps)
    wanted = []
    base = 0
    for start, end in cut.spans:
        for packet in source.pes[pid]:
            assert packet.pts is not None
            at = packet.pts - first - start * ticks
            if 0 <= at < (end - start) * ticks:
                wanted.append((base + at, packet.header, packet.payload))
        base += (end - start) * ticks
    return wanted


def _shown(result: Stream, pid: int) -> list[tuple[int, bytes, bytes]]:
    first = min(packet.pts for packet in result.pes[VIDEO_PID] if packet.pts is not None)
    return [(packet.pts - first, packet.header, packet.payload) for packet in result.pes[pid] if packet.pts is not None]


_SUBTITLE_SPANS = [(0, 40), (55, 90), (104, 170), (180, 200)]


def test_teletext_is_kept_moved_and_cleared(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    cut = make_cut(engine, clip, tmp_path, _SUBTITLE_SPANS)
    source, result = read_stream(clip.path), read_stream(cut.path)
    pid = VIDEO_PID + 3
    wanted, found = _clear_of_seams(cut, source, pid), _shown(result, pid)
    assert len(wanted) >= 4
    kept = [(at, payload) for at, _, payload in wanted]
    extra = [(at, payload) for at, _, payload in found if (at, payload) not in kept]
    assert [(at, payload) for at, _, payload in found if (at, payload) not in extra] == kept
    # A teletext header has 36 bytes behind its length byte, whatever stands in them (EN 300 472).
    assert {len(header) for _, header, _ in found} == {len(header) for _, header, _ in wanted} == {3 + 0x24}
    shown_at_end = [end for end in _ends(cut) if _has_text([payload for at, payload in kept if at < end][-1])]
    assert [at for at, _ in extra] == shown_at_end
    assert shown_at_end
    for _, payload in extra:
        assert not _has_text(payload)
        assert (45 + len(payload)) % 184 == 0
        # The header of page 150 erases it: control bit 4 is the last of the fourth address byte (EN 300 706, 9.3.1).
        assert payload[1 + 4 + 5] & 1


def _has_text(payload: bytes) -> bool:
    """Whether a teletext packet has a row between the headers of its page and of the next."""
    return [payload[at] for at in range(1, len(payload), 46)].count(0x03) > 2


def _ends(cut: Cut) -> list[int]:
    """Where the spans end in the result, in ticks from its first picture."""
    lengths = [(end - start) * 90_000 // int(cut.clip.fps) for start, end in cut.spans]
    return list(itertools.accumulate(lengths))


def test_dvb_subtitles_are_kept_moved_and_cleared(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    cut = make_cut(engine, clip, tmp_path, _SUBTITLE_SPANS)
    source, result = read_stream(clip.path), read_stream(cut.path)
    pid = VIDEO_PID + 4
    wanted = [(at, payload) for at, _, payload in _clear_of_seams(cut, source, pid)]
    found = [(at, payload) for at, _, payload in _shown(result, pid)]
    assert [entry for entry in found if entry in wanted] == wanted
    extra = [entry for entry in found if entry not in wanted]
    # Shown 0.2-0.8 s after each second: at 40, 75 and 115 of 200 frames nothing or a line is on the screen. What is on
    # it when a span ends is cleared right there.
    shown_at_end = []
    for end in _ends(cut):
        before = [payload for at, payload in wanted if at < end]
        if before and _has_regions(before[-1]):
            shown_at_end.append(end)
    assert [at for at, _ in extra] == shown_at_end
    assert shown_at_end
    assert not any(_has_regions(payload) for _, payload in extra)


def _has_regions(payload: bytes) -> bool:
    """Whether the page of a display set lists any region (EN 300 743, 7.2.2)."""
    assert payload[:4] == b"\x20\x00\x0f\x10"
    return int.from_bytes(payload[6:8], "big") > 2


def test_a_text_track_is_kept_and_moved(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["mkv_with_srt"])
    # The lines stand from 0.2 to 0.8 s of each second, which is frames 5 to 19 of 25.
    cut = make_cut(engine, clip, tmp_path, [(2, 22), (35, 60)])
    with av.open(str(cut.path)) as container:
        (stream,) = container.streams.subtitles
        assert stream.metadata["language"] == "deu"
        lines = [(packet.pts, packet.duration, bytes(packet)) for packet in container.demux(stream) if packet.size]
    assert lines == [
        (120, 600, b"Second 0"),
        (800, 400, b"Second 1"),
        (800 + 800, 200, b"Second 2"),
    ]
