"""The bench's recordings: one clean stream however often the clip is repeated, each picture with its number."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bench.material import KINDS, Kind, Scene
from bench.recordings import FIRST_PICTURE_S, Recording, recording

from plexcut.media.engine import Engine
from tests.media_factory import decode_numbers, decode_sound
from tests.media_factory.numbers import read_number


def small(name: str) -> Kind:
    return replace(KINDS[name], width=320, height=192, bits_per_s=400_000)


@pytest.fixture(scope="module", params=sorted(KINDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording(tmp_path_factory.mktemp("recordings"), small(request.param), minutes=1)


def test_every_frame_has_its_number_and_its_time(made: Recording) -> None:
    pictures = decode_numbers(made.path)
    assert [picture.number for picture in pictures] == [made.number_of(frame) for frame in range(made.frames)]
    assert [picture.time_s for picture in pictures] == [
        FIRST_PICTURE_S + made.time_of(frame) for frame in range(made.frames)
    ]
    assert {picture.interlaced for picture in pictures} == {made.kind.interlaced}


def test_the_sound_goes_on_without_a_gap(made: Recording) -> None:
    for track in (0, 1):
        sound = decode_sound(made.path, track)
        for (first, time_s), (second, next_s) in pairwise(sound.frame_times):
            assert next_s - time_s == pytest.approx((second - first) / sound.rate, abs=1e-4)
        assert (sound.frame_times[-1][1] - sound.start_s) == pytest.approx(made.duration_s, abs=1)


def test_plexcut_sees_one_stream_without_a_discontinuity(made: Recording) -> None:
    facts = Engine(None).probe(made.path)
    assert (facts.frames, facts.fps, facts.discontinuities) == (made.frames, made.kind.fps, 0)
    assert [track.codec for track in facts.audio] == ["mp2", "ac3"]
    assert facts.video.codec == made.kind.codec
    assert facts.keyframes == pytest.approx(made.frames / made.kind.gop, abs=2)


def test_counters_go_on_from_repetition_to_repetition(made: Recording) -> None:
    packets = np.fromfile(made.path, np.uint8).reshape(-1, 188)
    pid = (packets[:, 1].astype(int) & 0x1F) << 8 | packets[:, 2]
    for one in np.unique(pid):
        counters = packets[(pid == one) & (packets[:, 3] & 0x10 != 0), 3].astype(int) & 15
        assert set((np.diff(counters) % 16).tolist()) == {1}, f"PID {one}"


def test_a_recording_is_made_once_and_a_longer_one_begins_with_it(made: Recording) -> None:
    folder, written = made.path.parent, made.path.stat().st_mtime_ns
    assert recording(folder, made.kind, minutes=1) == made
    assert made.path.stat().st_mtime_ns == written
    longer = recording(folder, made.kind, size_bytes=made.size_bytes + 1)
    assert longer.frames == made.frames + made.kind.period_frames
    with longer.path.open("rb") as file:
        assert file.read(made.size_bytes) == made.path.read_bytes()
    longer.path.unlink()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_full_size_pictures_carry_their_number_and_are_lively(name: str) -> None:
    kind = KINDS[name]
    scene = Scene(kind)
    one, next_one = (scene.draw(number)[: kind.height] for number in (700, 701))
    assert read_number(one) == 700
    assert read_number(next_one) == 701
    middle = slice(kind.height // 4, kind.height * 7 // 8)
    assert np.abs(one[middle].astype(int) - next_one[middle]).mean() > 3


def test_nothing_is_left_of_a_recording_that_could_not_be_written(tmp_path: Path) -> None:
    kind = small("mpeg2-576i25")
    (tmp_path / "mpeg2-576i25-1min.ts").mkdir()
    with pytest.raises(OSError, match="directory"):
        recording(tmp_path, kind, minutes=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "mpeg2-576i25-1min.ts"]
