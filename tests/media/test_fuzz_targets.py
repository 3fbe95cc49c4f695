"""What `make fuzz` runs, without the fuzzer: over its seeds, over seeds with damage, and over what it once found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzz.__main__ import shared_out
from fuzz.seeds import seeds
from fuzz.targets import TARGETS
from tests.media_factory import ClipCache

_FINDINGS = Path(__file__).resolve().parents[2] / "fuzz" / "findings"
_FOUND = sorted(path for path in _FINDINGS.glob("*/*") if path.parent.name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_damaged_seeds(clip_cache: ClipCache, name: str) -> None:
    target = TARGETS[name]
    chance = random.Random(name)
    for seed in list(seeds(name, clip_cache))[:40]:
        target(seed)
        wrong = bytearray(seed)
        for _ in range(min(8, len(wrong))):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        target(bytes(wrong))
        target(seed[: chance.randrange(len(seed) + 1)])
    target(b"")


@pytest.mark.parametrize("path", _FOUND, ids=[f"{path.parent.name}-{path.name[:24]}" for path in _FOUND])
def test_what_was_found_once(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_gets_its_share_of_the_time() -> None:
    times = shared_out(600, list(TARGETS))
    assert list(times) == list(TARGETS)
    assert min(times.values()) >= 10
    assert abs(sum(times.values()) - 600) <= len(times)
