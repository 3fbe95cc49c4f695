"""What replaces recordings and brings them back, as a Protocol: a port like those of `domain.ports`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from plexcut.domain.trash import Emptied, Rendered, Restored, Spot, TrashEntry


class FileStore(Protocol):
    """Replaces recordings, keeps what was replaced in the trash, and brings it back: `<library's folder>/.plexcut/`.

    Whatever is interrupted is finished or undone by the next call that has to do with the folder, and by `recover`.
    Raises `CannotWrite`, `DiskFull`; `Busy` where another process has the trash for longer than half a minute.
    """

    def hold(self, path: Path) -> AbstractContextManager[None]:
        """Keep other processes of this machine off a recording. Raises `RecordingBusy`, `FileUnreadable`."""

    def workspace(self, spot: Spot, name: str) -> AbstractContextManager[Path]:
        """A folder for temporary files on the recording's file system; gone afterwards, whatever happens."""

    def writable(self, spot: Spot) -> Path:
        """Try whether the recording can be replaced; the folder that would be used. Raises `CannotWrite`."""

    def result_folder(self, spot: Spot, *, apart: bool = False) -> Path:
        """Where a result beside the recording goes: its folder, tried by writing, or the one that is configured for
        those that cannot be written. `apart`: always the configured one. Raises `CannotWrite`.
        """

    def use_output_folder(self, folder: Path | None) -> None:
        """From now on, where results go whose recording's folder cannot be written; None: nowhere."""

    def writing(self, path: Path) -> bool:
        """Whether somebody still writes into a recording. Raises `FileUnreadable`."""

    def size_bytes(self, path: Path) -> int:
        """How large a file is. Raises `FileUnreadable`."""

    def recorded_into(self, root: Path) -> bool:
        """Whether a recording is being written anywhere in a library's folder. Raises nothing."""

    def free_bytes(self, folder: Path) -> int | None:
        """How much may be written there; None where nobody knows."""

    def replace(self, spot: Spot, rendered: Rendered) -> str:
        """Put a cut in the place of its recording, which goes to the trash; the trash's entry.

        Side files go along: text subtitles are moved to the new time line, what does not fit any more is set aside.

        Raises:
            RecordingChanged: it is not what it was a moment ago. FileUnreadable: it is gone. Nothing was changed then.
        """

    def restore(self, spot: Spot, entry: str | None = None) -> Restored:
        """Bring the original back; what lies in its place goes to the trash. `entry`: this one.

        Raises:
            NoOriginal: there is none. RecordingBusy, RecordingChanged.
        """

    def entries(self, roots: Iterable[Path]) -> tuple[TrashEntry, ...]:
        """What is in the trash of these folders, and of all known ones below them; the newest first."""

    def delete(self, roots: Iterable[Path], wanted: frozenset[str] | None = None) -> Emptied:
        """Delete entries for good, None: all. What is not exactly what was put there stays."""

    def expire(self, roots: Iterable[Path]) -> Emptied:
        """Delete what has been kept long enough."""

    def recover(self, roots: Iterable[Path]) -> tuple[str, ...]:
        """Finish or undo what was interrupted; one line for each thing done. Raises nothing."""
