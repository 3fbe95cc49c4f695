"""Reading what a request says: bodies and query strings into models, every number as the decimal that was written."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn, TypeVar, cast

from pydantic import BaseModel, ValidationError
from quart import request

from plexcut.domain.catalog import ID_PATTERN
from plexcut.domain.timecode import Position, parse_position
from plexcut.errors import PositionInvalid, SpanInvalid
from plexcut.web.errors import BadRequest

MAX_BODY_BYTES = 1 << 20
"""A keep list of 10,000 spans with both ends written as timecodes is below 400 KiB."""

_MAX_DIGITS = 40
_MAX_INT_DIGITS = 18
_EXPONENTS = range(-30, 19)
"""`1e999999999` is a short number to write and a gigabyte to compute with."""

M = TypeVar("M", bound=BaseModel)


def _decimal(written: str) -> Decimal:
    value = Decimal(written)
    if len(written) > _MAX_DIGITS or value.adjusted() not in _EXPONENTS:
        raise ValueError(f"the number {written[:20]} is out of range")
    return value


def _integer(written: str) -> int:
    if len(written) > _MAX_INT_DIGITS:
        raise ValueError(f"the number {written[:20]} is out of range")
    return int(written)


def _constant(written: str) -> NoReturn:
    raise ValueError(f"{written} is not a number")


def parse_json(raw: bytes) -> Any:
    """JSON with its fractions as `Decimal`.

    Raises:
        BadRequest: it is not JSON, or holds NaN, Infinity or a number out of range.
    """
    try:
        return json.loads(raw, parse_float=_decimal, parse_int=_integer, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise BadRequest(f"the body is not valid JSON: {what}") from None


async def read_body(model: type[M]) -> M:
    """The body as `model`; an empty body is `{}`. That the body's type is JSON was checked at the door.

    Raises:
        BadRequest: it is not JSON, or not of that shape; the message names the field.
    """
    raw = cast("bytes", await request.get_data(as_text=False))
    data = parse_json(raw) if raw.strip() else {}
    if not isinstance(data, dict):
        raise BadRequest("the body must be a JSON object")
    return _load(model, data, "body")


def read_query(model: type[M]) -> M:
    """The query string as `model`; of a repeated key the first counts, unknown keys are left alone.

    Raises:
        BadRequest: a value is wrong; the message names the key.
    """
    known = {field.alias or name for name, field in model.model_fields.items()}
    given = {key: value for key, value in request.args.items() if key in known}
    return _load(model, given, "query")


def _load(model: type[M], data: dict[str, Any], where: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise BadRequest(f"{name or where}: {message}", f"the {where} is described at /api/docs") from None


def read_position(written: str | float | Decimal) -> Position:
    """A position that a client wrote.

    Raises:
        BadRequest: it cannot be read.
        PositionInvalid: it can, but is before the start.
    """
    try:
        return parse_position(written)
    except PositionInvalid as error:
        if str(written).strip().startswith("-") and _readable(str(written).strip()[1:]):
            raise PositionInvalid(f"{str(written)[:40]} is before the start of the recording") from None
        raise BadRequest(error.message, error.hint) from None


def _readable(written: str) -> bool:
    try:
        parse_position(written)
    except PositionInvalid:
        return False
    return True


def is_id(text: str) -> bool:
    """Whether `text` can be an id at all; anything else need not be asked for."""
    return len(text) <= 300 and ID_PATTERN.match(text) is not None


def read_edge(written: str | None) -> Position | None:
    """One end of a span in a query string; None where it is not given.

    Raises:
        SpanInvalid: it cannot be read.
    """
    try:
        return None if written is None else read_position(written)
    except PositionInvalid as error:
        raise SpanInvalid(error.message, error.hint) from None


def read_clamped_edge(written: str | None) -> Position | None:
    """One end of a range that is clamped to the recording: what lies before it is its beginning."""
    if written is None:
        return None
    try:
        return read_position(written)
    except PositionInvalid:
        return Fraction(0)


def read_keep_query() -> list[tuple[Position, Position]]:
    """The spans of the query's `keep`, which may be repeated: `A-B,A-B` with positions in any written form.

    Raises:
        BadRequest: one has no hyphen. SpanInvalid: a position cannot be read.
    """
    return [_span(text) for keep in request.args.getlist("keep") for text in keep.split(",") if text.strip()]


def _span(text: str) -> tuple[Position, Position]:
    start, hyphen, end = text.strip().replace("\N{EN DASH}", "-").partition("-")
    if not hyphen:
        raise BadRequest(
            f"keep: {text[:60]!r} is no span", "write A-B,A-B with times such as 83.5 or frames such as #120"
        )
    first, last = read_edge(start), read_edge(end)
    assert first is not None
    assert last is not None
    return first, last
