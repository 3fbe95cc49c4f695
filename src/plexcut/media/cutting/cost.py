"""What the parts of a cut take, roughly: so that progress rises as time goes by, and the time left can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from plexcut.domain.ports import OnProgress, ShouldCancel
from plexcut.errors import Cancelled
from plexcut.media.cutting.plan import Plan
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.index.model import MediaIndex

F64 = npt.NDArray[np.float64]

# Measured on two cores; only their relation matters.
_WRITE_S_PER_BYTE = 2.7e-9
_READ_S_PER_BYTE = 1.0e-9
_DECODE_S_PER_MEGAPIXEL = 0.003
_ENCODE_S_PER_MEGAPIXEL = {"h264": 0.018, "hevc": 0.12, "mpeg2video": 0.008, "mpeg1video": 0.008}
_PLAYED_GROUPS = 3
"""Groups of pictures that are decoded at each place where parts meet, of source and result, by each of two workers."""
_LEAST = 0.05
"""What counts, of the cheaper of two things that are done at the same time."""
_INDEX_SHARE = 0.2
_MOVE_S = 0.02


@dataclass(frozen=True, slots=True)
class CutCost:
    """Seconds, roughly; `reached[n]` is the share of the writing that is done with `n` pictures."""

    encode_s: float
    write_s: float
    verify_s: float
    reached: F64

    @classmethod
    def of(cls, index: MediaIndex, plan: Plan, schedule: Schedule, *, at_once: bool) -> Self:
        """Of a plan; `at_once`: pictures are encoded while others are written."""
        video = index.video
        megapixels = max(video.width * video.height, 1) / 1e6
        encoded = schedule.row < 0
        sizes = np.where(encoded, 0, index.size[np.maximum(schedule.row, 0)])
        group = index.pts.size / max(index.keys.size, 1)
        parts = [part for part in plan.parts if part.kind == "encode"]
        each = megapixels * _ENCODE_S_PER_MEGAPIXEL.get(video.codec, 0.0)
        decode_s = group * megapixels * _DECODE_S_PER_MEGAPIXEL
        encode_s = each * int(encoded.sum()) + decode_s * len(parts)
        write_s = _WRITE_S_PER_BYTE * float(sizes.sum())
        played_s = _PLAYED_GROUPS * decode_s * (len(plan.parts) + 1)
        read_s = _READ_S_PER_BYTE * float(sizes.sum())
        whole_s = max(encode_s, write_s) if at_once else write_s
        # What is done meanwhile hardly counts.
        encoding = at_once and encode_s > write_s
        spent = sizes * _WRITE_S_PER_BYTE * (_LEAST if encoding else 1.0)
        spent += encoded * (encode_s / max(int(encoded.sum()), 1)) * (1.0 if encoding else _LEAST)
        reached = np.append(0.0, np.cumsum(spent)) / max(float(spent.sum()), 1e-9)
        return cls(0.0 if at_once else encode_s, whole_s, max(read_s, played_s), reached)


class CutProgress:
    """The phases of a cut on one scale, by what each takes. Raises Cancelled where somebody says so."""

    def __init__(self, tell: OnProgress, should_cancel: ShouldCancel) -> None:
        self.should_cancel = should_cancel
        self._tell = tell
        self._told = 0.0
        self._bounds = {"index": (0.0, _INDEX_SHARE)}
        self._reached = np.linspace(0.0, 1.0, 2)

    def plan(self, cost: CutCost) -> None:
        """From now on it is known what is to be done."""
        low, whole_s = self._told, cost.encode_s + cost.write_s + cost.verify_s + _MOVE_S
        steps = {"encode": cost.encode_s, "write": cost.write_s, "verify": cost.verify_s, "move": _MOVE_S}
        begin, scale = low, (1.0 - low) / whole_s
        for phase, seconds in steps.items():
            self._bounds[phase] = begin, min(1.0, begin + seconds * scale)
            begin += seconds * scale
        self._reached = cost.reached

    def __call__(self, phase: str, fraction: float) -> None:
        """So much of a phase is done; of the writing: so much of all pictures."""
        if self.should_cancel():
            raise Cancelled("the cut was cancelled")
        fraction = min(max(fraction, 0.0), 1.0)
        if phase == "write":
            fraction = float(self._reached[round(fraction * (self._reached.size - 1))])
        low, high = self._bounds[phase]
        self._told = max(self._told, low + (high - low) * fraction)
        self._tell(phase, self._told)

    def finish(self) -> None:
        """All is done, and cannot be cancelled any more."""
        self._tell("move", 1.0)
