"""Where plexcut keeps its own files beside recordings: `<folder>/.plexcut/`, on the recordings' own file system.

    .plexcut/tmp/<name>/       cuts that are being rendered; each folder is held by who renders
    .plexcut/trash/<entry>/    what was replaced, with `record.json`
    .plexcut/journal/<entry>/  a replacement under way: `plan.json`, and what is about to come into place

Whatever is empty is removed, `.plexcut` itself in the end.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath

from plexcut.domain.files import Files
from plexcut.errors import Busy, CannotWrite

log = logging.getLogger(__name__)

OWN_FOLDER = ".plexcut"
RECORD, RECORD_DRAFT, PLAN = "record.json", "record.json.new", "plan.json"
LOCK_TIMEOUT_S = 30.0
_LOCK_NAME = "lock"
_PROBES = ("probe", "probe 2")
_ATTEMPTS = 20


class Place:
    """One `.plexcut` folder; it need not be there."""

    def __init__(self, files: Files, base: PurePath) -> None:
        self.files = files
        self.base = base
        self.folder = base / OWN_FOLDER
        self.tmp = self.folder / "tmp"
        self.trash = self.folder / "trash"
        self.journal = self.folder / "journal"

    def exists(self) -> bool:
        """Whether the folder is there."""
        found = self.files.status(self.folder)
        return found is not None and found.kind == "folder"

    @contextmanager
    def held(self, *, make: bool = True, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[bool]:
        """Hold the place against all others; whether it is there. Made where it is not, unless `make` is False.

        Raises:
            Busy: others had it all the time. CannotWrite: it cannot be made or locked.
        """
        with contextlib.ExitStack() as stack:
            there = self._hold(stack, make, timeout_s)
            try:
                yield there
            finally:
                if there:
                    with contextlib.suppress(OSError):
                        self.tidy()

    def _hold(self, stack: contextlib.ExitStack, make: bool, timeout_s: float) -> bool:
        for _ in range(_ATTEMPTS):  # who had it before may have removed it
            try:
                if not self.exists():
                    if not make:
                        return False
                    self._refuse_others()
                    self.files.make_folder(self.folder)
                    self.files.sync_folder(self.base)
                stack.enter_context(self.files.lock(self.folder, timeout_s))
            except CannotWrite:
                raise
            except FileNotFoundError:
                continue
            except BlockingIOError:
                raise Busy(f"another process works in {self.folder}", "try again in a moment") from None
            except OSError as error:
                raise CannotWrite(
                    f"{self.folder} cannot be used: {error.strerror or error}", "check the folder's permissions"
                ) from None
            self._refuse_others()
            return True
        raise Busy(f"{self.folder} comes and goes", "try again in a moment")

    def _refuse_others(self) -> None:
        """Nothing is put where a link leads: what lies there is found by nobody later. Raises `CannotWrite`."""
        for folder in (self.folder, self.tmp, self.trash, self.journal):
            found = self.files.status(folder)
            if found is not None and found.kind != "folder":
                raise CannotWrite(f"{folder} is no folder", "it is a link, or a file: move it away")

    def tidy(self) -> None:
        """Remove what is empty. By who holds the place."""
        self.remove_probes()
        for folder in (self.tmp, self.trash, self.journal):
            with contextlib.suppress(OSError):
                self.files.remove_folder(folder)
        if self.files.names(self.folder) == [_LOCK_NAME]:
            with contextlib.suppress(OSError):
                self.files.unlink(self.folder / _LOCK_NAME)
        with contextlib.suppress(OSError):
            self.files.remove_folder(self.folder)

    def remove_probes(self) -> None:
        """Remove the empty files that show whether the place can be written, and that a killed process left."""
        for name in _PROBES:
            found = self.files.status(self.folder / name)
            if found is not None and found.kind == "file" and not found.size_bytes:
                self.files.unlink(self.folder / name)

    def relative(self, path: PurePath) -> str:
        """A path below the base as the records hold it: they stay true when the disk is mounted elsewhere."""
        return path.relative_to(self.base).as_posix()

    def absolute(self, written: str) -> PurePath:
        """The path that a record holds.

        Raises:
            ValueError: it leads out of the base, by a link too, or into our own folder. Who can write into a library
                must not be able to have files moved elsewhere.
        """
        parts = PurePath(written).parts
        if not parts or PurePath(written).is_absolute() or ".." in parts or OWN_FOLDER in parts or "\0" in written:
            raise ValueError(f"{written!r} is no path below a library")
        path = self.base.joinpath(*parts)
        for folder in path.parents[: len(parts) - 1]:
            found = self.files.status(folder)
            if found is not None and found.kind != "folder":
                raise ValueError(f"{written!r} leads through a link")
        return path


def candidates(root: PurePath, path: PurePath) -> list[PurePath]:
    """The folders that may hold a recording's place: from the library's folder down to its own."""
    folder = path.parent
    if folder == root or root not in folder.parents:
        return [folder]
    between = [parent for parent in folder.parents if parent == root or root in parent.parents]
    return [*reversed(between), folder]


def place_for(
    files: Files, root: PurePath, path: PurePath, on_try: Callable[[PurePath], None] = lambda _base: None
) -> Place:
    """The place for a recording: the highest folder of the library on its file system that can be written.

    `on_try` is called with each folder before anything is written there, so that it is found if we end in the middle.

    Raises:
        CannotWrite: there is none.
    """
    failure: OSError | None = None
    for base in candidates(root, path):
        place = Place(files, base)
        try:
            if not files.same_file_system(base, path.parent):
                continue
            on_try(base)
            with place.held():
                _try(place)
            return place
        except Busy:
            return place
        except CannotWrite as error:
            failure = error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return place
            failure = error
    reason = getattr(failure, "strerror", None) or (failure.message if isinstance(failure, CannotWrite) else "")
    raise CannotWrite(
        f"{path.parent} cannot be written{f': {reason}' if reason else ''}",
        "check the folder's permissions, or set cut.output_folder and cut beside",
    )


def _try(place: Place) -> None:
    """Write and rename in the place, as a replacement will."""
    one, other = (place.folder / name for name in _PROBES)
    place.remove_probes()
    place.files.write(one, b"")
    try:
        place.files.rename(one, other)
    except BaseException:
        place.files.unlink(one)
        raise
    place.files.unlink(other)


def places_around(files: Files, root: PurePath, path: PurePath) -> list[Place]:
    """The places that are there and may hold something of a recording; the nearest first."""
    found = [Place(files, base) for base in reversed(candidates(root, path))]
    return [place for place in found if place.exists()]
