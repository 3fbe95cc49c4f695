"""Which codecs the installed FFmpeg libraries bring."""

from __future__ import annotations

from typing import Literal

from av.codec import Codec
from av.codec.codec import UnknownCodecError


def missing(decoder: str, encoder: str) -> list[str]:
    """Which of the two is not there, in words; empty when both are."""
    wanted: tuple[tuple[str, Literal["r", "w"], str], ...] = (
        (decoder, "r", "decoder"),
        (encoder, "w", "encoder"),
    )
    lacks = []
    for name, mode, word in wanted:
        try:
            Codec(name, mode)
        except UnknownCodecError:
            lacks.append(f"{word} {name}")
    return lacks
