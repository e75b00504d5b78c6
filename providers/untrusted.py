"""Reads JSON from outside, where anything may stand anywhere: what has the wrong type is as if absent. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from providers.redact import MAX_TEXT_CHARACTERS
from providers.reply import one_line

_MOST_DIGITS = 15
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the JSON array, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the text in one line, at most 2 KB, or an empty one."""
    return one_line(value[: 2 * MAX_TEXT_CHARACTERS])[:MAX_TEXT_CHARACTERS] if isinstance(value, str) else ""


def as_int(value: Any) -> int | None:
    """Return the whole number, also one written as text; of more than 15 digits none is meant as a number."""
    number = as_number(value)
    if number is not None:
        return int(number)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return None


def as_number(value: Any) -> float | None:
    """Return the number; neither infinity, nor one of more than 15 digits, which no database and no sum would take."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < 10**_MOST_DIGITS else None


def as_time(value: Any) -> datetime | None:
    """Return the time, aware, from epoch seconds, ISO 8601 or RFC 5322 §3.3, if it lies in this or the next century."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and value[:4].isdigit():
            found = datetime.fromisoformat(value)
        elif isinstance(value, str):
            found = parsedate_to_datetime(value)
        else:
            return None
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC) if _EARLIEST <= found < _LATEST else None
    except (ValueError, OverflowError, OSError):
        return None
