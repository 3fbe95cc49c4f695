"""Our mappers over what real servers answered, where those records are at hand."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from plexapi.video import Episode, Movie, Season, Show

from plexcut.domain.catalog import ID_PATTERN
from plexcut.library.plex.client import PlexAddress, PlexClient
from plexcut.library.plex.mapping import item_of, sections_of

_RECORDS = Path(os.environ.get("PLEXCUT_TEST_PLEX_RECORDS", Path(__file__).resolve().parents[3] / "shared/plex"))
RECORDS = sorted(_RECORDS.glob("*.xml")) if _RECORDS.is_dir() else []

EPISODE = """
<MediaContainer size="1" librarySectionID="2">
<Video ratingKey="90" parentRatingKey="89" grandparentRatingKey="22" type="episode" title="Pilot"
 grandparentTitle="The 100" index="1" parentIndex="1" year="2014" thumb="/library/metadata/90/thumb/1" duration="5062"
 addedAt="1579514154"><Media id="76" duration="5062" width="1280" height="720" videoCodec="mpeg2video"
 videoResolution="720" container="mpegts"><Part id="1" key="/library/parts/1/1/file.ts" duration="5000"
 file="/data/a.ts" size="7"/><Part id="2" key="/library/parts/2/1/file.ts" file="/data/b.ts"/></Media>
</Video></MediaContainer>"""

ODD = """
<MediaContainer size="4" librarySectionID="2">
<Video ratingKey="1" type="movie" title="" year="MMXX" addedAt="soon" duration="-5" thumb="https://elsewhere/x.jpg">
<Media width="wide"><Part/></Media></Video>
<Video ratingKey="x" type="movie" title="no key"/>
<Video ratingKey="3" type="clip" title="clip"/>
<Directory leafCount="3" key="/library/metadata/22/allLeaves" title="All episodes"/>
</MediaContainer>"""


@pytest.fixture
def client(monkeypatch):
    client = PlexClient("test", PlexAddress("http://127.0.0.1:9", "token"))

    def nothing(*args, **kwargs) -> Element:
        raise AssertionError("a mapper asked the server")

    monkeypatch.setattr(client, "data", nothing)
    return client


def test_an_episode_in_two_parts(client):
    (source,) = client.items(fromstring(EPISODE), "/library/metadata/90")
    item = item_of("home", source, "home~s9")
    assert (item.id, item.section, item.parent, item.show) == ("home~90", "home~s9", "home~89", "home~22")
    assert (item.index, item.parent_index, item.show_title, item.added_at) == (1, 1, "The 100", 1579514154)
    assert item.duration_s == 5.062 and item.has_thumb
    first, second = item.versions
    assert item.recording == first.recording != second.recording
    assert (first.label, first.video_codec, first.size_bytes, first.duration_s, first.container) == (
        "720p MPEG-2 · part 1 of 2", "mpeg2video", 7, 5.0, "mpegts",
    )  # fmt: skip
    assert (second.part, second.parts, second.size_bytes, second.duration_s) == (2, 2, None, None)


def test_odd_values(client):
    sources = client.items(fromstring(ODD), "/library/sections/2/all")
    items = [item_of("home", source, "home~s9") for source in sources]
    assert [item is None for item in items] == [False, True, True, True]
    odd = items[0]
    assert (odd.title, odd.year, odd.duration_s, odd.has_thumb) == ("?", None, None, False)
    assert odd.versions[0].width is None and ID_PATTERN.match(odd.versions[0].recording)


@pytest.mark.skipif(not RECORDS, reason="no recorded answers here")
@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name)
def test_recorded_answers(client, record):
    root = fromstring(record.read_bytes())
    if "librar" in record.name:
        for section in sections_of("home", root):
            assert ID_PATTERN.match(section.id) and section.section_type in {"movie", "show"}
    if root.tag != "MediaContainer" or "sessions" in record.name or "hubs" in record.name or "search" in record.name:
        return
    for source in client.items(root, "/library/sections/1/all"):
        item = item_of("home", source, "home~s1", show="home~1")
        if not isinstance(source, Movie | Show | Season | Episode) or source.ratingKey is None:
            assert item is None
            continue
        assert item.id == f"home~{source.ratingKey}" and item.title == source.title
        if isinstance(source, Movie | Episode):
            assert [v.size_bytes for v in item.versions] == [p.size for m in source.media for p in m.parts]
            assert all(ID_PATTERN.match(v.recording) and v.label for v in item.versions)
            assert source.duration is None or item.duration_s == source.duration / 1000
        if isinstance(source, Season | Episode):
            assert item.parent is not None and item.show is not None


@pytest.mark.skipif(not RECORDS, reason="no recorded answers here")
def test_recorded_sections():
    found = sections_of("home", fromstring((_RECORDS / "library_sections.xml").read_bytes()))
    assert [(s.id, s.title, s.section_type) for s in found] == [
        ("home~s1", "Movies", "movie"),
        ("home~s2", "TV Shows", "show"),
    ]
