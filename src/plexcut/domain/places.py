"""Where a file is: a path of this machine, or a place on a share, which is written as a path too.

`smb://host:port/share/folder/file` is `Path("smb:/host:port/share/folder/file")`: all that only looks at the parts of a
path (parents, names, what is below what) is the same for both. Nothing but `domain.files.Files` and sources may open
one. Neither form ever holds a user.
"""

from __future__ import annotations

from pathlib import Path, PurePath

SCHEME = "smb:"
_SHARE_PARTS = 3
"""Scheme, host and share: what is above has no name on the share."""


def is_share(path: PurePath) -> bool:
    """Whether it is a place on a share."""
    return path.parts[:1] == (SCHEME,) and len(path.parts) >= _SHARE_PARTS


def shown(path: PurePath) -> str:
    """For people, and in answers: an address for a place on a share."""
    return f"{SCHEME}//{'/'.join(path.parts[1:])}" if is_share(path) else str(path)


def place(text: str) -> Path:
    """What `shown` wrote, or any path of this machine."""
    return Path(text)
