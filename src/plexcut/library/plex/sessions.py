"""Who watches what on a Plex server now: its answer to `/status/sessions`, which it gives to its owner only."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from plexcut.domain.catalog import Viewing
from plexcut.library.text import display

KEY = "/status/sessions"


def viewings(answer: Element, rating_key: str, part: Any, parts: list[Any]) -> tuple[Viewing, ...]:
    """The sessions that play one file: `part` of the item `rating_key`, whose files are `parts` (plexapi's objects).

    A session that does not say which file of the item it plays (a transcoded one may not) counts as well.
    """
    others = {str(other.id) for other in parts if other is not part}
    found = []
    for session in answer:
        if session.tag != "Video" or session.attrib.get("ratingKey") != rating_key:
            continue
        played = _played(session)
        if played and played <= others:
            continue
        user, player = session.find("User"), session.find("Player")
        found.append(
            Viewing(
                user=_attribute(user, "title"),
                player=_attribute(player, "title") or _attribute(player, "product"),
                state=_attribute(player, "state") or "playing",
                position_s=_seconds(session.attrib.get("viewOffset")),
            )
        )
    return tuple(found)


def _played(session: Element) -> set[str]:
    """The ids of the files that a session plays, as far as it says so."""
    parts = [part for media in session.iter("Media") for part in media.iter("Part")]
    selected = [part for part in parts if part.attrib.get("selected") == "1"] or parts
    return {part.attrib["id"] for part in selected if part.attrib.get("id")}


def _attribute(element: Element | None, name: str) -> str:
    return display(element.attrib.get(name, "")) if element is not None else ""


def _seconds(milliseconds: str | None) -> float | None:
    text = milliseconds or ""
    return int(text) / 1000 if text.isascii() and text.isdigit() else None
