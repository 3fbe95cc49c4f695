"""What file and folder names say."""

from __future__ import annotations

import json
import os
import unicodedata
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plexcut.domain.catalog import ID_PATTERN
from plexcut.library.folder.arrange import arrange
from plexcut.library.folder.names import (
    EXTRAS_FOLDERS,
    episode_name,
    is_recording,
    movie_name,
    season_number,
    split_cut,
    split_part,
    version_label,
)
from plexcut.library.folder.scan import Found, FoundFile
from plexcut.library.text import display, fold, matches, path_hash, sort_text


@pytest.mark.parametrize(
    ("name", "title", "year"),
    [
        ("Alien (1979)", "Alien", 1979),
        ("Alien (1979) {imdb-tt0078748}", "Alien", 1979),
        ("2012 (2009)", "2012", 2009),
        ("1917 (2019) [1080p]", "1917", 2019),
        ("The.Thing.1982.German.1080p.BluRay.x264", "The Thing", 1982),
        ("Das_Boot_(1981)", "Das Boot", 1981),
        ("Film (2020) cut 2", "Film cut 2", 2020),
        ("(2001)", "(2001)", None),
        ("Film (20202)", "Film (20202)", None),
        ("20240531_2015_Tatort", "20240531 2015 Tatort", None),
        ("Mr. Nobody", "Mr. Nobody", None),
        ("St.", "St.", None),
    ],
)
def test_movies(name, title, year):
    assert (movie_name(name).title, movie_name(name).year) == (title, year)


@pytest.mark.parametrize(
    ("name", "season"),
    [
        ("Season 1", 1), ("Season 01", 1), ("season_12", 12), ("Staffel 2", 2), ("Staffel 2 - Der Anfang", 2),
        ("2. Staffel", 2), ("Saison 3", 3), ("Specials", 0), ("Season 00", 0), ("S04", 4), ("Series 2", 2),
        ("Season 2024", 2024), ("Season 3 (2010)", 3), ("Säsong 1", 1),
        (unicodedata.normalize("NFD", "Säsong 1"), 1),
        ("Open Season 2 (2008)", None), ("Series 7 - The Contenders (2001)", None), ("Seasons", None), ("1", None),
        ("S", None), ("Season", None), ("Seasoned 4", None), ("Special", None),
    ],
)  # fmt: skip
def test_seasons(name, season):
    assert season_number(name) == season


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("Show - s01e02 - Title", ("Show", "Title", 1, 2, 2)),
        ("Show (2010) - s01e02 - Title", ("Show", "Title", 1, 2, 2)),
        ("Show.Name.S10E11.The.Title", ("Show Name", "The Title", 10, 11, 11)),
        ("Show S01E02", ("Show", "", 1, 2, 2)),
        ("s01e01-e02", ("", "", 1, 1, 2)),
        ("Show - S01E01-02 - Both", ("Show", "Both", 1, 1, 2)),
        ("Show - s01e01e02e03", ("Show", "", 1, 1, 3)),
        ("Show - s01e01-1080p", ("Show", "1080p", 1, 1, 1)),
        ("Show - s2024e105 - X", ("Show", "X", 2024, 105, 105)),
        ("Show 1x02 Title", ("Show", "Title", 1, 2, 2)),
        ("Show - 1x02-03", ("Show", "", 1, 2, 3)),
        ("4x02", ("", "", 4, 2, 2)),
    ],
)
def test_episodes(stem, expected):
    name = episode_name(stem)
    assert (name.show, name.title, name.season, name.episode, name.last) == expected


@pytest.mark.parametrize("stem", ["Movie 16x9", "1920x1080", "Ss01e02x", "Masse01", "2024-13-45", "Film (2020)", ""])
def test_no_episodes(stem):
    assert episode_name(stem) is None


def test_dates():
    for stem in (
        "News - 2024-05-31 - Late",
        "News - 31.05.2024 - Late",
        "News 2024.05.31 Late",
        "News - 31-05-2024 Late",
    ):
        name = episode_name(stem)
        assert (name.show, name.aired, name.title, name.episode) == ("News", date(2024, 5, 31), "Late", None)


def test_the_time_of_day_of_plex_s_own_recordings():
    name = episode_name("heute (1963) - 2024-06-01 19 00 00 - heute")
    assert (name.show, name.show_year, name.clock, name.title) == ("heute", 1963, "19:00", "heute")
    assert episode_name("X - 2024-06-01 - 99 00 00").clock == ""


def test_lone_numbers_count_in_a_season_only():
    assert episode_name("03 Third") is None
    assert episode_name("03 Third", in_season=True).episode == 3
    assert episode_name("Folge 12 - Ende", in_season=True).episode == 12
    assert episode_name("Show - E05", in_season=True).episode == 5


def test_cuts_and_parts():
    assert split_cut("Film cut") == ("Film", "cut")
    assert split_cut("Film cut cut 3") == ("Film cut", "cut 3")
    assert split_cut("Haircut") is None and split_cut("cut") is None and split_cut(" cut") is None
    assert split_part("Film (2020) - pt1") == ("Film (2020)", 1)
    assert split_part("Film.cd2") == ("Film", 2)
    assert split_part("Film (part3)") == ("Film", 3)
    assert split_part("Dune Part 2") == ("Dune Part 2", None)
    assert split_part("part1") == ("part1", None) and split_part("Apt1") == ("Apt1", None)


@pytest.mark.parametrize(
    ("stem", "folder", "label"),
    [
        ("Film (2020)", "Film (2020)", ""),
        ("Film (2020) - 4K", "Film (2020)", "4K"),
        ("film (2020) [1080p]", "Film (2020)", "1080p"),
        ("Film (2020) {edition-Director's Cut}", "Film (2020)", "Director's Cut"),
        ("Film", "Film (2020)", ""),
        ("00001", "Film (2020)", "00001"),
        ("Other (1999)", "Film (2020)", None),
        ("Film", "Film", ""),
        ("Film - 1080p", "Film", "1080p"),
        ("Film - The Sequel", "Film", None),
        ("Filmed", "Film", None),
        (unicodedata.normalize("NFD", "Märchen (1999)"), unicodedata.normalize("NFC", "Märchen (1999)"), ""),
    ],
)
def test_version_labels(stem, folder, label):
    assert version_label(stem, folder) == label


def test_what_is_listed():
    for name in ("a.ts", "a.TS", "a.m2ts", "a.mts", "a.mpg", "a.mkv", "a.trp", "a.rec", "a.vob", "a b.c.wtv", "ä.3gp"):
        assert is_recording(name)
    for name in (".a.ts", "a", "ts", "a.txt", "a.jpg", "a.ts.part", "a.srt", ".ts"):
        assert not is_recording(name)


def test_text():
    assert display("a\udcff\tb") == "a\ufffd b"
    assert fold("ÄÉß") == "aess"
    assert sort_text("Teil 2") < sort_text("Teil 10") < sort_text("teilen")
    assert matches("", "x") and matches("b A", "ab") and not matches("abc", "ab")
    assert path_hash("a", "b") != path_hash("ab", "") and len(path_hash("a")) == 20


NAMES = st.one_of(
    st.text(max_size=30),
    st.binary(min_size=1, max_size=20).map(os.fsdecode),
    st.lists(
        st.sampled_from(
            ["Film", " ", "(2020)", " - ", "s01e02", "S1E1-E3", "1x02", "Season 1", "Specials", "cut", "cut 2", "pt1",
             "2024-05-31", "4K", ".", "_", "[x]", "{edition-Y}", "Staffel 3", "e05", "12", "ä", "a\u0308", "\udcfe"]
        ),
        max_size=6,
    ).map("".join),
)  # fmt: skip


@given(NAMES, NAMES)
def test_any_name(name, other):
    assert display(name).encode("utf-8") is not None
    assert movie_name(name).title
    season_number(name)
    for in_season in (False, True):
        found = episode_name(name, in_season)
        if found is not None and found.episode is not None:
            assert found.last >= found.episode
    version_label(name, other)
    base, part = split_part(name)
    assert part is None or base
    cut = split_cut(name)
    assert cut is None or name == " ".join(cut)
    assert len(path_hash(name, other)) == 20


PATHS = st.lists(
    NAMES.filter(
        lambda n: n and "/" not in n and "\0" not in n and not n.startswith(".") and fold(n) not in EXTRAS_FOLDERS
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(PATHS, max_size=12, unique_by=tuple))
def test_any_tree_is_listed_whole(paths):
    """Every recording is listed once, unless it is an extra; everything fits together; ids are ids."""
    files = [FoundFile((*path[:-1], f"{path[-1]}.ts"), 1, 1) for path in paths]
    top = sorted({file.parts[0] for file in files if len(file.parts) > 1})
    listing = arrange("lib", "Library", Found(top, sorted(files, key=lambda f: f.parts), {}))
    assert sorted(recorded.parts for recorded in listing.recordings.values()) == sorted(file.parts for file in files)
    assert {s.id for s in listing.sections} == set(listing.top)
    versions = [v.recording for item in listing.items.values() for v in item.versions]
    assert sorted(versions) == sorted(listing.recordings)
    for key, item in listing.items.items():
        assert key == item.id and ID_PATTERN.match(key) and item.title
        json.dumps(item.title).encode()
        item.title.encode("utf-8")
        assert (item.recording is not None) == (item.type in {"movie", "episode"})
        assert len({v.label for v in item.versions}) == len(item.versions) or len(item.versions) > 1
    for parent, children in listing.children.items():
        assert children and all(child.parent == parent for child in children)
        assert all(listing.items[child.id] == child for child in children)
    again = arrange("lib", "Library", Found(top, sorted(files, key=lambda f: f.parts), {}))
    assert again == listing


@settings(max_examples=50)
@given(st.lists(PATHS, max_size=8, unique_by=tuple))
def test_a_cut_beside_any_file_changes_no_id(paths):
    files = sorted((FoundFile((*path[:-1], f"{path[-1]}.ts"), 1, 1) for path in paths), key=lambda f: f.parts)
    top = sorted({file.parts[0] for file in files if len(file.parts) > 1})
    before = arrange("lib", "L", Found(top, files, {}))
    if not files:
        return
    stem = files[0].parts[-1].removesuffix(".ts")
    cut = FoundFile((*files[0].parts[:-1], f"{stem} cut.ts"), 1, 1)
    if cut.parts in {file.parts for file in files}:
        return
    after = arrange("lib", "L", Found(top, sorted([*files, cut], key=lambda f: f.parts), {}))
    assert set(before.items) < set(after.items)
    assert set(before.recordings) < set(after.recordings)
