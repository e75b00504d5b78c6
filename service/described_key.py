"""Every key of the configuration, as its models declare it: for the annotated example and the documents."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from providers import registry
from service.config import Config, SeedTable
from service.config_rules import spoken
from service.config_table import model_in

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", timedelta: "duration"}
_WORDS |= {Path: "absolute path", SecretStr: "secret", dict: "table"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedKey:
    """One key."""

    table: str  # "", "probes", "provider", "seed"
    kind: str | None = None  # of a [[provider]] table
    key: str
    type: str  # in words
    required: bool
    default: str | None  # as TOML; none when the key has no default
    example: str  # as TOML
    description: str


def described_keys() -> Iterator[DescribedKey]:
    """Yield every key of the file, tables in the order of `Config`, provider kinds in alphabetical order.

    Raises:
        ProviderError: an installed adapter cannot be loaded.
    """
    yield from _keys_of(Config, "")
    for table, field in Config.model_fields.items():
        if table == "provider":
            for kind in registry.known_kinds():
                yield from _keys_of(registry.load(kind).settings_model, table, kind)
        elif table == "seed":
            yield from _keys_of(SeedTable, table)
        elif (model := model_in(field)) is not None:
            yield from _keys_of(model, table)


def _keys_of(model: type[BaseModel], table: str, kind: str | None = None) -> Iterator[DescribedKey]:
    fields = model.model_fields
    first = [name for name in ("name", "kind") if name in fields]
    for key in (*first, *(key for key in fields if key not in first)):
        field = fields[key]
        if table == "" and (key in ("provider", "seed") or model_in(field) is not None):
            continue
        default = _filled_in(model, key, kind) if field.is_required() else field.default
        yield DescribedKey(
            table=table,
            kind=kind,
            key=key,
            type=_type_words(field),
            required=field.is_required() and default is None,
            default=None if default is None else toml(default),
            example=_example(key, field, default, kind),
            description=field.description or "",
        )


def _filled_in(model: type[BaseModel], key: str, kind: str | None) -> Any:
    """Return what the model itself writes for a key that is left out, such as a well-known host; or none."""
    table = {
        other: tomllib.loads(f"x = {_example(other, field, None, kind)}")["x"]
        for other, field in model.model_fields.items()
        if field.is_required() and other != key
    }
    secret = {other: "filled-in" for other, value in table.items() if isinstance(value, dict)}
    try:
        return getattr(model.model_validate(table | secret), key)
    except ValidationError:
        return None


def _type_words(field: FieldInfo) -> str:
    return " ".join(filter(None, (_words(field.annotation), *map(_bound, field.metadata))))


def _words(annotation: Any) -> str:
    """Return a type in an administrator's words."""
    origin, arguments = get_origin(annotation), [part for part in get_args(annotation) if part is not NoneType]
    if origin is Literal:
        return "one of " + ", ".join(toml(choice) for choice in arguments) if len(arguments) > 1 else toml(arguments[0])
    if origin is tuple and Ellipsis not in arguments:
        return f"[{', '.join(map(_words, arguments))}]"
    if origin is tuple and get_origin(arguments[0]) is tuple:
        return f"list of {_words(arguments[0])}"
    if origin is tuple:
        return f"list of {_words(arguments[0])}s".replace("texts", "text")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(toml(choice) for choice in annotation)
    plain = origin if isinstance(origin, type) else annotation
    if plain in _WORDS:
        return _WORDS[plain]
    return _words(arguments[0]) if arguments else "value"


def _bound(constraint: Any) -> str:
    match constraint:
        case Ge(ge=limit):
            return f"from {limit}"
        case Gt(gt=limit):
            return f"above {limit}"
        case Le(le=limit):
            return f"to {limit}"
        case Lt(lt=limit):
            return f"below {limit}"
        case MinLen(min_length=least) if least > 1:
            return f"of at least {least}"
    return ""


def _example(key: str, field: FieldInfo, default: Any, kind: str | None) -> str:
    """Return something that may stand there: the declared example, the default, or a stand-in of the right type."""
    if field.examples:
        return toml(field.examples[0])
    if default is not None:
        return toml(default)
    words = _words(field.annotation)
    if words == "secret":
        return toml({"file": f"secrets/{kind}.{key}"})
    if words == "text":
        return toml(_TEXTS.get(key, kind))
    return words.removeprefix("one of ").split(", ")[0]


_TEXTS = {  # of keys that provider kinds share
    "host": "smtp.example.net",
    "server_name": "smtp.example.net",
    "ca_file": "/etc/relaypilot/relay-ca.pem",
    "username": "relay-user@example.org",
    "helo_name": "mail.example.org",
    "preset": "ses",
    "region": "eu-west-1",
}


def toml(value: Any) -> str:
    """Return a value as it is written in the file."""
    match value:
        case Enum():
            return toml(value.value)
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return f"{value:g}" if "e" in f"{value:g}" or "." in f"{value:g}" else f"{value:.1f}"
        case timedelta():
            return f'"{spoken(value)}"'
        case dict():
            return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }" if value else "{}"
        case list() | tuple():
            return "[" + ", ".join(toml(inner) for inner in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
