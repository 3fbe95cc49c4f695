"""The built page: its files, its addresses, and the cookie that it sets."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from plexcut.web.page import with_base
from tests.web.conftest import Running


@pytest.mark.parametrize("path", ["/", "/index.html", "/recordings/home~r1", "/some/deep/address", "/apis", "/x.ts"])
def test_addresses_of_the_page(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "the page" in answer.text
    assert '<base href="/">' in answer.text
    assert "no-cache" in answer.headers["Cache-Control"]


def test_files_of_the_page(client: httpx.Client) -> None:
    asset = client.get("/assets/index-abc123.js")
    assert (asset.status_code, asset.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in asset.headers["Cache-Control"]
    again = client.get("/assets/index-abc123.js", headers={"If-None-Match": asset.headers["ETag"]})
    assert again.status_code == 304
    icon = client.get("/favicon.svg")
    assert (icon.text, icon.headers["Content-Type"]) == ("<svg/>", "image/svg+xml")
    assert "secret stamp" not in client.get("/.sources").text
    assert client.head("/").status_code == 200


def test_what_is_worth_it_is_compressed(client: httpx.Client, dist: Path) -> None:
    script = "export const text = 'x'\n" * 1000
    (dist / "assets" / "long-1.js").write_text(script)
    (dist / "assets" / "font-1.woff2").write_bytes(bytes(5000))
    packed = client.get("/assets/long-1.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert (packed.text, packed.headers["Content-Encoding"]) == (script, "gzip")
    assert int(packed.headers["Content-Length"]) < len(script) / 20
    plain = client.get("/assets/long-1.js", headers={"Accept-Encoding": "identity"})
    assert (plain.text, "Content-Encoding" in plain.headers) == (script, False)
    refused = client.get("/assets/long-1.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for answer, encoding in ((packed, "gzip"), (plain, "identity")):
        headers = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": encoding}
        assert client.get("/assets/long-1.js", headers=headers).status_code == 304
    for small in ("/assets/index-abc123.js", "/assets/font-1.woff2"):
        assert "Content-Encoding" not in client.get(small, headers={"Accept-Encoding": "gzip"}).headers


def test_without_a_built_page_it_says_what_to_do(server: Running, dist: Path) -> None:
    (dist / "index.html").unlink()
    answer = server.client().get("/")
    assert answer.status_code == 503
    assert "make page" in answer.text
    assert server.client().get("/api/health").status_code == 200


def test_each_browser_gets_a_selection_of_its_own(server: Running) -> None:
    one, two, script = server.client(), server.client(), server.client()
    for browser in (one, two):
        cookie = browser.get("/").headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    assert "Set-Cookie" not in one.get("/").headers
    assert one.cookies["plexcut_client"] != two.cookies["plexcut_client"]
    one.put("/api/selection", json={"movie": "home~m2"})
    two.put("/api/selection", json={"movie": "home~m3", "pos_s": 12.5})
    answer = script.get("/api/selection")
    assert "Set-Cookie" not in answer.headers
    assert answer.json()["movie"]["id"] == "home~m1"
    assert one.get("/api/selection").json()["movie"]["id"] == "home~m2"
    chosen = two.get("/api/selection").json()
    assert (chosen["movie"]["id"], chosen["pos_s"]) == ("home~m3", 12.5)
    assert set(chosen) == {
        *("library", "section_type", "section", "shows", "show", "seasons", "season", "movies", "movie"),
        *("pos_s", "eta_s"),
    }
    assert chosen["shows"] is None


def test_a_cookie_that_is_not_ours_is_no_cookie(server: Running) -> None:
    for value in ("short", "x" * 100, "../../../etc/passwd.....", "a b c d e f g h i j"):
        server.client(cookies={"plexcut_client": value}).get("/api/selection")
        assert server.plexdata.calls[-1] == ("selection", None)


def test_selection_refuses_what_it_does_not_know(client: httpx.Client) -> None:
    assert client.put("/api/selection", json={"movie": "home~m99"}).status_code == 404
    for wrong in ({"pos_s": "#5"}, {"pos_s": "later"}, {"movie": 5}, {"film": "home~m1"}, {"pos_s": True}):
        assert client.put("/api/selection", json=wrong).status_code == 400, wrong
    assert client.put("/api/selection", json={"pos_s": -1}).status_code == 422
    assert client.put("/api/selection", json={"pos_s": "1:02.5"}).json()["pos_s"] == 62.5


def test_the_base_is_put_where_there_is_none() -> None:
    assert with_base(b"<html><head><title>", "/cut") == b'<html><head><base href="/cut/"><title>'
    assert with_base(b'<head>\n<base href="/" /><title>', "") == b'<head>\n<base href="/"><title>'
