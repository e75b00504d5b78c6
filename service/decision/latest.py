"""Values without a time that is still to come: a clock that was set back has left such times behind. Pure."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any


def no_later(value: Any, at: datetime) -> Any:
    """Return the value with every time in it brought to at most `at`; the very same value when none was later."""
    if isinstance(value, datetime):
        return min(value, at)
    if isinstance(value, tuple):
        items = [no_later(item, at) for item in value]
        return tuple(items) if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, Mapping):
        named = {key: no_later(item, at) for key, item in value.items()}
        return named if any(named[key] is not item for key, item in value.items()) else value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: new
            for field in fields(value)
            if (new := no_later(old := getattr(value, field.name), at)) is not old
        }
        return replace(value, **changed) if changed else value
    return value
