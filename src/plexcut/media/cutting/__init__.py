"""Cutting: the plan, the re-encoded seams, the writing, and the proof that the result is right."""
