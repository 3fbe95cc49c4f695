"""Writing down what a route takes and answers, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel
from quart_schema import document_querystring, document_request, document_response, hide, tag

__all__ = ["MEDIA", "Media", "documented", "hide"]

F = TypeVar("F", bound=Callable[..., Any])

MEDIA = "_plexcut_media"


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is not JSON. `headers` are those that tell something, with what they tell."""

    status: int
    types: tuple[str, ...]
    description: str
    headers: Mapping[str, str] = field(default_factory=dict)


def documented(
    tag_name: str,
    answers: Mapping[int, type[BaseModel]] | None = None,
    media: tuple[Media, ...] = (),
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
) -> Callable[[F], F]:
    """Describe a route: its subject, its answers by status, its body and its query string."""

    def describe(view: F) -> F:
        tag([tag_name])(view)
        for status, model in (answers or {}).items():
            document_response(model, status)(view)
        if body is not None:
            document_request(body)(view)
        if query is not None:
            document_querystring(query)(view)
        setattr(view, MEDIA, media)
        return view

    return describe
