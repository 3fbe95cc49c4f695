"""The commands, and how each of them ends: one line for a failure, and the exit code that says which."""

from __future__ import annotations

from typing import Annotated

import typer

import plexcut
from plexcut.cli import backup, cutlists, filmstrip, interrupts, logs, media, output, server, trash
from plexcut.errors import Cancelled, PlexcutError, UsageError

_HELP = {"help_option_names": ["-h", "--help"]}
_EPILOG = (
    "Times are written 83.5, 1:23.5, 00:01:23.500, or #4175 for a frame number. Exit codes: 0 done, 2 wrong usage, "
    "3 file missing or unreadable, 4 format not supported, 5 result not verified, 6 cannot write, 7 host unreachable, "
    "8 busy or changed, 130 cancelled."
)

app = typer.Typer(
    name="plexcut",
    help="Cut TV recordings of a Plex library: frame-exact, copied byte for byte, verified.",
    epilog=_EPILOG,
    context_settings=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        output.say(f"plexcut {plexcut.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None and not version:
        output.say(context.get_help())


app.command()(server.serve)
app.command()(server.worker)
app.command()(media.probe)
app.command()(media.frame)
app.command()(filmstrip.filmstrip)
app.command()(media.plan)
app.command()(media.cut)
app.command()(media.verify)
app.command()(backup.backup)
app.command("restore-backup")(backup.restore_backup)
app.command()(trash.restore)
app.command("trash")(trash.show_trash)
app.command()(cutlists.cutlist)
app.command()(server.doctor)
app.command()(server.passwd)


def run(arguments: list[str]) -> int:
    """Run a command and answer its exit code; every failure has been written as one line to stderr."""
    try:
        with interrupts.insistent():
            return _run(arguments)
    except KeyboardInterrupt:  # at the very end, or the very beginning
        output.fail("cancelled")
        return Cancelled.exit_code


def _run(arguments: list[str]) -> int:
    try:
        code = app(args=arguments, prog_name="plexcut", standalone_mode=False)
        if code == Cancelled.exit_code:  # Typer's word for Ctrl-C
            output.fail("cancelled")
        return code if isinstance(code, int) else 0
    except PlexcutError as error:
        output.fail(error.line)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        output.fail("cancelled")
        return Cancelled.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: one line and an id, never a traceback
        return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    describe = getattr(error, "format_message", None)
    if describe is not None:  # the parser's own errors, whichever package holds their class
        context = getattr(error, "ctx", None)
        hint = f"see `{context.command_path} --help`" if context is not None else "see `plexcut --help`"
        output.fail(UsageError(describe().rstrip("."), hint).line)
        return UsageError.exit_code
    error_id, where = logs.unexpected(error)
    output.fail(f"something unexpected went wrong, error {error_id} ({where})")
    return 1
