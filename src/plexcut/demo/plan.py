"""What the demo library holds: titles, formats, and where adverts lie in each recording. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

# Raised when recordings look or sound different, so that a library of an older version is made anew.
DEMO_VERSION = 1

PartKind = Literal["programme", "advert", "black"]
SceneStyle = Literal["hills", "city", "sea", "night"]


@dataclass(frozen=True)
class Format:
    """How a recording is coded. `pixel_aspect` is the width of a pixel over its height."""

    codec: Literal["libx264", "mpeg2video", "libx265"]
    width: int
    height: int
    fps: int
    pixel_aspect: Fraction
    interlaced: bool
    audio: tuple[tuple[str, str], ...]


H264_50P = Format("libx264", 640, 360, 50, Fraction(1), False, (("ac3", "deu"), ("mp2", "eng")))
MPEG2_576I = Format("mpeg2video", 720, 576, 25, Fraction(64, 45), True, (("mp2", "deu"),))
HEVC_25P = Format("libx265", 640, 360, 25, Fraction(1), False, (("ac3", "deu"), ("mp2", "eng")))


@dataclass(frozen=True)
class Part:
    """A stretch of a recording; `number` tells programme parts and adverts of one recording from each other."""

    kind: PartKind
    duration_ms: int
    number: int = 0


@dataclass(frozen=True)
class DemoRecording:
    """A recording to be made. `path` is relative to the library; `lines` are the title card's two lines."""

    path: str
    lines: tuple[str, str]
    style: SceneStyle
    hue: float
    format: Format
    parts: tuple[Part, ...]

    @property
    def duration_ms(self) -> int:
        """Length of all parts."""
        return sum(part.duration_ms for part in self.parts)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.duration_ms * self.format.fps // 1000

    @property
    def breaks_ms(self) -> tuple[tuple[int, int], ...]:
        """Half-open spans of everything that is not programme, in milliseconds."""
        breaks: list[tuple[int, int]] = []
        position = 0
        for part in self.parts:
            end = position + part.duration_ms
            if part.kind != "programme":
                if breaks and breaks[-1][1] == position:
                    breaks[-1] = (breaks[-1][0], end)
                else:
                    breaks.append((position, end))
            position = end
        return tuple(breaks)


@dataclass(frozen=True)
class Poster:
    """A poster to be drawn; `path` is relative to the library."""

    path: str
    lines: tuple[str, str]
    style: SceneStyle
    hue: float


def recordings() -> tuple[DemoRecording, ...]:
    """Every recording of the demo library."""
    return (*_movies(), *_episodes())


def posters() -> tuple[Poster, ...]:
    """A poster for every movie and every show."""
    movies = [
        Poster(recording.path.rsplit("/", 1)[0] + "/poster.jpg", recording.lines, recording.style, recording.hue)
        for recording in _movies()
    ]
    shows = [Poster(f"Shows/{show.title}/poster.jpg", (show.title, "Series"), show.style, show.hue) for show in _SHOWS]
    return (*movies, *shows)


def _parts(*blocks: int | tuple[int, ...]) -> tuple[Part, ...]:
    """Parts from programme lengths (numbers) and advert blocks (tuples of advert lengths), all in seconds.

    A block lies between two stretches of black, and shorter ones part its adverts, as broadcasters do it.
    """
    parts: list[Part] = []
    programmes = adverts = 0
    for place, block in enumerate(blocks):
        if isinstance(block, int):
            parts.append(Part("programme", block * 1000, programmes))
            programmes += 1
            continue
        if place > 0:
            parts.append(Part("black", 800))
        for index, seconds in enumerate(block):
            if index > 0:
                parts.append(Part("black", 320))
            parts.append(Part("advert", seconds * 1000, adverts))
            adverts += 1
        if place < len(blocks) - 1:
            parts.append(Part("black", 600))
    return tuple(parts)


def _movies() -> tuple[DemoRecording, ...]:
    def movie(
        title: str, year: int, look: tuple[SceneStyle, float], coded: Format, parts: tuple[Part, ...]
    ) -> DemoRecording:
        name = f"{title} ({year})"
        return DemoRecording(f"Movies/{name}/{name}.ts", (title, str(year)), *look, coded, parts)

    return (
        movie(
            "The Lighthouse Keeper's Map", 2019, ("sea", 0.55), H264_50P, _parts((4,), 34, (7, 5, 6), 30, (6, 8), 20)
        ),
        movie("Seven Minutes of Rain", 2016, ("city", 0.08), MPEG2_576I, _parts(36, (8, 6, 5), 34)),
    )


@dataclass(frozen=True)
class _Show:
    title: str
    style: SceneStyle
    hue: float
    formats: tuple[Format, Format]
    seasons: tuple[tuple[str, str], tuple[str, str]]


_SHOWS = (
    _Show(
        "Inspektor Möwe",
        "night",
        0.66,
        (H264_50P, HEVC_25P),
        (("Nebel im Hafen", "Das dritte Boot"), ("Ein stiller Zeuge", "Strandgut")),
    ),
    _Show(
        "Northern Orchard",
        "hills",
        0.3,
        (MPEG2_576I, H264_50P),
        (("The First Frost", "Grafting"), ("A Ladder Too Short", "Windfall")),
    ),
)

_EPISODE_PARTS = (
    _parts(24, (5, 7, 5), 22),
    _parts((5,), 20, (6, 5), 26),
    _parts(26, (8, 5), 16, (5,)),
    # Without adverts: what looks for them must find none here.
    _parts(60),
)


def _episodes() -> tuple[DemoRecording, ...]:
    episodes: list[DemoRecording] = []
    for show in _SHOWS:
        for season, titles in enumerate(show.seasons, 1):
            for episode, title in enumerate(titles, 1):
                code = f"s{season:02}e{episode:02}"
                path = f"Shows/{show.title}/Season {season:02}/{show.title} - {code} - {title}.ts"
                hue = (show.hue + 0.04 * len(episodes)) % 1
                parts = _EPISODE_PARTS[(season - 1) * 2 + episode - 1]
                coded = show.formats[season - 1]
                episodes.append(DemoRecording(path, (title, f"{show.title} {code}"), show.style, hue, coded, parts))
    return tuple(episodes)
