"""Text that can go out as UTF-8.

A file name that is no UTF-8 reaches Python with lone surrogates in it; JSON as UTF-8 has no way to write those.
"""

from __future__ import annotations


def clean(text: str) -> str:
    """`text` with U+FFFD for what cannot be written; pairs of surrogates become the character that they mean."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
