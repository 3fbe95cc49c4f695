"""Standing back from the disk while somebody records."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from plexcut.jobs import quiet
from plexcut.storage.recorded import is_recorded_into
from tests.processes import wait_for


@pytest.mark.skipif(quiet.priority() is None, reason="this machine has no I/O priorities")
def test_all_threads_stand_back_while_somebody_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "EVERY_S", 0.05)
    recording = threading.Event()
    recording.set()
    over = threading.Event()
    other = threading.Thread(target=over.wait, daemon=True)
    other.start()
    with quiet.StandBack(recording.is_set) as stand_back:
        assert stand_back.wait_for_look(60)
        assert quiet.priority() == quiet.priority(other.native_id or 0) == 3
        recording.clear()
        wait_for(lambda: not stand_back.idle and quiet.priority() != 3)
        recording.set()
    assert quiet.priority() != 3
    over.set()


def test_a_recording_in_progress_is_seen(tmp_path: Path) -> None:
    grab = tmp_path / ".grab" / "abc"
    grab.mkdir(parents=True)
    assert not is_recorded_into(tmp_path)
    film = grab / "Film.ts"
    film.write_bytes(bytes(1 << 20))
    assert is_recorded_into(tmp_path)
    old = time.time() - 60
    os.utime(film, (old, old))
    assert not is_recorded_into(tmp_path)
    ours = tmp_path / ".plexcut" / "tmp" / "job"
    ours.mkdir(parents=True)
    (ours / "x.part").write_bytes(bytes(1 << 20))
    assert not is_recorded_into(tmp_path)
    assert not is_recorded_into(tmp_path / "nowhere")
