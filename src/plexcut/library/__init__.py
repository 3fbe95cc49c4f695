"""Adapters of the `Library` port: a folder of recordings, and a Plex server."""
