"""From plexapi's objects and a server's XML to ours. Pure: nothing is asked of the server by itself.

plexapi gives NaN for a number that it cannot read; here that is None. It does ask the server where an answer leaves out
an episode's season.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from hashlib import blake2b
from typing import Any, cast
from xml.etree.ElementTree import Element

from plexapi.video import Episode, Movie, Season, Show

from plexcut.domain.catalog import Item, ItemType, Section, SectionType, Version
from plexcut.domain.landmarks import Chapter, LibraryMarks, Marker, MarkerKind

_CODECS = {
    "h264": "H.264",
    "hevc": "HEVC",
    "mpeg2video": "MPEG-2",
    "mpeg1video": "MPEG-1",
    "mpeg4": "MPEG-4",
    "vc1": "VC-1",
    "av1": "AV1",
    "vp9": "VP9",
}

PlexItem = Movie | Show | Season | Episode


def section_id(library: str, key: str | int) -> str:
    """The id of a section."""
    return f"{library}~s{key}"


def item_id(library: str, rating_key: str | int) -> str:
    """The id of a movie, show, season or episode."""
    return f"{library}~{rating_key}"


def recording_id(library: str, rating_key: str | int, part: Any) -> str:
    """The id of one file of an item: by its path, which stays when the file is replaced."""
    name = part.file or part.key or ""
    return f"{library}~{rating_key}~{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=5).hexdigest()}"


def sections_of(library: str, answer: Element, shown: Collection[int] = ()) -> tuple[Section, ...]:
    """The movie and show sections in a server's answer to `/library/sections`, of these keys only if any are given."""
    made = []
    for directory in answer.iter("Directory"):
        kind, key = directory.attrib.get("type"), directory.attrib.get("key", "")
        number = _number(key)
        if kind in {"movie", "show"} and number is not None and (not shown or number in shown):
            title = directory.attrib.get("title") or key
            made.append(Section(section_id(library, key), title, cast(SectionType, kind), library))
    return tuple(made)


def locations_of(library: str, answer: Element) -> dict[str, tuple[str, ...]]:
    """The folders of each section, as the server names them."""
    return {
        section_id(library, directory.attrib.get("key", "")): tuple(
            location.attrib.get("path", "") for location in directory.iter("Location")
        )
        for directory in answer.iter("Directory")
    }


def changes_of(answer: Element) -> tuple[tuple[str | None, ...], ...]:
    """What is another one when something in a section changed."""
    marks = ("key", "title", "updatedAt", "scannedAt", "contentChangedAt")
    return tuple(tuple(d.attrib.get(mark) for mark in marks) for d in answer.iter("Directory"))


def item_of(library: str, source: Any, section: str, show: str | None = None) -> Item | None:
    """The item, or None for what is no movie, show, season or episode ("All episodes", clips, ...).

    `section` and `show` are ids of ours, taken where the answer does not say them.
    """
    if not isinstance(source, PlexItem) or _number(source.ratingKey) is None:
        return None
    kind = cast(ItemType, source.type)
    own_section = _number(getattr(source, "librarySectionID", None))
    versions = versions_of(library, source) if isinstance(source, Movie | Episode) else ()
    parent, top = _ancestors(library, source, show)
    return Item(
        id=item_id(library, source.ratingKey),
        type=kind,
        title=source.title or _untitled(source),
        library=library,
        section=section_id(library, own_section) if own_section is not None else section,
        year=_number(source.year),
        added_at=_epoch_s(source.addedAt),
        duration_s=_seconds(source.duration) if isinstance(source, Movie | Episode) else None,
        recording=versions[0].recording if versions else None,
        parent=parent,
        show=top,
        index=_number(source.index) if isinstance(source, Season | Episode) else None,
        parent_index=_number(source.parentIndex) if isinstance(source, Episode) else None,
        show_title=_show_title(source),
        summary=source.summary or None,
        air_date=_day(getattr(source, "originallyAvailableAt", None)),
        channel=_channel(source),
        has_thumb=thumb_of(source) is not None,
        versions=versions,
    )


def _untitled(source: PlexItem) -> str:
    number = _number(getattr(source, "index", None))
    if number is None:
        return "?"
    return f"Season {number}" if isinstance(source, Season) else f"Episode {number}"


def _ancestors(library: str, source: PlexItem, show: str | None) -> tuple[str | None, str | None]:
    if isinstance(source, Season):
        key = _number(source.parentRatingKey)
        of_show = item_id(library, key) if key is not None else show
        return of_show, of_show
    if isinstance(source, Episode):
        season, key = _number(source.parentRatingKey), _number(source.grandparentRatingKey)
        return (
            item_id(library, season) if season is not None else None,
            item_id(library, key) if key is not None else show,
        )
    return None, None


def _show_title(source: PlexItem) -> str | None:
    if isinstance(source, Season):
        return source.parentTitle or None
    return source.grandparentTitle or None if isinstance(source, Episode) else None


def thumb_of(source: Any) -> str | None:
    """The path of the poster on the server itself; addresses elsewhere are not followed."""
    thumb = getattr(source, "thumb", None)
    return thumb if isinstance(thumb, str) and thumb.startswith("/") and not thumb.startswith("//") else None


def versions_of(library: str, source: Movie | Episode) -> tuple[Version, ...]:
    """One version for each file, in the server's order, which is best first."""
    made = []
    for media in source.media:
        parts = list(media.parts)
        for number, part in enumerate(parts, 1):
            made.append(
                Version(
                    recording=recording_id(library, source.ratingKey, part),
                    label=_label(media, number, len(parts)),
                    container=part.container or media.container or None,
                    video_codec=media.videoCodec or None,
                    width=_number(media.width),
                    height=_number(media.height),
                    size_bytes=_number(part.size),
                    duration_s=_seconds(part.duration) or (_seconds(media.duration) if len(parts) == 1 else None),
                    part=number,
                    parts=len(parts),
                )
            )
    return tuple(made)


def parts_of(source: Movie | Episode) -> list[Any]:
    """All parts of all versions."""
    return [part for media in source.media for part in media.parts]


_MARKERS: tuple[MarkerKind, ...] = ("intro", "credits", "commercial")


def marks_of(answer: Element) -> LibraryMarks:
    """Chapters and markers in a server's answer about one item; what cannot be read is left out."""
    chapters = [
        Chapter((one.attrib.get("tag") or "")[:200], *span)
        for one in answer.iter("Chapter")
        if (span := _span_us(one)) is not None
    ]
    markers = [
        Marker(next((kind for kind in _MARKERS if kind == one.attrib.get("type")), "other"), *span)
        for one in answer.iter("Marker")
        if (span := _span_us(one)) is not None
    ]
    return LibraryMarks(tuple(chapters), tuple(markers))


def _span_us(element: Element) -> tuple[int, int] | None:
    start, end = (_number(element.attrib.get(name)) for name in ("startTimeOffset", "endTimeOffset"))
    if start is None or end is None or start >= end:
        return None
    return start * 1000, end * 1000


def _label(media: Any, number: int, parts: int) -> str:
    resolution = str(media.videoResolution or "")
    if resolution.isdigit():
        resolution += "p"
    words = [resolution.upper() if resolution in {"sd", "4k", "8k"} else resolution]
    codec = media.videoCodec or ""
    words.append(_CODECS.get(codec, codec.upper()))
    label = " ".join(word for word in words if word) or (media.container or "").upper() or "?"
    if media.title:
        label += f" · {media.title}"
    return f"{label} · part {number} of {parts}" if parts > 1 else label


def _number(value: Any) -> int | None:
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() else None
    return value if isinstance(value, int) else None


def _seconds(milliseconds: Any) -> float | None:
    number = _number(milliseconds)
    return number / 1000 if number is not None and number >= 0 else None


def _day(value: Any) -> str | None:
    return value.date().isoformat() if isinstance(value, datetime) else None


def _channel(source: Any) -> str | None:
    """What a recording was made from: a tuner's recordings carry it at their media."""
    for media in source.media if isinstance(source, Movie | Episode) else ():
        attributes = getattr(media, "_data", None)
        found = attributes.attrib if attributes is not None else {}
        if name := found.get("channelTitle") or found.get("channelCallSign"):
            return str(name)
    return None


def _epoch_s(value: Any) -> int | None:
    if not isinstance(value, datetime):
        return None
    try:
        return int(value.timestamp())
    except (ValueError, OverflowError, OSError):
        return None


def count_of(data: Element, name: str) -> int | None:
    """A number that the server says of a list; None where it does not."""
    value = data.attrib.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else None


def child_order(item: Item) -> tuple[int, int]:
    """Seasons and episodes by their number, those without one last."""
    return (0, item.index) if item.index is not None else (1, 0)
