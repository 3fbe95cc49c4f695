"""MP4 and MKV files as others make them: with edit lists, turned, with times of their own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

_DELAY_S = Fraction(1, 5)
"""How long before it is shown a picture is decoded at most."""


def remuxed(source: Path, target: Path, retime: Callable[[Fraction], Fraction] | None = None) -> Path:
    """The video and audio of `source` in a file of the kind that `target` is named after.

    `retime`: when a packet that is due at so many seconds is due instead. Times before 0 are hidden by an edit list in
    MP4.
    """
    kind = {".mkv": "matroska", ".mov": "mov"}.get(target.suffix, "mp4")
    with av.open(str(source)) as container, av.open(str(target), "w", format=kind) as output:
        streams = {s.index: output.add_stream_from_template(s, opaque=True) for s in container.streams}
        for original in container.streams:
            streams[original.index].metadata.update(original.metadata)
        packets = [p for p in container.demux() if p.dts is not None and p.pts is not None]
        moves = retime or (lambda at: at)
        shown: dict[int, list[Fraction]] = {}
        for packet in packets:
            shown.setdefault(packet.stream.index, []).append(moves(packet.pts * packet.time_base))
        decoded = {i: iter(sorted(times)) for i, times in shown.items()}
        delay = {s.index: _DELAY_S if s.type == "video" else Fraction(0) for s in container.streams}
        for packet in packets:
            moved = moves(packet.pts * packet.time_base)
            copy: Any = av.Packet(bytes(packet))
            copy.stream = streams[packet.stream.index]
            copy.time_base = Fraction(1, 90_000)
            copy.pts = round(moved * 90_000)
            copy.dts = round((next(decoded[packet.stream.index]) - delay[packet.stream.index]) * 90_000)
            copy.duration = round(packet.duration * packet.time_base * 90_000)
            copy.is_keyframe = packet.is_keyframe
            output.mux(copy)
    return target


def begins_later(source: Path, target: Path, time_s: Fraction) -> Path:
    """An MP4 whose edit list hides what comes before a time: what `ffmpeg -ss TIME -c copy` writes.

    It holds all from the beginning on, so the first frame that is shown may need hidden ones.
    """
    return remuxed(source, target, lambda at: at - time_s)


def turned(source: Path, target: Path) -> Path:
    """A copy of an MP4 whose picture is to be turned by a quarter (the matrix in its `tkhd`)."""
    data = bytearray(source.read_bytes())
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    at = data.index(plain, data.index(b"tkhd"))
    data[at : at + len(plain)] = quarter
    target.write_bytes(data)
    return target
