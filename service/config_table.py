"""One TOML table against its model: secrets filled in, mistakes reported, all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from service.config_problem import Report, Rule
from service.config_text import NAME_REMEDY
from service.secrets import SecretMistake, read_secret

UNREAD = "unread"  # stands for a secret that could not be read, so that the rest can be checked
_LONGEST_SEEN = 60
_MOST_LISTED = 15
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "too_short": ("min_length", "at least"),
    "too_long": ("max_length", "at most"),
    "string_too_short": ("min_length", "at least"),
    "string_too_long": ("max_length", "at most"),
}
_TYPES = {
    "string": "text in quotes",
    "path": "a path in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list in brackets",
    "list": "a list in brackets",
    "dict": "a table",
    "model": "a table",
}
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a table is read with."""

    directory: Path  # of the configuration file
    environ: Mapping[str, str]
    report: Report
    reads_files: bool = True  # secrets and certificates, too; without them nothing but the text is checked


def check_table(model: type[Model], raw: Any, key: str, around: Surroundings, name: str | None = None) -> Model | None:
    """Return the table as its model, or none when values are missing or wrong; the report knows why."""
    if not isinstance(raw, dict):
        around.report.add(
            Rule.WRONG_TYPE,
            key,
            f"{shown(raw)} where a table belongs",
            f"write [{key}] and its keys below it",
            name=name,
        )
        return None
    prefix = f"{key}." if key else ""
    try:
        return model.model_validate(prepare(model, raw, prefix, around, name))
    except ValidationError as error:
        for details in error.errors(include_url=False):
            report_details(details, model, prefix, around.report, name)
        return None


def prepare(
    model: type[BaseModel], raw: Mapping[str, Any], prefix: str, around: Surroundings, name: str | None
) -> dict[str, Any]:
    """Return the known keys of a table with its secrets read; report unknown keys and unreadable secrets."""
    ready: dict[str, Any] = {}
    for key, value in raw.items():
        field = model.model_fields.get(key)
        if field is None:
            add_unknown_key(around.report, prefix + key, list(model.model_fields), name)
        elif holds_secret(field):
            if not around.reads_files:
                ready[key] = UNREAD
                continue
            try:
                ready[key] = read_secret(value, around.directory, around.environ, lines=holds_lines(field))
            except SecretMistake as error:
                around.report.add(error.rule, prefix + key, error.seen, error.remedy, name=name)
                ready[key] = UNREAD
        elif (inner := model_in(field)) is not None and isinstance(value, dict):
            ready[key] = prepare(inner, value, f"{prefix}{key}.", around, name)
        else:
            ready[key] = value
    return ready


def add_unknown_key(report: Report, key: str, known: Sequence[str], name: str | None = None) -> None:
    """Report a key that nobody reads, with the known key that it resembles."""
    close = get_close_matches(key.rpartition(".")[2], known, n=1)
    if close:
        remedy = f'did you mean "{close[0]}"?'
    elif len(known) > _MOST_LISTED:
        remedy = "relaypilot config describe shows what may stand here"
    else:
        remedy = f"known here: {', '.join(sorted(known))}"
    report.add(Rule.UNKNOWN_KEY, key, "unknown key", remedy, name=name)


def holds_secret(field: FieldInfo) -> bool:
    """Return whether a field is a secret, optional or not."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def holds_lines(field: FieldInfo) -> bool:
    """Return whether a secret may have several lines, as a key in PEM has."""
    return isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("lines") is True


def model_in(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is a table of its own."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def report_details(
    details: ErrorDetails, model: type[BaseModel], prefix: str, report: Report, name: str | None
) -> None:
    """Report one of pydantic's findings in our words; a secret's value is never shown."""
    place = details["loc"]
    key = (
        prefix + "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    ).rstrip(".")
    field = model.model_fields.get(str(place[0])) if place else None
    description = field.description if field and field.description else "see config describe"
    secret = not place or (field is not None and holds_secret(field))
    seen = "a secret that does not fit" if secret else shown(details["input"])
    kind, context = details["type"], details.get("ctx", {})
    if kind in set(Rule):
        report.add(Rule(kind), key, context["seen"], context["remedy"], name=name)
    elif kind == "missing":
        report.add(Rule.MISSING_KEY, key, "missing", f"add it: {description}", name=name)
    elif kind in {"enum", "literal_error"}:
        report.add(Rule.BAD_CHOICE, key, seen, f"write {context['expected']}".replace("'", '"'), name=name)
    elif kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        limit = f"{context[bound]:g}" if isinstance(context[bound], float) else context[bound]
        report.add(Rule.OUT_OF_RANGE, key, seen, f"{words} {limit} is needed", name=name)
    elif kind == "string_pattern_mismatch" and place == ("name",):
        report.add(Rule.BAD_NAME, key, f"{seen} cannot be a name", NAME_REMEDY, name=name)
    elif kind == "string_pattern_mismatch":
        report.add(Rule.BAD_VALUE, key, f"{seen} does not fit", description, name=name)
    elif kind.endswith(("_type", "_parsing", "_from_float")):
        report.add(Rule.WRONG_TYPE, key, seen, f"write {_TYPES.get(kind.split('_')[0], description)}", name=name)
    else:
        said, _, remedy = str(context.get("error") or details["msg"]).partition("; ")
        report.add(Rule.BAD_VALUE, key, said, remedy or description, name=name)


def shown(value: Any) -> str:
    """Return a value as it stands in the file, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SEEN else f"{text[:_LONGEST_SEEN]}…"
