"""Chapters and markers as a Plex server tells them."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from plexcut.domain.landmarks import Chapter, Marker
from plexcut.library.plex.mapping import marks_of

_ANSWER = """<MediaContainer size="1"><Video ratingKey="7" type="movie" title="A">
<Chapter id="1" tag="The beginning" index="1" startTimeOffset="0" endTimeOffset="300500"/>
<Chapter id="2" index="2" startTimeOffset="300500" endTimeOffset="600000"/>
<Chapter id="3" index="3" startTimeOffset="soon" endTimeOffset="600000"/>
<Marker id="4" type="commercial" startTimeOffset="60000" endTimeOffset="180040"/>
<Marker id="5" type="credits" startTimeOffset="500000" endTimeOffset="600000" final="1"/>
<Marker id="6" type="bookmark" startTimeOffset="1" endTimeOffset="2"/>
<Marker id="7" type="intro" startTimeOffset="9" endTimeOffset="9"/>
</Video></MediaContainer>"""


def test_what_a_server_tells() -> None:
    found = marks_of(fromstring(_ANSWER))
    assert found.chapters == (Chapter("The beginning", 0, 300_500_000), Chapter("", 300_500_000, 600_000_000))
    assert found.markers == (
        Marker("commercial", 60_000_000, 180_040_000),
        Marker("credits", 500_000_000, 600_000_000),
        Marker("other", 1_000, 2_000),
    )


def test_nothing_is_nothing() -> None:
    found = marks_of(fromstring("<MediaContainer/>"))
    assert (found.chapters, found.markers) == ((), ())
