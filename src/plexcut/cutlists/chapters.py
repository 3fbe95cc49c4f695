"""Chapters: FFmpeg's metadata files, and the text files of OGM tools and mkvmerge ("simple chapters").

A chapter is removed if its title says so ("Advertisement", "Werbung", "Removed", ...). Sources: FFmpeg's documentation
of metadata files; mkvmerge's of simple chapter files.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from plexcut.cutlists.times import loose_time, loosened
from plexcut.domain.cutlists import CutListFormat, KeptSpan, ListedSpan, ReadCutList
from plexcut.errors import FormatUnsupported

_REMOVED = re.compile(r"\s*(removed|commercials?|advert(isement)?s?|ads?|werbung|werbeblock|cut)\b", re.IGNORECASE)
_OGM = re.compile(r"^CHAPTER(\d{1,4})(NAME)?=(.*)$", re.IGNORECASE)
_FF_HEAD = ";FFMETADATA"
_US_PER_S = 1_000_000
_NS_DECIMALS = 9
REMOVED_TITLE = "Advertisement"


def is_ffmetadata(text: str) -> bool:
    """Whether it is a metadata file of FFmpeg."""
    return text.startswith(_FF_HEAD)


def read_ffmetadata(text: str) -> ReadCutList:
    """The chapters of FFmpeg's metadata file."""
    chapters: list[tuple[Fraction, Fraction | None, str]] = []
    for block in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        if not block.upper().startswith("CHAPTER]"):
            continue
        values = dict(_pair(line) for line in block.splitlines()[1:] if "=" in line)
        try:
            numerator, denominator = values.get("TIMEBASE", f"1/{10**_NS_DECIMALS}").split("/")
            unit = Fraction(int(numerator), int(denominator))
            times = [int(values[name]) * unit for name in ("START", "END")]
        except (KeyError, ValueError, ZeroDivisionError):
            raise FormatUnsupported("a chapter has no START, END or TIMEBASE that can be read") from None
        decimals = len(str(unit.denominator)) - 1
        start, end = (loosened(time, decimals) for time in times)
        chapters.append((start, end, _unescaped(values.get("TITLE", ""))))
    return _judged("ffmetadata", chapters)


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip().upper(), value.strip()


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)


def write_ffmetadata(kept: tuple[KeptSpan, ...], removed: tuple[KeptSpan, ...]) -> str:
    """All spans as chapters."""
    blocks = [f"{_FF_HEAD}1\n"]
    for span, title in _titled(kept, removed):
        shown = re.sub(r"([=;#\\\n])", r"\\\1", title)
        blocks.append(f"[CHAPTER]\nTIMEBASE=1/{_US_PER_S}\nSTART={span.start_us}\nEND={span.end_us}\ntitle={shown}\n")
    return "".join(blocks)


def is_ogm(text: str) -> bool:
    """Whether it is a list of simple chapters."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(_OGM.match(line.strip()) for line in lines)


def read_ogm(text: str) -> ReadCutList:
    """Each chapter lasts until the next one begins."""
    starts: dict[int, Fraction] = {}
    titles: dict[int, str] = {}
    for line in text.splitlines():
        found = _OGM.match(line.strip())
        if found is None:
            continue
        if found[2]:
            titles[int(found[1])] = found[3].strip()
        else:
            starts[int(found[1])] = loose_time(found[3])
    ordered = sorted(starts.items(), key=lambda item: item[1])
    ends: list[Fraction | None] = [after for (_, _), (_, after) in pairwise(ordered)]
    chapters = [(at, end, titles.get(n, "")) for (n, at), end in zip(ordered, [*ends, None], strict=True)]
    return _judged("ogm", chapters)


def write_ogm(kept: tuple[KeptSpan, ...], removed: tuple[KeptSpan, ...]) -> str:
    """All spans as chapters."""
    lines = []
    for n, (span, title) in enumerate(_titled(kept, removed), 1):
        # Nothing rounds down to an earlier frame: a time is read as up to half a millisecond later than it is written.
        ms = -(-span.start_us // 1000)
        clock = f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
        lines.append(f"CHAPTER{n:02d}={clock}\nCHAPTER{n:02d}NAME={' '.join(title.split())}\n")
    return "".join(lines)


def _judged(fmt: CutListFormat, chapters: list[tuple[Fraction, Fraction | None, str]]) -> ReadCutList:
    removed = tuple(ListedSpan(start, end, kept=False) for start, end, title in chapters if _REMOVED.match(title))
    if removed:
        return ReadCutList(fmt, removed)
    kept = tuple(ListedSpan(start, end, kept=True, label=title) for start, end, title in chapters)
    return ReadCutList(fmt, kept, ("no chapter says that it is an advert: all of them are kept",))


def _titled(kept: tuple[KeptSpan, ...], removed: tuple[KeptSpan, ...]) -> list[tuple[KeptSpan, str]]:
    named = [(span, span.label or f"Part {n}") for n, span in enumerate(kept, 1)]
    return sorted(named + [(span, REMOVED_TITLE) for span in removed], key=lambda item: item[0].start_frame)
