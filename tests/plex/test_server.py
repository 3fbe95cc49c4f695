"""The stand-in, as python-plexapi by itself sees it."""

from __future__ import annotations

import pytest
from plexapi.exceptions import NotFound, Unauthorized
from plexapi.server import PlexServer

from tests.plex.server import PlexStandIn, poster


@pytest.fixture
def plex():
    with PlexStandIn() as server:
        movies = server.add_section("Movies", "movie", "/share/movies")
        shows = server.add_section("Shows", "show", "/share/shows")
        film = server.add_movie(movies, "Alien", ["/share/movies/a.ts"], year=1979)
        server.set_thumb(film, poster())
        show = server.add_show(shows, "Dark", year=2017)
        for season, index in ((1, 1), (1, 2), (2, 1)):
            server.add_episode(show, season, index, f"E{index}", [f"/share/shows/{season}-{index}.ts"])
        yield server


def test_plexapi_is_happy(plex):
    server = PlexServer(plex.url, plex.token)
    assert server.friendlyName == "stand-in"
    movies, shows = server.library.sections()
    assert (movies.title, movies.type, movies.locations) == ("Movies", "movie", ["/share/movies"])
    (film,) = movies.all()
    assert (film.title, film.year, film.media[0].parts[0].file) == ("Alien", 1979, "/share/movies/a.ts")
    assert server.fetchItem(film.ratingKey).title == "Alien"
    (show,) = shows.all()
    assert [s.title for s in show.seasons()] == ["Season 1", "Season 2"]
    assert [e.title for e in show.season(1).episodes()] == ["E1", "E2"]
    assert len(show.episodes()) == 3
    episode = show.season(2).episodes()[0]
    assert (episode.seasonEpisode, episode.grandparentTitle) == ("s02e01", "Dark")
    with pytest.raises(NotFound):
        server.fetchItem(99999)
    with pytest.raises(Unauthorized):
        PlexServer(plex.url, "wrong")
