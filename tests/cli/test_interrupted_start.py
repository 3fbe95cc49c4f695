"""Ctrl-C while a command is still starting: it ends quietly, and is never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.server import ROOT

_PROGRAM = "from plexcut.cli import main; print('up', flush=True); main()"


def _hears_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(home: Path, after_s: float, *arguments: str) -> tuple[int, str]:
    """The exit code and what was said; again where the signal came before the program's very first line was done."""
    for _ in range(4):
        code, err = _interrupted(home, after_s, *arguments)
        if code != -signal.SIGINT:
            break
    return code, err


def _interrupted(home: Path, after_s: float, *arguments: str) -> tuple[int, str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PLEXCUT_DATA_DIR": str(home / "data")}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments], env=env, cwd=home, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hears_interrupts,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=90)
    finally:
        process.kill()
    return process.returncode, err


@pytest.mark.parametrize("after_s", [0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7])
def test_serve(tmp_path: Path, after_s: float) -> None:
    code, err = interrupted(tmp_path, after_s, "serve", "--port", "0", "--no-worker")
    # On a slow machine it gets as far as to say that it makes the demo.
    *said, last = err.splitlines() or [""]
    assert (code, last) in ((130, "plexcut: cancelled"), (0, ""))
    assert all(line.startswith("plexcut: making the demo library") for line in said)


@pytest.mark.parametrize("after_s", [0.02, 0.04, 0.06, 0.1, 0.2])
def test_a_short_command(tmp_path: Path, after_s: float) -> None:
    code, err = interrupted(tmp_path, after_s, "probe", "nothing.ts")
    assert code in (130, 3)
    assert err.startswith("plexcut: cancelled" if code == 130 else "plexcut: there is no file")
    assert err.count("\n") == 1
