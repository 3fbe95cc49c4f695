"""What the command line writes: answers to stdout, progress and failures to stderr."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from plexcut.domain.ports import OnProgress
from plexcut.errors import CannotWrite


def say(text: str) -> None:
    """A line on stdout. That its reader has left is no failure of what we do.

    Raises:
        CannotWrite: stdout is a file that takes nothing more.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise CannotWrite(f"the answer cannot be written: {error.strerror}", "look at where stdout goes") from None


def answer(values: dict[str, Any]) -> None:
    """One JSON object as a line on stdout."""
    say(json.dumps(values, ensure_ascii=True, allow_nan=False))


def note(message: str) -> None:
    """A line on stderr about what goes on."""
    line = " ".join(message.split())
    try:
        sys.stderr.write(f"plexcut: {line}\n".encode("utf-8", "backslashreplace").decode("utf-8", "replace"))
        sys.stderr.flush()
    except (OSError, UnicodeError, ValueError):
        return  # nobody is there to read it; the exit code still tells


def fail(message: str) -> None:
    """The one line on stderr that says what is wrong."""
    note(message)


def is_watched() -> bool:
    """Whether stderr is a terminal."""
    return sys.stderr.isatty()


@contextmanager
def progress(what: str) -> Iterator[OnProgress]:
    """An `on_progress` that draws a bar on stderr if that is a terminal, and nothing otherwise."""
    if not is_watched():
        yield lambda _phase, _fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=8) as bar:
        task = bar.add_task(what, total=1.0)

        def on_progress(phase: str, fraction: float) -> None:
            bar.update(task, completed=fraction, description=f"{what}: {phase}" if phase else what)

        yield on_progress


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table on stdout."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    is_terminal = sys.stdout.isatty()
    text = io.StringIO()
    width = None if is_terminal else 200
    Console(file=text, force_terminal=is_terminal, width=width).print(drawn)
    say("\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines()))
