"""LosslessCut's projects (`.llc`, JSON5) and enigma2's `.cuts` (binary).

Sources: LosslessCut's project files of version 1 (JavaScript's notation) and 2 (JSON5; segments may be deselected);
enigma2's cue sheets: records of a 64-bit time in 1/90000 s and a 32-bit kind, big-endian (0 in, 1 out, 2 mark, 3 last
position).
"""

from __future__ import annotations

import json
import re
import struct
from fractions import Fraction
from typing import Any

import json5

from plexcut.cutlists.times import loosened
from plexcut.domain.cutlists import CutListFacts, KeptSpan, ListedSpan, ReadCutList
from plexcut.errors import FormatUnsupported

_CLOCK_HZ = 90_000
_RECORD = struct.Struct(">QI")
_IN, _OUT, _LAST = 0, 1, 3
_LONGEST_TICKS = 1 << 40


def is_llc(text: str) -> bool:
    """Whether it is a project of LosslessCut."""
    return text.lstrip().startswith("{") and re.search(r"\bcutSegments\b", text) is not None


def read_llc(text: str) -> ReadCutList:
    """The segments of a project, those that are not deselected."""
    try:
        project: Any = json5.loads(text)
        segments: Any = project["cutSegments"]
        chosen = [one for one in segments if one.get("selected", True) is not False]
        spans = [
            ListedSpan(
                _at(one.get("start")) or Fraction(0), _at(one.get("end")), kept=True, label=str(one.get("name") or "")
            )
            for one in chosen
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatUnsupported(f"the LosslessCut project cannot be read: {str(error)[:80]}") from None
    left = len(segments) - len(spans)
    return ReadCutList("llc", tuple(spans), (f"{left} deselected segments were left out",) if left else ())


def _at(seconds: Any) -> Fraction | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{seconds!r} is not a time")
    text = repr(seconds)
    return loosened(max(Fraction(text), Fraction(0)), len(text.partition(".")[2]))


def write_llc(kept: tuple[KeptSpan, ...], facts: CutListFacts) -> str:
    """A project of version 2."""
    segments = [
        {"start": span.start_us / 1e6, "end": span.end_us / 1e6, "name": span.label, "selected": True} for span in kept
    ]
    project = {"version": 2, "mediaFileName": facts.name, "cutSegments": segments}
    return json.dumps(project, indent=2, ensure_ascii=False) + "\n"


def is_enigma2(data: bytes) -> bool:
    """Whether all of it are records of a cue sheet."""
    if not data or len(data) % _RECORD.size:
        return False
    return all(kind <= _LAST and at < _LONGEST_TICKS for at, kind in _RECORD.iter_unpack(data))


def read_enigma2(data: bytes) -> ReadCutList:
    """What lies between in and out is kept; an out without an in before it ends the beginning."""
    edges = sorted((at, kind) for at, kind in _RECORD.iter_unpack(data) if kind in (_IN, _OUT))
    spans: list[ListedSpan] = []
    begun: Fraction | None = Fraction(0) if edges and edges[0][1] == _OUT else None
    for ticks, kind in edges:
        at = loosened(Fraction(ticks, _CLOCK_HZ), 4)
        if kind == _IN:
            begun = at if begun is None else begun
        elif begun is not None:
            if at > begun:
                spans.append(ListedSpan(begun, at, kept=True))
            begun = None
    if begun is not None:
        spans.append(ListedSpan(begun, None, kept=True))
    return ReadCutList("enigma2", tuple(spans))


def write_enigma2(kept: tuple[KeptSpan, ...]) -> bytes:
    """An in and an out for each span."""
    records = []
    for span in kept:
        for time_us, kind in ((span.start_us, _IN), (span.end_us, _OUT)):
            records.append(_RECORD.pack(-(-time_us * _CLOCK_HZ // 1_000_000), kind))
    return b"".join(records)
