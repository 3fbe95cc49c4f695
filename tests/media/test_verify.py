"""A good result passes its verification; a result that lacks, adds, changes or shifts anything does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.media.cut_checks import Cut, keep_of, make_cut
from tests.media_factory import CLIPS, ClipCache, ClipSpec
from tests.media_factory.transport import VIDEO_PID

from plexcut.domain.media import Verification
from plexcut.errors import FileUnreadable, FormatUnsupported
from plexcut.media.engine import Engine

_SPANS = [(5, 71), (90, 148)]
_AUDIO_PID = VIDEO_PID + 1
_PACKET = 188


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


@pytest.fixture(scope="module")
def good(engine: Engine, clip_cache: ClipCache, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    return make_cut(engine, clip_cache.get(CLIPS["h264_two_audio"]), tmp_path_factory.mktemp("good"), _SPANS)


def _names(result: Verification) -> set[str]:
    assert result.ok == all(check.ok for check in result.checks)
    assert all(check.name and check.detail for check in result.checks)
    return {check.name for check in result.checks if not check.ok}


@pytest.mark.parametrize(
    "name",
    ["broadcast", "h264_mbaff_tff", "mpeg2_interlaced_wrap", "hevc_cra_pyramid", "hevc_10bit", "mp4_h264_open_gop",
     "mp4_hevc", "mkv_h264", "ts_discontinuity", "ts_lost_frames", "ts_192", "ts_radio_before"],
)  # fmt: skip
def test_a_good_cut_passes(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    spans = [(7, 22), (30, len(clip.numbers) - 3)]
    cut = make_cut(engine, clip, tmp_path, spans)
    result = engine.verify(clip.path, cut.path, keep_of(spans))
    assert _names(result) == set()
    assert result.ok is True


@pytest.mark.parametrize("name", ["h264_two_audio", "mpeg2_progressive", "hevc_cra", "mp4_h264"])
def test_other_spans_than_were_cut(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    cut = make_cut(engine, clip, tmp_path, [(5, 31), (40, 70)])
    for spans in (
        [(5, 31), (40, 69)],
        [(5, 31)],
        [(5, 61)],
        [(6, 32), (40, 70)],
        [(5, 31), (41, 71)],
        [(4, 30), (39, 69)],
        [(5, 30), (39, 70)],
        [(5, 32), (41, 70)],
    ):
        assert not engine.verify(clip.path, cut.path, keep_of(spans)).ok, f"{spans} pass"


def test_another_recording(engine: Engine, clip_cache: ClipCache, good: Cut) -> None:
    other = clip_cache.get(CLIPS["h264_no_rai"])
    assert not engine.verify(other.path, good.path, keep_of([(0, 66), (70, 100)])).ok
    assert not engine.verify(good.clip.path, other.path, keep_of([(0, 100)])).ok or other.spec == good.clip.spec


def _packets(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[at : at + _PACKET] for at in range(0, len(data), _PACKET)]


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def _starts(packets: list[bytes], pid: int) -> list[int]:
    return [number for number, packet in enumerate(packets) if _pid(packet) == pid and packet[1] & 0x40]


def _flip_bytes(packets: list[bytes]) -> list[bytes]:
    """A dozen bytes in a picture far from the seam."""
    video = [number for number, packet in enumerate(packets) if _pid(packet) == VIDEO_PID and not packet[1] & 0x40]
    at = video[len(video) // 4]
    packet = packets[at]
    packets[at] = packet[:100] + bytes(value ^ 0xFF for value in packet[100:112]) + packet[112:]
    return packets


def _drop_group(packets: list[bytes]) -> list[bytes]:
    """A second of everything."""
    return packets[: len(packets) // 4] + packets[len(packets) // 2 :]


def _drop_picture(packets: list[bytes]) -> list[bytes]:
    starts = _starts(packets, VIDEO_PID)
    begin, end = starts[len(starts) // 3], starts[len(starts) // 3 + 1]
    return [p for n, p in enumerate(packets) if not (begin <= n < end and _pid(p) == VIDEO_PID)]


def _swap_pictures(packets: list[bytes]) -> list[bytes]:
    """Two neighbours' contents change places; their times stay."""
    starts = _starts(packets, VIDEO_PID)
    a, b, c = starts[40:43]
    first = [n for n in range(a, b) if _pid(packets[n]) == VIDEO_PID]
    second = [n for n in range(b, c) if _pid(packets[n]) == VIDEO_PID]
    out = list(packets)
    for one, other in zip(first, second, strict=False):
        out[one], out[other] = packets[other], packets[one]
    return out


def _shift_sound(packets: list[bytes]) -> list[bytes]:
    """All of the first track 200 ms later."""
    for number in _starts(packets, _AUDIO_PID):
        packets[number] = _with_later_pts(packets[number], 18_000)
    return packets


def _shift_sound_behind_the_seam(packets: list[bytes]) -> list[bytes]:
    starts = _starts(packets, _AUDIO_PID)
    for number in starts[len(starts) // 2 :]:
        packets[number] = _with_later_pts(packets[number], 9_000)
    return packets


def _with_later_pts(packet: bytes, ticks: int) -> bytes:
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0) + 9
    field = packet[at : at + 5]
    value = (field[0] >> 1 & 7) << 30 | field[1] << 22 | field[2] >> 1 << 15 | field[3] << 7 | field[4] >> 1
    value = (value + ticks) % (1 << 33)
    high, middle, low = value >> 30, value >> 15 & 0x7FFF, value & 0x7FFF
    later = bytes([field[0] & 0xF0 | high << 1 | 1]) + (middle << 17 | 1 << 16 | low << 1 | 1).to_bytes(4, "big")
    return packet[:at] + later + packet[at + 5 :]


def _drop_sound(packets: list[bytes]) -> list[bytes]:
    """Half a second of the first track."""
    mine = [number for number, packet in enumerate(packets) if _pid(packet) == _AUDIO_PID]
    gone = set(mine[len(mine) // 3 : len(mine) // 2])
    return [packet for number, packet in enumerate(packets) if number not in gone]


def _drop_track(packets: list[bytes]) -> list[bytes]:
    """The second track, which the table still names."""
    return [packet for packet in packets if _pid(packet) != _AUDIO_PID + 1]


def _cut_end(packets: list[bytes]) -> list[bytes]:
    return packets[: len(packets) * 19 // 20]


@pytest.mark.parametrize(
    "spoil",
    [_flip_bytes, _drop_group, _drop_picture, _swap_pictures, _shift_sound, _shift_sound_behind_the_seam,
     _drop_sound, _drop_track, _cut_end],
)  # fmt: skip
def test_a_spoiled_result_does_not_pass(
    engine: Engine, good: Cut, tmp_path: Path, spoil: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = tmp_path / "spoiled.ts"
    path.write_bytes(b"".join(spoil(_packets(good.path))))
    assert path.read_bytes() != good.path.read_bytes()
    result = engine.verify(good.clip.path, path, keep_of(_SPANS))
    assert _names(result) != set()
    assert result.ok is False


def test_the_untouched_copy_passes(engine: Engine, good: Cut, tmp_path: Path) -> None:
    path = tmp_path / "copy.ts"
    path.write_bytes(b"".join(_packets(good.path)))
    assert engine.verify(good.clip.path, path, keep_of(_SPANS)).ok


def test_a_result_that_lacks_a_track(engine: Engine, clip_cache: ClipCache, good: Cut, tmp_path: Path) -> None:
    """The same pictures with one track of sound only."""
    spec: ClipSpec = CLIPS["h264_two_audio"]
    single = clip_cache.get(CLIPS["h264_open_gop_50p"])
    assert (single.spec.fps, single.spec.frames, single.spec.gop) == (spec.fps, spec.frames, spec.gop)
    cut = make_cut(engine, single, tmp_path, _SPANS)
    assert _names(engine.verify(good.clip.path, cut.path, keep_of(_SPANS))) == {"streams", "sound"}


def test_a_cut_of_everything_passes_for_everything_only(engine: Engine, clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["h264_two_audio"])
    cut = make_cut(engine, clip, tmp_path, [(0, 150)])
    assert engine.verify(clip.path, cut.path, keep_of([(0, 150)])).ok
    assert not engine.verify(clip.path, cut.path, keep_of([(0, 149)])).ok
    assert not engine.verify(clip.path, cut.path, keep_of([(1, 150)])).ok


def test_files_that_cannot_be_looked_at(engine: Engine, good: Cut, tmp_path: Path) -> None:
    text = tmp_path / "text.ts"
    text.write_text("no recording\n" * 100)
    with pytest.raises(FormatUnsupported):
        engine.verify(good.clip.path, text, keep_of(_SPANS))
    with pytest.raises(FileUnreadable):
        engine.verify(good.clip.path, tmp_path / "none.ts", keep_of(_SPANS))
    with pytest.raises(FileUnreadable):
        engine.verify(tmp_path / "none.ts", good.path, keep_of(_SPANS))


_HALF_FRAMES_MS = {"ac3": 16.0, "mp2": 12.0, "aac": 10.67}


@pytest.mark.parametrize(
    "name", ["broadcast", "h264_two_audio", "h264_paff_mixed", "mpeg2_interlaced_wrap", "hevc_cra_pyramid", "mkv_h264"]
)
def test_the_same_figures_whenever_they_are_asked_for(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str
) -> None:
    clip = clip_cache.get(CLIPS[name])
    count = len(clip.numbers)
    spans = [(3, 17), (20, count // 2), (count // 2 + 7, count - 4)]
    cut = make_cut(engine, clip, tmp_path, spans)
    found = engine.verify(clip.path, cut.path, keep_of(spans))
    assert found.ok
    assert {c.name: c.detail for c in found.checks} == {c.name: c.detail for c in cut.result.checks}
    assert found.seams == cut.result.seams
    for seam in found.seams:
        assert len(seam.av_offset_ms) == len(clip.spec.audio)
        for offset, audio in zip(seam.av_offset_ms, clip.spec.audio, strict=True):
            assert offset is not None
            assert abs(offset) <= _HALF_FRAMES_MS[audio.codec] + 1


def test_the_offset_at_a_seam_is_that_of_the_sound(engine: Engine, good: Cut, tmp_path: Path) -> None:
    """A few milliseconds too late, which is still within half a frame, are told where they begin."""
    path = tmp_path / "late.ts"
    packets = _packets(good.path)
    starts = _starts(packets, _AUDIO_PID)
    for number in starts:
        packets[number] = _with_later_pts(packets[number], 270)
    path.write_bytes(b"".join(packets))
    before = engine.verify(good.clip.path, good.path, keep_of(_SPANS)).seams
    after = engine.verify(good.clip.path, path, keep_of(_SPANS)).seams
    assert before
    for one, other in zip(before, after, strict=True):
        assert None not in (one.av_offset_ms[0], other.av_offset_ms[0])
        assert (other.av_offset_ms[0] or 0) - (one.av_offset_ms[0] or 0) == pytest.approx(3.0)
        assert other.av_offset_ms[1] == one.av_offset_ms[1]


@pytest.mark.parametrize("late", [None, 45_000])
def test_subtitles_that_are_gone_or_too_late(
    engine: Engine, clip_cache: ClipCache, tmp_path: Path, late: int | None
) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    spans = [(0, 90), (120, 200)]
    cut = make_cut(engine, clip, tmp_path, spans)
    packets = _packets(cut.path)
    for pid in (VIDEO_PID + 3, VIDEO_PID + 4):
        spoiled = list(packets)
        if late is None:
            spoiled = [packet for packet in packets if _pid(packet) != pid]
        else:
            for number in _starts(packets, pid):
                spoiled[number] = _with_later_pts(packets[number], late)
        path = tmp_path / "spoiled.ts"
        path.write_bytes(b"".join(spoiled))
        assert _names(engine.verify(clip.path, path, keep_of(spans))) == {"streams"}
