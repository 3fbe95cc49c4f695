"""The previews that a server made for its own players, as the one BIF file in which it hands them out."""

from __future__ import annotations

import logging
from typing import Any

from plexcut.errors import ItemNotFound, LibraryOffline, NotAllowed
from plexcut.library.plex.client import PlexClient

log = logging.getLogger(__name__)

_KINDS = ("sd",)
_MARK = b"\x89BIF"


def fetch_previews(client: PlexClient, part: Any) -> bytes | None:
    """The previews of a part of an item; None where the server has none, or does not hand them out.

    `part` is plexapi's; a server names the kinds of previews in its attribute `indexes`.
    """
    kind = next((kind for kind in _KINDS if kind in str(part.indexes or "").lower().split(",")), None)
    if kind is None or not str(part.id).isdigit():
        return None
    try:
        data, _ = client.data(f"/library/parts/{part.id}/indexes/{kind}", not_found=ItemNotFound)
    except (ItemNotFound, LibraryOffline, NotAllowed) as error:
        log.info("no previews: %s", error.message)
        return None
    return data if data.startswith(_MARK) else None
