"""Typed reading of `config.toml` with environment overrides, with the line of whatever is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plexcut.errors import ConfigError

ENV_PREFIX = "PLEXCUT_"
_NO_SETTINGS = frozenset({"PLEXCUT_CONFIG"})

Key = tuple[str | int, ...]
"""The way to a value: table names, indexes of arrays of tables, and the key at last."""

_KINDS: dict[type, str] = {str: "a text in quotes", int: "a whole number", dict: "a table", list: "an array of tables"}


@dataclass(slots=True)
class Source:
    """What was read, and which of it has been asked for; the rest is unknown and refused."""

    file: Path | None
    text: str
    data: dict[str, Any]
    env: Mapping[str, str]
    known: set[Key] = field(default_factory=set)
    used_env: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, file: Path | None, env: Mapping[str, str]) -> Source:
        """Read `file` (None: nothing but the environment).

        Raises:
            ConfigError: it cannot be read, or is no TOML; the message has the line.
        """
        if file is None:
            return cls(None, "", {}, env)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ConfigError(f"{file} is no text in UTF-8") from None
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
        try:
            return cls(file, text, tomllib.loads(text), env)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{file}, line {_error_line(str(error), text)}: this is no TOML: {error}") from None

    def root(self) -> Table:
        """The whole file as a table."""
        return Table(self, self.data, (), ENV_PREFIX)

    def wrong(self, key: Key, why: str) -> ConfigError:
        """The error for a key of the file, naming it and its line."""
        line = line_of(self.text, key)
        where = f"{self.file}, line {line}: " if line else (f"{self.file}: " if self.file else "configuration: ")
        return ConfigError(f"{where}{dotted(key)}: {why}")

    def refuse_unknown(self) -> None:
        """Raise for the first key or environment variable that nothing asked for.

        Raises:
            ConfigError: there is one.
        """
        for key in _leaves(self.data, ()):
            if key not in self.known:
                unknown = next(key[:n] for n in range(1, len(key) + 1) if key[:n] not in self.known)
                raise self.wrong(unknown, "unknown key")
        for name in sorted(self.env):
            is_setting = name.startswith(ENV_PREFIX) and "__" in name and name not in _NO_SETTINGS
            if is_setting and name not in self.used_env:
                raise ConfigError(f"the environment variable {name} names no setting")


@dataclass(slots=True)
class Table:
    """One table; every question marks its key as known."""

    source: Source
    data: dict[str, Any]
    key: Key
    env: str

    def wrong(self, name: str, why: str) -> ConfigError:
        """The error for one of the keys, naming the line or the environment variable that set it."""
        variable = self._variable(name)
        if variable in self.source.env:
            return ConfigError(f"{variable}: {why}")
        return self.source.wrong((*self.key, name), why)

    def override_as(self, library_id: str) -> None:
        """Take environment overrides under the library's id from now on."""
        self.env = f"{ENV_PREFIX}LIBRARY__{re.sub('[^A-Za-z0-9]', '_', library_id).upper()}__"

    def text(self, name: str, default: str | None, *, empty: bool = True) -> str:
        """A text; `default` None: it must be given."""
        value = self._value(name, str)
        if value is None:
            if default is None:
                raise self._missing(name)
            return default
        if not empty and not value.strip():
            raise self.wrong(name, "must not be empty")
        return str(value)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number of `low` to `high`."""
        value = self._value(name, int)
        if value is None:
            return default
        if not low <= value <= high:
            bound = f"at least {low}" if value < low else f"at most {high}"
            raise self.wrong(name, f"{value} is not possible, it must be {bound}")
        return int(value)

    def numbers(self, name: str) -> tuple[int, ...]:
        """An array of whole numbers, none by default; in the environment they are written with commas between them."""
        value = self._value(name, list)
        if self._variable(name) in self.source.env:
            self.source.used_env.add(self._variable(name))
            value = [part.strip() for part in self.source.env[self._variable(name)].split(",") if part.strip()]
            if not all(part.isascii() and part.isdigit() for part in value):
                raise self.wrong(name, "must be whole numbers with commas between them")
            return tuple(int(part) for part in value)
        if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value or ()):
            raise self.wrong(name, "must be an array of whole numbers, as in [1, 3]")
        return tuple(value or ())

    def choice(self, name: str, choices: tuple[Any, ...], *, required: bool = False) -> Any:
        """One of `choices`; the first is the default unless `required`."""
        value = self.text(name, None if required else choices[0])
        if value not in choices:
            raise self.wrong(name, f"{value!r} is not possible, write {' or '.join(repr(c) for c in choices)}")
        return value

    def path(self, name: str, default: Path | None) -> Path:
        """An absolute path with `~` expanded; empty means the default, `default` None that it must be given."""
        path = self.optional_path(name)
        if path is None and default is None:
            raise self.wrong(name, "must not be empty") if name in self.data else self._missing(name)
        found = path or default
        assert found is not None
        return found

    def optional_path(self, name: str) -> Path | None:
        """A path, None where it is not given or empty."""
        written = self.text(name, "")
        if not written.strip():
            return None
        if re.match(r"^[A-Za-z][A-Za-z0-9+.-]+://", written):
            raise self.wrong(name, f"{written.split('@')[-1]!r} is no local path; mount the share and name its folder")
        try:
            path = Path(written).expanduser()
        except RuntimeError:
            raise self.wrong(name, f"{written!r} names an unknown user") from None
        from_env = self._variable(name) in self.source.env
        base = Path.cwd() if from_env or self.source.file is None else self.source.file.parent
        return base / path

    def table(self, name: str) -> Table:
        """The table `[name]`, empty where there is none."""
        value = self._value(name, dict)
        return Table(self.source, value or {}, (*self.key, name), f"{self.env}{name.upper()}__")

    def tables(self, name: str) -> list[Table]:
        """The tables `[[name]]`."""
        value = self._value(name, list) or []
        found = []
        for n, entry in enumerate(value):
            key = (*self.key, name, n)
            if not isinstance(entry, dict):
                raise self.source.wrong((*self.key, name), f"must be {_KINDS[list]}: [[{name}]]")
            self.source.known.add(key)
            found.append(Table(self.source, entry, key, f"{self.env}{name.upper()}__{n}__"))
        return found

    def _variable(self, name: str) -> str:
        return f"{self.env}{name.upper()}"

    def _missing(self, name: str) -> ConfigError:
        return self.source.wrong(self.key, f"{name} is missing")

    def _value(self, name: str, kind: type) -> Any:
        self.source.known.add((*self.key, name))
        variable = self._variable(name)
        if kind in (str, int) and variable in self.source.env:
            self.source.used_env.add(variable)
            written = self.source.env[variable]
            if kind is str:
                return written
            if not re.fullmatch(r"[+-]?[0-9]+", written.strip()):
                raise ConfigError(f"{variable}: {written!r} is no whole number")
            return int(written)
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.source.wrong((*self.key, name), f"must be {_KINDS[kind]}, not {_describe(value)}")
        return value


def dotted(key: Key) -> str:
    """`library[0].path` for people."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def line_of(text: str, key: Key) -> int | None:
    """The line that the statement begins on which first sets `key`; None where nothing does."""
    found = statement_of(text, key)
    return found[0] + 1 if found else None


def statement_of(text: str, key: Key) -> tuple[int, int] | None:
    """The lines `[first, last)`, counted from 0, of the statement that first sets `key`.

    TOML's parser tells no positions. A text is cut after each line instead: where the beginning parses, a statement
    ends, and the first beginning that has the key ends with the statement that sets it.
    """
    lines = text.splitlines(keepends=True)
    last_end = 0
    for end in range(1, len(lines) + 1):
        try:
            data = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(data, key):
            return (last_end, end)
        last_end = end
    return None


def _has(data: Any, key: Key) -> bool:
    for part in key:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                return False
            data = data[part]
        elif not isinstance(data, dict) or part not in data:
            return False
        else:
            data = data[part]
    return bool(key)


def _leaves(data: Any, key: Key) -> Iterator[Key]:
    """Every key in the order of the file; tables before what they hold."""
    entries: Any = data.items() if isinstance(data, dict) else enumerate(data)
    for name, value in entries:
        below = (*key, name)
        yield below
        if isinstance(value, dict) or (isinstance(value, list) and all(isinstance(v, dict) for v in value)):
            yield from _leaves(value, below)


def _describe(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (dict, list)):
        return _KINDS[type(value)] if isinstance(value, dict) else "an array"
    return repr(value)


def _error_line(message: str, text: str) -> int:
    found = re.search(r"at line (\d+)", message)
    return int(found[1]) if found else max(1, len(text.splitlines()))
