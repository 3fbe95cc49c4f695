"""The description of the interface, for programs and for people."""

from __future__ import annotations

import json
from typing import Any

from quart import Blueprint, Response, current_app, render_template

from plexcut.web.context import context
from plexcut.web.documentation import hide
from plexcut.web.openapi import document

blueprint = Blueprint("documents", __name__)


@blueprint.get("/api/openapi.json")
@hide
async def get_openapi() -> Response:
    body = json.dumps(_document(), ensure_ascii=False)
    return Response(body, content_type="application/json")


@blueprint.get("/api/docs")
@hide
async def get_docs() -> Response:
    found = _document()
    subjects: dict[str, list[dict[str, Any]]] = {}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            entry = {"method": method.upper(), "path": path, **operation}
            subjects.setdefault(operation["tags"][0], []).append(entry)
    text = await render_template(
        "docs.html",
        title=found["info"]["title"],
        version=found["info"]["version"],
        description=found["info"]["description"],
        subjects=dict(sorted(subjects.items())),
        schemas=found["components"]["schemas"],
        type_name=type_name,
        base_path=context().settings.base_path,
    )
    return Response(text, content_type="text/html; charset=utf-8")


def _document() -> dict[str, Any]:
    found = document(current_app)
    if base_path := context().settings.base_path:
        found["servers"] = [{"url": base_path}]
    return found


def type_name(schema: dict[str, Any]) -> str:
    """A schema in a few words: `Item`, `list of Item`, `number or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(type_name(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "prefixItems" in schema:
        return "[" + ", ".join(type_name(one) for one in schema["prefixItems"]) + "]"
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))
