"""Recordings as long as one likes: half a minute is encoded once, and repeated packet by packet.

The repetition shifts PTS, DTS and PCR by the exact duration and counts the continuity counters on, so that the
result is one stream without a discontinuity, written as fast as the disk takes it.

    python -m bench.recordings --folder /tmp/bench --kind h264-720p50 --minutes 30
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.media_factory.encode import Unit, encode_audio
from tests.media_factory.spec import AudioSpec, ClipSpec
from tests.media_factory.transport import VIDEO_PID, AccessUnit, TsStream, descriptor, write_transport_stream

from bench.material import KINDS, Kind, encode

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

FIRST_PICTURE_S = 10
"""What the clock of a recording says when frame 0 is shown."""

RECIPE = 1
"""Raise it when the same kind makes other bytes: it is part of the files' names."""

_PACKET = 188
_CLOCK_MODULO = 1 << 33
_STREAM_TYPES = {"h264": 0x1B, "hevc": 0x24, "mpeg2video": 0x02}
_AUDIO = (AudioSpec("mp2", "deu"), AudioSpec("ac3", "eng"))
_AUDIO_SAMPLES = {"mp2": 1152, "ac3": 1536}
_AUDIO_TYPES = {"mp2": (0x03, 0xC0, b""), "ac3": (0x06, 0xBD, descriptor(0x6A, b"\x00"))}


@dataclass(frozen=True)
class Recording:
    """A recording that was made. Frame n, at n / fps seconds, carries the number n modulo the kind's period."""

    path: Path
    kind: Kind
    frames: int

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def duration_s(self) -> float:
        return self.frames / self.kind.fps

    def number_of(self, frame: int) -> int:
        """The number that a frame's picture carries."""
        return frame % self.kind.period_frames

    def time_of(self, frame: int) -> Fraction:
        """When a frame is shown, in seconds from the first."""
        return Fraction(frame, self.kind.fps)


def default_folder() -> Path:
    """Where recordings are kept between runs: below the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "plexcut-bench"


def recording(folder: Path, kind: Kind, minutes: float = 0, *, size_bytes: int = 0) -> Recording:
    """A recording of at least so many minutes or bytes; what lies in the folder from an earlier run is used."""
    clip = _Clip.load_or_make(folder, kind)
    repeats = max(1, round(minutes * 60 * kind.fps / kind.period_frames), -(-size_bytes // clip.loop.nbytes))
    said = f"{size_bytes // 10**9}g" if size_bytes else f"{minutes:g}min"
    path = folder / f"{kind.name}-{said}.ts"
    frames = clip.lead_frames + repeats * kind.period_frames
    size = clip.lead.nbytes + repeats * clip.loop.nbytes
    if not (path.is_file() and path.stat().st_size == size):
        temporary = path.with_suffix(f".{os.getpid()}.part")
        try:
            with temporary.open("wb") as file:
                for part in clip.parts(repeats):
                    file.write(part.data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return Recording(path, kind, frames)


@dataclass(frozen=True)
class _Clip:
    """A group of frames to begin with, and one period to be repeated behind it; `(n, 188) uint8` packets."""

    kind: Kind
    lead: U8
    lead_frames: int
    loop: U8

    @classmethod
    def load_or_make(cls, folder: Path, kind: Kind) -> _Clip:
        path = folder / "clips" / f"{kind.name}-{RECIPE}.ts"
        facts_path = path.with_suffix(".json")
        if not facts_path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            packets, facts = _make_clip(kind)
            path.write_bytes(packets.tobytes())
            facts_path.write_text(json.dumps(facts))
        facts = json.loads(facts_path.read_text())
        packets = np.fromfile(path, np.uint8).reshape(-1, _PACKET)
        return cls(kind, packets[: facts["lead_packets"]], facts["lead_frames"], packets[facts["lead_packets"] :])

    def parts(self, repeats: int) -> Iterator[U8]:
        """The packets of a recording, piece by piece; a piece is valid until the next one is asked for."""
        yield self.lead
        shifter = _Shifter(self.loop)
        ticks = self.kind.period_frames * 90_000 // self.kind.fps
        for repeat in range(repeats):
            yield shifter.shifted(repeat, repeat * ticks)


class _Shifter:
    """Packets of one period, moved to a later repetition."""

    def __init__(self, packets: U8) -> None:
        self._out = packets.copy()
        pid = ((packets[:, 1].astype(np.int64) & 0x1F) << 8) | packets[:, 2]
        carries = (packets[:, 3] & 0x10) != 0
        self._counter = (packets[:, 3] & 15).astype(np.int64)
        self._head = packets[:, 3] & 0xF0
        self._per_repeat = np.bincount(pid, carries, 8192).astype(np.int64)[pid]
        adapted = (packets[:, 3] & 0x20) != 0
        self._pcr_rows = np.flatnonzero(adapted & (packets[:, 4] > 0) & ((packets[:, 5] & 0x10) != 0))
        self._pcr = _gather(packets, self._pcr_rows, np.full(self._pcr_rows.size, 6), 4)
        self._pcr_bit = packets[self._pcr_rows, 10] >> 7
        begins = np.flatnonzero((packets[:, 1] & 0x40 != 0) & carries)
        header = np.where(adapted[begins], 5 + packets[begins, 4].astype(np.int64), 4)
        pes = (header < _PACKET - 19) & (_gather(packets, begins, np.minimum(header, 180), 3) == 1)
        begins, header = begins[pes], header[pes]
        flags = packets[begins, header + 7]
        both = [(flags & 0x80) != 0, (flags & 0xC0) == 0xC0]
        self._rows = np.concatenate([begins[has] for has in both])
        self._at = np.concatenate([header[has] + 9 + 5 * i for i, has in enumerate(both)])
        raw = _gather(packets, self._rows, self._at, 5)
        self._clock = (raw >> 33 & 7) << 30 | (raw >> 17 & 0x7FFF) << 15 | (raw >> 1 & 0x7FFF)
        self._marks = raw & 0xF100010001

    def shifted(self, repeat: int, ticks: int) -> U8:
        out = self._out
        out[:, 3] = self._head | ((self._counter + repeat * self._per_repeat) & 15).astype(np.uint8)
        clock = (self._clock + ticks) % _CLOCK_MODULO
        raw = self._marks | (clock >> 30) << 33 | (clock >> 15 & 0x7FFF) << 17 | (clock & 0x7FFF) << 1
        _scatter(out, self._rows, self._at, 5, raw)
        base = ((self._pcr << 1 | self._pcr_bit) + ticks) % _CLOCK_MODULO
        places = np.full(self._pcr_rows.size, 6)
        _scatter(out, self._pcr_rows, places, 4, base >> 1)
        out[self._pcr_rows, 10] = (out[self._pcr_rows, 10] & 0x7F) | ((base & 1) << 7).astype(np.uint8)
        return out


def _gather(packets: U8, rows: I64, at: I64, count: int) -> I64:
    """Big-endian numbers of `count` bytes at a place in each of some packets."""
    value: I64 = np.zeros(rows.size, np.int64)
    for i in range(count):
        value = value << 8 | packets[rows, at + i]
    return value


def _scatter(packets: U8, rows: I64, at: I64, count: int, value: I64) -> None:
    for i in range(count):
        packets[rows, at + i] = (value >> 8 * (count - 1 - i) & 0xFF).astype(np.uint8)


def _make_clip(kind: Kind) -> tuple[U8, dict[str, int]]:
    """Packets of the lead and one period, and where the one ends and the other begins."""
    video = encode(kind)
    spec = ClipSpec(
        kind.name,
        width=kind.width,
        height=kind.height,
        fps=Fraction(kind.fps),
        frames=kind.coded_frames,
        audio=_AUDIO,
        audio_lead_s=Fraction(1, 2),
    )
    tick = 90_000 // kind.fps
    units = [AccessUnit(unit.data, unit.pts * tick, unit.dts * tick, tick, unit.key) for unit in video]
    streams = [TsStream(VIDEO_PID, _STREAM_TYPES[kind.codec], 0xE0, b"", units)]
    streams += [_audio_stream(kind, spec, track) for track in range(len(_AUDIO))]
    packets = np.frombuffer(write_transport_stream(spec, streams), np.uint8).reshape(-1, _PACKET)
    begin, end = (_index_of_keyframe(video, kind.gop + turn * kind.period_frames) for turn in (0, 1))
    assert end - begin == kind.period_frames, f"{kind.name}: one period has {end - begin} pictures"
    pid = ((packets[:, 1].astype(np.int64) & 0x1F) << 8) | packets[:, 2]
    pictures = np.flatnonzero((pid == VIDEO_PID) & ((packets[:, 1] & 0x40) != 0))
    first, last = int(pictures[begin]), int(pictures[end])
    return packets[:last], {"lead_packets": first, "lead_frames": begin}


def _index_of_keyframe(video: list[Unit], number: int) -> int:
    """Place in decode order of a keyframe, by its number in display order."""
    return next(place for place, unit in enumerate(video) if unit.key and unit.pts == number)


def _audio_stream(kind: Kind, spec: ClipSpec, track: int) -> TsStream:
    """A sound track that repeats itself, byte for byte, after one period.

    The first second is the encoder's, then comes one period, and from there on what was a period before: so that the
    period may be cut out anywhere, even in the middle of a PES packet.
    """
    audio = _AUDIO[track]
    samples = _AUDIO_SAMPLES[audio.codec]
    coded = [unit.data for unit in encode_audio(spec, track)]
    period = kind.period_frames * audio.rate // kind.fps // samples
    first = audio.rate // samples // 2
    for place in range(first + period, len(coded)):
        coded[place] = coded[place - period]
    begin = -round(spec.audio_lead_s * audio.rate) // samples * samples
    ticks = samples * 90_000 // audio.rate
    times = [(begin + place * samples) * 90_000 // audio.rate for place in range(len(coded))]
    units = [AccessUnit(data, pts, pts, ticks) for data, pts in zip(coded, times, strict=True)]
    stream_type, stream_id, extra = _AUDIO_TYPES[audio.codec]
    descriptors = descriptor(0x0A, audio.language.encode() + b"\x00") + extra
    return TsStream(VIDEO_PID + 1 + track, stream_type, stream_id, descriptors, units)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="python -m bench.recordings", description="Make recordings for the bench.")
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--gigabytes", type=float, default=0, help="instead of minutes")
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    size = round(options.gigabytes * 10**9)
    made = recording(options.folder, KINDS[options.kind], 0 if size else options.minutes, size_bytes=size)
    print(f"{made.path}  {made.size_bytes} bytes  {made.frames} frames  {made.duration_s:.2f} s")


if __name__ == "__main__":
    main()
