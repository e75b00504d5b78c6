"""Frozen values as plain JSON values, and back by their types. Pure."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

_PLAIN = (str, int, float, bool)


def encode(value: Any) -> Any:
    """Return the value as JSON can hold it; fields at their default are left out.

    A mapping becomes a list of pairs, so that its keys may be tuples.
    """
    if value is None or type(value) in _PLAIN:
        return value
    if is_dataclass(value):
        pairs = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))  # type: ignore[arg-type]
        return {name: encode(item) for name, item, default in pairs if item is not default and item != default}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return [[encode(key), encode(item)] for key, item in value.items()]
    if isinstance(value, frozenset):
        return sorted(value)
    return [encode(item) for item in value]


def decode(kind: Any, plain: Any) -> Any:
    """Return the value of this type that `encode` made plain.

    Raises:
        KeyError, TypeError, ValueError: it is not the plain form of this type.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = [a for a in arguments if a is not type(None)]
        return decode(inner[0], plain) if plain is not None and len(inner) == 1 else plain
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(decode(arguments[0], item) for item in plain)
        return tuple(decode(a, item) for a, item in zip(arguments, plain, strict=True))
    if origin is frozenset:
        return frozenset(decode(arguments[0], item) for item in plain)
    if origin is Mapping:
        return {decode(arguments[0], key): decode(arguments[1], item) for key, item in plain}
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{name: decode(hints[name], item) for name, item in plain.items()})  # type: ignore[operator]
    if kind is datetime:
        return datetime.fromisoformat(plain)
    return kind(plain)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return each field's name and default; a field without one has a default that equals nothing."""
    return tuple((f.name, f.default_factory() if f.default_factory is not MISSING else f.default) for f in fields(kind))
