"""What a stand-in for a Plex Media Server holds, and what it answers, shaped as real servers answer it."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from tests.plex.living import PlexLife
from tests.plex.parts import PlexParts
from tests.plex.sessions import PLAYERS, PlexSessions, Session, grabs_as_xml

MACHINE = "5f9d2c4e8b7a41d0a6c3e1f20b9d8c7a5e4f3b21"
_TYPES = {"movie": "1", "show": "2", "season": "3", "episode": "4"}

Files = list[str | list[str]]


@dataclass
class _Section:
    key: int
    title: str
    type: str
    locations: list[str]
    changed: int = 1


@dataclass
class _Item:
    key: int
    type: str
    title: str
    section: _Section
    attributes: dict[str, object] = field(default_factory=dict)
    files: Files = field(default_factory=list)
    media: dict[str, object] = field(default_factory=dict)
    parent: _Item | None = None
    thumb: bytes | None = None
    previews: bytes | None = None

    @property
    def sort_title(self) -> str:
        return _fold(re.sub(r"^(the|a|an|der|die|das) ", "", self.title, flags=re.IGNORECASE))


def _fold(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", text) if p]


def poster(width: int = 400, height: int = 600, color: str = "maroon") -> bytes:
    """A JPEG picture."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "JPEG")
    return out.getvalue()


def _tag(name: str, attributes: dict[str, object], body: str = "") -> str:
    text = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items() if value is not None)
    return f"<{name}{text}>{body}</{name}>\n" if body else f"<{name}{text}/>\n"


class PlexContent(PlexParts, PlexSessions, PlexLife):
    """Sections, items, and the answers about them."""

    def __init__(self, token: str) -> None:
        PlexParts.__init__(self)
        PlexSessions.__init__(self)
        PlexLife.__init__(self)
        self.token = token
        self.transcodes = True
        self.method = "GET"
        self.pages = True
        self._keys = iter(range(100, 10**9))
        self._sections: dict[int, _Section] = {}
        self._items: dict[int, _Item] = {}

    def add_section(self, title: str, kind: str, location: str | list[str] = "/share") -> int:
        """A section; `kind` is movie, show, artist or photo."""
        key = len(self._sections) + 1
        self._sections[key] = _Section(key, title, kind, [location] if isinstance(location, str) else list(location))
        return key

    def add_movie(self, section: int, title: str, files: Files, **more: object) -> int:
        """A movie; `more` are attributes (year, addedAt, duration in ms, summary, ...) and those of its media."""
        return self._add("movie", title, self._sections[section], None, files, more)

    def add_show(self, section: int, title: str, **more: object) -> int:
        """A show without seasons yet."""
        return self._add("show", title, self._sections[section], None, [], more)

    def add_episode(self, show: int, season: int, index: int, title: str, files: Files, **more: object) -> int:
        """An episode; its season is made where there is none. `season` 0 is Specials."""
        parent = self._items[show]
        found = next((i for i in self._children(parent) if i.attributes.get("index") == season), None)
        if found is None:
            name = "Specials" if season == 0 else f"Season {season}"
            found = self._items[self._add("season", name, parent.section, parent, [], {"index": season})]
        return self._add("episode", title, parent.section, found, files, {"index": index, **more})

    def fill_movies(self, section: int, count: int) -> None:
        """`count` movies named "Movie 00000" and so on, whose files are nowhere."""
        location = self._sections[section].locations[0]
        for n in range(count):
            title = f"Movie {n:05}"
            self.add_movie(section, title, [f"{location}/{title} (2001)/{title} (2001).ts"], year=1950 + n % 70)

    def set_thumb(self, key: int, picture: bytes | None) -> None:
        """Give an item a poster (`poster()` makes one), or take it away."""
        self._items[key].thumb = picture

    def set_previews(self, key: int, bif: bytes | None) -> None:
        """Give the first part of an item previews (`tests.plex.bif` makes some), or take them away."""
        self._items[key].previews = bif

    def season_of(self, episode: int) -> int:
        """The rating key of an episode's season."""
        parent = self._items[episode].parent
        assert parent is not None
        return parent.key

    def delete(self, key: int) -> None:
        """Remove an item and what is below it."""
        for child in self._children(self._items[key]):
            self.delete(child.key)
        self._items.pop(key).section.changed += 1

    def _add(
        self, kind: str, title: str, section: _Section, parent: _Item | None, files: Files, more: dict[str, object]
    ) -> int:
        key = next(self._keys)
        media_names = {"width", "height", "videoCodec", "videoResolution", "container", "media_title", "media"}
        media = {name: more.pop(name) for name in list(more) if name in media_names}
        attributes: dict[str, object] = {"addedAt": 1_700_000_000 + key, "updatedAt": 1_700_000_500 + key, **more}
        self._items[key] = _Item(key, kind, title, section, attributes, list(files), media, parent)
        section.changed += 1
        return key

    def path_of_part(self, number: int) -> str | None:
        item = self._items.get(number // 100)
        if item is None:
            return None
        version, part = number // 10 % 10, number % 10
        entries = [[entry] if isinstance(entry, str) else entry for entry in item.files]
        return entries[version][part] if version < len(entries) and part < len(entries[version]) else None

    def _children(self, item: _Item) -> list[_Item]:
        found = [i for i in self._items.values() if i.parent is item]
        return sorted(found, key=lambda i: (int(str(i.attributes.get("index", 0))), i.key))

    # -------------------------------------------------------------------------------------------------------- answers

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        if path == "/identity":
            return self._xml({"size": 0, "claimed": 1, "machineIdentifier": MACHINE, "version": "1.41.3.9314"})
        if (headers.get("x-plex-token") or query.get("X-Plex-Token")) != self.token:
            page = "<html><head><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"
            return 401, "text/html", page.encode()
        if path == "/":
            return self._xml({"size": 0, "friendlyName": "stand-in", "machineIdentifier": MACHINE, "myPlex": 1})
        if path == "/library":
            return self._xml(
                {"size": 3, "allowSync": 0, "identifier": "com.plexapp.plugins.library", "title1": "Plex Library"}
            )
        if path in {"/library/sections", "/library/sections/"}:
            return self._section_list()
        if match := re.fullmatch(r"/library/sections/(\d+)/all", path):
            return self._all(int(match[1]), query, headers)
        if match := re.fullmatch(r"/library/sections/(\d+)/refresh", path):
            return self.refresh(int(match[1]), query.get("path", ""))
        if match := re.fullmatch(r"/:/(progress|timeline|scrobble|unscrobble)", path):
            return self.play(match[1], query) or self._not_found()
        if match := re.fullmatch(r"/library/metadata/(\d+)(/children|/allLeaves|/thumb/\d+|/refresh|/analyze)?", path):
            return self._metadata(int(match[1]), match[2] or "")
        if match := re.fullmatch(r"/library/parts/(\d+)/indexes/sd", path):
            item = self._items.get(int(match[1]) // 100)
            has_some = item is not None and item.previews is not None and int(match[1]) % 100 == 0
            return (200, "application/octet-stream", item.previews) if has_some else self._not_found()
        if path == "/status/sessions":
            return self._session_list() if self.owner else (403, "text/html", b"<html><h1>403 Forbidden</h1></html>")
        if path == "/media/subscriptions/scheduled" and self.dvr:
            forbidden = (403, "text/html", b"<html><h1>403 Forbidden</h1></html>")
            return self._xml({"size": len(self.grabs)}, grabs_as_xml(self.grabs, _tag)) if self.owner else forbidden
        if path == "/photo/:/transcode":
            return self._transcode(query)
        return self._not_found()

    def _not_found(self) -> tuple[int, str, bytes]:
        return (
            404,
            "text/html",
            b"<html><head><title>Not Found</title></head><body><h1>404 Not Found</h1></body></html>",
        )

    def _xml(self, attributes: dict[str, object], body: str = "") -> tuple[int, str, bytes]:
        text = '<?xml version="1.0" encoding="UTF-8"?>\n' + _tag("MediaContainer", attributes, "\n" + body)
        return 200, "text/xml;charset=utf-8", text.encode("utf-8", "replace")

    def _section_list(self) -> tuple[int, str, bytes]:
        body = ""
        for section in self._sections.values():
            places = [_tag("Location", {"id": n + 1, "path": path}) for n, path in enumerate(section.locations)]
            attributes: dict[str, object] = {
                "allowSync": 1,
                "art": f"/:/resources/{section.type}-fanart.jpg",
                "composite": f"/library/sections/{section.key}/composite/1605409122",
                "filters": 1,
                "refreshing": 0,
                "thumb": f"/:/resources/{section.type}.png",
                "key": section.key,
                "type": section.type,
                "title": section.title,
                "agent": "tv.plex.agents.movie" if section.type == "movie" else "tv.plex.agents.series",
                "scanner": "Plex Movie" if section.type == "movie" else "Plex TV Series",
                "language": "de-DE",
                "uuid": f"41a28495-035e-46b0-ac84-{section.key:012}",
                "updatedAt": 1602461679,
                "createdAt": 1429510140,
                "scannedAt": 1605409122,
                "content": 1,
                "directory": 1,
                "contentChangedAt": section.changed,
                "hidden": 0,
            }
            body += _tag("Directory", attributes, "\n" + "".join(places))
        return self._xml({"size": len(self._sections), "allowSync": 0, "title1": "Plex Library"}, body)

    def _all(self, key: int, query: dict[str, str], headers: dict[str, str]) -> tuple[int, str, bytes]:
        section = self._sections.get(key)
        if section is None:
            return self._not_found()
        kind = query.get("type", _TYPES.get(section.type, "1"))
        found = [i for i in self._items.values() if i.section is section and _TYPES[i.type] == kind]
        if query.get("title"):
            found = [i for i in found if _fold(query["title"]) in _fold(i.title)]
        name, _, direction = query.get("sort", "titleSort").partition(":")
        found.sort(key=lambda i: (_natural(i.sort_title), i.key))
        if name in {"addedAt", "year"}:
            found.sort(key=lambda i: int(str(i.attributes.get(name) or 0)), reverse=direction == "desc")
        elif direction == "desc":
            found.reverse()
        container: dict[str, object] = {
            "allowSync": 1,
            "identifier": "com.plexapp.plugins.library",
            "librarySectionID": section.key,
            "librarySectionTitle": section.title,
            "title1": section.title,
            "viewGroup": section.type,
        }
        size = headers.get("x-plex-container-size") or query.get("X-Plex-Container-Size")
        if size is not None and self.pages:
            start = int(headers.get("x-plex-container-start") or query.get("X-Plex-Container-Start") or 0)
            container |= {"totalSize": len(found), "offset": start}
            found = found[start : start + int(size)]
        return self._xml({"size": len(found), **container}, "".join(self._element(i, False) for i in found))

    def _metadata(self, key: int, what: str) -> tuple[int, str, bytes]:
        item = self._items.get(key)
        if item is None:
            return self._not_found()
        if what.startswith("/thumb"):
            return (200, "image/jpeg", item.thumb) if item.thumb is not None else self._not_found()
        if what == "/analyze":
            return self.analyze(item) if self.method == "PUT" else self._not_found()
        if what == "/refresh":
            return 200, "text/html", b""
        container: dict[str, object] = {
            "allowSync": 1,
            "identifier": "com.plexapp.plugins.library",
            "librarySectionID": item.section.key,
            "librarySectionTitle": item.section.title,
        }
        if not what:
            return self._xml({"size": 1, **container}, self._element(item, True))
        children = self._children(item)
        body = ""
        if what == "/allLeaves":
            children = [leaf for season in children for leaf in self._children(season)]
        elif item.type == "show" and len(children) > 1:
            body = _tag(
                "Directory", {"leafCount": 1, "key": f"/library/metadata/{key}/allLeaves", "title": "All episodes"}
            )
        container |= {
            "key": key,
            "parentTitle": item.title,
            "viewGroup": "season" if item.type == "show" else "episode",
        }
        return self._xml(
            {"size": len(children) + bool(body), **container},
            body + "".join(self._element(child, False) for child in children),
        )

    def _transcode(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        match = re.fullmatch(r"/library/metadata/(\d+)/thumb/\d+", query.get("url", ""))
        item = self._items.get(int(match[1])) if match else None
        if item is None or item.thumb is None or not self.transcodes:
            return self._not_found()
        return 200, "image/jpeg", poster(int(query["width"]), int(query["height"]))

    def _session_list(self) -> tuple[int, str, bytes]:
        sessions = self.who_watches()
        body = "".join(self._session(number, session) for number, session in enumerate(sessions, 1))
        return self._xml({"size": len(sessions)}, body)

    def _session(self, number: int, session: Session) -> str:
        item = self._items[session.item]
        part: dict[str, object] = {"container": "mpegts", "decision": "directplay", "selected": 1, "id": session.part}
        playing = _tag("Media", {"selected": 1}, "\n" + _tag("Part", part))
        playing += _tag("User", {"id": 1, "title": session.user, "thumb": "https://plex.tv/users/1/avatar"})
        playing += _tag("Player", {**PLAYERS, "title": session.player, "state": session.state, "local": 1})
        playing += _tag("Session", {"id": f"s{number}", "bandwidth": 21178, "location": "lan"})
        attributes: dict[str, object] = {
            "ratingKey": item.key,
            "key": "/livetv/sessions/live_tv_1" if session.live else f"/library/metadata/{item.key}",
            "type": item.type,
            "title": item.title,
            "sessionKey": number,
            "viewOffset": session.offset_ms,
            "live": 1 if session.live else None,
        }
        return _tag("Video", attributes, "\n" + playing)

    def _element(self, item: _Item, whole: bool) -> str:
        folder = item.type in {"show", "season"}
        attributes: dict[str, object] = {
            "ratingKey": item.key,
            "key": f"/library/metadata/{item.key}" + ("/children" if folder else ""),
            "guid": f"plex://{item.type}/{item.key:024x}",
            "type": item.type,
            "title": item.title,
            "summary": "",
            **({"librarySectionID": item.section.key, "librarySectionTitle": item.section.title} if whole else {}),
            **({"duration": 5062} if item.type in {"movie", "episode"} else {}),
            **item.attributes,
        }
        if item.thumb is not None:
            attributes["thumb"] = f"/library/metadata/{item.key}/thumb/1579514152"
        names = ("parent", "grandparent") if item.type == "episode" else ("parent",)
        above = item.parent
        for name in names:
            if above is not None:
                attributes[f"{name}RatingKey"] = above.key
                attributes[f"{name}Key"] = f"/library/metadata/{above.key}"
                attributes[f"{name}Title"] = above.title
                if name == "parent":
                    attributes["parentIndex"] = above.attributes.get("index", 1)
                above = above.parent
        if folder:
            children = self._children(item)
            attributes["leafCount"] = len(children)
            return _tag("Directory", attributes)
        return _tag("Video", attributes, "\n" + "".join(self._media(item)))

    def _media(self, item: _Item) -> Iterator[str]:
        per_version = item.media.get("media") or [{}] * len(item.files)
        shared = {name: value for name, value in item.media.items() if name != "media"}
        for number, (entry, own) in enumerate(zip(item.files, per_version, strict=True)):  # type: ignore[arg-type]
            paths = [entry] if isinstance(entry, str) else entry
            media: dict[str, object] = {
                "id": item.key * 10 + number,
                "duration": item.attributes.get("duration", 5062),
                "bitrate": 21178,
                "width": 1280,
                "height": 720,
                "aspectRatio": "1.78",
                "audioChannels": 2,
                "audioCodec": "ac3",
                "videoCodec": "h264",
                "videoResolution": "720",
                "container": "mpegts",
                "videoFrameRate": "PAL",
                "videoProfile": "high",
                **shared,
                **own,
            }
            media["title"] = media.pop("media_title", None)
            body = ""
            for n, path in enumerate(paths):
                local = self.local(path)
                part: dict[str, object] = {
                    "id": item.key * 100 + number * 10 + n,
                    "key": f"/library/parts/{item.key * 100 + number * 10 + n}/1579478991/file.ts",
                    "duration": self.durations_ms.get(path, media["duration"]),
                    "file": path,
                    "size": self.sizes.get(path) or (local.stat().st_size if local.is_file() else 13_400_382 + n),
                    "container": media["container"],
                    "videoProfile": "high",
                    "indexes": "sd" if item.previews is not None and number == n == 0 else None,
                }
                body += _tag("Part", part)
            yield _tag("Media", media, "\n" + body)
