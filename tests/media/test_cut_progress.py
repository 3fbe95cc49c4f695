"""The time that is left of a cut, as a job tells it, on machines that are faster or busier than usual."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from tests.media.cut_checks import keep_of
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.media import CutRequest
from plexcut.jobs.progress import throttled
from plexcut.media import decoding
from plexcut.media.cutting.cost import CutWork, SeamWork
from plexcut.media.cutting.pace import Moment
from plexcut.media.cutting.plan import plan_cut
from plexcut.media.cutting.progress import CutProgress
from plexcut.media.cutting.runs import SeamsSpent
from plexcut.media.cutting.schedule import make_schedule
from plexcut.media.engine import Engine

_STEP_S = 0.04


@dataclass
class Machine:
    """Two processors, of which this cut gets as much as is said, and what everything takes on them."""

    work: CutWork
    decode_s: float
    encode_s: float
    byte_s: float
    compare_s: float
    gets: float = 2.0
    now: Moment = field(default_factory=lambda: Moment(1000.0, 5.0, 400.0))
    fractions: list[float] = field(default_factory=list)
    told: list[tuple[float, float]] = field(default_factory=list)

    def run(self) -> float:
        """Cut; gives how long it took."""
        begin_s = self.now.at_s
        report = throttled(self._report, lambda: self.now.at_s)

        def tell(phase: str, fraction: float) -> None:
            self.fractions.append(fraction)
            report(phase, fraction)

        progress = CutProgress(tell, lambda: False, lambda: self.now)
        progress("index", 0.0)
        progress.plan(self.work)
        spent = SeamsSpent()
        progress.watch(spent)
        progress("write", 0.0)
        self._write(progress, spent)
        self._prove(progress)
        progress("move", 0.0)
        progress.finish()
        return self.now.at_s - begin_s

    def _report(self, _phase: str, _percent: float, eta_s: float | None) -> None:
        if eta_s is not None:
            self.told.append((self.now.at_s, eta_s))

    def _pass(self, threads: int) -> float:
        """A moment passes; gives the processor time that each thread got."""
        each = min(1.0, self.gets / threads) * _STEP_S if threads else 0.0
        free = max(0.0, self.gets * _STEP_S - each * threads)
        self.now = Moment(self.now.at_s + _STEP_S, self.now.cpu_s + each * threads, (self.now.idle_s or 0.0) + free)
        return each

    def _write(self, progress: CutProgress, spent: SeamsSpent) -> None:
        work, seam_s, written = self.work, 0.0, 0.0
        spent.begun = [self.now.at_s]
        while written < work.bytes or spent.runs < len(work.seams):
            limit = work.bytes_to(work.seams[spent.runs].place) if spent.runs < len(work.seams) else work.bytes
            waits = written >= limit
            encodes = spent.runs < len(work.seams)
            each = self._pass((not waits) + encodes)
            if encodes:
                seam, seam_s = work.seams[spent.runs], seam_s + each
                takes = seam.decoded * self.decode_s, seam.encoded * self.encode_s
                if seam_s >= sum(takes):
                    spent.runs += 1
                    spent.wall_s += self.now.at_s - spent.begun[0]
                    spent.cpu_s += seam_s
                    spent.decode_cpu_s += takes[0]
                    spent.begun, seam_s = [self.now.at_s] * (spent.runs < len(work.seams)), 0.0
            if waits:
                spent.waited_s += _STEP_S
            else:
                written = min(written + each / self.byte_s, limit)
                marks = np.minimum(np.arange(work.written.size) * 256, work.pictures)
                progress("write", float(np.interp(written, work.written, marks)) / work.pictures)

    def _prove(self, progress: CutProgress) -> None:
        read_s = 0.28 * self.byte_s * self.work.bytes
        play_s = (self.decode_s + self.compare_s) * self.work.played
        left = [read_s, play_s]
        while max(left) > 0:
            each = self._pass((left[0] > 0) + 2 * (left[1] > 0))
            left = [max(0.0, left[0] - each), max(0.0, left[1] - 2 * each)]
            progress("read", 1 - left[0] / read_s)
            progress("play", 1 - left[1] / play_s)


def _work(spans: int, minutes: float, *, mpeg2: bool) -> CutWork:
    """A cut as it is of a broadcast: 50 or 25 pictures a second, seams of all lengths."""
    group, rate, size = (12, 25, 27_000) if mpeg2 else (32, 50, 27_000)
    count = round(minutes * 60 * rate)
    places = np.linspace(0, count, spans, endpoint=False).astype(int).tolist()
    seams = tuple(
        SeamWork(place, group + 7 * n % (2 * group), 1 + 5 * n % (group - 4)) for n, place in enumerate(places)
    )
    written = np.append(np.arange(0, count, 256), count) * float(size)
    megapixels = 0.41 if mpeg2 else 0.92
    codec = "mpeg2video" if mpeg2 else "h264"
    return CutWork(
        seams, count, written, min(count, 6 * group * spans), at_once=True, codec=codec, megapixels=megapixels
    )


@pytest.mark.parametrize("gets", [2.0, 0.8])
@pytest.mark.parametrize(("decode", "encode", "write"), [(1, 1, 1), (1, 0.4, 1), (0.5, 0.5, 1), (2, 2, 2), (0.5, 1, 2)])
@pytest.mark.parametrize(("spans", "minutes"), [(2, 19), (2, 113), (100, 20)])
@pytest.mark.parametrize("mpeg2", [False, True])
def test_from_a_quarter_on_it_is_known_when_it_will_be_done(
    spans: int, minutes: float, mpeg2: bool, decode: float, encode: float, write: float, gets: float
) -> None:
    """Whatever a picture or a byte takes here, and however much of the processors others want."""
    each = (0.0007, 0.0087) if mpeg2 else (0.0042, 0.018)
    machine = Machine(
        _work(spans, minutes, mpeg2=mpeg2), decode * each[0], encode * each[1], write * 2.8e-9, 0.0003, gets
    )
    begin_s = machine.now.at_s
    whole_s = machine.run()
    off = [(at_s + eta_s - begin_s - whole_s) / whole_s for at_s, eta_s in machine.told if at_s - begin_s > whole_s / 4]
    assert len(off) > 5
    assert max(map(abs, off)) < 0.15, [f"{each:+.0%}" for each in off]
    assert machine.fractions == sorted(machine.fractions)
    assert machine.fractions[-1] == 1.0


def test_while_nothing_is_done_nothing_moves() -> None:
    """By this a cut that hangs is noticed."""
    now = [Moment(0.0, 0.0, 0.0)]
    told: list[float] = []
    progress = CutProgress(lambda _phase, fraction: told.append(fraction), lambda: False, lambda: now[0])
    progress.plan(_work(2, 19, mpeg2=False))
    progress("write", 0.0)
    for done, second in ((0.1, 2.0), (0.1, 4.0), (0.1, 60.0), (0.2, 62.0)):
        now[0] = Moment(second, second, second)
        progress("write", done)
    assert told[1] == told[2] == told[3] > 0
    assert told[4] > told[3]


def test_what_is_counted_beforehand_is_what_is_done(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip_cache.get(CLIPS["broadcast"]).path
    engine = Engine(None)
    index = engine._indexes.get(source)
    keep = keep_of([(5, 31), (50, 75)])
    plan = plan_cut(index, keep, "exact")
    schedule = make_schedule(index, plan)
    work = CutWork.of(index, plan, schedule, at_once=True)
    decoded = _count_decoded(monkeypatch)
    told: list[tuple[str, float]] = []
    request = CutRequest(source, tmp_path / "cut.ts", keep)
    engine.cut(request, lambda phase, fraction: told.append((phase, fraction)), lambda: False)
    assert sum(seam.decoded for seam in work.seams) == decoded["cut-encode"]
    assert sum(seam.encoded for seam in work.seams) == plan.reencoded
    assert work.bytes == index.size[schedule.row[schedule.row >= 0]].sum()
    assert decoded["cut-play"] * 0.6 < work.played < decoded["cut-play"] * 1.7
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    phases = list(dict.fromkeys(phase for phase, _ in told))
    assert phases == ["index", "encode", "write", "verify", "move"]


def _count_decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the pictures that are decoded from now on, by the threads that do it."""
    count = Counter[str]()
    decode_packet = decoding.decode_packet

    def counted(context: VideoCodecContext, packet: Any, *more: Any) -> Iterator[tuple[int, VideoFrame]]:
        count[threading.current_thread().name.partition("_")[0]] += packet is not None
        return decode_packet(context, packet, *more)

    monkeypatch.setattr(decoding, "decode_packet", counted)
    return count
