"""Times, CPU and memory: of a process that is started, and of one that runs on."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.processes import children

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.01


class BenchFailed(Exception):
    """Something answered wrongly, or not at all: its numbers would mean nothing."""


@dataclass
class Series:
    """One thing done over and over: seconds each, CPU seconds and work of all, peak resident memory of who did it.

    `cpu_s` and `peak_mib` are None where nobody looked.
    """

    samples: list[float] = field(default_factory=list)
    cpu_s: float | None = None
    peak_mib: float | None = None
    note: str = ""
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def percentile(self, percent: float) -> float:
        """By nearest rank: a value that was measured."""
        return sorted(self.samples)[max(0, math.ceil(len(self.samples) * percent / 100) - 1)]

    @property
    def cpu_each_s(self) -> float | None:
        return None if self.cpu_s is None else self.cpu_s / len(self.samples)

    def add(self, cost: Cost) -> None:
        """One more sample."""
        self.samples.append(cost.seconds)
        self.cpu_s = (self.cpu_s or 0.0) + cost.cpu_s
        self.peak_mib = max(self.peak_mib or 0.0, cost.peak_mib)

    def join(self, other: Series) -> None:
        """The samples of another as well."""
        self.samples += other.samples
        self.cpu_s = (self.cpu_s or 0.0) + (other.cpu_s or 0.0)
        self.peak_mib = max(self.peak_mib or 0.0, other.peak_mib or 0.0)


@dataclass(frozen=True)
class Cost:
    """What a program took, and what it wrote to stdout; `peak_mib` is resident memory at its highest."""

    seconds: float
    cpu_s: float
    peak_mib: float
    output: bytes = b""


def run(command: Sequence[str | Path], env: dict[str, str] | None = None) -> Cost:
    """Run a program to its end.

    Its memory is read from /proc while it runs, because what `wait4` tells of it counts that of the process which
    started it.

    Raises:
        BenchFailed: it ended with an error.
    """
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=-1, stderr=subprocess.STDOUT, env=env) as process:
        memory = _MemoryWatch(process.pid)
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    peak_mib = memory.stop()
    if process.returncode:
        said = output.decode(errors="replace").strip()[-2000:]
        raise BenchFailed(f"{' '.join(map(str, command))} ended with {process.returncode}: {said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peak_mib, output)


class _MemoryWatch:
    """Looks again and again how much memory a process has had at most."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_mib = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self._peak_mib = max(self._peak_mib, status_mib(self._pid, "VmHWM"))

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._peak_mib


class Meter:
    """CPU time and peak memory of a running process and all below it, between `with` and its end."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_before_s = 0.0
        self.cpu_s = 0.0
        self.peak_mib = 0.0

    def __enter__(self) -> Self:
        for pid in family(self._pid):
            # Lets VmHWM begin anew (proc(5)).
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._cpu_before_s = sum(map(_cpu_s, family(self._pid)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pids = list(family(self._pid))
        self.cpu_s = sum(map(_cpu_s, pids)) - self._cpu_before_s
        self.peak_mib = sum(status_mib(pid, "VmHWM") for pid in pids)

    def cost(self, seconds: float, share: float = 1.0) -> Cost:
        """What was used, as the cost of something that took so long; `share`: its part of the CPU time."""
        return Cost(seconds, self.cpu_s * share, self.peak_mib)


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for child in children(pid):
        yield from family(child)


def status_mib(pid: int, name: str) -> float:
    """A size that the kernel tells of a process (proc(5), `status`); 0 where it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError):
        return 0.0
    return 0.0


def resident_mib(pid: int) -> float:
    """Resident memory now, of a process and all below it."""
    return sum(status_mib(each, "VmRSS") for each in family(pid))


def _cpu_s(pid: int) -> float:
    """CPU time of a process and of the children that it has waited for; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def forget_cached(path: Path) -> None:
    """Let the kernel drop what it holds of a file in memory."""
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def hold_cached(path: Path) -> None:
    """Read a file, so that it lies in memory."""
    with path.open("rb", buffering=0) as file:
        block = bytearray(1 << 22)
        while file.readinto(block):
            pass
