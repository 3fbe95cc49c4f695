"""Trying whether a folder can be written: by doing it, and leaving nothing."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from plexcut.storage.trial import try_write


def test_it_creates_renames_and_removes(tmp_path: Path) -> None:
    assert [(one.step, one.ok) for one in try_write(tmp_path)] == [("write", True), ("rename", True), ("remove", True)]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (one,) = try_write(Path("/sys/kernel"))
    assert (one.step, one.ok, one.code in ("denied", "read_only")) == ("write", False, True)
    (one,) = try_write(tmp_path / "gone")
    assert (one.ok, one.code) == (False, "failed")


@pytest.mark.parametrize(
    ("call", "number", "steps"),
    [
        ("fsync", errno.ENOSPC, [("write", "full")]),
        ("rename", errno.EPERM, [("write", ""), ("rename", "denied")]),
        ("unlink", errno.EACCES, [("write", ""), ("rename", ""), ("remove", "denied")]),
    ],
)
def test_each_step_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, steps: list[tuple[str, str]]
) -> None:
    refused = [True]
    target: object = os if call == "fsync" else Path
    real = getattr(target, call)

    def refuse(*args: object) -> object:
        if refused:
            refused.clear()
            raise OSError(number, os.strerror(number))
        return real(*args)

    monkeypatch.setattr(target, call, refuse)
    assert [(one.step, one.code) for one in try_write(tmp_path)] == steps
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _: hang.wait(10))
    (one,) = try_write(tmp_path, limit_s=0.2)
    hang.set()
    assert (one.step, one.ok, one.code) == ("write", False, "silent")
