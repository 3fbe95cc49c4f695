"""What a Plex server does with one file now: who plays it, and whether it still records it.

`/status/sessions` lists what is played, `/media/subscriptions/scheduled` what its DVR records and is going to
(`MediaGrabOperation`, with `status` `inprogress` or `postprocessing` while it works on the file). A recording names its
file, or the item that it has become.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol
from xml.etree.ElementTree import Element

from plexcut.domain.paths import PlexPath
from plexcut.domain.uses import FileUse
from plexcut.errors import ItemNotFound, NotAllowed
from plexcut.library.plex.client import PlexClient
from plexcut.library.plex.mapping import item_id, parts_of
from plexcut.library.plex.sessions import KEY as SESSIONS
from plexcut.library.plex.sessions import viewings

log = logging.getLogger(__name__)

RECORDINGS = "/media/subscriptions/scheduled"
_AT_WORK = {"inprogress", "postprocessing"}


class Catalog(Protocol):
    """What is needed of the library itself."""

    id: str

    def source_of(self, item: str) -> Any:
        """An item, as plexapi has it. Raises `ItemNotFound`."""


def use_of(catalog: Catalog, client: PlexClient, file: str) -> FileUse:
    """Who uses `file`, a path as the server names it.

    Raises:
        LibraryOffline. NotAllowed: the server tells nobody but its owner who plays what.
    """
    path = PlexPath.of(file)
    try:
        played = client.xml(SESSIONS, not_found=NotAllowed)
    except NotAllowed:
        raise NotAllowed(
            f"the Plex server of library {catalog.id!r} does not tell who is watching",
            "it tells its owner only: set the owner's token for this library",
        ) from None
    watching = [
        viewing
        for key in sorted({session.attrib.get("ratingKey", "") for session in played if session.tag == "Video"})
        for source, part in _parts(catalog, key)
        if _is(part.file, path)
        for viewing in viewings(played, key, part, parts_of(source))
    ]
    return FileUse(tuple(watching), _is_recorded(catalog, client, path))


def _is_recorded(catalog: Catalog, client: PlexClient, path: PlexPath) -> bool:
    try:
        answer = client.xml(RECORDINGS, not_found=ItemNotFound)
    except (ItemNotFound, NotAllowed):  # a server without a DVR, or one that tells its owner only
        return False
    return any(
        _names(catalog, operation, path)
        for operation in answer.iter("MediaGrabOperation")
        if operation.attrib.get("status") in _AT_WORK
    )


def _names(catalog: Catalog, operation: Element, path: PlexPath) -> bool:
    if any(_is(part.attrib.get("file"), path) for part in operation.iter("Part")):
        return True
    keys = {video.attrib.get("ratingKey", "") for video in operation.iter("Video")}
    keys.add(operation.attrib.get("linkedKey", "").rpartition("/")[2])
    return any(_is(part.file, path) for key in keys for _, part in _parts(catalog, key))


def _parts(catalog: Catalog, key: str) -> list[tuple[Any, Any]]:
    """An item of the library and each of its files; none of what is no item of it (live television, the guide)."""
    if not (key.isascii() and key.isdigit()):
        return []
    try:
        source = catalog.source_of(item_id(catalog.id, key))
        return [(source, part) for part in parts_of(source)]
    except (ItemNotFound, AttributeError):
        return []


def _is(file: str | None, path: PlexPath) -> bool:
    return bool(file) and PlexPath.of(str(file)).same_as(path)
