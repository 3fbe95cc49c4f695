"""What fuzzing starts from: the beginnings of test clips, and pieces of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from tests.media_factory import CLIPS, ClipCache

from plexcut.media.bitstream.bits import annexb_nals
from plexcut.media.index.packets import PacketReader, PayloadReader, find_layout

_CLIPS = {
    "h264_open_gop_50p": "h264", "h264_mbaff_tff": "h264", "mpeg2_interlaced_wrap": "mpeg2video", "hevc_cra": "hevc",
    "ts_discontinuity": "h264", "ts_192": "h264", "ts_204": "h264", "ts_pmt_change": "h264",
}  # fmt: skip
_CONTAINERS = ("mp4_h264_open_gop", "mkv_h264", "webm_vp8", "mp4_hevc")
_CODEC_BYTE = {"h264": 0, "hevc": 1, "mpeg1video": 2, "mpeg2video": 3}
_WHOLE_BYTES = 40_000
_PIECE_BYTES = 12_000
_VIDEO_PID = 0x101


def seeds(target: str, clips: ClipCache) -> Iterator[bytes]:
    """Seeds of one target."""
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
        if target == "pictures":
            yield bytes([_CODEC_BYTE[codec]]) + stream[:_PIECE_BYTES].tobytes()
        else:
            yield b"".join(b"\x00\x00\x01" + nal[:60] for nal in annexb_nals(stream[:60_000].tobytes())[:12])
        return
