"""Where the log goes. Commands that run for a moment keep none, unless something unexpected happens."""

from __future__ import annotations

import logging
import os
import sys
import traceback
import uuid
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from plexcut import config
from plexcut.errors import CannotWrite, PlexcutError

DEBUG_VARIABLE = "PLEXCUT_DEBUG"
"""When set, commands write their log, tracebacks too, to stderr."""

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_MAX_BYTES = 2_000_000


def is_debug() -> bool:
    """Whether the log goes to stderr."""
    return bool(os.environ.get(DEBUG_VARIABLE))


def quiet() -> None:
    """For a short command: no log, or all of it on stderr in debug mode."""
    if is_debug():
        logging.basicConfig(level=logging.DEBUG, format=_FORMAT, stream=sys.stderr)
    elif not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


def to_file(settings: config.Settings, name: str) -> None:
    """For a process that stays: `<data_dir>/logs/<name>.log`, three files of 2 MB at most.

    Raises:
        CannotWrite: the data folder cannot be written.
    """
    folder = settings.data_dir / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(folder / f"{name}.log", maxBytes=_MAX_BYTES, backupCount=2, encoding="utf-8")
    except OSError as error:
        raise CannotWrite(
            f"cannot write {folder}: {error.strerror}", "check its permissions, or set data_dir to another folder"
        ) from None
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if is_debug() else logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if is_debug():
        root.addHandler(logging.StreamHandler(sys.stderr))


def unexpected(error: Exception) -> tuple[str, str]:
    """Keep the traceback of an error that nobody foresaw. Its id, and where the traceback is."""
    error_id = uuid.uuid4().hex[:8]
    text = "".join(traceback.format_exception(error))
    if is_debug():
        sys.stderr.write(text)
    try:
        folder = config.load().data_dir / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        path: Path = folder / "errors.log"
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{datetime.now().astimezone().isoformat()} error {error_id}\n{text}\n")
    except (PlexcutError, OSError):
        return error_id, f"set {DEBUG_VARIABLE}=1 to see more"
    return error_id, f"see {path}"
