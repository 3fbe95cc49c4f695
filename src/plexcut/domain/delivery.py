"""What a cut of a recording on a share needs besides `domain.ports.FileStore`, as a Protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from plexcut.domain.media import ByteRanges


class ShareDelivery(Protocol):
    """Reads recordings on shares, and brings results to them. Places are as `domain.places` has them.

    Raises `LibraryOffline` where a file server does not answer.
    """

    @property
    def work(self) -> Path:
        """A folder of this machine in which results are made before they are brought to a share."""

    def source(self, place: Path) -> ByteRanges:
        """A recording, to be read; asks for it anew. Raises `FileUnreadable` where its share is not configured here."""

    def room(self, folder: Path, nbytes: int) -> None:
        """Raises `DiskFull` where a share has no room for so much."""

    def deliver(
        self, made: Path, to: Path, on_fraction: Callable[[float], None], should_cancel: Callable[[], bool]
    ) -> None:
        """Copy a local file to a new one on a share, and see that it arrived byte for byte. Nothing stays otherwise.

        Raises:
            Cancelled, CannotWrite, DiskFull, VerificationFailed.
        """

    def is_written(self, place: Path) -> bool:
        """Whether somebody still writes into a recording. Raises `FileUnreadable`."""

    def give_name(self, made: Path, folder: Path, names: Iterable[str]) -> Path:
        """Rename a file on a share to the first of these names that is free in `folder`; that place.

        Raises `CannotWrite`.
        """
