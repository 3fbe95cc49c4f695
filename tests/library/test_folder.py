"""The folder library on real folders: what is listed, under which names, and what is refused."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import unicodedata

import pytest
from PIL import Image

from plexcut.domain.catalog import ID_PATTERN, ItemQuery
from plexcut.errors import ItemNotFound, LibraryOffline, RecordingNotFound, SectionNotFound, UsageError
from plexcut.library.folder import FolderLibrary
from tests.library.folders import everything, library, make, titles


def test_top_folders_are_sections_typed_by_what_is_in_them(tmp_path):
    make(
        tmp_path,
        "Movies/Alien (1979)/Alien (1979).ts",
        "Shows/Dark/Season 1/Dark - s01e01.ts",
        "Serien/Tatort/Staffel 2/Folge.ts",
        "DVR/Show.S02E03.mkv",
        "loose.ts",
        ".grab/x.ts",
        ".plexcut/trash/x.ts",
        "Movies/.plexcut/y.ts",
        "Movies/notes.txt",
    )
    lib = library(tmp_path)
    found = [(s.title, s.section_type) for s in lib.sections()]
    assert found == [
        ("DVR", "show"), ("Movies", "movie"), ("Serien", "show"), ("Shows", "show"), ("Recordings", "movie"),
    ]  # fmt: skip
    assert titles(lib, 1) == ["Alien"]
    assert titles(lib, 4) == ["loose"]
    assert not any("x" in i.title or i.title == "y" for i in everything(lib) if i.type == "movie")


def test_movies_versions_parts_and_cuts(tmp_path):
    make(
        tmp_path,
        "M/Film (2020)/Film (2020) - 1080p.ts",
        "M/Film (2020)/Film (2020) - 4K.mkv",
        "M/Film (2020)/Film (2020) - 4K cut.mkv",
        "M/Film (2020)/Trailers/t.ts",
        "M/Long (1999)/Long (1999) - pt1.ts",
        "M/Long (1999)/Long (1999) - pt2.ts",
        "M/Loose One.ts",
        "M/Loose One cut.ts",
        "M/Loose One cut 2.ts",
        "M/Final cut.ts",
        "M/Group/A.ts",
        "M/Group/B.ts",
    )
    lib = library(tmp_path)
    items = {i.title: i for i in lib.items(lib.sections()[0].id, ItemQuery()).items}
    assert list(items) == [
        "A", "B", "Film", "Film - 4K cut", "Final cut", "Long", "Loose One", "Loose One cut", "Loose One cut 2",
    ]  # fmt: skip
    assert [(v.label, v.container) for v in items["Film"].versions] == [("4K", "mkv"), ("1080p", "ts")]
    assert items["Film"].year == 2020
    assert [(v.label, v.part, v.parts) for v in items["Long"].versions] == [
        ("part 1 of 2", 1, 2),
        ("part 2 of 2", 2, 2),
    ]
    assert items["Film"].recording == items["Film"].versions[0].recording
    assert items["Film"].versions[0].size_bytes == 10


def test_a_cut_beside_its_original_changes_no_id(tmp_path):
    make(
        tmp_path, "M/F (2001)/rec.ts", "M/x.ts", "S/Show/Season 1/Show - s01e01 - Hi.ts", "S/Show/Show - 2024-05-31.ts"
    )
    lib = library(tmp_path)
    before = {i.id for i in everything(lib)}
    make(tmp_path, "M/F (2001)/rec cut.ts", "M/x cut.ts", "S/Show/Season 1/Show - s01e01 - Hi cut.ts")
    make(tmp_path, "S/Show/Show - 2024-05-31 cut.ts")
    assert lib.refresh()
    after = everything(lib)
    assert before < {i.id for i in after}
    assert len(after) == len(before) + 4
    episodes = [i for i in after if i.type == "episode"]
    assert [(e.title, e.parent_index, e.index) for e in episodes] == [
        ("Hi", 1, 1), ("Hi cut", 1, 1), ("2024-05-31", 2024, None), ("2024-05-31 cut", 2024, None),
    ]  # fmt: skip
    again = everything(library(tmp_path))
    assert [i.id for i in again] == [i.id for i in after]
    recordings = [v.recording for i in after for v in i.versions]
    assert len(set(recordings)) == len(recordings) == 8


def test_shows_seasons_and_episodes(tmp_path):
    make(
        tmp_path,
        "TV/Show (2010)/Season 01/Show (2010) - s01e02 - Second.ts",
        "TV/Show (2010)/Season 01/Show (2010) - s01e10.ts",
        "TV/Show (2010)/Season 01/Show (2010) - s01e01-e02 - Both.ts",
        "TV/Show (2010)/Season 10/Show (2010) - s10e01.ts",
        "TV/Show (2010)/Staffel 2/1x03 but in two.ts",
        "TV/Show (2010)/Staffel 2/03 Third.ts",
        "TV/Show (2010)/Specials/Show - s00e01 - Extra.ts",
        "TV/Show (2010)/Interview.ts",
        "TV/News/Season 2024/News - 2024-05-31 - Evening.ts",
        "TV/News - s01e07 - Loose.ts",
        "TV/Alone.S02E03.Name.ts",
    )
    lib = library(tmp_path)
    shows = {i.title: i for i in lib.items(lib.sections()[0].id, ItemQuery()).items}
    assert set(shows) == {"Show", "News", "Alone"}
    assert shows["Show"].year == 2010 and shows["Show"].recording is None and shows["Show"].versions == ()
    seasons = lib.children(shows["Show"].id)
    assert [(s.title, s.index) for s in seasons] == [
        ("Specials", 0), ("Season 1", 1), ("Season 2", 2), ("Season 10", 10), ("Other episodes", None),
    ]  # fmt: skip
    assert all(s.parent == s.show == shows["Show"].id for s in seasons)
    first = lib.children(seasons[1].id)
    assert [(e.title, e.index) for e in first] == [
        ("Both", 1), ("Second", 2), ("but in two", 3), ("Episode 10", 10),
    ]  # fmt: skip
    assert all(e.parent == seasons[1].id and e.show == shows["Show"].id and e.show_title == "Show" for e in first)
    assert [e.title for e in lib.children(seasons[2].id)] == ["Third"]
    news = lib.children(shows["News"].id)
    assert [(s.index, [e.title for e in lib.children(s.id)]) for s in news] == [
        (1, ["Loose"]),
        (2024, ["2024-05-31 - Evening"]),
    ]
    assert lib.recording(first[0].recording).title == "Show - S01E01 - Both"
    assert lib.children(first[0].id) == ()


def test_versions_of_an_episode(tmp_path):
    make(tmp_path, "TV/S/Season 1/S - s01e01 - Pilot - 720p.ts", "TV/S/Season 1/S - s01e01 - Pilot - 1080i.ts")
    lib = library(tmp_path)
    show = lib.items(lib.sections()[0].id, ItemQuery()).items[0]
    (episode,) = lib.children(lib.children(show.id)[0].id)
    assert episode.title == "Pilot"
    assert [v.label for v in episode.versions] == ["720p", "1080i"]


def test_search_and_natural_order(tmp_path):
    nfd = unicodedata.normalize("NFD", "Märchen 2 (1990)")
    make(tmp_path, f"M/{nfd}.ts", "M/Märchen 10.ts", "M/Ärger.ts", "M/Zug.ts", "M/(Bumm).ts", "M/Straße.ts")
    lib = library(tmp_path)
    assert titles(lib) == ["Ärger", "(Bumm)", "Märchen 2", "Märchen 10", "Straße", "Zug"]
    assert titles(lib, search="MARCHEN") == ["Märchen 2", "Märchen 10"]
    assert titles(lib, search="märchen 10") == ["Märchen 10"]
    assert titles(lib, search=unicodedata.normalize("NFD", "ärger")) == ["Ärger"]
    assert titles(lib, search="strasse") == ["Straße"]
    assert titles(lib, sort="-title")[0] == "Zug"
    assert titles(lib, sort="year")[0] == titles(lib, sort="-year")[0] == "Märchen 2"
    assert titles(lib, offset=1, limit=2) == ["(Bumm)", "Märchen 2"]
    section = lib.sections()[0].id
    assert lib.items(section, ItemQuery(offset=5, limit=2)).total == 6
    assert lib.items(section, ItemQuery(offset=50)).items == ()
    with pytest.raises(UsageError):
        lib.items(section, ItemQuery(limit=0))


def test_added_at_sorts_by_the_file_s_time(tmp_path):
    make(tmp_path, "M/a.ts", "M/b.ts")
    os.utime(tmp_path / "M/a.ts", (2000, 2000))
    os.utime(tmp_path / "M/b.ts", (1000, 1000))
    lib = library(tmp_path)
    assert titles(lib, sort="added_at") == ["b", "a"]
    assert titles(lib, sort="-added_at") == ["a", "b"]


def test_names_that_are_not_utf8(tmp_path):
    make(tmp_path, b"M\xff/caf\xe9 \n.ts", "M/\N{CAT FACE}\u202e.ts")
    lib = library(tmp_path)
    for item in everything(lib):
        json.dumps(item.title).encode()
        item.title.encode("utf-8")
        assert "\n" not in item.title
        assert ID_PATTERN.match(item.id) and ID_PATTERN.match(item.recording)
        file = lib.recording(item.recording)
        assert file.path.read_bytes() == b"x" * 10
    assert any("caf\ufffd" in i.title for i in everything(lib))
    assert everything(library(tmp_path)) == everything(lib)


def test_links(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "out"
    make(root, "M/real.ts", "Archive/Deep/kept.ts", ".plexcut/old.ts")
    make(outside, "secret.ts", "poster.jpg")
    (root / "M/evil.ts").symlink_to(outside / "secret.ts")
    (root / "M/evildir").symlink_to(outside)
    (root / "M/trash.ts").symlink_to(root / ".plexcut/old.ts")
    (root / "M/loop").symlink_to(root / "M")
    (root / "M/up").symlink_to(root)
    (root / "M/self").symlink_to("self")
    (root / "M/gone.ts").symlink_to("nowhere.ts")
    (root / "M/inner.ts").symlink_to(root / "Archive/Deep/kept.ts")
    (root / "M/Linked").symlink_to("../Archive/Deep")
    os.mkfifo(root / "M/pipe.ts")
    lib = library(root)
    movies = titles(lib, 1)
    assert set(movies) == {"real", "inner", "kept"}
    inner = next(i for i in everything(lib) if i.title == "inner")
    assert lib.recording(inner.recording).path == (root / "Archive/Deep/kept.ts").resolve()
    real = next(i for i in everything(lib) if i.title == "real")
    (root / "M/real.ts").unlink()
    (root / "M/real.ts").symlink_to(outside / "secret.ts")
    with pytest.raises(RecordingNotFound):
        lib.recording(real.recording)


def test_a_root_that_is_a_link(tmp_path):
    make(tmp_path / "real", "M/a.ts")
    (tmp_path / "link").symlink_to("real")
    lib = library(tmp_path / "link")
    file = lib.recording(everything(lib)[0].recording)
    assert file.root == (tmp_path / "real").resolve() and file.path.is_relative_to(file.root)


def test_missing_folder_is_offline_and_comes_back(tmp_path):
    lib = library(tmp_path / "lib")
    for call in (lib.check, lib.sections, lib.refresh):
        with pytest.raises(LibraryOffline, match="is not there"):
            call()
    make(tmp_path / "lib", "M/a.ts")
    assert titles(lib) == ["a"]
    (tmp_path / "lib").rename(tmp_path / "away")
    with pytest.raises(LibraryOffline):
        lib.check()
    with pytest.raises(LibraryOffline):
        lib.sections()
    (tmp_path / "away").rename(tmp_path / "lib")
    make(tmp_path / "lib", "M/b.ts")
    assert titles(lib) == ["a", "b"]
    (tmp_path / "file.ts").write_text("x")
    with pytest.raises(LibraryOffline, match="no folder"):
        library(tmp_path / "file.ts").check()


def test_an_unreadable_folder_is_skipped_with_a_warning(tmp_path, monkeypatch, caplog):
    make(tmp_path, "M/a.ts", "M/locked/b.ts")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    lib = library(tmp_path)
    assert titles(lib) == ["a"]
    lib.refresh()
    assert [r.levelname for r in caplog.records if "locked" in r.getMessage()] == ["WARNING"]


def test_a_folder_that_hangs_is_offline_soon(tmp_path, monkeypatch):
    make(tmp_path, "M/a.ts")
    monkeypatch.setattr("plexcut.library.folder.library._SILENCE_S", 0.2)
    release = threading.Event()
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: release.wait(20) and scandir(path))
    lib = library(tmp_path)
    for _ in range(6):
        with pytest.raises(LibraryOffline, match="does not answer"):
            lib.sections()
    release.set()
    time.sleep(0.3)
    assert titles(lib) == ["a"]


def test_refresh_tells_changes_once(tmp_path):
    make(tmp_path, "M/a.ts")
    lib = library(tmp_path)
    assert lib.refresh()
    assert not lib.refresh()
    make(tmp_path, "M/b.ts")
    assert lib.refresh()
    assert not lib.refresh()
    (tmp_path / "M/a.ts").unlink()
    assert lib.refresh()
    assert titles(lib) == ["b"]


def test_the_watch_notices_new_files(tmp_path):
    make(tmp_path, "M/a.ts")
    lib = FolderLibrary("nas", "N", tmp_path)
    try:
        section = lib.sections()[0].id
        make(tmp_path, "M/b.ts")
        deadline = time.monotonic() + 20
        while lib.items(section, ItemQuery()).total < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert lib.items(section, ItemQuery()).total == 2
        assert lib.refresh()
    finally:
        lib.close()


def test_no_call_sees_half_a_rescan(tmp_path):
    make(tmp_path, *(f"M/{n:03}.ts" for n in range(60)))
    lib = library(tmp_path)
    section = lib.sections()[0].id
    stop = threading.Event()
    wrong: list[object] = []

    def read():
        while not stop.is_set():
            page = lib.items(section, ItemQuery(limit=1000))
            if page.total not in {60, 61} or len(page.items) != page.total:
                wrong.append(page.total)
            if lib.item(page.items[0].id) is None:
                wrong.append("item")

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(20):
        path = tmp_path / "M/extra.ts"
        path.write_bytes(b"") if n % 2 == 0 else path.unlink()
        lib.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def picture(width: int, height: int, fmt: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, fmt)
    return out.getvalue()


def test_posters(tmp_path):
    make(tmp_path, "M/A (2000)/A.ts", "M/b.ts", "M/c.ts", "T/S/Season 01/S - s01e01.ts", "T/S/Season 02/S - s02e01.ts")
    (tmp_path / "M/A (2000)/Poster.PNG").write_bytes(picture(900, 1200, "PNG"))
    (tmp_path / "M/b.jpg").write_bytes(picture(100, 150))
    (tmp_path / "M/c.jpg").write_bytes(b"not a picture")
    (tmp_path / "T/S/folder.jpg").write_bytes(picture(30, 40))
    (tmp_path / "T/S/Season 01/Season01.jpg").write_bytes(picture(10, 20))
    (tmp_path / "T/S/Season 01/S - s01e01.jpg").write_bytes(picture(16, 9))
    lib = library(tmp_path)
    a, b, c, show, one, two, first, second = everything(lib)
    thumb = lib.thumb(a.id, 300)
    assert a.has_thumb and thumb.media_type == "image/jpeg"
    assert Image.open(io.BytesIO(thumb.data)).size == (300, 400)
    assert Image.open(io.BytesIO(lib.thumb(b.id, 300).data)).size == (100, 150)
    assert lib.thumb(c.id, 300) is None
    sizes = [Image.open(io.BytesIO(lib.thumb(i.id, 300).data)).size for i in (show, one, two, first)]
    assert sizes == [(30, 40), (10, 20), (30, 40), (16, 9)]
    assert not second.has_thumb and lib.thumb(second.id, 300) is None


def test_unknown_ids(tmp_path):
    make(tmp_path, "M/a.ts")
    lib = library(tmp_path)
    with pytest.raises(SectionNotFound):
        lib.items("nas~nope", ItemQuery())
    for call in (lib.item, lib.children, lambda item: lib.thumb(item, 100)):
        with pytest.raises(ItemNotFound):
            call("nas~../../etc")
    with pytest.raises(RecordingNotFound):
        lib.recording("nas~nope")
    item = everything(lib)[0]
    (tmp_path / "M/a.ts").unlink()
    with pytest.raises(RecordingNotFound, match="gone"):
        lib.recording(item.recording)


def test_a_thousand_files_and_an_empty_folder(tmp_path):
    assert library(tmp_path).sections() == ()
    make(tmp_path, *(f"M/Film {n} (2000)/Film {n} (2000).ts" for n in range(1000)))
    lib = library(tmp_path)
    page = lib.items(lib.sections()[0].id, ItemQuery())
    assert page.total == 1000 and [i.title for i in page.items[:3]] == ["Film 0", "Film 1", "Film 2"]
