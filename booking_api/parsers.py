"""Reading bodies: what PostgreSQL could not store, or Python could not hold, goes no further than here."""

from __future__ import annotations

import json
import math
from typing import IO, Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

DEEPEST_NESTING = 32


class StrictJSONParser(JSONParser):
    """JSON in UTF-8, whatever the Content-Type says of its charset, of finite numbers and characters that exist."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Raises:
        ParseError: this is no JSON, or it is nested too deeply.
        ValidationError: a text holds a NUL or half of a surrogate pair.
        """
        try:
            body = json.loads(stream.read().decode(), parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {_reason(error)}.") from error
        _check(body)
        return body


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "it is not in UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else "a number is out of range"


def _check(body: Any) -> None:
    waiting: list[tuple[tuple[str, ...], Any]] = [((), body)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEEPEST_NESTING:
            raise ParseError("The body is nested too deeply.")
        if isinstance(value, str) and not is_storable(value):
            raise _unusable(path)
        if isinstance(value, dict):
            if not all(map(is_storable, value)):
                raise _unusable(path)
            waiting.extend(((*path, name), item) for name, item in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, str(number)), item) for number, item in enumerate(value))


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes it: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _unusable(path: tuple[str, ...]) -> ValidationError:
    field = ".".join(path) or "non_field_errors"
    return ValidationError({field: ["It holds a character that cannot be stored."]}, code="invalid_characters")
