"""Changing `config.toml` as a text: what the user wrote stays as it is, and the file is replaced in one step."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from plexcut.config.source import statement_of
from plexcut.errors import CannotWrite, ConfigError

_OWN_MODE = 0o600
_BEHIND = re.compile(r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*')(\s*#[^\r\n]*)?\r?\n?$""")
"""A text in one line, and the comment behind it."""


def read_text(file: Path) -> tuple[str, dict[str, Any]]:
    """The file's text and what it says; empty where it is not there.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        text = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is no TOML: {error}", "mend it first") from None


def quoted(text: str) -> str:
    """A text as TOML writes it.

    Raises:
        ConfigError: it holds something that no TOML can (a file's name that is no UTF-8).
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        raise ConfigError(f"{shown!r} is no text in UTF-8, and cannot be written into config.toml") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def with_text(text: str, table: str, key: str, value: str) -> str:
    """The file's text with `table.key` set to `value`, which is written in double quotes as it is."""
    line = f"{key} = {value}"
    lines = text.splitlines(keepends=True)
    if there := statement_of(text, (table, key)):
        first, last = there
        statement = "".join(lines[first:last])
        begin = re.match(rf"^(\s*[^=#\n]*?{key}[\"']?\s*=\s*)", statement)
        comment = re.search(r"""["'](\s*#[^"'\n]*)?\r?\n?$""", statement)
        if begin and (behind := _BEHIND.match(statement, begin.end())):
            comment = behind
        if begin:
            kept = (comment[1] or "") if comment else ""
            lines[first:last] = [f"{begin[1]}{value}{kept}\n"]
        return "".join(lines)
    if there := statement_of(text, (table,)):
        header = lines[there[1] - 1]
        lines[there[1] - 1] = (header if header.endswith("\n") else header + "\n") + line + "\n"
        return "".join(lines)
    return with_block(text, f"[{table}]\n{line}\n")


def with_block(text: str, block: str) -> str:
    """The file's text with a block of its own at the end."""
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{block}"


def differs_only_in(before: dict[str, Any], text: str, changes: dict[str, Any]) -> bool:
    """Whether the changed text says what it said before but for `changes` (of tables: their changed keys)."""
    try:
        after = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    wanted = dict(before)
    for name, change in changes.items():
        if not isinstance(change, dict):
            wanted[name] = change
            continue
        old = before.get(name, {})
        if not isinstance(old, dict):
            return False
        wanted[name] = {**old, **change}
    return after == wanted


def replace_file(file: Path, text: str, *, private: bool = False) -> None:
    """Write the file in one step; a new one, or with `private` any, is readable by its owner alone.

    It stays its owner's, where that can be, and keeps its line ends.

    Raises:
        CannotWrite: it cannot be written; it is then as it was.
    """
    target = file.resolve()
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".config.", suffix=".tmp")
        before = target.stat() if target.exists() else None
        with os.fdopen(handle, "w", encoding="utf-8", newline=_line_end(target) if before is not None else "") as out:
            out.write(text)
            out.flush()
            if before is not None:
                with contextlib.suppress(OSError):
                    os.fchown(out.fileno(), before.st_uid, before.st_gid)
            old = before.st_mode & 0o777 if before is not None else _OWN_MODE
            os.fchmod(out.fileno(), old & _OWN_MODE if private else old)
            os.fsync(out.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise CannotWrite(f"{file} cannot be written: {error.strerror}") from None


def _line_end(file: Path) -> str:
    with file.open("rb") as there:
        return "\r\n" if there.readline().endswith(b"\r\n") else ""
