"""The Plex library over real HTTP, with the failures of real life."""

from __future__ import annotations

import logging
import threading
import time
import traceback

import pytest

from plexcut.domain.catalog import ItemQuery
from plexcut.errors import ItemNotFound, LibraryOffline, NotAllowed, PlexcutError, RecordingNotFound, SectionNotFound
from plexcut.library.plex import PlexAddress, PlexLibrary
from tests.plex.server import PlexStandIn, poster


@pytest.fixture
def plex(tmp_path):
    with PlexStandIn() as server:
        server.add_section("Movies", "movie", str(tmp_path))
        server.add_section("Shows", "show", "/share/shows")
        server.add_section("Photos", "photo", "/share/photos")
        (tmp_path / "a.ts").write_bytes(b"abc")
        server.add_movie(1, "A", [str(tmp_path / "a.ts")])
        yield server


def library(plex: PlexStandIn, mappings=(), **more) -> PlexLibrary:
    address = PlexAddress(**{"url": plex.url, "token": plex.token, "timeout_s": 5.0, **more})
    return PlexLibrary.at("home", "Home", address, mappings)


def calls(lib: PlexLibrary, item: str = "home~100"):
    return {
        "sections": lib.sections,
        "refresh": lib.refresh,
        "items": lambda: lib.items("home~s1", ItemQuery()),
        "item": lambda: lib.item(item),
        "children": lambda: lib.children(item),
        "recording": lambda: lib.recording(f"{item}~0123456789"),
    }


def test_only_one_page_is_asked_for(plex):
    plex.fill_movies(1, 2000)
    lib = library(plex)
    page = lib.items("home~s1", ItemQuery(offset=500, limit=60))
    assert page.total == 2001 and len(page.items) == 60
    assert page.items[0].title == "Movie 00499"
    asked = [r for r in plex.requests if "/all" in r.path]
    assert [(r.headers["x-plex-container-start"], r.headers["x-plex-container-size"]) for r in asked] == [("500", "60")]
    assert lib.items("home~s1", ItemQuery(search="  movie 0001  ", sort="-year", limit=3)).total == 10
    assert len(plex.requests) <= 4


def test_a_server_without_pages(plex):
    plex.fill_movies(1, 30)
    plex.pages = False
    page = library(plex).items("home~s1", ItemQuery(offset=10, limit=5))
    assert page.total == 31 and [i.title for i in page.items] == [f"Movie {n:05}" for n in range(9, 14)]


@pytest.mark.parametrize("kind", ["500", "503", "400", "cut", "garbage", "html", "redirect", "gone"])
def test_failures_are_offline_and_pass(plex, kind):
    lib = library(plex)
    assert len(lib.sections()) == 2
    plex.fail(kind)
    for name, call in {**calls(lib), "check": lib.check}.items():
        with pytest.raises(LibraryOffline) as caught:
            call()
        assert "Home" in caught.value.message, name
        assert plex.token not in caught.value.line
    with pytest.raises(LibraryOffline):
        library(plex).sections()
    plex.fail(None)
    assert lib.items("home~s1", ItemQuery()).total == 1
    lib.check()


@pytest.mark.parametrize("kind", ["slow", "trickle"])
def test_every_call_is_bounded_in_time(plex, kind):
    lib = library(plex, timeout_s=0.6)
    lib.sections()
    plex.fail(kind)
    for call in (lib.check, *calls(lib).values()):
        began = time.monotonic()
        with pytest.raises(LibraryOffline, match="does not answer"):
            call()
        assert time.monotonic() - began < 20
    plex.fail(None)
    lib.check()
    assert lib.item("home~100").title == "A"


def test_headers_that_trickle(plex):
    """A server that never ends its headers."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.1):
                try:
                    connection.sendall(b"X")
                except OSError:
                    return

    threading.Thread(target=serve, daemon=True).start()
    lib = library(plex, url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.6)
    began = time.monotonic()
    with pytest.raises(LibraryOffline):
        lib.check()
    assert time.monotonic() - began < 20
    stop.set()
    listener.close()


def test_a_wrong_token(plex):
    for token in ("wrong", "", "späß", "new\nline"):
        lib = library(plex, token=token)
        for call in (lib.check, *calls(lib).values()):
            with pytest.raises(NotAllowed, match="token is not accepted"):
                call()
    lib = library(plex)
    lib.sections()
    plex.fail("401")
    for call in (lib.check, *calls(lib).values()):
        with pytest.raises(NotAllowed, match="token is not accepted"):
            call()


def test_404(plex):
    lib = library(plex)
    lib.sections()
    plex.fail("404", "/library/sections/1/all")
    with pytest.raises(SectionNotFound):
        lib.items("home~s1", ItemQuery())
    plex.fail("404", "/library/metadata")
    for call in (lib.item, lib.children, lambda i: lib.thumb("home~7", 10)):
        with pytest.raises(ItemNotFound):
            call("home~100")
    with pytest.raises(RecordingNotFound):
        lib.recording("home~100~0123456789")
    plex.fail("404")
    with pytest.raises(LibraryOffline):
        lib.check()


def test_a_deleted_item_and_a_deleted_section(plex):
    lib = library(plex)
    item = lib.items("home~s1", ItemQuery()).items[0]
    plex.delete(100)
    with pytest.raises(ItemNotFound):
        lib.item(item.id)
    with pytest.raises(RecordingNotFound):
        lib.recording(item.recording)
    assert lib.items("home~s1", ItemQuery()) == type(lib.items("home~s1", ItemQuery()))((), 0)
    with pytest.raises(SectionNotFound):
        lib.items("home~s3", ItemQuery())  # photos are no section here
    with pytest.raises(SectionNotFound):
        lib.items("home~s9", ItemQuery())


def test_refresh_tells_changes(plex):
    lib = library(plex)
    assert lib.refresh()
    assert not lib.refresh()
    plex.add_movie(1, "B", ["/b.ts"])
    assert lib.refresh()
    assert not lib.refresh()


def test_addresses_that_are_none(plex):
    for url in (
        "",
        "nonsense",
        "http://",
        "http://127.0.0.1:1",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "http://[::1",
    ):
        with pytest.raises(PlexcutError) as caught:
            library(plex, url=url, timeout_s=1).sections()
        assert caught.value.code == "library_offline", url


def test_the_token_is_nowhere(plex, caplog):
    caplog.set_level(logging.DEBUG)
    lib = library(plex)
    plex.set_thumb(100, poster())
    lib.thumb(lib.items("home~s1", ItemQuery()).items[0].id, 100)
    for kind in ("500", "cut", "garbage", "401", "gone"):
        plex.fail(kind)
        try:
            lib.check()
        except PlexcutError:
            assert plex.token not in traceback.format_exc()
    assert plex.token not in caplog.text
    assert all(plex.token not in request.path for request in plex.requests)
    assert plex.token not in repr(vars(lib)) and plex.token not in repr(lib.__dict__["_client"])


def test_posters(plex):
    lib = library(plex)
    assert lib.thumb("home~100", 100) is None
    plex.set_thumb(100, poster(300, 450))
    assert lib.item("home~100").has_thumb
    thumb = lib.thumb("home~100", 100)
    assert thumb.media_type == "image/jpeg" and size(thumb.data)[0] == 100
    assert any("/photo/:/transcode" in r.path for r in plex.requests)
    plex.transcodes = False
    assert size(lib.thumb("home~100", 100).data) == (100, 150)
    plex.fail("html", "/photo")
    assert size(lib.thumb("home~100", 100).data) == (100, 150)
    plex.fail("500", "/photo")
    assert size(lib.thumb("home~100", 100).data) == (100, 150)
    plex.fail(None)
    plex.set_thumb(100, b"no picture")
    assert lib.thumb("home~100", 100) is None
    plex.set_thumb(100, None)
    assert lib.thumb("home~100", 100) is None


def size(data: bytes) -> tuple[int, int]:
    import io

    from PIL import Image

    return Image.open(io.BytesIO(data)).size


def test_paths(plex, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.ts").write_bytes(b"b")
    plex.add_movie(1, "B", ["/mnt/rec/b.ts"])
    plex.add_movie(1, "C", [r"D:\Rec\b.ts"])
    plex.add_movie(1, "Passwd", ["/etc/passwd"])
    lib = library(plex, (("/mnt/rec", other), ("D:\\Rec", other)))
    a, b, c, passwd = lib.items("home~s1", ItemQuery()).items
    assert lib.recording(a.recording).root == tmp_path.resolve()  # no mapping: its section's own location
    assert lib.recording(b.recording).path == lib.recording(c.recording).path == (other / "b.ts").resolve()
    with pytest.raises(RecordingNotFound) as caught:
        lib.recording(passwd.recording)
    assert "path mapping" in caught.value.hint and "/etc/passwd" in caught.value.message


def test_versions_and_parts(plex, tmp_path):
    for name in ("v1.ts", "p1.mkv", "p2.mkv"):
        (tmp_path / name).write_bytes(name.encode())
    key = plex.add_movie(
        1,
        "Many",
        [str(tmp_path / "v1.ts"), [str(tmp_path / "p1.mkv"), str(tmp_path / "p2.mkv")]],
        media=[{"videoResolution": "1080"}, {"videoResolution": "4k", "videoCodec": "hevc", "container": "mkv"}],
    )
    lib = library(plex)
    item = lib.item(f"home~{key}")
    assert [(v.label, v.container, v.video_codec, v.size_bytes, v.part, v.parts) for v in item.versions] == [
        ("1080p H.264", "mpegts", "h264", 5, 1, 1),
        ("4K HEVC · part 1 of 2", "mkv", "hevc", 6, 1, 2),
        ("4K HEVC · part 2 of 2", "mkv", "hevc", 6, 2, 2),
    ]
    assert [lib.recording(v.recording).path.name for v in item.versions] == ["v1.ts", "p1.mkv", "p2.mkv"]
    (tmp_path / "p2.mkv").write_bytes(b"replaced")
    assert lib.item(f"home~{key}").versions[2].recording == item.versions[2].recording


def test_many_threads(plex):
    plex.fill_movies(1, 50)
    lib = library(plex)
    wrong: list[object] = []

    def work() -> None:
        try:
            for _ in range(5):
                if lib.items("home~s1", ItemQuery(limit=20)).total != 51 or lib.item("home~100").title != "A":
                    wrong.append("content")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_page_of_shows_is_one_request(plex):
    for n in range(20):
        plex.add_show(2, f"Show {n}", summary=None)
    lib = library(plex)
    lib.sections()
    before = len(plex.requests)
    assert lib.items("home~s2", ItemQuery()).total == 20
    assert len(plex.requests) - before == 1


def test_an_episode_whose_season_the_answer_leaves_out(plex):
    show = plex.add_show(2, "S")
    key = plex.add_episode(show, 1, 1, "E", ["/share/shows/e.ts"], parentRatingKey=None)
    plex._items[key].attributes["skipParent"] = 1
    lib = library(plex)
    season = lib.children(f"home~{show}")[0]
    assert lib.children(season.id)[0].parent == season.id
