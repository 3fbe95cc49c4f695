"""How names are shown, compared and sorted. Names from a file system may be in any Unicode form, or in none."""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

_DIGITS = re.compile(r"(\d+)")

SortText = tuple[tuple[int, int, str], ...]


def display(name: str) -> str:
    """`name` as text that is safe in JSON, XML and a terminal.

    Bytes that are not UTF-8 (surrogates from `os.fsdecode`) become the replacement character, control characters
    become blanks; the result is in composed form (NFC).
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not _is_plain(name) else name
    text = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return unicodedata.normalize("NFC", text).strip()


def _is_plain(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def fold(text: str) -> str:
    """`text` for comparing: without case, accents, or differences of Unicode form."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


@lru_cache(maxsize=1 << 17)  # a section of 10,000 is sorted at each request
def sort_text(text: str) -> SortText:
    """Key of the natural order: "Part 2" before "Part 10", case and accents aside, leading punctuation too."""
    folded = fold(text)
    bare = folded.lstrip(" \"'`.,-_([{¿¡…„“”«»‚‘’") or folded
    parts = (part for part in _DIGITS.split(bare) if part)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def matches(search: str, text: str) -> bool:
    """Whether every word of `search` occurs in `text`, case and accents aside."""
    folded = fold(text)
    return all(word in folded for word in fold(search).split())


def path_hash(*parts: str, size: int = 10) -> str:
    """Hex digest (`2 * size` characters) of names as the file system holds them."""
    digest = blake2b(digest_size=size)
    for part in parts:
        digest.update(_raw(part))
        digest.update(b"\0")
    return digest.hexdigest()


def _raw(name: str) -> bytes:
    return os.fsencode(name) if not _is_plain(name) else name.encode("utf-8")


def episode_title(show: str, numbers: tuple[int | None, int | None], title: str) -> str:
    """One line for an episode: `Show - S01E02 - Title`; `numbers` are season and episode."""
    season, episode = numbers
    code = f"S{season:02}E{episode:02}" if season is not None and episode is not None else ""
    return " - ".join(part for part in (show, code, title) if part)
