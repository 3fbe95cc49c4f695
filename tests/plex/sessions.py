"""Who watches on a stand-in for a Plex Media Server, and what it answers about that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PLAYERS = {
    "address": "192.0.2.20",
    "device": "Linux",
    "machineIdentifier": "6c2d0b7e-aa11",
    "model": "bundled",
    "platform": "Chrome",
    "product": "Plex Web",
    "version": "4.145.1",
}


@dataclass
class Session:
    """A player that has an item open. `part` None: it does not say which file (a transcoded one may not)."""

    item: int
    user: str = "Anna"
    player: str = "Living room"
    state: str = "playing"
    offset_ms: int = 60_000
    part: int | None = None
    live: bool = False


@dataclass
class Grab:
    """A recording of the DVR; it names its file, or the item that it has become, or neither while it is young."""

    title: str
    status: str = "inprogress"
    file: str | None = None
    item: int | None = None


class PlexSessions:
    """`watch` begins a session, `unwatch` ends it. `record` begins a recording of the DVR, `recorded` ends it.

    `owner` False: the token is another user's. `dvr` False: the server has none.
    """

    def __init__(self) -> None:
        self.owner = self.dvr = True
        self.sessions: list[Session] = []
        self.grabs: list[Grab] = []
        self._late: list[tuple[int, Session]] = []

    def record(self, title: str, **more: object) -> Grab:
        """The DVR records something; `more` are the fields of `Grab`."""
        grab = Grab(title, **more)  # type: ignore[arg-type]
        self.grabs.append(grab)
        return grab

    def recorded(self, grab: Grab) -> None:
        """It is over."""
        self.grabs.remove(grab)

    def watch(self, item: int, **more: object) -> Session:
        """Somebody plays an item; `more` are the fields of `Session`."""
        session = Session(item, **more)  # type: ignore[arg-type]
        self.sessions.append(session)
        return session

    def watch_later(self, answers: int, item: int, **more: object) -> None:
        """Somebody begins to play an item just after so many answers to the question who does."""
        self._late.append((answers, Session(item, **more)))  # type: ignore[arg-type]

    def who_watches(self) -> list[Session]:
        """For an answer."""
        now = list(self.sessions)
        self._late = [(answers - 1, session) for answers, session in self._late]
        self.sessions += [session for answers, session in self._late if answers == 0]
        return now

    def unwatch(self, session: Session) -> None:
        """They stop."""
        self.sessions.remove(session)


def grabs_as_xml(grabs: list[Grab], tag: Callable[..., str]) -> str:
    """As the documentation has it: none was ever recorded."""
    body = ""
    for number, grab in enumerate(grabs, 1):
        part = tag("Part", {"container": "mpegts", "file": grab.file}) if grab.file is not None else ""
        guide = "plex%3A%2F%2Fepisode%2F6083464579af59002d1e35bc"
        video = {
            "ratingKey": grab.item if grab.item is not None else guide,
            "type": "episode",
            "title": grab.title,
        }
        attributes = {
            "mediaSubscriptionID": number,
            "mediaIndex": 0,
            "key": f"/media/grabbers/operations/{number:08x}",
            "grabberIdentifier": "tv.plex.grabbers.hdhomerun",
            "grabberProtocol": "livetv",
            "percent": 42,
            "status": grab.status,
        }
        media = tag("Media", {"channelCallSign": "WDR", "origin": "livetv"}, "\n" + part)
        body += tag("MediaGrabOperation", attributes, "\n" + tag("Video", video, "\n" + media))
    return body
