"""Paths and addresses that the command line takes: what is read, and what is written."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from pathlib import Path

from plexcut.domain.containers import Container, free_name
from plexcut.domain.media import Source
from plexcut.errors import CannotWrite, DiskFull, FileUnreadable, TargetExists, UsageError

PICTURES = {".jpg": "jpg", ".jpeg": "jpg", ".png": "png", ".webp": "webp"}


def source(written: str) -> Source:
    """What FILE names, for commands that only read: a local file, or one at an http://, https:// or smb:// address.

    A password that the address leaves out is asked for where somebody sits at the terminal.

    Raises:
        FileUnreadable: it cannot be read. HostUnreachable: its host does not answer. UsageError: no such address.
    """
    from plexcut.storage import remote

    if not remote.is_address(written):
        return readable(written)
    password = None
    if remote.lacks_password(written) and sys.stdin.isatty():
        password = getpass.getpass("Password: ")
    found = remote.remote_source(written, password)
    found.status()
    return found


def readable(written: str) -> Path:
    """The local file that FILE names, absolute, after a look whether it can be read.

    Raises:
        FileUnreadable: it cannot. UsageError: it is an address.
    """
    from plexcut.storage import remote

    if remote.is_address(written):
        raise UsageError("this needs the file itself, not an address", "copy it here first, or mount its share")
    if "\0" in written:
        raise UsageError("that is no file name", "name a recording")
    path = Path(os.path.abspath(Path(written).expanduser()))  # noqa: PTH100 - Path.resolve would follow links
    try:
        if path.is_dir():
            raise FileUnreadable(f"{path} is a folder", "name a file in it")
        if not path.exists():
            raise FileUnreadable(f"there is no file {path}", "check the path")
        if not path.is_file():
            raise FileUnreadable(f"{path} is no ordinary file", "name a recording")
        with path.open("rb"):
            return path
    except FileUnreadable:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name is not possible"
        raise FileUnreadable(f"cannot read {path}: {reason}", "check its permissions") from None


def result_of_cut(source: Path, wanted: Path | None, container: Container | None, *, overwrite: bool) -> Path:
    """Where the result of a cut goes: `wanted`, or the first free of `<name> cut.<ext>`, `<name> cut 2.<ext>`, ….

    `container`: what it is to be, None for as the source.

    Raises:
        TargetExists: `wanted` exists and is not to be overwritten, or is the source itself, by whatever name.
        CannotWrite: its folder does not exist or cannot be written.
    """
    if wanted is None:
        target = free_name(source, container, source.parent)
    else:
        target = Path(os.path.abspath(wanted.expanduser()))  # noqa: PTH100 - Path.resolve would follow links
    writable_folder(target)
    if os.path.lexists(target):
        if target.is_dir():
            raise CannotWrite(f"{target} is a folder", "name a file")
        if is_same_file(target, source):
            raise TargetExists(f"{target} is the recording itself", "name another file")
        if not overwrite:
            raise TargetExists(f"{target} exists already", "name another file, or give --overwrite")
    return target


def is_same_file(one: Path, other: Source) -> bool:
    """Whether both names lead to one file, by hard or symbolic links too; a link that leads nowhere does not."""
    if not isinstance(other, Path):
        return False
    try:
        return one.samefile(other)
    except OSError:
        return False


def writable_folder(target: Path) -> None:
    """Look whether a file can be made where `target` is to be.

    Raises:
        CannotWrite: its folder does not exist or cannot be written.
    """
    folder = target.parent
    if not folder.is_dir():
        raise CannotWrite(f"there is no folder {folder}", "make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotWrite(f"cannot write into {folder}", "check its permissions, or name another place with -o")


def picture_format(target: Path) -> str:
    """`jpg`, `png` or `webp`, from the name of the picture to write.

    Raises:
        UsageError: it is none of them.
    """
    found = PICTURES.get(target.suffix.lower())
    if found is None:
        raise UsageError(f"{target.name} names no picture format", "end it with .jpg, .webp or .png")
    return found


def write_whole(target: Path, data: bytes) -> None:
    """Write `data` under a temporary name and move it into place: all of it is there, or nothing.

    Raises:
        CannotWrite, DiskFull
    """
    writable_folder(target)
    if target.is_dir():
        raise CannotWrite(f"{target} is a folder", "name a file")
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".plexcut-", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise DiskFull(f"no space left to write {target}", "free some space") from None
        raise CannotWrite(f"cannot write {target}: {error.strerror}", "check its permissions") from None
