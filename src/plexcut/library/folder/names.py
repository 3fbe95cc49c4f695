"""What file and folder names say, by Plex's naming rules for movies and shows. Pure; any string is a valid input.

Rules: https://support.plex.tv/articles/naming-and-organizing-your-movie-media-files/ and
https://support.plex.tv/articles/naming-and-organizing-your-tv-show-files/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from plexcut.library.text import display, fold

RECORDING_EXTENSIONS = frozenset(
    "3g2 3gp asf avi divx dvr-ms f4v flv h264 h265 hevc m1v m2p m2t m2ts m2v m4v mkv mov mp4 mpe mpeg mpg mpv mts mxf "
    "nuv ogm ogv qt rec rm rmvb tp trp ts vdr vob webm wmv wtv xvid".split()
)
"""What may be a recording. Whether it is one is told from its content when it is opened."""

PICTURE_EXTENSIONS = ("jpg", "jpeg", "png", "webp")

SYSTEM_FOLDERS = frozenset({"lost+found", "@eadir", "#recycle", "$recycle.bin", "system volume information"})

EXTRAS_FOLDERS = frozenset(
    {"behind the scenes", "deleted scenes", "featurettes", "interviews", "scenes", "shorts", "trailers", "other"}
)

_SEASON_WORDS = (
    "season|staffel|saison|temporada|stagione|seizoen|säsong|sæson|sesong|kausi|sezon|sezona|sezóna|évad|temporadă"
)
_SEASON_FOLDER = re.compile(rf"(?:{_SEASON_WORDS})[ ._-]*(\d{{1,4}})(?:[ ._]*[-(\[].*)?", re.IGNORECASE)
_SEASON_FOLDER_SHORT = re.compile(
    rf"(?:series[ ._-]*|s)(\d{{1,4}})|(\d{{1,2}})\.?[ ._-]*(?:{_SEASON_WORDS})", re.IGNORECASE
)

_EPISODE = re.compile(
    r"(?<![^\W_])s(\d{1,4})[ ._-]{0,3}e(\d{1,4})"
    r"(?P<more>(?:[ ._]{0,2}-?[ ._]{0,2}e\d{1,4}|-\d{1,4}(?![^\W_]))*)(?![^\W_])",
    re.IGNORECASE,
)
_EPISODE_X = re.compile(r"(?<![^\W_])(\d{1,2})x(\d{2,4})(?P<more>(?:-(?:\d{1,2}x)?\d{2,4})*)(?![^\W_])", re.IGNORECASE)
_DATE = re.compile(r"(?<!\d)(\d{4})([-._ ])(\d{2})\2(\d{2})(?!\d)")
_DATE_DAY_FIRST = re.compile(r"(?<!\d)(\d{2})([-._ ])(\d{2})\2(\d{4})(?!\d)")
_CLOCK = re.compile(r"[ _.T-]+([01]\d|2[0-3])[ _.:-]([0-5]\d)[ _.:-][0-5]\d(?!\d)")
_EPISODE_ALONE = re.compile(r"(?<![^\W_])(?:e|ep|episode|folge|part|teil)[ ._-]{0,2}(\d{1,4})(?![^\W_])", re.IGNORECASE)
_NUMBER_FIRST = re.compile(r"(\d{1,3})(?=$|[ ._-])")

_PART = re.compile(
    r"(?P<base>.*?)[ ._-]+(?:\(|\[)?(?:cd|dis[ck]|dvd|part|pt)(?P<n>\d{1,3})(?:\)|\])?", re.IGNORECASE | re.DOTALL
)
_CUT = re.compile(r"(?P<base>.+) cut(?: (?P<n>\d{1,6}))?", re.DOTALL)
_YEAR = re.compile(r"[ ._]*\(((?:18|19|20)\d\d)\)")
_YEAR_BARE = re.compile(r"(?<=\S) ((?:19|20)\d\d)(?= |$)")
_BRACES = re.compile(r"[ ._]*(?:\{[^{}]*\}|\[[^\[\]]*\])")
_EDGES = " \t-_.,"
_VERSION_LABEL = re.compile(
    r"(?:\d{3,4}[pi]|[48]k|uhd|hd|sd|hdr(?:10)?|sdr|x26[45]|h\.?26[45]|hevc|avc|mpeg-?2|remux|web(?:-?dl|rip)?|blu-?ray"
    r"|bdrip|dvd(?:rip)?|hdtv|remastered|extended|unrated|theatrical|uncut|version\W?\d*|v\d)(?:\W+.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A title with its year."""

    title: str
    year: int | None = None


@dataclass(frozen=True, slots=True)
class EpisodeName:
    """What the name of an episode's file says.

    `show` is what stands before the marker ("" where nothing does), `title` what follows it. `season` and `episode`
    are None where the name does not say; `last` is the last episode of a file that holds several. `clock` is the time
    of day ("20:15") where it follows the date, as in the names of Plex's own recordings.
    """

    show: str
    title: str
    season: int | None = None
    episode: int | None = None
    last: int | None = None
    aired: date | None = None
    show_year: int | None = None
    clock: str = ""


def split_extension(name: str) -> tuple[str, str]:
    """Stem and lower-case extension without the dot."""
    stem, dot, extension = name.rpartition(".")
    return (stem, extension.lower()) if dot and stem else (name, "")


def is_recording(name: str) -> bool:
    """Whether a file of this name is listed as a candidate."""
    return not name.startswith(".") and split_extension(name)[1] in RECORDING_EXTENSIONS


def season_number(folder: str) -> int | None:
    """The season that a folder is named after (0 for specials), or None where it is no season folder."""
    name = display(folder)
    if fold(name) in {"specials", "special episodes"}:
        return 0
    match = _SEASON_FOLDER.fullmatch(name)
    if match:
        return int(match[1])
    match = _SEASON_FOLDER_SHORT.fullmatch(name)
    return int(match[1] or match[2]) if match else None


def has_episode_marker(name: str) -> bool:
    """Whether a name holds SxxEyy."""
    return _EPISODE.search(name) is not None


def split_cut(stem: str) -> tuple[str, str] | None:
    """`("X", "cut 2")` of `X cut 2`, the name that plexcut gives to a result; None for other names."""
    match = _CUT.fullmatch(stem)
    if not match:
        return None
    return match["base"], f"cut {match['n']}" if match["n"] else "cut"


def split_part(stem: str) -> tuple[str, int | None]:
    """`("Film", 2)` of `Film - pt2`; the number is None where the name holds no part of a split recording."""
    match = _PART.fullmatch(stem)
    if not match or not match["base"].strip(_EDGES):
        return stem, None
    return match["base"], int(match["n"])


def movie_name(name: str) -> Named:
    """Title and year of a movie's folder, or of its file's stem. The title is never empty."""
    text = display(name)
    bare = _unwrap(text)
    match = _YEAR.search(bare)
    if match and bare[: match.start()].strip(_EDGES):
        title, rest = bare[: match.start()].strip(), bare[match.end() :].strip()
        return Named(f"{title} {rest}" if rest else title, int(match[1]))
    found = _YEAR_BARE.search(bare) if _dotted(text) else None
    if found and any(c.isalpha() for c in bare[: found.start()]):
        return Named(bare[: found.start()].strip(_EDGES), int(found[1]))
    return Named(bare.strip() or text or "?")


def _dotted(text: str) -> bool:
    return " " not in text and (text.count(".") >= 2 or text.count("_") >= 2)


def _unwrap(text: str) -> str:
    """Without `{edition-…}`, `{tmdb-…}` and `[…]`; dots and underscores that stand for blanks become blanks."""
    bare = _BRACES.sub("", text).strip() or text
    if _dotted(bare):
        bare = re.sub(r"[._]+", " ", bare).strip()
    return bare or text


def version_label(stem: str, folder: str) -> str | None:
    """What tells a version apart in a movie's own folder: "4K" of `Film (2020) - 4K` in `Film (2020)`.

    "" for the plain name, None where the file is no version of the folder's movie. In a folder with a year every file
    is one, unless it carries another year of its own; in a folder without, only files named after it.
    """
    text, base = display(stem), display(folder)
    movie, own = movie_name(folder), movie_name(stem)
    if movie.year is not None and own.year not in {None, movie.year}:
        return None
    if fold(own.title) == fold(movie.title):
        return _tags(text)
    rest = text[len(base) :] if text[: len(base)].casefold() == base.casefold() else ""
    label = rest.strip(_EDGES + "()[]{}") if rest and not rest[0].isalnum() else ""
    if movie.year is not None:
        return label or text
    return label if label and _VERSION_LABEL.fullmatch(label) else None


def _tags(text: str) -> str:
    """What stands in braces or brackets, as a label."""
    found: list[str] = re.findall(r"\{edition-([^{}]*)\}|\[([^\[\]]*)\]", text)
    return " ".join(part for pair in found for part in pair if part)


def episode_name(stem: str, in_season: bool = False) -> EpisodeName | None:
    """What an episode's file name says; None where it carries no marker.

    `in_season`: the file lies in a season folder, where a lone number counts too.
    """
    text = display(stem)
    if _dotted(text):
        text = re.sub(r"[._]+", " ", text)
    for pattern in (_EPISODE, _EPISODE_X):
        match = pattern.search(text)
        if match:
            return _numbered(text, match, int(match[1]), int(match[2]))
    dated = _dated(text)
    if dated or not in_season:
        return dated
    match = _EPISODE_ALONE.search(text)
    if match is None:
        match = _NUMBER_FIRST.match(text)
    return _numbered(text, match, None, int(match[1])) if match else None


def _numbered(text: str, match: re.Match[str], season: int | None, first: int) -> EpisodeName:
    more = re.sub(r"\d+[xX]", "", match.groupdict().get("more") or "")
    last = max([first, *map(int, re.findall(r"\d+", more))])
    show, year = _show(text[: match.start()])
    return EpisodeName(show, _title(text[match.end() :]), season, first, last, None, year)


def _dated(text: str) -> EpisodeName | None:
    for pattern, (y, m, d) in ((_DATE, (1, 3, 4)), (_DATE_DAY_FIRST, (4, 3, 1))):
        for match in pattern.finditer(text):
            try:
                aired = date(int(match[y]), int(match[m]), int(match[d]))
            except ValueError:
                continue
            if 1900 <= aired.year < 2100:
                show, year = _show(text[: match.start()])
                clock = _CLOCK.match(text, match.end())
                title = _title(text[clock.end() if clock else match.end() :])
                return EpisodeName(
                    show, title, None, None, None, aired, year, f"{clock[1]}:{clock[2]}" if clock else ""
                )
    return None


def _show(before: str) -> tuple[str, int | None]:
    if not before.strip(_EDGES + "(["):
        return "", None
    named = movie_name(before.strip(_EDGES))
    return named.title.strip(_EDGES), named.year


def _title(after: str) -> str:
    return _BRACES.sub("", after).strip(_EDGES)
