"""Subtitles in text files (SubRip, WebVTT), moved to the time line of a cut. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TIMES = re.compile(r"^((?:\d+:)?\d{1,2}:\d{2}[,.]\d{1,3})([ \t]*-->[ \t]*)((?:\d+:)?\d{1,2}:\d{2}[,.]\d{1,3})(.*)$")
_SHORTEST_US = 40_000
"""What is left of a cue and shorter than a frame of film is left out."""


def retimed(data: bytes, kept_us: Sequence[tuple[int, int]]) -> bytes | None:
    """The file for what was kept, `[start, end)` in microseconds; None where it is no such file.

    A cue that reaches over a seam goes on across it; one that was cut away is left out. Encoding and line ends stay.
    """
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(bom)
    newline = "\r\n" if "\r\n" in text else "\n"
    blocks = re.split(r"\n[ \t]*\n+", text.replace("\r\n", "\n").replace("\r", "\n"))
    cues = 0
    made: list[str] = []
    number = 0
    for block in blocks:
        lines = block.strip("\n").split("\n")
        at = next((n for n, line in enumerate(lines[:3]) if _TIMES.match(line)), None)
        if at is None:
            if block.strip():
                made.append(block.strip("\n"))
            continue
        cues += 1
        line = _moved(lines[at], kept_us)
        if line is None:
            continue
        number += 1
        head = [str(number) if written.strip().isdigit() else written for written in lines[:at]]
        made.append("\n".join([*head, line, *lines[at + 1 :]]))
    if not cues:
        return None
    return bom.encode(encoding) + ("\n\n".join(made) + "\n").replace("\n", newline).encode(encoding)


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"  # every byte comes back as it was
    return "utf-8"


def _moved(line: str, kept_us: Sequence[tuple[int, int]]) -> str | None:
    found = _TIMES.match(line)
    assert found is not None
    start, end = _us(found[1]), _us(found[3])
    parts: list[tuple[int, int]] = []
    at = 0
    for low, high in kept_us:
        a, b = max(start, low), min(end, high)
        if a < b:
            a, b = at + a - low, at + b - low
            if parts and parts[-1][1] == a:
                parts[-1] = (parts[-1][0], b)
            else:
                parts.append((a, b))
        at += high - low
    if not parts or max(b - a for a, b in parts) < min(_SHORTEST_US, end - start):
        return None
    return f"{_text(parts[0][0], found[1])}{found[2]}{_text(parts[-1][1], found[3])}{found[4]}"


def _us(written: str) -> int:
    clock, _, fraction = written.replace(",", ".").partition(".")
    seconds = 0
    for part in clock.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds * 1_000_000 + int(fraction.ljust(6, "0"))


def _text(us: int, like: str) -> str:
    """A time in the written form of another one."""
    mark = "," if "," in like else "."
    ms = us // 1000
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, ms = divmod(rest, 1000)
    clock = f"{minutes:02}:{seconds:02}{mark}{ms:03}"
    return f"{hours:02}:{clock}" if like.count(":") == 2 or hours else clock
