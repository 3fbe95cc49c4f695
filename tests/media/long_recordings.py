"""Long transport streams made of a short clip: repeated packet by packet, its clocks shifted on, or set anew."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

PACKET = 188
_MODULO = 1 << 33


@dataclass(frozen=True)
class Repeated:
    """What becomes of a clip of `ticks` length: `copies` of it, one behind the other.

    `jumps`: from this copy on the clock is so many ticks farther (back where negative). `announced`: whether the first
    clock after a jump says so. `lost`: copies that were not received, though the clock ran on.
    """

    ticks: int
    copies: int
    jumps: dict[int, int] = field(default_factory=dict)
    announced: bool = False
    lost: tuple[int, ...] = ()


class Clip:
    """A transport stream of 188-byte packets, with the places of its clocks."""

    def __init__(self, data: bytes) -> None:
        self.packets = np.frombuffer(data, np.uint8)[: len(data) // PACKET * PACKET].reshape(-1, PACKET)
        self.pcr: list[int] = []
        self.stamps: list[tuple[int, int]] = []
        for i, row in enumerate(self.packets):
            adapted = bool(row[3] & 0x20)
            if adapted and row[4] and row[5] & 0x10:
                self.pcr.append(i)
            begin = 4 + (1 + int(row[4]) if adapted else 0)
            if not row[1] & 0x40 or not row[3] & 0x10 or bytes(row[begin : begin + 3]) != b"\x00\x00\x01":
                continue
            flags = int(row[begin + 7])
            if flags & 0x80:
                self.stamps.append((i, begin + 9))
            if flags & 0x40:
                self.stamps.append((i, begin + 14))


def repeat(clip: Clip, how: Repeated) -> bytes:
    """The file's bytes."""
    kept = [c for c in range(how.copies) if c not in how.lost]
    made = np.concatenate([_shifted(clip, _shift(how, c), how.announced and c in how.jumps) for c in kept])
    _count(made)
    return made.tobytes()


def _shift(how: Repeated, copy: int) -> int:
    return copy * how.ticks + sum(jump for at, jump in how.jumps.items() if at <= copy)


def _shifted(clip: Clip, ticks: int, announce: bool) -> U8:
    made = clip.packets.copy()
    for i, at in clip.stamps:
        field_ = made[i, at : at + 5]
        b = [int(x) for x in field_]
        value = (b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1
        value = (value + ticks) % _MODULO
        field_[:] = (
            (b[0] & 0xF0) | (value >> 29 & 0x0E) | 1, value >> 22 & 0xFF, (value >> 14 & 0xFE) | 1, value >> 7 & 0xFF,
            (value << 1 & 0xFE) | 1,
        )  # fmt: skip
    for i in clip.pcr:
        raw = int.from_bytes(made[i, 6:12].tobytes(), "big")
        raw = ((raw >> 15) + ticks) % _MODULO << 15 | raw & 0x7FFF
        made[i, 6:12] = np.frombuffer(raw.to_bytes(6, "big"), np.uint8)
    if announce and clip.pcr:
        made[clip.pcr[0], 5] |= 0x80
    return made


def _count(packets: U8) -> None:
    """Continuity counters that run through."""
    pid = (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]
    for one in np.unique(pid):
        mine = np.flatnonzero(pid == one)
        carries = (packets[mine, 3] & 0x10) != 0
        counter = (np.cumsum(carries) - 1) % 16
        packets[mine, 3] = (packets[mine, 3] & 0xF0) | counter.astype(np.uint8)


def small_clip(frames: int = 480) -> bytes:
    """A transport stream of 64x64 pixels at 50 frames/s with a sound track, as few bytes as frames can have."""
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts", options={"mpegts_flags": "resend_headers"}) as container:
        video = container.add_stream("libx264", rate=50)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        video.options = {
            "preset": "ultrafast",
            "x264-params": "keyint=48:min-keyint=48:bframes=2:b-pyramid=none:scenecut=0:aud=1:repeat-headers=1",
        }
        audio = container.add_stream("mp2", rate=48_000)
        audio.bit_rate, audio.layout = 32_000, "mono"
        samples = 0
        for i in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((96, 64), i % 200 + 20, np.uint8), format="yuv420p")
            picture.pts = i
            container.mux(video.encode(picture))
            while samples * 50 < (i + 1) * 48_000:
                sound = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
                sound.sample_rate, sound.pts = 48_000, samples
                samples += 1152
                container.mux(audio.encode(sound))
        for stream in (video, audio):
            container.mux(stream.encode(None))
    return out.getvalue()


def write_repeated(path: Path, clip: Clip, ticks: int, copies: int) -> None:
    """As `repeat`, for thousands of copies: the clocks and counters of all packets of a copy at once."""
    base = clip.packets
    rows, at = (np.array(column) for column in zip(*clip.stamps, strict=True))
    fields = base[rows[:, None], at[:, None] + np.arange(5)].astype(np.int64)
    stamps = (fields[:, 0] >> 1 & 7) << 30 | fields[:, 1] << 22 | fields[:, 2] >> 1 << 15 | fields[:, 3] << 7
    stamps |= fields[:, 4] >> 1
    pcr = np.array(clip.pcr)
    bytes_ = base[pcr][:, 6:12].astype(np.int64)
    clocks = bytes_[:, 0] << 25 | bytes_[:, 1] << 17 | bytes_[:, 2] << 9 | bytes_[:, 3] << 1 | bytes_[:, 4] >> 7
    pid = (base[:, 1].astype(np.int32) & 0x1F) << 8 | base[:, 2]
    before, each = np.zeros(len(base), np.int64), np.zeros(len(base), np.int64)
    for one in np.unique(pid):
        mine = np.flatnonzero(pid == one)
        counted = np.cumsum((base[mine, 3] & 0x10) != 0)
        before[mine], each[mine] = counted - 1, counted[-1]
    with path.open("wb") as file:
        for copy in range(copies):
            made, now = base.copy(), (stamps + copy * ticks) % _MODULO
            made[rows, at] = fields[:, 0] & 0xF0 | now >> 29 & 0x0E | 1
            made[rows, at + 1], made[rows, at + 2] = now >> 22 & 0xFF, now >> 14 & 0xFE | 1
            made[rows, at + 3], made[rows, at + 4] = now >> 7 & 0xFF, now << 1 & 0xFE | 1
            now = (clocks + copy * ticks) % _MODULO
            for i, shift in enumerate((25, 17, 9, 1)):
                made[pcr, 6 + i] = now >> shift & 0xFF
            made[pcr, 10] = (now & 1) << 7 | bytes_[:, 4] & 0x7F
            made[:, 3] = made[:, 3] & 0xF0 | (before + copy * each) % 16
            file.write(made.tobytes())
