"""What fuzzing starts from: the beginnings of test clips, and pieces of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from tests.media_factory import CLIPS, ClipCache
from tests.media_factory.containers import pgs_set
from tests.media_factory.spec import AudioSpec
from tests.media_factory.wrapped import loas_frame

from fuzz.seams import AUDIO_CODECS
from plexcut.media.bitstream.bare_aac import adts_of
from plexcut.media.bitstream.bits import annexb_nals
from plexcut.media.index.packets import PacketReader, PayloadReader, find_layout

_CLIPS = {
    "h264_open_gop_50p": "h264", "h264_mbaff_tff": "h264", "mpeg2_interlaced_wrap": "mpeg2video", "hevc_cra": "hevc",
    "ts_discontinuity": "h264", "ts_192": "h264", "ts_204": "h264", "ts_pmt_change": "h264",
}  # fmt: skip
_CONTAINERS = ("mp4_h264_open_gop", "mkv_h264", "webm_vp8", "mp4_hevc")
_SOUNDS = {"h264_mbaff_tff": "mp2", "h264_open_gop_50p": "ac3", "h264_eac3_51": "eac3", "h264_closed": "aac"}
_SUBTITLES = ("h264_subtitles",)
_SOUND_PID, _TELETEXT_PID, _DVB_PID = 0x102, 0x103, 0x104
_FFMPEG_SOUND_PID = 0x101
_CUE = bytes.fromhex("fc302500000000000000fff01405000000017feffe2d142b00fe0123d3080001010100007f157a49")
_CODEC_BYTE = {"h264": 0, "hevc": 1, "mpeg1video": 2, "mpeg2video": 3}
_WHOLE_BYTES = 40_000
_PIECE_BYTES = 12_000
_VIDEO_PID = 0x101


def seeds(target: str, clips: ClipCache) -> Iterator[bytes]:
    """Seeds of one target."""
    if target == "audio":
        yield from _sounds(clips)
        return
    if target == "bare":
        yield from _wrapped()
        return
    if target == "captions":
        yield from _captions()
        return
    if target == "subtitles":
        yield from _subtitles(clips)
        return
    for name in (*_CLIPS, *(_CONTAINERS if target == "index" else ())):
        data = clips.get(CLIPS[name]).path.read_bytes()
        if target == "index":
            yield data[:_WHOLE_BYTES] if name in _CLIPS else data
        elif target == "packets":
            yield b"\x02" + data[:_PIECE_BYTES]
        elif target in ("sections", "pes"):
            yield from _from_packets(target, data)
        else:
            yield from _from_units(target, data, _CLIPS[name])


def write_seeds(target: str, clips: ClipCache, folder: Path) -> None:
    """Put them into a folder, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target, clips)):
        (folder / f"seed-{number:03}").write_bytes(seed)


def _from_packets(target: str, data: bytes) -> Iterator[bytes]:
    layout = find_layout(data)
    assert layout is not None
    for block in PacketReader(io.BytesIO(data), layout, len(data)).blocks(count=400):
        if target == "sections":
            tables = block.where((block.pid == 0) | (block.pid == 0x100))
            yield tables.data[:6].tobytes()
            yield from (row[5:].tobytes() for row in tables.data[:2])
        else:
            begins = block.where((block.data[:, 1] & 0x40) != 0)
            yield from (row[4 + (1 + int(row[4]) if row[3] & 0x20 else 0) :].tobytes() for row in begins.data[:8])
        return


def _from_units(target: str, data: bytes, codec: str) -> Iterator[bytes]:
    layout = find_layout(data)
    assert layout is not None
    for block in PacketReader(io.BytesIO(data), layout, len(data)).blocks():
        stream = PayloadReader().take(block.where(block.pid == _VIDEO_PID)).es
        if target in ("slices", "messages"):
            yield stream[:_PIECE_BYTES].tobytes()
        elif target == "pictures":
            yield bytes([_CODEC_BYTE[codec]]) + stream[:_PIECE_BYTES].tobytes()
        else:
            yield b"".join(b"\x00\x00\x01" + nal[:60] for nal in annexb_nals(stream[:60_000].tobytes())[:12])
        return


def _es(data: bytes, pid: int) -> bytes:
    """The elementary stream of a PID."""
    layout = find_layout(data)
    assert layout is not None
    reader = PayloadReader()
    blocks = PacketReader(io.BytesIO(data), layout, len(data)).blocks()
    return b"".join(reader.take(block.where(block.pid == pid)).es.tobytes() for block in blocks)


def _sounds(clips: ClipCache) -> Iterator[bytes]:
    for name, codec in _SOUNDS.items():
        data = clips.get(CLIPS[name]).path.read_bytes()
        es = _es(data, _SOUND_PID) or _es(data, _FFMPEG_SOUND_PID)
        yield bytes([AUDIO_CODECS.index(codec)]) + es[:4_000]


def _wrapped() -> Iterator[bytes]:
    payload = bytes(range(90))
    for channels in (2, 6):
        frame = loas_frame(AudioSpec("aac", channels=channels, latm=True), payload, 0)
        yield frame
        yield adts_of(b"\x11\x90", payload)


def _captions() -> Iterator[bytes]:
    yield b"\x00" + pgs_set(1, shown=True) + pgs_set(2, shown=False)
    yield b"\x01" + b"7,0,Default,,0,0,0,,one, two" * 5
    yield b"\x02" + b"\x00\x03one" * 5


def _subtitles(clips: ClipCache) -> Iterator[bytes]:
    yield _CUE
    for name in _SUBTITLES:
        data = clips.get(CLIPS[name]).path.read_bytes()
        yield _es(data, _TELETEXT_PID)[:2_000]
        yield _es(data, _DVB_PID)[:2_000]
