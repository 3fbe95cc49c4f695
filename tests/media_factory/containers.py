"""MP4 and MKV files as others make them: with edit lists, turned, with times of their own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

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
        packets: list[Any] = [p for p in container.demux() if p.dts is not None and p.pts is not None]
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


@dataclass(frozen=True)
class Line:
    """A subtitle: when it is shown, in seconds, and what."""

    start_s: Fraction
    end_s: Fraction
    text: str


LINES = (
    Line(Fraction(1, 5), Fraction(9, 10), "one"),
    Line(Fraction(1), Fraction(5, 2), "two, long"),
    Line(Fraction(13, 5), Fraction(39, 10), "three"),
)
CHAPTERS = ((Fraction(0), "Eins"), (Fraction(3, 2), "Zwei"), (Fraction(3), "Drei"))
"""When each begins, in seconds; the last ends at 4."""
_END_S = 4
FONT = bytes(range(256)) * 20


def rich(source: Path, target: Path) -> Path:
    """A file with all that MP4 or MKV can hold: two audio tracks, subtitles, chapters, a cover, a font, tags.

    `source`: an MP4 or MKV of four seconds with one audio track.
    """
    matroska = target.suffix == ".mkv"
    with av.open(str(source)) as container, av.open(str(target), "w", format="matroska" if matroska else "mp4") as out:
        out.metadata.update({"title": "The title", "comment": "A comment"})
        video = out.add_stream_from_template(container.streams.video[0], opaque=True)
        sounds = [out.add_stream_from_template(container.streams.audio[0], opaque=True) for _ in range(2)]
        sounds[0].metadata["language"], sounds[1].metadata["language"] = "deu", "eng"
        sounds[0].disposition, sounds[1].disposition = (
            Disposition(0),
            Disposition.default | Disposition.hearing_impaired,
        )
        kinds = ("subrip", "ass", "hdmv_pgs_subtitle") if matroska else ("mov_text",)
        texts = {kind: out.add_mux_stream(kind) for kind in kinds}
        for stream in texts.values():
            stream.metadata["language"] = "fra"
        texts[kinds[-1]].disposition = Disposition.forced
        packets: list[Any] = [] if matroska else [_cover(out)]
        if matroska:
            out.add_attachment("font.ttf", "font/ttf", FONT)
            out.add_attachment("cover.png", "image/png", _png())
        starts = [*(start for start, _ in CHAPTERS), Fraction(_END_S)]
        out.set_chapters([
            {"id": i, "start": int(a * 1000), "end": int(b * 1000), "time_base": Fraction(1, 1000),
             "metadata": {"title": name}}
            for i, ((a, name), b) in enumerate(zip(CHAPTERS, starts[1:], strict=True), 1)
        ])  # fmt: skip
        for packet in container.demux(container.streams.video[0], container.streams.audio[0]):
            if packet.dts is None:
                continue
            for stream in [video] if packet.stream.type == "video" else sounds:
                packets.append(_copied(packet, stream))
        for kind, stream in texts.items():
            packets += _subtitles(kind, stream)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            out.mux(packet)
    return target


def _copied(packet: Any, stream: Any) -> Any:
    copy: Any = av.Packet(bytes(packet))
    copy.stream, copy.time_base = stream, packet.time_base
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.is_keyframe = packet.is_keyframe
    return copy


def _cover(out: Any) -> Any:
    stream = out.add_mux_stream("png", width=16, height=16)
    stream.disposition = Disposition.attached_pic
    stream.time_base = Fraction(1, 1000)
    packet: Any = av.Packet(_png())
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    return packet


def _png() -> bytes:
    context = av.CodecContext.create("png", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width = context.height = 16
    context.pix_fmt, context.time_base = "rgb24", Fraction(1, 25)
    frame = av.VideoFrame(16, 16, "rgb24")
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def _subtitles(kind: str, stream: Any) -> list[Any]:
    packets = []
    for number, line in enumerate(LINES):
        data, length = line.text.encode(), line.end_s - line.start_s
        if kind == "mov_text":
            data = len(data).to_bytes(2, "big") + data
        elif kind == "ass":
            data = b"%d,0,Default,,0,0,0,,%s" % (number, data)
        elif kind == "hdmv_pgs_subtitle":
            packets.append(_timed(pgs_set(2 * number, shown=True), stream, line.start_s, Fraction(0)))
            packets.append(_timed(pgs_set(2 * number + 1, shown=False), stream, line.end_s, Fraction(0)))
            continue
        packets.append(_timed(data, stream, line.start_s, length))
    return packets


def _timed(data: bytes, stream: Any, start_s: Fraction, length_s: Fraction) -> Any:
    packet: Any = av.Packet(data)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = int(start_s * 1000)
    packet.duration = int(length_s * 1000)
    packet.is_keyframe = True
    return packet


def pgs_set(number: int, *, shown: bool) -> bytes:
    """A PGS display set: a grey square of 8x8, or a cleared screen."""
    window = struct.pack(">BBHHHH", 1, 0, 20, 30, 8, 8)
    composition = struct.pack(">HHBHBBBB", 320, 192, 0x10, number, 0x80 if shown else 0, 0, 0, int(shown))
    if shown:
        composition += struct.pack(">HBBHH", 0, 0, 0, 20, 30)
    parts = [(0x16, composition), (0x17, window)]
    if shown:
        lines = b"".join(b"\x00\x88\x01\x00\x00" for _ in range(8))
        size = (len(lines) + 4).to_bytes(3, "big")
        parts += [(0x14, b"\x00\x00" + bytes([1, 120, 128, 128, 255]))]
        parts += [(0x15, struct.pack(">HBB", 0, 0, 0xC0) + size + struct.pack(">HH", 8, 8) + lines)]
    parts.append((0x80, b""))
    return b"".join(bytes([kind]) + len(body).to_bytes(2, "big") + body for kind, body in parts)


def with_light(source: Path, target: Path) -> Path:
    """An HEVC MP4, its `moov` at the end, with a mastering display and light levels in boxes (`mdcv`, `clli`)."""
    data = source.read_bytes()
    mastering = struct.pack(">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50)
    boxes = struct.pack(">I4s", 8 + len(mastering), b"mdcv") + mastering
    boxes += struct.pack(">I4sHH", 12, b"clli", 1000, 400)
    at = data.index(b"hvcC") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    changed = bytearray(data[:end] + boxes + data[end:])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hev1"):
        place = data.rindex(name, 0, at) - 4
        size = int.from_bytes(changed[place : place + 4], "big")
        changed[place : place + 4] = (size + len(boxes)).to_bytes(4, "big")
    target.write_bytes(changed)
    return target
