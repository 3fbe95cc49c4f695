"""plexcut cuts TV recordings of a Plex library in the browser, frame-exact and verified."""

__version__ = "0.1.0"
