"""A Plex server as a library."""

from plexcut.library.plex.client import PlexAddress
from plexcut.library.plex.library import PlexLibrary

__all__ = ["PlexAddress", "PlexLibrary"]
