"""What the bench of cuts makes of results."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.__main__ import main
from bench.cut import _eta_error, find_smartcut, many_spans
from bench.material import KINDS
from bench.measure import BenchFailed
from bench.recordings import Recording


def test_cuts_have_options_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--cut", "--help"])
    assert ended.value.code == 0
    assert "--smartcut" in capsys.readouterr().out


def test_time_left_is_compared_with_what_was_left() -> None:
    told: list[list[float | None]] = [[1.0, 10.0, None], [2.0, 20.0, 9.0], [5.0, 50.0, 5.0], [8.0, 80.0, 1.0]]
    assert _eta_error(told, 10.0, 0.15) is None
    assert _eta_error(told, 10.0, 0.25) == pytest.approx(0.1)
    assert _eta_error(told, 10.0, 0.5) == pytest.approx(0.0)
    assert _eta_error(told, 10.0, 0.8) == pytest.approx(-0.1)


def test_many_spans_are_apart(tmp_path: Path) -> None:
    spans = many_spans(Recording(tmp_path / "x.ts", KINDS["h264-720p50"], 90_653), 100)
    edges = [edge for span in spans for edge in span]
    assert len(spans) == 100
    assert edges == sorted(set(edges))
    assert edges[-1] <= 90_653


def test_smartcut_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_smartcut("", tmp_path) is None
    assert find_smartcut("none", tmp_path) is None
    assert find_smartcut("/opt/smartcut", tmp_path) == Path("/opt/smartcut")
    own = tmp_path / "smartcut-1.7" / "bin" / "smartcut"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_smartcut("", tmp_path) == own
    assert find_smartcut("install", tmp_path) == own


def test_what_failed_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise BenchFailed("no room")

    monkeypatch.setattr("bench.cut._side_by_side", fail)
    assert main(["--cut", "--smartcut", "none"]) == 1
    assert "no room" in capsys.readouterr().err
