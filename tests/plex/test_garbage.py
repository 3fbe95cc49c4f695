"""Whatever a server answers, the library fails with an error of ours or gives sound items."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plexcut.domain.catalog import ID_PATTERN, Item, ItemQuery
from plexcut.errors import PlexcutError
from plexcut.library.plex import PlexLibrary
from tests.plex.content import PlexContent

CONTENT = PlexContent("t")
CONTENT.add_section("Movies", "movie")
CONTENT.add_section("Shows", "show")
CONTENT.add_movie(1, "A", ["/share/a.ts", ["/share/b.ts", "/share/c.ts"]], year=2000, thumb="/t")
SHOW = CONTENT.add_show(2, "S")
EPISODE = CONTENT.add_episode(SHOW, 1, 1, "E", ["/share/e.ts"])
PAGES = [
    CONTENT.answer(path, {}, {"x-plex-token": "t", "x-plex-container-size": "50"})[2]
    for path in (
        "/library/sections",
        "/library/sections/1/all",
        "/library/sections/2/all",
        "/library/metadata/100",
        f"/library/metadata/{SHOW}/children",
        f"/library/metadata/{CONTENT.season_of(EPISODE)}/children",
    )
]
ODD = [
    "",
    "-1",
    "99999999999999999999",
    "NaN",
    "1e9",
    "../..",
    "x",
    "\u0663",
    "http://x/",
    "//x/y",
    "movie",
    "show",
    "clip",
]


@st.composite
def answers(draw) -> bytes:
    text = draw(st.sampled_from(PAGES)).decode()
    for _ in range(draw(st.integers(0, 4))):
        values = [part for n, part in enumerate(text.split('"')) if n % 2]
        old = draw(st.sampled_from(values))
        text = text.replace(f'"{old}"', f'"{draw(st.sampled_from(ODD))}"')
    data = text.encode()
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=5)) + data[at + draw(st.integers(0, 40)) :]
    return data


def sound(item: Item) -> None:
    assert ID_PATTERN.match(item.id) and item.title
    text = json.dumps(asdict(item), allow_nan=False)
    assert text
    for version in item.versions:
        assert ID_PATTERN.match(version.recording)
        assert version.duration_s is None or math.isfinite(version.duration_s)


@pytest.mark.parametrize("name", ["items", "item", "children", "recording", "sections"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(answers(), min_size=1, max_size=3))
def test_any_answer(name, given_answers):
    library = PlexLibrary("home", "Home", "http://127.0.0.1:9", "t")
    waiting = list(given_answers)
    library._client.data = lambda *args, **kwargs: (waiting.pop(0) if len(waiting) > 1 else waiting[0], "text/xml")
    with contextlib.suppress(PlexcutError):
        if name == "items":
            for item in library.items("home~s1", ItemQuery()).items:
                sound(item)
        elif name == "item":
            sound(library.item("home~100"))
        elif name == "children":
            for item in library.children(f"home~{SHOW}"):
                sound(item)
        elif name == "recording":
            library.recording("home~100~0123456789")
        else:
            assert all(ID_PATTERN.match(section.id) for section in library.sections())
