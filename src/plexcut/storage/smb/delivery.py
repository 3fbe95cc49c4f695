"""Bringing a finished cut to a share: written to a temporary name, synced, read back, and only then given its name."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

import xxhash

from plexcut.domain.places import shown
from plexcut.errors import Cancelled, CannotWrite, DiskFull, FileUnreadable, LibraryOffline, VerificationFailed
from plexcut.storage.smb.failures import AWAY, told
from plexcut.storage.smb.files import SmbFiles
from plexcut.storage.smb.ranges import SmbRanges
from plexcut.storage.smb.shares import Shares

log = logging.getLogger(__name__)

OnFraction = Callable[[float], None]

_PIECE_BYTES = 4 << 20
_PIECE_S = 30.0
"""Four megabytes take a slow server over a slow network so long at the most."""
PATIENCE_S = 90.0
"""A server that is being restarted is waited for so long: what is rendered by then took longer."""
_RETRY_S = 2.0
_RESERVE_BYTES = 8 << 20
_WRITTEN = 0.6
"""How much of the time writing takes; the rest is reading back."""


def deliver(
    files: SmbFiles, made: Path, to: PurePath, on_fraction: OnFraction, should_cancel: Callable[[], bool]
) -> None:
    """Copy the local file `made` to the new file `to` on a share, and see that it arrived, byte for byte.

    What the server has is read back from it after it was told to bring the file to its disk. A server that goes away
    meanwhile is waited for. After a failure the file on the share is removed, where the server still answers.

    Raises:
        Cancelled, CannotWrite, DiskFull, LibraryOffline. VerificationFailed: what was read back is something else.
    """
    copy = _Copy(files, made, to, on_fraction, should_cancel)
    try:
        copy.run()
    except BaseException:
        try:
            files.unlink(to)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("%s could not be removed: %s", shown(to), error.strerror)
        raise


def check_room(files: SmbFiles, folder: PurePath, nbytes: int) -> None:
    """Raises `DiskFull` where the share says that it has no room for so much, `LibraryOffline`."""
    try:
        free = files.free_bytes(folder)
    except OSError as error:
        raise _translated(error, folder) from None
    if free is not None and free < nbytes + _RESERVE_BYTES:
        raise DiskFull(
            f"{shown(folder)} has {free >> 20} MB free, the result needs about {nbytes >> 20} MB",
            "make room on the file server",
        )


class _Copy:
    def __init__(
        self, files: SmbFiles, made: Path, to: PurePath, on_fraction: OnFraction, should_cancel: Callable[[], bool]
    ) -> None:
        self._files = files
        self._made = made
        self._to = to
        self._on_fraction = on_fraction
        self._should_cancel = should_cancel
        self._size = made.stat().st_size
        self._piece = bytearray(min(_PIECE_BYTES, max(1, self._size)))

    def run(self) -> None:
        check_room(self._files, self._to.parent, self._size)
        self._patiently(self._begin)
        written = xxhash.xxh3_64()
        at = 0
        with self._made.open("rb", buffering=0) as file:
            while read := file.readinto(self._piece):
                piece = memoryview(self._piece)[:read]
                written.update(piece)
                self._patiently(lambda at=at, piece=piece: self._files.write_at(self._to, at, piece, _PIECE_S))  # type: ignore[misc]
                at += read
                self._on_fraction(_WRITTEN * at / max(1, self._size))
        self._patiently(lambda: self._files.sync(self._to))
        if (at, written.intdigest()) != self._read_back():
            raise VerificationFailed(
                f"what arrived at {shown(self._to.parent)} is not what was sent", "the original is untouched"
            )

    def _begin(self) -> None:
        """An empty file; one of ours that a lost answer left there is the same."""
        try:
            self._files.write(self._to, b"")
        except FileExistsError:
            found = self._files.status(self._to)
            if found is None or found.kind != "file" or found.size_bytes:
                raise

    def _read_back(self) -> tuple[int, int]:
        """Size and hash of what the server has."""
        found = xxhash.xxh3_64()
        at = 0
        while True:
            piece = self._patiently(lambda at=at: self._files.read(self._to, at, _PIECE_BYTES))  # type: ignore[misc]
            found.update(piece)
            at += len(piece)
            if len(piece) < _PIECE_BYTES or at > self._size:
                return at, found.intdigest()
            self._on_fraction(_WRITTEN + (1 - _WRITTEN) * at / max(1, self._size))

    def _patiently(self, work: Callable[[], bytes | None]) -> bytes:
        """Do it; where the server is away, again and again for a while. All that is done here may be done twice."""
        until = time.monotonic() + PATIENCE_S
        while True:
            if self._should_cancel():
                raise Cancelled("the cut was cancelled")
            try:
                return work() or b""
            except OSError as error:
                if error.errno not in AWAY or time.monotonic() >= until:
                    raise _translated(error, self._to) from None
                log.info("%s is away; the cut waits for it", shown(self._to.parent))
            time.sleep(_RETRY_S)


def _translated(error: OSError, path: PurePath) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{shown(path.parent)} is full", "make room on the file server; the original is untouched")
    if error.errno in AWAY:
        return LibraryOffline(f"the file server of {shown(path.parent)} went away", "the original is untouched")
    return CannotWrite(f"{shown(path.parent)} cannot be written: {error.strerror}", "check the share's permissions")


class Delivery:
    """`domain.delivery.ShareDelivery` over the shares that are configured here."""

    def __init__(self, shares: Shares, locks: Path, work: Path) -> None:
        self._shares = shares
        self._files = SmbFiles(shares, locks)
        self._work = work

    @property
    def work(self) -> Path:
        return self._work

    def source(self, place: Path) -> SmbRanges:
        try:
            return self._shares.source(place)
        except OSError as error:
            raise FileUnreadable(f"{shown(place)}: {error.strerror}", "configure its library here too") from None

    def room(self, folder: Path, nbytes: int) -> None:
        check_room(self._files, folder, nbytes)

    def deliver(self, made: Path, to: Path, on_fraction: OnFraction, should_cancel: Callable[[], bool]) -> None:
        deliver(self._files, made, to, on_fraction, should_cancel)

    def is_written(self, place: Path) -> bool:
        try:
            return self._files.writing(place)
        except OSError as error:
            raise told(error, self._shares.find(place)[0].host, place, library=True) from None

    def give_name(self, made: Path, folder: Path, names: Iterable[str]) -> Path:
        for target in (folder / name for name in names):
            try:
                self._files.rename_new(made, target)
                self._files.sync_folder(target.parent)
            except FileExistsError:
                continue
            except OSError as error:
                raise _translated(error, target) from None
            else:
                return target
        raise CannotWrite(f"{folder} has no free name for the result", "move some of them")
