"""Writing the password's hash into `config.toml`, leaving every other character as it is."""

from __future__ import annotations

from pathlib import Path

from plexcut.config.writing import differs_only_in, read_text, replace_file, with_text
from plexcut.errors import ConfigError


def write_password(file: Path, password_hash: str) -> None:
    """Set `server.password` in `file`, which is made (readable by its owner alone) if it is not there.

    Raises:
        ConfigError: the file is no TOML, or sets the password in a form that only its author can change.
        CannotWrite: it cannot be written; it is then as it was.
    """
    old, before = read_text(file)
    new = with_text(old, "server", "password", f'"{password_hash}"')
    if not differs_only_in(before, new, {"server": {"password": password_hash}}):
        raise ConfigError(
            f"server.password cannot be set in {file} as it is written", f'write password = "{password_hash}" yourself'
        )
    replace_file(file, new)
