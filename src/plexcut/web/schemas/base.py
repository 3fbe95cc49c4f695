"""What all shapes stand on, and the shape of every failure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema


def _written(value: object) -> str | int | Decimal:
    if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
        return value
    raise ValueError("write seconds as a number, or a time such as 00:01:02.5, or #120 for a frame number")


Written = Annotated[
    str | int | Decimal,
    PlainValidator(_written),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number"}, {"type": "string"}],
            "description": "Seconds as a number, or a written form: 83.5, 1:23.5, 00:01:23.500, #4175 (frame number).",
        }
    ),
]
"""A position as a client writes it; numbers keep the decimals that were written."""

WrittenSpan = tuple[Written, Written]


class Answer(BaseModel):
    """Base of everything that goes out: every key is always there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Body(BaseModel):
    """Base of everything that comes in: an unknown key is an error, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(Answer):
    """What went wrong: a stable `code`, a sentence for people, and what to do about it (may be empty)."""

    code: str
    message: str
    hint: str


class Error(Answer):
    """Every failure has this shape."""

    error: ErrorDetail
