"""How long the rest of a cut will take: by what its parts took so far, and by what else the processors have to do."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from plexcut.media.cutting.cost import CutWork
from plexcut.media.cutting.runs import SeamsSpent

# Seconds of processor time, measured; they count until it is seen what it takes here.
_WRITE_S_PER_BYTE = 2.8e-9
_DECODE_S_PER_MEGAPIXEL = {"h264": 0.0045, "hevc": 0.0045}
_USUAL_DECODE_S_PER_MEGAPIXEL = 0.0016
_ENCODE_S_PER_MEGAPIXEL = {"h264": 0.019, "hevc": 0.12}
_USUAL_ENCODE_S_PER_MEGAPIXEL = 0.02
_READ_SHARE = 0.28
"""Of what writing takes: reading it back."""
_READ_S_PER_BYTE = 0.65e-9
"""At least so long, where a picture takes what is usual to decode: what goes along whole is written in less."""
_COMPARE_S = 0.0003
"""What playing a picture takes beside decoding it."""
_TRUSTED_BYTES, _TRUSTED_PICTURES, _TRUSTED_SEAMS = 3e7, 30, 6
"""As if so much had been seen already that took what is usual."""
_TRUSTED_PROOF = 0.15
"""The same of the proof: this share of it."""
_PLAYERS = 2
_LEAST_SHARE = 0.1
_USED = 0.8
"""Of processor time that is free: what threads that wait for one another make use of."""
_TRUSTED_S = 0.3
"""For so long it is taken for granted that there is a processor for every thread."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Readings of clocks, in seconds: time, the processor time of this process, and that which no process used.

    `idle_s`: of all processors together; None where the system does not say.
    """

    at_s: float
    cpu_s: float
    idle_s: float | None

    @classmethod
    def now(cls) -> Moment:
        return cls(time.monotonic(), time.process_time(), _idle_s())


def _idle_s() -> float | None:
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            fields = file.readline().split()
        return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


class Rate:
    """Seconds for one of something, as far as it was seen; `usual` counts as so many as are `trusted`."""

    def __init__(self, usual: float, trusted: float) -> None:
        self._usual, self._trusted = usual, trusted

    def seen(self, count: float, seconds: float) -> float:
        """The rate, when so many took so long."""
        return (self._usual * self._trusted + max(seconds, 0.0)) / (self._trusted + max(count, 0.0))


@dataclass(slots=True)
class Done:
    """How far a cut is: `picture` of the result is the next to be written, and shares of the proof's two halves."""

    picture: float = 0.0
    read: float = 0.0
    played: float = 0.0


@dataclass(slots=True)
class Pace:
    """The pace of one cut, `cores` to be had. Tell it when the writing begins, and the proof."""

    work: CutWork
    spent: SeamsSpent
    began: Moment
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    proof_began: Moment | None = None
    _before: tuple[float, float] = (0.0, 0.0)
    _proof_cost: tuple[float, float] = (0.0, 0.0)
    _supply: float = 1.0

    def left_s(self, done: Done, now: Moment) -> float:
        """Seconds until the cut is done."""
        if self.proof_began is None:
            return self._write_left_s(done, now) + self._proof_s(*self._foreseen(done, now))
        read_s, play_s = self._proof_cost
        left_s = self._proof_s(read_s * (1 - done.read), play_s * (1 - done.played), self._supply)
        whole_s = self._proof_s(read_s, play_s, self._supply)
        trusted_s = _TRUSTED_PROOF * whole_s
        took_s = now.at_s - self.proof_began.at_s
        return left_s * (trusted_s + took_s) / max(trusted_s + whole_s - left_s, 1e-6)

    def begin_write(self, now: Moment) -> None:
        """From now on it is written (and encoded, if that is done at the same time)."""
        self.began = now
        self._before = self.spent.waited_s, self.spent.cpu_s

    def begin_proof(self, done: Done, now: Moment) -> None:
        """All is written; what it took tells what the proof will."""
        read_s, play_s, self._supply = self._foreseen(done, now)
        self._proof_cost = read_s, play_s
        self.proof_began = now

    @property
    def _usual_decode_s(self) -> float:
        """What a picture usually takes to decode."""
        return _DECODE_S_PER_MEGAPIXEL.get(self.work.codec, _USUAL_DECODE_S_PER_MEGAPIXEL) * self.work.megapixels

    def _seam_rates(self) -> tuple[float, float]:
        """Processor time for a picture that is decoded, and for one that is encoded."""
        work, spent = self.work, self.spent
        seen = work.seams[: spent.runs]
        encode = _ENCODE_S_PER_MEGAPIXEL.get(work.codec, _USUAL_ENCODE_S_PER_MEGAPIXEL)
        return (
            Rate(self._usual_decode_s, _TRUSTED_PICTURES).seen(sum(seam.decoded for seam in seen), spent.decode_cpu_s),
            Rate(encode * work.megapixels, _TRUSTED_SEAMS).seen(
                sum(seam.encoded for seam in seen), spent.cpu_s - spent.decode_cpu_s
            ),
        )

    def _share(self) -> float:
        """How much of a processor a thread gets that wants one."""
        return max((self.spent.cpu_s + _TRUSTED_S) / (self.spent.wall_s + _TRUSTED_S), _LEAST_SHARE)

    def _write_left_s(self, done: Done, now: Moment) -> float:
        """Until all is written: the writing waits for seams, which are encoded in order meanwhile (or before)."""
        work, spent = self.work, self.spent
        decode_s, encode_s = self._seam_rates()
        share = self._share()
        written = work.bytes_to(done.picture)
        wrote_s = now.at_s - self.began.at_s - (spent.waited_s - self._before[0])
        if not work.at_once and not done.picture:
            wrote_s = 0.0
        per_byte = Rate(_WRITE_S_PER_BYTE / share, _TRUSTED_BYTES).seen(written, wrote_s)
        at_s = 0.0
        begun = sorted(spent.begun)[: spent.threads]
        lanes = [begin - now.at_s for begin in begun] + [0.0] * (spent.threads - len(begun))
        place = done.picture
        for seam in work.seams[spent.runs :]:
            lane = lanes.index(min(lanes))
            lanes[lane] = max(lanes[lane] + (seam.decoded * decode_s + seam.encoded * encode_s) / share, 0.0)
            if work.at_once and seam.place > place:
                at_s += (work.bytes_to(seam.place) - work.bytes_to(place)) * per_byte
                place = seam.place
            at_s = max(at_s, lanes[lane])
        return at_s + (work.bytes - work.bytes_to(place)) * per_byte

    def _foreseen(self, done: Done, now: Moment) -> tuple[float, float, float]:
        """Processor time for reading the result back and for playing it, and how many processors there are for it."""
        spent, work = self.spent, self.work
        took_s, cpu_s = now.at_s - self.began.at_s, now.cpu_s - self.began.cpu_s
        written = work.bytes_to(done.picture)
        usual = _WRITE_S_PER_BYTE
        per_byte = Rate(usual, _TRUSTED_BYTES).seen(written, cpu_s - (spent.cpu_s - self._before[1]))
        per_byte = min(max(per_byte, usual / 3), usual * 3)
        decode_s = self._seam_rates()[0]
        least = _READ_S_PER_BYTE * min(max(decode_s / self._usual_decode_s, 1 / 3), 1.0)
        read_s = max(_READ_SHARE * per_byte, least) * work.bytes
        play_s = (decode_s + _COMPARE_S) * work.played
        # What it got so far, and what nobody wanted; it is not by having more threads that it gets more from others.
        idle_s = took_s if now.idle_s is None or self.began.idle_s is None else now.idle_s - self.began.idle_s
        got = (cpu_s + _USED * idle_s + _TRUSTED_S) / (took_s + _TRUSTED_S)
        return read_s, play_s, min(max(got, _LEAST_SHARE), self.cores)

    def _proof_s(self, read_s: float, play_s: float, supply: float) -> float:
        """How long it takes to read and play side by side, when so much processor time is to be spent for each."""
        whole_s = 0.0
        while read_s > 0 or play_s > 0:
            threads = (read_s > 0) + _PLAYERS * (play_s > 0)
            share = min(1.0, supply / threads)
            ends = [read_s / share] * (read_s > 0) + [play_s / share / _PLAYERS] * (play_s > 0)
            step_s = min(ends)
            read_s = max(read_s - step_s * share, 0.0) if read_s / share > step_s else 0.0
            play_s = max(play_s - step_s * share * _PLAYERS, 0.0) if play_s / share / _PLAYERS > step_s else 0.0
            whole_s += step_s
        return whole_s
