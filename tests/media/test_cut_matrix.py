"""Every kind of clip, cut at every position of a group: the kept frames and nothing else, for others' decoders.

Some of the spans of each kind are cut here; `make torture` cuts all of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.media.cut_checks import Spans, check_pictures, make_cut
from tests.media_factory import CLIPS, Clip, ClipCache

from plexcut.media.engine import Engine

_NO_CLEAN_PICTURES = {"audio_only", "ts_scrambled", "ts_damaged", "ts_mid_gop_start", "ts_truncated"}
_TRANSPORT = ("ts", "m2ts192", "ts204")
_KINDS = [name for name, spec in CLIPS.items() if spec.container in _TRANSPORT and name not in _NO_CLEAN_PICTURES]
_CUTS_EACH = 5


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(None)


def all_spans(clip: Clip) -> list[Spans]:
    """Spans that begin and end at every position of a group, at every keyframe, adjacent, of one frame, a hundred."""
    return list({tuple(spans): None for spans in _spans(clip) if all(a < b for a, b in spans)})


def _spans(clip: Clip) -> Iterator[list[tuple[int, int]]]:
    count, group = len(clip.numbers), clip.spec.gop
    for place in range(group, min(count - 3, 2 * group) + 1):
        yield [(place, min(count, place + group + 7))]
        yield [(0, max(1, group // 2)), (place + 2, min(count, place + 2 + group + place % 5))]
        yield [(place, count)]
        yield [(0, place), (min(count - 1, place + 5), count)]
        yield [(0, 1), (place, min(count, place + group + 3))]
        yield [(2, 3), (max(place, 4), min(count, place + 2 * group))]
    for key in clip.keyframes:
        for start in range(max(0, key - 2), min(count - 1, key + 3)):
            for length in (1, 2, 12, 25):
                yield [(start, min(count, start + length))]
    yield [(0, count)]
    yield [(0, 1), (count - 1, count)]
    yield [(10, 20), (20, 30)]
    yield [(n, n + 1) for n in range(0, count, 2)]
    yield [(n, n + 2) for n in range(0, count - 2, 3)]
    yield sorted({(i * count // 100, i * count // 100 + 1) for i in range(100)})
    chance = random.Random(clip.spec.name)
    for _ in range(20):
        edges = sorted(chance.sample(range(count + 1), 2 * chance.randint(1, 5)))
        yield list(zip(edges[::2], edges[1::2], strict=True))


def _checked(engine: Engine, clip: Clip, folder: Path, spans: Spans) -> None:
    cut = make_cut(engine, clip, folder, spans)
    check_pictures(cut)
    # No more than a group is encoded anew at the head of a span, and what is left of one mini-GOP at its tail, with
    # what the next span needs in front.
    group, mini = clip.spec.gop, clip.spec.bframes + 1
    for span in engine.plan(clip.path, cut.keep, "exact").spans:
        assert span.body == 0 or (span.head <= group + mini and span.tail <= 2 * mini + 2), spans
        assert span.body > 0 or span.end_frame - span.start_frame <= 2 * (group + mini), spans


@pytest.mark.parametrize("name", _KINDS)
def test_some_cuts_of_every_kind(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    for spans in random.Random(len(name)).sample(all_spans(clip), _CUTS_EACH):
        _checked(engine, clip, tmp_path, spans)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", _KINDS)
def test_all_cuts_of_every_kind(engine: Engine, clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    for spans in all_spans(clip):
        _checked(engine, clip, tmp_path, spans)
