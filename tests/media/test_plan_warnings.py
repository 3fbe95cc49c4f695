"""What a plan warns of is of a shape that the page knows, which says it in its own language."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.spans import KeepList, Span
from plexcut.media.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {
    shape["code"]: re.compile(shape["pattern"].replace("(?<", "(?P<"))
    for shape in json.loads((ROOT / "frontend/src/domain/warnings.json").read_text(encoding="utf-8"))
}


@pytest.mark.parametrize(
    ("clip", "code"),
    [("ts_discontinuity", "clock_jumps"), ("ts_damaged", "damaged"), ("ts_radio_before", "left_out")],
)
def test_the_page_knows_its_shape(clip_cache: ClipCache, clip: str, code: str) -> None:
    engine = Engine(None)
    path = clip_cache.get(CLIPS[clip]).path
    frames = engine.probe(path).frames
    warnings = engine.plan(path, KeepList((Span(0, frames),)), "exact").warnings
    known = [name for warning in warnings for name, shape in SHAPES.items() if shape.fullmatch(warning)]
    assert code in known
    assert len(known) == len(warnings), warnings
