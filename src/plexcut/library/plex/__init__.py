"""A Plex server as a library."""

from plexcut.library.plex.library import PlexLibrary

__all__ = ["PlexLibrary"]
