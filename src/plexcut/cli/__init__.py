"""The command line: `plexcut COMMAND`."""

from plexcut.cli.app import main

__all__ = ["main"]
