"""Playlists for a player, and the signed addresses that their entries point at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from jinja2 import Environment, PackageLoader, StrictUndefined

from plexcut.domain.catalog import ID_PATTERN, Item, RecordingFile, Version
from plexcut.domain.ports import Store
from plexcut.domain.selection import Selection
from plexcut.errors import ItemNotFound, NotAllowed
from plexcut.plexdata.browsing import Browsing
from plexcut.plexdata.hosts import Hosts

VALID_S = 12 * 3600
"""How long a stream address works: an evening, paused over night at most once."""
SECRET = "stream-urls"  # noqa: S105 - the name of the key, not the key
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot carry in any form; a title from a broadcast may hold them."""


@dataclass(frozen=True, slots=True)
class _Track:
    location: str
    title: str
    album: str | None
    duration_ms: int | None


class Streaming:
    """XSPF playlists, and what is behind their entries."""

    def __init__(self, browsing: Browsing, hosts: Hosts, store: Store, clock: Callable[[], float]) -> None:
        self._browsing = browsing
        self._hosts = hosts
        self._store = store
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("plexcut.plexdata", "templates"), autoescape=True, undefined=StrictUndefined
        )

    def section(self, selection: Selection, base_url: str) -> BytesIO:
        """All movies of the section, or all episodes of all its shows."""
        if selection.section is None:
            raise ItemNotFound("no section is selected", "select one first")
        movies = self._all_movies(selection)
        return self._playlist(selection.section.title, movies, base_url)

    def movies(self, selection: Selection, base_url: str) -> BytesIO:
        """The current movies."""
        if selection.section is None:
            raise ItemNotFound("no section is selected", "select one first")
        parts = [one.title for one in (selection.show, selection.season) if one]
        return self._playlist(" - ".join(parts) or selection.section.title, selection.movies, base_url)

    def movie(self, selection: Selection, base_url: str) -> BytesIO:
        """The current movie."""
        if selection.movie is None:
            raise ItemNotFound("no movie is selected", "select one first")
        return self._playlist(full_title(selection.movie), (selection.movie,), base_url)

    def open(self, token: str) -> RecordingFile:
        """The file behind an address. Raises `NotAllowed`, `RecordingNotFound`, `LibraryOffline`."""
        expiry, _, rest = token.partition(".")
        signature, _, recording = rest.partition(".")
        well_formed = re.fullmatch(r"[0-9a-f]{1,12}", expiry) and ID_PATTERN.match(recording) and signature.isascii()
        if not well_formed or not hmac.compare_digest(self._signature(expiry, recording), signature):
            raise NotAllowed("this stream address was not made here", "get a new playlist")
        if int(expiry, 16) < self._clock():
            raise NotAllowed("this stream address has expired", "get a new playlist")
        return self._hosts.recording(recording)

    def token(self, recording: str) -> str:
        """What a stream's address ends with: expiry, signature, recording; matches `[A-Za-z0-9._~-]+`."""
        expiry = f"{int(self._clock()) + VALID_S:x}"
        return f"{expiry}.{self._signature(expiry, recording)}.{recording}"

    def _signature(self, expiry: str, recording: str) -> str:
        signed = hmac.new(self._store.secret(SECRET), f"{expiry}.{recording}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()

    def _all_movies(self, selection: Selection) -> Iterable[Item]:
        assert selection.section is not None
        top = self._browsing.top(selection.section)
        if selection.section_type == "movie":
            return top
        return [
            episode
            for show in top
            for season in self._browsing.children(show)
            for episode in self._browsing.children(season)
        ]

    def _playlist(self, title: str, movies: Iterable[Item], base_url: str) -> BytesIO:
        tracks = [track for movie in movies for track in self._tracks(movie, base_url)]
        template = self._templates.get_template("playlist.xspf")
        return BytesIO(template.render(title=_xml_text(title), tracks=tracks).encode())

    def _tracks(self, movie: Item, base_url: str) -> Iterator[_Track]:
        if movie.recording is None:
            return
        album = _xml_text(movie.show_title) if movie.show_title else None
        for part in _parts(movie):
            many = part is not None and part.parts > 1
            duration_s = part.duration_s if part is not None and many else movie.duration_s
            title = (
                f"{full_title(movie)} ({part.part}/{part.parts})" if part is not None and many else full_title(movie)
            )
            yield _Track(
                location=f"{base_url}/streams/{self.token(part.recording if part else movie.recording)}",
                title=_xml_text(title),
                album=album,
                duration_ms=None if duration_s is None else min(round(duration_s * 1000), sys.maxsize),
            )


def full_title(movie: Item) -> str:
    """`Show - S01E02 - Title` of an episode, `Title (year)` of a movie."""
    if movie.type != "episode":
        return f"{movie.title} ({movie.year})" if movie.year else movie.title
    number = ""
    if movie.index is not None:
        number = f"E{movie.index:02d}" if movie.parent_index is None else f"S{movie.parent_index:02d}E{movie.index:02d}"
    return " - ".join(part for part in (movie.show_title, number, movie.title) if part)


def _parts(movie: Item) -> tuple[Version | None, ...]:
    """The files of the first version, in order; (None,) where the library tells of none."""
    first = next((version for version in movie.versions if version.recording == movie.recording), None)
    if first is None or first.parts <= 1:
        return (first,)
    at = movie.versions.index(first)
    return movie.versions[at : at + first.parts]


def _xml_text(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
