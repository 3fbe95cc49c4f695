"""From Plex's path to the file here."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexcut.library.plex.paths import PlexPath, Unmapped, locate


@pytest.fixture
def here(tmp_path) -> Path:
    for name in ("a/Film.ts", "b/Film.ts", "b/deep/er/x.ts", "ab.ts"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def read(file: str, mappings=(), locations=()) -> str:
    found = locate(file, mappings, locations)
    root, path = found.root, found.path
    assert found.source == path
    assert path.is_relative_to(root)
    return path.read_text()


def test_the_longest_whole_prefix_wins(here):
    mappings = (("/share", here / "a"), ("/share/x/", here / "b"), ("/", here))
    assert read("/share/Film.ts", mappings) == "a/Film.ts"
    assert read("/share/x/Film.ts", mappings) == "b/Film.ts"
    assert read("/share//x/./deep/er/x.ts", mappings) == "b/deep/er/x.ts"
    assert read("/ab.ts", mappings) == "ab.ts"
    with pytest.raises(Unmapped):
        read("/share/xy/Film.ts", (("/share/x", here / "b"),))
    with pytest.raises(Unmapped, match="no path mapping"):
        read("/Share/Film.ts", (("/share", here / "a"),))


def test_windows_paths(here):
    assert read(r"D:\TV\Film.ts", ((r"d:\tv", here / "a"),)) == "a/Film.ts"
    assert read(r"D:\TV\Deep\..\Film.ts".replace(r"Deep\..\ ".strip(), ""), (("D:/TV/", here / "a"),)) == "a/Film.ts"
    assert read(r"\\NAS\rec\deep\er\x.ts", ((r"\\nas\REC", here / "b"),)) == "b/deep/er/x.ts"
    assert read(r"D:\Film.ts", (("D:\\", here / "a"),)) == "a/Film.ts"
    for wrong in (r"D:\TVX\Film.ts", r"C:\TV\Film.ts", r"D:\TV\..\Film.ts", "/D:/TV/Film.ts"):
        with pytest.raises(Unmapped):
            read(wrong, ((r"D:\TV", here / "a"),))


def test_what_leads_out_is_refused(here):
    (here / "a/link.ts").symlink_to(here / "ab.ts")
    (here / "a/inner.ts").symlink_to("Film.ts")
    mappings = (("/share", here / "a"),)
    assert read("/share/inner.ts", mappings) == "a/Film.ts"
    for wrong in (
        "/share/../ab.ts",
        "/share/link.ts",
        "/share",
        "/share/",
        "/share/gone.ts",
        "/share/Film.ts\0",
        "",
        "x",
    ):
        with pytest.raises(Unmapped):
            read(wrong, mappings)
    with pytest.raises(Unmapped, match="not there"):
        read("/share/Film.ts", (("/share", here / "nowhere"),))


def test_without_a_mapping_the_path_itself_counts_within_its_section(here):
    file = str(here / "b/Film.ts")
    found = locate(file, (("/other", here),), (str(here / "a"), str(here), str(here / "b")))
    root, path = found.root, found.path
    assert found.source == path
    assert (root, path) == ((here / "b").resolve(), Path(file).resolve())
    for locations in ((), (str(here / "a"),), ("D:\\",), ("relative",)):
        with pytest.raises(Unmapped):
            locate(file, (), locations)


def test_other_unicode_form(here):
    name = "Märchen.ts"
    (here / "a" / unicodedata.normalize("NFD", name)).write_text("nfd")
    assert read("/s/" + unicodedata.normalize("NFC", name), (("/s", here / "a"),)) == "nfd"
    (here / "a" / unicodedata.normalize("NFC", name)).write_text("nfc")
    assert read("/s/" + unicodedata.normalize("NFC", name), (("/s", here / "a"),)) == "nfc"
    assert read("/s/" + unicodedata.normalize("NFD", name), (("/s", here / "a"),)) == "nfd"


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text(path, prefix):
    try:
        located = locate(path, ((prefix, Path("/nonexistent")),), ("/usr/include",))
        root, found = located.root, located.path
    except Unmapped:
        return
    assert found.is_relative_to(root) and ".." not in PlexPath.of(path).parts
