"""Who watches on a stand-in for a Plex Media Server, and what it answers about that."""

from __future__ import annotations

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


class PlexSessions:
    """`watch` begins a session, `unwatch` ends it. `owner` False: the token is another user's."""

    def __init__(self) -> None:
        self.owner = True
        self.sessions: list[Session] = []

    def watch(self, item: int, **more: object) -> Session:
        """Somebody plays an item; `more` are the fields of `Session`."""
        session = Session(item, **more)  # type: ignore[arg-type]
        self.sessions.append(session)
        return session

    def unwatch(self, session: Session) -> None:
        """They stop."""
        self.sessions.remove(session)
