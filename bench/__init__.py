"""The same work done by plexcut and by what a user would otherwise have, side by side in one run."""
