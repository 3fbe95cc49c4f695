"""`backup` and `restore-backup`."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from plexcut import config
from plexcut.cli import logs, output
from plexcut.cli.server import Config

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object as the last line.")]


def backup(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.", readable=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
    config_file: Config = None,
    json: Json = False,
) -> None:
    """Write a backup of the database: keep lists with their history, jobs, selections, settings made on the page.

    A server may run meanwhile. Recordings, trash and configuration are not in it. Keep the file safe: it holds keys.
    """
    logs.quiet()
    from plexcut.storage import backup as backups

    settings = config.load(config.Choices(config=config_file))
    facts = backups.make(settings.database, out.expanduser(), overwrite=overwrite)
    if json:
        answer = asdict(facts)
        del answer["set_aside"]
        output.answer(answer)
    else:
        output.say(f"written: {facts.path} ({facts.keep_lists} keep lists, {facts.jobs} jobs, {facts.bytes} bytes)")


def restore_backup(
    archive: Annotated[Path, typer.Argument(metavar="IN", help="A file that `backup` made.", readable=False)],
    config_file: Config = None,
    json: Json = False,
) -> None:
    """Bring back the database of a backup. The server has to be stopped; the present database is set aside.

    Jobs that waited or ran when the backup was made are not begun by themselves.
    """
    logs.quiet()
    from plexcut import bootstrap
    from plexcut.storage import backup as backups

    settings = config.load(config.Choices(config=config_file))
    with bootstrap.lock(settings):
        facts = backups.restore(archive.expanduser(), settings.database)
    if json:
        output.answer(asdict(facts))
        return
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts.created_at))
    output.say(f"brought back: the state of {made} ({facts.keep_lists} keep lists, {facts.jobs} jobs)")
    if facts.set_aside is not None:
        output.say(f"set aside: {facts.set_aside}")
