"""The listing of a folder library: immutable, built whole from one walk, and then swapped in at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plexcut.domain.catalog import Item, Section, Version
from plexcut.domain.cutlists import ListBeside
from plexcut.library.beside import lists_among
from plexcut.library.folder.names import split_extension
from plexcut.library.folder.scan import Found, FoundFile
from plexcut.library.text import path_hash, sort_text

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A recording of the listing: where it lies below the library's folder, what it belongs to, and which files beside
    it may be cut lists of it (paths from the library's folder on).
    """

    parts: Parts
    item: str
    title: str
    lists: tuple[ListBeside, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that a library answers from. `pictures`: the poster of each item that has one."""

    sections: tuple[Section, ...] = ()
    top: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    children: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    recordings: Mapping[str, Listed] = field(default_factory=dict)
    pictures: Mapping[str, Parts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VersionFile:
    """One file of an item: what tells it apart from the others, and its part number in a split recording."""

    file: FoundFile
    label: str = ""
    part: int | None = None


class Draft:
    """A listing in the making."""

    def __init__(self, library: str, found: Found) -> None:
        self.library = library
        self.sections: list[Section] = []
        self._top: dict[str, tuple[Item, ...]] = {}
        self._items: dict[str, Item] = {}
        self._children: dict[str, tuple[Item, ...]] = {}
        self._recordings: dict[str, Listed] = {}
        self._pictures: dict[str, Parts] = {}
        self._found = found
        self._stems: dict[Parts, set[str]] = {}
        for file in found.recordings:
            self._stems.setdefault(file.folder, set()).add(split_extension(file.name)[0])

    def new_id(self, kind: str, *key: str) -> str:
        """The id of something that is told apart by `key`; `kind` is one letter."""
        return f"{self.library}~{kind}{path_hash(kind, *key)}"

    def beside(self, file: FoundFile, stem: str) -> bool:
        """Whether a recording of that stem lies beside `file`."""
        return stem in self._stems[file.folder]

    def picture(self, folder: Parts, stems: Iterable[str]) -> Parts | None:
        """The first picture in `folder` that is named like one of `stems`, case aside."""
        names = self._found.pictures.get(folder)
        if not names:
            return None
        for stem in stems:
            for extension in ("jpg", "jpeg", "png", "webp"):
                name = names.get(f"{stem}.{extension}".lower())
                if name is not None:
                    return (*folder, name)
        return None

    def _lists(self, file: FoundFile) -> tuple[ListBeside, ...]:
        there = self._found.lists.get(file.folder)
        if not there:
            return ()
        return lists_among(there, Path(*file.folder), file.name)

    def versions(self, item: str, title: str, files: list[VersionFile]) -> tuple[Version, ...]:
        """The versions of an item, in order of label and part; also notes the recordings."""
        ordered = sorted(files, key=lambda v: (sort_text(v.label), v.part or 0, sort_text(v.file.name), v.file.parts))
        totals: dict[str, int] = {}
        for version in ordered:
            if version.part is not None:
                totals[version.label] = max(totals.get(version.label, 0), version.part)
        made = []
        for version in ordered:
            recording = self.new_id("r", *version.file.parts)
            self._recordings[recording] = Listed(version.file.parts, item, title, self._lists(version.file))
            parts = totals[version.label] if version.part is not None else 1
            extension = split_extension(version.file.name)[1]
            made.append(
                Version(
                    recording=recording,
                    label=_label(version, parts, extension, ordered),
                    container=extension,
                    video_codec=None,
                    width=None,
                    height=None,
                    size_bytes=version.file.size_bytes,
                    duration_s=None,
                    part=version.part or 1,
                    parts=max(parts, 1),
                )
            )
        return tuple(made)

    def add(self, item: Item, picture: Parts | None, children: list[Item] | None = None) -> Item:
        """Note an item, its poster and its children, in the order given."""
        self._items[item.id] = item
        if picture is not None:
            self._pictures[item.id] = picture
        if children is not None:
            self._children[item.id] = tuple(children)
        return item

    def add_section(self, section: Section, items: Iterable[Item]) -> None:
        """Note a section and its top-level items."""
        self.sections.append(section)
        self._top[section.id] = tuple(sorted(items, key=lambda item: (sort_text(item.title), item.year or 0, item.id)))

    def done(self) -> Listing:
        """The finished listing."""
        return Listing(tuple(self.sections), self._top, self._items, self._children, self._recordings, self._pictures)


def _label(version: VersionFile, parts: int, extension: str, among: list[VersionFile]) -> str:
    words = [version.label] if version.label else []
    if version.part is not None and parts > 1:
        words.append(f"part {version.part} of {parts}")
    same = [v for v in among if (v.label, v.part) == (version.label, version.part)]
    if not words or len(same) > 1:
        words.append(extension.upper())
    return " · ".join(words)
