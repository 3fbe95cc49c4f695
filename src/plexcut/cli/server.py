"""`serve`, `worker`, `doctor`, `passwd`."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from plexcut import config
from plexcut.cli import logs, output
from plexcut.errors import ConfigError, UsageError

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file.", show_default=False, readable=False),
]

logger = logging.getLogger(__name__)

_MIN_PASSWORD = 8
_SETTLE_S = 10.0
"""A worker begins no later than that; in a share that hangs, settling goes on by itself."""


def serve(
    config_file: Config = None,
    library: Annotated[
        list[Path] | None,
        typer.Option(
            "--library", metavar="DIR", help="Serve this folder instead of the configured libraries.", readable=False
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="H", help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(metavar="P", help="The port to listen on.", min=0, max=65535)] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Start no worker; others take the jobs.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Add the demo library.")] = False,
) -> None:
    """Serve the page.

    Starts a queue (unless queue.url names one) and a worker (unless told not to), and the demo library where nothing
    else is configured.
    """
    from plexcut.cli import serving

    settings = config.load(config.Choices(config=config_file, library_dirs=tuple(library or ()), demo=demo))
    server = dataclasses.replace(
        settings.server,
        host=settings.server.host if host is None else host,
        port=settings.server.port if port is None else port,
    )
    serving.run(dataclasses.replace(settings, server=server), with_worker=not no_worker)


def worker(config_file: Config = None) -> None:
    """Take jobs from the queue until stopped."""
    from plexcut import bootstrap

    served = bootstrap.served()
    settings = config.load(dataclasses.replace(served, config=config_file))
    if not settings.queue.url:
        raise ConfigError(
            "queue.url is not set, so there is no queue to work for",
            "`plexcut serve` starts a worker of its own; set queue.url for more of them",
        )
    if settings.file is not None:
        os.environ["PLEXCUT_CONFIG"] = str(settings.file)  # the task reads it again in its own process
    logs.to_file(settings, "worker")
    from plexcut.jobs import worker as jobs_worker

    settling = threading.Thread(target=_settle, args=(settings,), name="recover", daemon=True)
    settling.start()
    settling.join(_SETTLE_S)
    jobs_worker.run(settings.queue.url, bootstrap.FreshPlaces(config_file))


def _settle(settings: config.Settings) -> None:
    """Finish or undo what an interrupted cut in place left in the libraries that this machine reaches."""
    from plexcut import bootstrap

    for line in bootstrap.files(settings).recover(bootstrap.library_folders(settings)):
        logger.info("after an interruption: %s", line)


def doctor(
    config_file: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object as the last line.")] = False,
) -> None:
    """Check whether everything works.

    Configuration, hosts, path mappings (read and write), queue, workers, codecs, disk.
    """
    logs.quiet()
    from plexcut.cli import checks

    found = checks.examine(config_file)
    if json:
        output.answer({"ok": all(row.ok for row in found), "checks": [row.as_json() for row in found]})
    else:
        output.table(
            ("", "what", "name", "detail"),
            [("ok" if row.ok else "FAILED", row.what, row.name, row.detail) for row in found],
        )
    bad = [row for row in found if not row.ok]
    if bad:
        output.fail(
            f"{len(bad)} of {len(found)} checks failed: " + ", ".join(f"{b.what} {b.name}".strip() for b in bad)
        )
        raise typer.Exit(bad[0].exit_code)


def passwd(config_file: Config = None) -> None:
    """Set the password of the page.

    plexcut asks for it when it is reachable from other machines. From a pipe, the first line is taken.
    """
    if sys.stdin.isatty():
        import getpass

        password = getpass.getpass("New password: ")
        if getpass.getpass("Once more: ") != password:
            raise UsageError("the two passwords differ", "try again")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < _MIN_PASSWORD:
        raise UsageError("the password is too short", f"take at least {_MIN_PASSWORD} characters")
    from argon2 import PasswordHasher

    file = config_file or config.find_file(None, os.environ) or config.user_config_file(os.environ)
    config.write_password(file.expanduser().absolute(), PasswordHasher().hash(password))
    output.say(f"the password is set in {file}; restart plexcut to use it")
