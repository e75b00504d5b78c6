"""Frozen values as plain JSON values, and back by their types. Pure."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def encode(value: Any) -> Any:
    """Return the value as JSON can hold it. A mapping becomes a list of pairs, so that keys may be tuples."""
    if is_dataclass(value):
        return {f.name: encode(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return [[encode(key), encode(item)] for key, item in value.items()]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: Any, plain: Any) -> Any:
    """Return the value of this type that `encode` made plain.

    Raises:
        KeyError, TypeError, ValueError: it is not the plain form of this type.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if plain is None and type(None) in arguments:
            return None
        inner = [a for a in arguments if a is not type(None)]
        return decode(inner[0], plain) if len(inner) == 1 else plain
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(decode(arguments[0], item) for item in plain)
        return tuple(decode(a, item) for a, item in zip(arguments, plain, strict=True))
    if origin is frozenset:
        return frozenset(decode(arguments[0], item) for item in plain)
    if origin is Mapping:
        return {decode(arguments[0], key): decode(arguments[1], item) for key, item in plain}
    if is_dataclass(kind):
        return kind(**{name: decode(hint, plain[name]) for name, hint in _hints(kind).items()})  # type: ignore
    if kind is datetime:
        return datetime.fromisoformat(plain)
    return kind(plain)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}
