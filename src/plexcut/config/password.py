"""Writing the password's hash into `config.toml`, leaving every other character as it is."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from pathlib import Path

from plexcut.config.source import statement_of
from plexcut.errors import CannotWrite, ConfigError


def write_password(file: Path, password_hash: str) -> None:
    """Set `server.password` in `file`, which is made (readable by its owner alone) if it is not there.

    Raises:
        ConfigError: the file is no TOML, or sets the password in a form that only its author can change.
        CannotWrite: it cannot be written; it is then as it was.
    """
    try:
        old = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    try:
        before = tomllib.loads(old)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is no TOML: {error}", "mend it first") from None
    new = _with_password(old, password_hash)
    if not _differs_in_password_alone(before, new, password_hash):
        raise ConfigError(
            f"server.password cannot be set in {file} as it is written", f'write password = "{password_hash}" yourself'
        )
    _replace(file, new)


def _with_password(text: str, password_hash: str) -> str:
    line = f'password = "{password_hash}"'
    lines = text.splitlines(keepends=True)
    if there := statement_of(text, ("server", "password")):
        first, last = there
        statement = "".join(lines[first:last])
        key = re.match(r"^(\s*[^=#\n]*?password[\"']?\s*=\s*)", statement)
        comment = re.search(r"""["'](\s*#[^"'\n]*)?\r?\n?$""", statement)
        if key:
            kept = (comment[1] or "") if comment else ""
            lines[first:last] = [f'{key[1]}"{password_hash}"{kept}\n']
        return "".join(lines)
    if there := statement_of(text, ("server",)):
        header = lines[there[1] - 1]
        lines[there[1] - 1] = (header if header.endswith("\n") else header + "\n") + line + "\n"
        return "".join(lines)
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[server]\n{line}\n"


def _differs_in_password_alone(before: dict[str, object], new: str, password_hash: str) -> bool:
    try:
        after = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        return False
    old_server, new_server = before.get("server", {}), after.get("server")
    if not isinstance(old_server, dict) or not isinstance(new_server, dict):
        return False
    return after == {**before, "server": new_server} and new_server == {**old_server, "password": password_hash}


def _replace(file: Path, text: str) -> None:
    target = file.resolve()
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".config.", suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o600)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise CannotWrite(f"{file} cannot be written: {error.strerror}") from None
