"""The tests of plexcut; a package, so that tests can share ``tests.media_factory``."""
