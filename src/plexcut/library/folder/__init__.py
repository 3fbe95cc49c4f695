"""A folder of recordings, named by Plex's rules, as a library."""

from plexcut.library.folder.library import FolderLibrary

__all__ = ["FolderLibrary"]
