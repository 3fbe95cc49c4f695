"""A folder that is no folder of this machine, as a library needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from plexcut.domain.media import ByteRanges

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A name in a folder."""

    name: str
    kind: Literal["file", "folder", "other"]
    size_bytes: int
    mtime_s: int


class RemoteFolder(Protocol):
    """A folder on a share. Raises `OSError` with its errno; each call ends within a time limit."""

    @property
    def place(self) -> Path:
        """Where it is, as `domain.places` writes it."""

    def entries(self, parts: Parts) -> list[FolderEntry]:
        """What is in it, or in a folder below it. Links are `other`."""

    def entry(self, parts: Parts) -> FolderEntry | None:
        """What has this name; None where nothing does."""

    def source(self, parts: Parts) -> ByteRanges:
        """A file below it, to be read. Asks nothing yet."""

    def read(self, parts: Parts, size: int) -> bytes:
        """The first bytes of a small file."""

    def reason(self, error: OSError) -> str:
        """Why it cannot be used, for people: `does not answer`, `does not accept user and password`, …"""
