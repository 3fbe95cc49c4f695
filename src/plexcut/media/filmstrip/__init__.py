"""Filmstrips: many small pictures of a range in one image."""
