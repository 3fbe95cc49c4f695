"""What the bench makes of its numbers."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.__main__ import main
from bench.material import KINDS
from bench.measure import BenchFailed, Cost, Series, run
from bench.peers import number_in
from bench.recordings import Recording
from bench.results import Result, verdicts
from bench.table import growth_sheet, notes, result_sheet, verdict_sheet, write_between_marks
from PIL import Image

from tests.media_factory.numbers import draw_yuv


@pytest.fixture
def result(tmp_path: Path) -> Result:
    path = tmp_path / "h264-720p50-30min.ts"
    with path.open("wb") as file:
        file.truncate(2 * 10**9)
    found = {
        "picture": {
            "HTTP": Series([0.04, 0.05, 0.06], cpu_s=0.15, peak_mib=101.4),
            "ffmpeg": Series([0.2, 0.2, 0.2], note="3 of 3 pictures wrong"),
        },
        "step": {"HTTP": Series([0.035])},
        "index": {
            "engine": Series([1.0], peak_mib=90),
            "cp": Series([0.5]),
            "engine, from disk": Series([3.0], peak_mib=95),
            "cp, from disk": Series([2.0]),
        },
    }
    return Result(Recording(path, KINDS["h264-720p50"], 90_653), found)


def test_a_row_for_each_who_did_it(result: Result) -> None:
    lines = result_sheet(result).markdown().splitlines()
    assert lines[0] == "### h264-720p50-30min (2.00 GB, 90653 frames)"
    assert "| picture at a random time | HTTP | 3 | 50.0 ms | 40.0 ms | 60.0 ms | 50.0 ms | 101 | 4.00x |" in lines
    assert "|  | ffmpeg | 3 | 200 ms | 200 ms | 200 ms | – | – | – |" in lines
    assert list(notes(result)) == ["h264-720p50-30min, picture at a random time, ffmpeg: 3 of 3 pictures wrong"]


def test_what_must_be_reached_is_told_for_what_was_measured(result: Result) -> None:
    found = {(verdict.target.text, round(verdict.value, 3)): verdict.reached for verdict in verdicts([result])}
    assert found == {
        ("picture, HTTP, faster than ffmpeg", 4.0): True,
        ("next frame, HTTP", 35.0): False,
        ("index, file in memory", 2.0): True,
        ("index from disk, slower than cp", 1.5): False,
        ("... than cp or the index in memory", 1.5): False,
        ("index, peak memory", 95): True,
    }
    assert (
        "| next frame, HTTP | ≤ 30 ms | 35.0 ms | NOT REACHED |" in verdict_sheet(list(verdicts([result]))).markdown()
    )


def test_growth_side_by_side(result: Result) -> None:
    longer = replace(result, recording=replace(result.recording, frames=181_306))
    longer.found = {"picture": {"HTTP": Series([0.1], peak_mib=104), "ffmpeg": Series([0.4])}}
    shorter = replace(result, found={"picture": result.found["picture"]})
    sheet = growth_sheet("h264-720p50", [shorter, longer])
    assert sheet.title == "h264-720p50: growth (the longest is 2 times the shortest)"
    assert sheet.rows[0] == ("picture at a random time", "HTTP", "50.0 ms", "100 ms", "2.00x", "101 → 104 MiB")


def test_tables_are_put_into_the_document(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Speed\n\n<!-- growth -->\nold\n<!-- /growth -->\n\nEnd.\n")
    write_between_marks(document, "growth", "| new |")
    write_between_marks(document, "growth", "| newer |")
    assert document.read_text() == "# Speed\n\n<!-- growth -->\n\n| newer |\n<!-- /growth -->\n\nEnd.\n"
    with pytest.raises(ValueError, match="no part marked side by side"):
        write_between_marks(document, "side by side", "| new |")


def test_results_are_json(result: Result) -> None:
    found = json.loads(json.dumps(result.as_json()))["found"]["picture"]["HTTP"]
    assert (found["median"], found["ratio"], found["samples"]) == (0.05, 4.0, [0.04, 0.05, 0.06])


def test_percentiles_are_values_that_were_measured() -> None:
    series = Series([float(value) for value in range(1, 21)])
    assert (series.percentile(5), series.percentile(95), series.median) == (1.0, 19.0, 10.5)


def test_a_program_is_measured_by_itself_and_its_failure_told() -> None:
    series = Series()
    series.add(run([sys.executable, "-c", "block = bytearray(60 << 20); import time; time.sleep(0.2); print('done')"]))
    series.add(Cost(0.3, 0.1, 20.0))
    assert 0.2 <= series.samples[0] < 20
    assert 60 < (series.peak_mib or 0) < 120
    with pytest.raises(BenchFailed, match="ended with 3: no such thing"):
        run([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"])


def test_the_number_is_read_from_a_picture_file() -> None:
    file = io.BytesIO()
    Image.fromarray(np.asarray(draw_yuv(1234, 640, 360)[0])).save(file, "JPEG")
    assert number_in(file.getvalue()) == 1234


def test_options_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "--growth" in capsys.readouterr().out


def test_earlier_numbers_stay_beside_new_ones(result: Result) -> None:
    told = json.loads(json.dumps(result.as_json()))
    later = Result(result.recording, {"picture": {"HTTP": Series([0.01])}})
    later.add_earlier(told)
    assert later.found["picture"]["HTTP"].samples == [0.01]
    assert later.found["index"]["engine, from disk"] == Series([3.0], peak_mib=95)
    assert later.found["step"]["HTTP"].median == 0.035
