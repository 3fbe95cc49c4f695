"""Where trashes are: a note in the data folder for each. Without it they are found beside their recordings alone."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class KnownPlaces:
    """One small file for each folder with a `.plexcut` in it, so that several processes never write the same one.

    `folder` None: nothing is remembered.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def remember(self, base: Path) -> None:
        """Never fails."""
        if self._folder is None:
            return
        note = self._note(self._folder, base)
        try:
            if note.exists():
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = note.with_name(f"{note.name}.{os.getpid()}")
            draft.write_bytes(os.fsencode(base))
            draft.replace(note)
        except OSError as error:
            log.debug("%s is not remembered: %s", base, error)

    def forget(self, base: Path) -> None:
        """Never fails."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._note(self._folder, base).unlink()

    def bases(self) -> list[Path]:
        """All of them; what cannot be read is left out."""
        if self._folder is None:
            return []
        found = []
        with contextlib.suppress(OSError):
            for note in sorted(self._folder.iterdir()):
                with contextlib.suppress(OSError):
                    base = Path(os.fsdecode(note.read_bytes()))
                    if note == self._note(self._folder, base):
                        found.append(base)
        return found

    @staticmethod
    def _note(folder: Path, base: Path) -> Path:
        return folder / hashlib.blake2b(os.fsencode(base), digest_size=12).hexdigest()
