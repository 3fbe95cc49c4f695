"""The OpenAPI document. `python -m plexcut.web.openapi` prints it without server or libraries."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel, TypeAdapter
from quart import Quart
from quart_schema import Info, OpenAPIProvider, QuartSchema
from quart_schema.validation import DataSource
from werkzeug.routing.rules import Rule

from plexcut import __version__
from plexcut.web.documentation import MEDIA, Media
from plexcut.web.schemas import Error, KeepEvent

_REF = "#/components/schemas/{model}"
ALWAYS: tuple[type[BaseModel], ...] = (Error, KeepEvent)
"""Shapes that are named in the document although no route of its own answers with them."""


class Provider(OpenAPIProvider):
    """quart-schema's provider, with every shape named under `components`, the error answers, and pictures."""

    def schema(self) -> dict[str, Any]:
        """The document, in an order that does not depend on anything but the routes."""
        document = super().schema()
        components = document["components"]["schemas"]
        for model in ALWAYS:
            _reference(model, "serialization", components)
        document["paths"] = {path: document["paths"][path] for path in sorted(document["paths"])}
        document["components"]["schemas"] = {name: components[name] for name in sorted(components)}
        return document

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """The operations of a rule, with the answers that are not JSON and the one for failures."""
        paths, components = super().build_paths(rule)
        view = self._app.view_functions[rule.endpoint]
        media: tuple[Media, ...] = getattr(view, MEDIA, ())
        for operations in paths.values():
            for operation in operations.values():
                operation["tags"] = sorted(operation.get("tags", ()))
                operation["description"] = operation.get("description", "").strip()
                for parameter in operation["parameters"]:
                    parameter.setdefault("required", False)
                responses = {str(status): found for status, found in operation["responses"].items()}
                responses |= {str(answer.status): _media(answer) for answer in media}
                operation["responses"] = responses
                responses["default"] = {
                    "description": "Any failure.",
                    "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
                }
        return paths, components

    def build_request_body(self, model: type[Any], source: DataSource) -> tuple[dict[str, Any], dict[str, Any]]:
        """A body, by its name."""
        components: dict[str, Any] = {}
        schema = _reference(model, "validation", components)
        required = any(field.is_required() for field in model.model_fields.values())
        return {"required": required, "content": {"application/json": {"schema": schema}}}, components

    def build_response_object(
        self, model: type[Any], headers_model: type[Any] | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """An answer, by its name."""
        components: dict[str, Any] = {}
        schema = _reference(model, "serialization", components)
        description = " ".join((model.__doc__ or "").split())
        return {"description": description, "content": {"application/json": {"schema": schema}}}, components

    def operation_id(self, method: str, path: str, func: Any) -> str:
        """The view's own name: views are named by what they do."""
        return str(func.__name__)


def _reference(model: type[BaseModel], mode: Any, components: dict[str, Any]) -> dict[str, str]:
    """Put `model` and all that it is made of into `components`, and answer the reference to it."""
    schema = TypeAdapter(model).json_schema(ref_template=_REF, mode=mode)
    for name, found in {**schema.pop("$defs", {}), model.__name__: schema}.items():
        for key in found.get("properties", {}).values():
            # A key with a default would count as always given in generated types; a title repeats the name.
            key.pop("default", None)
            key.pop("title", None)
        components[name] = found
    return {"$ref": _REF.format(model=model.__name__)}


def _media(answer: Media) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.types:
        described["content"] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in answer.types}
    if answer.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()
        }
    return described


def install(app: Quart) -> None:
    """Give `app` a document; the routes for it are in `routes.documents`."""
    QuartSchema(
        app,
        openapi_path=None,
        info=Info(
            title="plexcut",
            version=__version__,
            description=(
                "Cut TV recordings of a Plex library. Times ending in _s are seconds, _at are seconds since the epoch."
                " Every failure answers in the shape Error. On a loopback address no login is needed; a change must"
                " come from this server's own page, or from no page at all, and its body must be application/json."
            ),
        ),
        openapi_provider_class=Provider,
    )


def document(app: Quart) -> dict[str, Any]:
    """The document of `app`; with a base path it is the server's address in it."""
    found: dict[str, Any] = app.extensions["QUART_SCHEMA"].openapi_provider.schema()
    return found


def main() -> None:
    """Print the document."""
    from plexcut.web.app import undriven_app

    json.dump(document(undriven_app()), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
