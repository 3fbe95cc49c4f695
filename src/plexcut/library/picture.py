"""Posters: told by their content, and scaled down."""

from __future__ import annotations

import io
import logging
import warnings

from plexcut.domain.catalog import Thumb

log = logging.getLogger(__name__)

PICTURE_BYTES_MAX = 32 * 1024 * 1024
_PIXELS_MAX = 60_000_000
_WIDTH_MAX = 2000
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


def scaled(data: bytes, width: int) -> Thumb | None:
    """The picture, not wider than `width` pixels (1 to 2000); None where `data` is no picture that is used here."""
    from PIL import Image

    if not data or len(data) > PICTURE_BYTES_MAX:
        return None
    width = min(max(width, 1), _WIDTH_MAX)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=tuple(_MEDIA_TYPES)) as picture:
                if picture.width * picture.height > _PIXELS_MAX:
                    return None
                media_type = _MEDIA_TYPES[picture.format or "JPEG"]
                if picture.width <= width:
                    picture.verify()
                    return Thumb(data, media_type)
                height = max(1, round(picture.height * width / picture.width))
                picture.draft("RGB", (width, height))
                small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    except (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError) as error:
        log.debug("a poster is no usable picture: %s", error)
        return None
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return Thumb(out.getvalue(), "image/jpeg")
