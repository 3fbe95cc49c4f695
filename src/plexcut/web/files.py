"""Answers made of small files and pictures, with validators, so that a browser asks once."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from quart import Response, request

REVALIDATE = "private, no-cache"
"""Kept by the browser, but asked for again each time: the answer is mostly 304."""

IMMUTABLE = "public, max-age=31536000, immutable"
"""The name holds a hash of the content."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
"""Of our own making, since the system's table of types differs between machines."""


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file's content."""

    data: bytes
    media_type: str


def read_below(root: Path, relative: str) -> SmallFile | None:
    """The regular file `root/relative`; None where there is none, where a part of the name begins with a dot, or
    where it would lie outside `root` (also by a link).
    """
    parts = relative.split("/")
    if any(not part or part.startswith(".") or "\0" in part or "\\" in part for part in parts):
        return None
    try:
        home = root.resolve(strict=True)
        path = home.joinpath(*parts).resolve(strict=True)
        if not path.is_relative_to(home):
            return None
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return SmallFile(file.read(), MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"))
    except (OSError, ValueError):
        return None


def etag_of(data: bytes) -> str:
    """A strong validator of a content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def cached(data: bytes, media_type: str, cache_control: str, etag: str | None = None) -> Response:
    """An answer with a validator, by default that of its content; 304 where the client has it already."""
    etag = etag or etag_of(data)
    if request.if_none_match.contains_weak(etag):
        return unchanged(etag, cache_control)
    response = Response(data, 200, content_type=media_type)
    response.set_etag(etag)
    response.headers["Cache-Control"] = cache_control
    return response


_PACKED = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_PACKED_FROM_BYTES = 1000


@lru_cache(maxsize=64)
def pack(data: bytes) -> bytes:
    """A file of the page, compressed; it stays in memory, for there are few and they are asked for again and again."""
    return gzip.compress(data, 9, mtime=0)


def is_packable(media_type: str, data: bytes) -> bool:
    """Whether the client takes it compressed, and that is worth it."""
    takes = bool(request.accept_encodings["gzip"])
    return takes and media_type.startswith(_PACKED) and len(data) >= _PACKED_FROM_BYTES


def cached_packed(packed: bytes, plain: bytes, media_type: str, cache_control: str) -> Response:
    """As `cached`, of a compressed content, which has a validator of its own."""
    response = cached(packed, media_type, cache_control, f"{etag_of(plain)}-gz")
    response.headers["Content-Encoding"] = "gzip"
    return response


def unchanged(etag: str, cache_control: str) -> Response:
    """304: the client has it already."""
    response = Response(b"", 304)
    del response.headers["Content-Type"]
    response.set_etag(etag)
    response.headers["Cache-Control"] = cache_control
    return response
