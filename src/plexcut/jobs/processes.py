"""Processes that end with the one that started them, even when that is killed."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

PARENT_VARIABLE = "PLEXCUT_PARENT_PID"
"""Tells a worker that `serve` started whom to outlive by no more than a moment."""

_PR_SET_PDEATHSIG = 1

# Runs before the real program, in a process of its own, so that nothing of ours has to run between fork and exec.
_LAUNCHER = """
import ctypes, os, sys
try:
    ctypes.CDLL(None).prctl(1, 15)
except (OSError, AttributeError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(143)
os.execv(sys.argv[2], sys.argv[2:])
"""


def end_with_parent(signum: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send this process `signum` when its parent dies (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signum))
        except (OSError, AttributeError):
            logger.debug("this system does not tell processes that their parent died")


def start(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own (Ctrl-C in the terminal does not reach it) that ends when we end.

    `command[0]` is an absolute path; output goes to the end of `log`, or nowhere.
    """
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]
    sink = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            launcher,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if sink is None else sink,
            stderr=subprocess.DEVNULL if sink is None else sink,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
    finally:
        if sink is not None:
            os.close(sink)


def stop(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Ask the process to end, and kill it with its whole group when it has not after `patience_s`."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            logger.warning("process %d did not end in time and is killed", process.pid)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        logger.debug("nothing is left of process %d", process.pid)
    process.wait()
