"""What every library promises, checked on both kinds with the same recordings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from plexcut.domain.catalog import ID_PATTERN, ItemQuery, Section, library_of
from plexcut.domain.ports import Library
from plexcut.domain.selection import inconsistency, select_section, select_show
from plexcut.errors import ItemNotFound, LibraryOffline, RecordingNotFound, SectionNotFound, UsageError
from plexcut.library.folder import FolderLibrary
from plexcut.library.plex import PlexAddress, PlexLibrary
from tests.plex.server import PlexStandIn, poster

MOVIES = ["Alien (1979)", "Ärger im Paradies (2001)", "Teil 2 (2003)", "Teil 10 (2004)", "Zulu & <Co> (1964)"]
EPISODES = [(1, 1, "Anfang"), (1, 2, "Mitte"), (2, 1, "Weiter"), (2, 10, "Ende"), (0, 1, "Interview")]


@dataclass
class Subject:
    """A library, how to make the same one again, and how to take its host away."""

    library: Library
    again: Callable[[], Library]
    away: Callable[[], None]
    back: Callable[[], None]
    root: Path


def fill(root: Path) -> None:
    for name in MOVIES:
        folder = root / "Movies" / name
        folder.mkdir(parents=True)
        (folder / f"{name} - 1080p.ts").write_bytes(b"a" * 2000)
    (root / "Movies/Alien (1979)/Alien (1979) - 576i.ts").write_bytes(b"b" * 1000)
    (root / "Movies/Alien (1979)/poster.jpg").write_bytes(poster())
    for season, index, title in EPISODES:
        folder = root / "Shows/Die Serie (2010)" / (f"Season {season:02}" if season else "Specials")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"Die Serie (2010) - s{season:02}e{index:02} - {title}.ts").write_bytes(b"c" * 500)


def fill_plex(plex: PlexStandIn) -> None:
    movies = plex.add_section("Movies", "movie", "/share/Movies")
    shows = plex.add_section("Shows", "show", "/share/Shows")
    plex.add_section("Music", "artist", "/share/Music")
    for name in MOVIES:
        files = [f"/share/Movies/{name}/{name} - 1080p.ts"]
        media = [{"videoResolution": "1080"}]
        if name.startswith("Alien"):
            files.append(f"/share/Movies/{name}/{name} - 576i.ts")
            media.append({"videoResolution": "576", "videoCodec": "mpeg2video"})
        key = plex.add_movie(movies, name[:-7], files, year=int(name[-5:-1]), media=media)
        if name.startswith("Alien"):
            plex.set_thumb(key, poster())
    show = plex.add_show(shows, "Die Serie", year=2010)
    for season, index, title in EPISODES:
        folder = f"/share/Shows/Die Serie (2010)/{f'Season {season:02}' if season else 'Specials'}"
        plex.add_episode(
            show, season, index, title, [f"{folder}/Die Serie (2010) - s{season:02}e{index:02} - {title}.ts"]
        )


@pytest.fixture(params=["folder", "plex"])
def subject(request, tmp_path) -> Iterator[Subject]:
    root = tmp_path / "share"
    fill(root)
    if request.param == "folder":

        def make() -> Library:
            return FolderLibrary("home", "Home", root, watch=False)

        away, back = (lambda: root.rename(tmp_path / "away")), (lambda: (tmp_path / "away").rename(root))
        found = Subject(make(), make, away, back, root)
        yield found
        found.library.close()
        return
    with PlexStandIn() as plex:
        fill_plex(plex)

        def make() -> Library:
            return PlexLibrary.at("home", "Home", PlexAddress(plex.url, plex.token, 5), (("/share", root),))

        found = Subject(make(), make, lambda: plex.fail("gone"), lambda: plex.fail(None), root)
        yield found
        found.library.close()


def section(library: Library, title: str) -> Section:
    return next(s for s in library.sections() if s.title == title)


def test_sections(subject):
    library = subject.library
    library.check()
    assert library.kind in {"folder", "plex"} and (library.id, library.name) == ("home", "Home")
    assert [(s.title, s.section_type, s.library) for s in library.sections()] == [
        ("Movies", "movie", "home"),
        ("Shows", "show", "home"),
    ]


def test_movies(subject):
    library = subject.library
    movies = section(library, "Movies")
    page = library.items(movies.id, ItemQuery())
    assert [m.title for m in page.items] == ["Alien", "Ärger im Paradies", "Teil 2", "Teil 10", "Zulu & <Co>"]
    assert [m.year for m in page.items] == [1979, 2001, 2003, 2004, 1964]
    assert page.total == 5
    for movie in page.items:
        assert (movie.type, movie.library, movie.section) == ("movie", "home", movies.id)
        assert movie.recording == movie.versions[0].recording and movie.parent is None and movie.show is None
        assert library.item(movie.id) == movie
        assert library.children(movie.id) == ()
        assert isinstance(movie.added_at, int)


def test_paging_sorting_searching(subject):
    library = subject.library
    movies = section(library, "Movies").id

    def titles(**query) -> list[str]:
        return [i.title for i in library.items(movies, ItemQuery(**query)).items]

    assert titles(offset=1, limit=2) == ["Ärger im Paradies", "Teil 2"]
    assert library.items(movies, ItemQuery(offset=1, limit=2)).total == 5
    assert library.items(movies, ItemQuery(offset=99)).items == ()
    assert titles(sort="-title") == list(reversed(titles()))
    assert titles(sort="year", limit=2) == ["Zulu & <Co>", "Alien"]
    assert titles(sort="-year", limit=1) == ["Teil 10"]
    assert len(titles(sort="added_at")) == len(titles(sort="-added_at")) == 5
    assert titles(search="teil") == ["Teil 2", "Teil 10"]
    assert library.items(movies, ItemQuery(search="teil", limit=1)).total == 2
    assert titles(search="& <co") == ["Zulu & <Co>"]
    assert titles(search="no such thing") == []
    for wrong in (ItemQuery(limit=0), ItemQuery(limit=1001), ItemQuery(offset=-1)):
        with pytest.raises(UsageError):
            library.items(movies, wrong)


def test_shows(subject):
    library = subject.library
    shows = section(library, "Shows")
    (show,) = library.items(shows.id, ItemQuery()).items
    assert (show.type, show.title, show.year, show.recording, show.versions) == ("show", "Die Serie", 2010, None, ())
    seasons = library.children(show.id)
    assert [(s.title, s.index, s.type) for s in seasons] == [
        ("Specials", 0, "season"),
        ("Season 1", 1, "season"),
        ("Season 2", 2, "season"),
    ]
    found = []
    for season in seasons:
        assert season.parent == season.show == show.id and season.show_title == "Die Serie"
        assert library.item(season.id).title == season.title
        for episode in library.children(season.id):
            assert (episode.parent, episode.show, episode.show_title) == (season.id, show.id, "Die Serie")
            assert episode.type == "episode" and episode.section == shows.id and episode.recording
            assert library.item(episode.id) == episode
            assert library.children(episode.id) == ()
            found.append((episode.parent_index, episode.index, episode.title))
    assert found == [(0, 1, "Interview"), (1, 1, "Anfang"), (1, 2, "Mitte"), (2, 1, "Weiter"), (2, 10, "Ende")]


def test_the_cascade_holds(subject):
    library = subject.library

    class Lister:
        def top(self, section):
            return library.items(section.id, ItemQuery(limit=1000)).items

        def children(self, item):
            return library.children(item.id)

    for one in library.sections():
        selection = select_section(one, Lister())
        assert inconsistency(selection) is None and selection.movie is not None
    assert inconsistency(select_show(selection, selection.shows[0].id, Lister())) is None


def test_versions(subject):
    library = subject.library
    alien = library.items(section(library, "Movies").id, ItemQuery()).items[0]
    assert [v.label.split(" ")[0] for v in sorted(alien.versions, key=lambda v: v.size_bytes or 0, reverse=True)]
    assert len({v.recording for v in alien.versions}) == len({v.label for v in alien.versions}) == 2
    sizes = {library.recording(v.recording).path.stat().st_size for v in alien.versions}
    assert sizes == {1000, 2000}


def test_recordings(subject):
    library = subject.library
    titles = set()
    for one in library.sections():
        for item in library.items(one.id, ItemQuery()).items:
            leaves = (
                [item] if item.recording else [e for s in library.children(item.id) for e in library.children(s.id)]
            )
            for leaf in leaves:
                file = library.recording(leaf.recording)
                assert (file.recording, file.item, file.library) == (leaf.recording, leaf.id, "home")
                assert file.path.is_file() and file.path.is_absolute()
                assert file.path == file.path.resolve() and file.path.is_relative_to(file.root)
                titles.add(file.title)
    assert {"Alien", "Die Serie - S02E10 - Ende"} < titles


def test_ids_are_opaque_text_and_stay(subject):
    def ids(library: Library) -> list[str]:
        found = []
        for one in library.sections():
            found.append(one.id)
            level = list(library.items(one.id, ItemQuery()).items)
            while level:
                found += [i.id for i in level] + [v.recording for i in level for v in i.versions]
                level = [c for i in level for c in library.children(i.id)]
        return found

    before = ids(subject.library)
    assert len(before) == len(set(before)) and all(ID_PATTERN.match(i) and library_of(i) == "home" for i in before)
    recording = subject.root / "Movies/Teil 2 (2003)/Teil 2 (2003) - 1080p.ts"
    recording.write_bytes(b"shorter")
    recording.with_name("Teil 2 (2003) - 1080p cut.ts").write_bytes(b"beside")
    subject.library.refresh()
    again = subject.again()
    assert set(before) <= set(ids(subject.library)) == set(ids(again))
    again.close()


def test_everything_is_json(subject):
    library = subject.library
    for one in library.sections():
        for item in library.items(one.id, ItemQuery()).items:
            text = json.dumps(dataclasses.asdict(item))
            assert "NaN" not in text


def test_thumbs(subject):
    library = subject.library
    with_poster, without = library.items(section(library, "Movies").id, ItemQuery()).items[:2]
    assert with_poster.has_thumb and not without.has_thumb
    thumb = library.thumb(with_poster.id, 200)
    assert thumb.media_type == "image/jpeg" and thumb.data.startswith(b"\xff\xd8")
    assert library.thumb(without.id, 200) is None
    fresh = subject.again()
    assert fresh.thumb(with_poster.id, 200) is not None
    fresh.close()


@pytest.mark.parametrize(
    "wrong", ["home~999999", "home~", "", "home~../../etc", "other~1", "home~s1~2", "home~1~2~3", "~"]
)
def test_unknown_ids(subject, wrong):
    library = subject.library
    with pytest.raises(SectionNotFound):
        library.items(wrong, ItemQuery())
    for call in (library.item, library.children, lambda i: library.thumb(i, 100)):
        with pytest.raises(ItemNotFound):
            call(wrong)
    with pytest.raises(RecordingNotFound):
        library.recording(wrong)


def test_a_file_that_is_gone(subject):
    movie = subject.library.items(section(subject.library, "Movies").id, ItemQuery(search="zulu")).items[0]
    (subject.root / "Movies/Zulu & <Co> (1964)/Zulu & <Co> (1964) - 1080p.ts").unlink()
    with pytest.raises(RecordingNotFound):
        subject.library.recording(movie.recording)


def test_a_link_that_leads_out_is_refused(subject, tmp_path):
    (tmp_path / "secret.ts").write_bytes(b"s")
    movie = subject.library.items(section(subject.library, "Movies").id, ItemQuery(search="zulu")).items[0]
    file = subject.root / "Movies/Zulu & <Co> (1964)/Zulu & <Co> (1964) - 1080p.ts"
    file.unlink()
    file.symlink_to(tmp_path / "secret.ts")
    with pytest.raises(RecordingNotFound):
        subject.library.recording(movie.recording)


def test_away_and_back(subject, monkeypatch):
    library = subject.library
    movies = section(library, "Movies").id
    movie = library.items(movies, ItemQuery()).items[0]
    subject.away()
    monkeypatch.setattr("plexcut.library.folder.library._SEEN_FOR_S", 0.0)
    for call in (
        library.check,
        library.refresh,
        library.sections,
        lambda: library.items(movies, ItemQuery()),
        lambda: library.item(movie.id),
        lambda: library.recording(movie.recording),
    ):
        with pytest.raises(LibraryOffline) as caught:
            call()
        assert caught.value.code == "library_offline" and "'Home'" in caught.value.message
    subject.back()
    library.check()
    assert library.items(movies, ItemQuery()).total == 5
    assert library.item(movie.id) == movie


def test_offline_from_the_start(subject):
    subject.away()
    library = subject.again()
    with pytest.raises(LibraryOffline):
        library.sections()
    subject.back()
    assert len(library.sections()) == 2
    library.close()


def test_close_twice(subject):
    subject.library.sections()
    subject.library.close()
    subject.library.close()


def test_nobody_watches(subject):
    library = subject.library
    movie = library.items(section(library, "Movies").id, ItemQuery()).items[0]
    assert library.watching(movie.recording) == ()
    with pytest.raises(RecordingNotFound):
        library.watching(f"{movie.id}~0123456789")


def test_cut_lists_beside_recordings(subject: Subject):
    library = subject.library
    section = next(s for s in library.sections() if s.title == "Movies")
    folder = subject.root / "Movies" / MOVIES[1]
    (folder / f"{MOVIES[1]} - 1080p.edl").write_text("0 5 0\n")
    (folder / f"{MOVIES[1]} - 1080p.txt").write_text("x")
    (folder / "other.edl").write_text("0 5 0\n")
    (folder / "marks").write_text("0:00:00.00\n")
    library.refresh()
    items = library.items(section.id, ItemQuery(limit=50)).items
    recordings = [version.recording for item in items for version in item.versions]
    found = library.lists_beside([*recordings, "nobody~r1"])
    ((recording, lists),) = found.items()
    assert [one.path.name for one in lists] == [f"{MOVIES[1]} - 1080p.edl", f"{MOVIES[1]} - 1080p.txt"]
    assert lists[0].path.read_text() == "0 5 0\n"
    assert (lists[0].size_bytes, lists[0].formats) == (6, ("edl",))
    assert recording in {v.recording for i in items if i.title.startswith("Ärger") for v in i.versions}
