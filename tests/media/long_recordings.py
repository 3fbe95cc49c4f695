"""Long transport streams made of a short clip: repeated packet by packet, its clocks shifted on, or set anew."""

from __future__ import annotations

from dataclasses import dataclass, field

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
