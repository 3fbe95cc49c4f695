"""Real recordings are cut anywhere, and each cut passes its proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from plexcut.domain.media import CutRequest
from plexcut.domain.spans import KeepList, Span
from plexcut.media.engine import Engine

Spans = list[tuple[int, int]]

_CUTS: dict[str, list[Spans]] = {
    # Its encoder sends pictures in an order that its level does not allow: they come out wrongly in the recording too.
    "bbb_62s_720p_h264_aac.ts": [[(1100, 1223)], [(1200, 1300)], [(26, 60), (1190, 1250), (1258, 1263)]],
    "dvb_fr_1080i_h264_opengop_4eac3_17s_lossy.ts": [[(30, 90), (200, 261)]],
    "tsduck-035_fr_1080i_2ac3.ts": [[(5, 22)]],
    "tsduck-206.1_bbcnews_mpeg2_576i_opengop36.ts": [[(7, 40), (60, 90)]],
    "tsduck-test-026.ts": [[(1, 4)]],
    "tsduck-test-072.ts": [[(33, 77), (120, 121), (200, 299)]],
    "fate-t_mpeg2_fieldpics.ts": [[(11, 60), (100, 190)]],
    "fate-interlaced_crop.mp4": [[(13, 66)]],
    "androidx-sample_h265.ts": [[(3, 21)]],
    "androidx-sample_with_pgs_subtitles.mkv": [[(2, 9), (14, 28)]],
}


@pytest.mark.parametrize("name", _CUTS)
def test_every_cut_passes_its_proof(real_media_dir: Path, tmp_path: Path, name: str) -> None:
    source, engine = real_media_dir / name, Engine(None)
    for number, spans in enumerate(_CUTS[name]):
        keep = KeepList.of(Span(start, end) for start, end in spans)
        target = tmp_path / f"{number}{source.suffix}"
        # One that does not pass raises `VerificationFailed`, and there is no file.
        engine.cut(CutRequest(source, target, keep), lambda *_: None, lambda: False)
        assert engine.probe(target).frames == keep.frames
