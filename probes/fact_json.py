"""Facts as lines of an observation file, and back: what `export` writes and `replay` reads. Pure.

One JSON object a line. An observation needs `at`, `provider`, `signal` and `outcome`; everything else
has a default, so that files can be written by hand. A notice needs `at` and `fact`.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from probes.errors import FactFormatError
from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal, Source

FORMAT_VERSION = 1

_Word = TypeVar("_Word", bound=StrEnum)
_OPTIONAL_TEXTS = ("receiver", "seed", "round", "category", "stage", "rule", "text")
_OBSERVATION_FIELDS = frozenset(
    {"v", "at", "provider", "signal", "source", "outcome", "value", "count", "confirmation", "temporary", "signed"}
) | frozenset(_OPTIONAL_TEXTS)
_NOTICE_FIELDS = frozenset({"v", "at", "fact", "detail"})
_TEXT = r'"([^"\\\x00-\x1f]+)"'  # that needs no unescaping
_NUMBER = r"((?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?)"  # that no float overflows at


def _optional(name: str, value: str) -> str:
    return rf'(?:, ?"{name}": ?{value})?'


# Fields in the order of `fact_to_json`, with or without a space after commas and colons.
_BEGINNING = rf'\{{(?:"v": ?1, ?)?"at": ?"([0-9T:.-]+Z)", ?"provider": ?{_TEXT}'
_GOOD_CHECK = re.compile(
    rf'{_BEGINNING}, ?"round": ?{_TEXT}, ?"signal": ?"session", ?"source": ?"probe", ?"outcome": ?"good"'
    rf"{_optional('value', _NUMBER)}\}}"
)
_PLAIN = re.compile(
    _BEGINNING
    + "".join(_optional(name, _TEXT) for name in ("receiver", "seed", "round"))
    + r', ?"signal": ?"([a-z]+)", ?"source": ?"([a-z]+)", ?"outcome": ?"([a-z]+)"'
    + _optional("value", f"(?:{_TEXT}|{_NUMBER})")
    + _optional("signed", "(true|false)")
    + _optional("text", _TEXT)
    + _optional("count", "([1-9][0-9]{0,8})")
    + r"\}"
)
_FLAGS = {"true": True, "false": False, None: None}
_SIGNALS = {str(word): word for word in Signal}
_SOURCES = {str(word): word for word in Source}
_OUTCOMES = {str(word): word for word in Outcome}


def fact_to_json(fact: Fact) -> str:
    """Return the fact as one line without line end; absent optional fields are left out."""
    row: dict[str, Any] = {"v": FORMAT_VERSION, "at": _format_time(fact.at)}
    if isinstance(fact, Notice):
        row["fact"] = fact.kind.value
        if fact.detail:
            row["detail"] = dict(fact.detail)
        return _dump(row)
    row |= {
        "provider": fact.provider,
        "receiver": fact.receiver,
        "seed": fact.seed,
        "round": fact.round,
        "signal": fact.signal.value,
        "source": fact.source.value,
        "outcome": fact.outcome.value,
        "value": fact.value,
        "category": fact.category,
        "stage": fact.stage,
        "temporary": fact.temporary,
        "signed": fact.signed,
        "rule": fact.rule,
        "text": fact.text,
        "count": fact.count if fact.count != 1 else None,
        "confirmation": True if fact.confirmation else None,
    }
    return _dump({name: value for name, value in row.items() if value is not None})


def fact_from_json(line: str, *, line_number: int = 1) -> Fact:
    """Return the fact that this line holds.

    Raises:
        FactFormatError: it holds none; the message names the line and the field.
    """
    plain = _plain(line)
    if plain is not None:
        return plain
    try:
        row = _DECODER.decode(line)
    except ValueError as error:
        raise FactFormatError(f"line {line_number}: not a JSON object on one line: {error}") from None
    except RecursionError:
        raise FactFormatError(f"line {line_number}: nested too deeply to be a fact") from None
    if not isinstance(row, dict):
        raise FactFormatError(f"line {line_number}: a fact is a JSON object, this is {type(row).__name__}")
    return _Row(row, line_number).fact()


def good_check(line: str) -> tuple[datetime, str, str] | None:
    """Return (at, provider, round) of a scheduled session check that passed, written as `fact_to_json` writes it.

    Two lines of three are such; to take them for facts in full costs three times as much (2026-11). None for any
    other line, which may well hold such a check too. How long the check took is left out: nothing is judged by it.
    """
    found = _GOOD_CHECK.fullmatch(line)
    if found is None:
        return None
    at, provider, round_, _ = found.groups()
    try:
        return datetime.fromisoformat(at), provider, round_
    except ValueError:
        return None


def _plain(line: str) -> Observation | None:
    """Return the observation of a line with the usual fields, written as `fact_to_json` writes it; else none.

    To take JSON apart and check one field after the other takes three times as long (2026-11). What is unusual or
    wrong is left to `_Row`, which has the words for it.
    """
    found = _PLAIN.fullmatch(line)
    if found is None:
        return None
    at, provider, receiver, seed, round_, signal, source, outcome, word, number, signed, text, count = found.groups()
    try:
        return Observation(
            at=datetime.fromisoformat(at),
            provider=provider,
            signal=_SIGNALS[signal],
            source=_SOURCES[source],
            outcome=_OUTCOMES[outcome],
            receiver=receiver,
            seed=seed,
            round=round_,
            value=word if number is None else float(number),
            text=text,
            signed=_FLAGS[signed],
            count=1 if count is None else int(count),
        )
    except (KeyError, ValueError):
        return None


class _Row:
    """One parsed line, read field by field."""

    def __init__(self, row: Mapping[str, Any], line_number: int) -> None:
        self._row = row
        self._line_number = line_number

    def fact(self) -> Fact:
        """Return the fact."""
        known = _NOTICE_FIELDS if "fact" in self._row else _OBSERVATION_FIELDS
        for name in self._row:
            if name not in known:
                self._fail(name, f"is not a field of a fact; known are {', '.join(sorted(known))}")
        version = self._row.get("v", FORMAT_VERSION)
        if version is True or version != FORMAT_VERSION:
            self._fail("v", f"must be {FORMAT_VERSION}, found {version!r}; this file needs another version")
        if "fact" in self._row:
            return Notice(at=self._time(), kind=self._word("fact", NoticeKind), detail=self._detail())
        signal = self._word("signal", Signal)
        return Observation(
            at=self._time(),
            provider=self._text("provider"),
            signal=signal,
            source=self._word("source", Source, Source.LOG if signal is Signal.LIVE else Source.PROBE),
            outcome=self._word("outcome", Outcome),
            value=self._value(),
            count=self._count(),
            confirmation=self._flag("confirmation") or False,
            temporary=self._flag("temporary"),
            signed=self._flag("signed"),
            **{name: self._text(name) if self._row.get(name) is not None else None for name in _OPTIONAL_TEXTS},
        )

    def _fail(self, name: str, problem: str) -> NoReturn:
        raise FactFormatError(f'line {self._line_number}: field "{name}" {problem}')

    def _text(self, name: str) -> str:
        value = self._row.get(name)
        if value is None:
            self._fail(name, "is missing")
        if not isinstance(value, str) or not value:
            self._fail(name, f"must be a text that is not empty, found {value!r}")
        return value

    def _word(self, name: str, words: type[_Word], default: _Word | None = None) -> _Word:
        value = self._row.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            self._fail(name, "is missing")
        try:
            return words(value)
        except ValueError:
            self._fail(name, f"must be one of {', '.join(words)}; found {value!r}")

    def _time(self) -> datetime:
        value = self._text("at")
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self._fail("at", f'must be a time with zone, such as "2026-03-01T12:00:00Z" (RFC 3339); found {value!r}')
        try:
            return at.astimezone(UTC)
        except OverflowError:
            self._fail("at", f"is out of range: {value!r}")

    def _value(self) -> float | str | None:
        value = self._row.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float | str | None):
            self._fail("value", f"must be seconds or a folder, found {value!r}")
        if isinstance(value, int | float):
            try:
                seconds = float(value)
            except OverflowError:
                seconds = math.inf
            if not math.isfinite(seconds):
                self._fail("value", "must be a finite number of seconds")
            return seconds
        return value

    def _count(self) -> int:
        value = self._row.get("count", 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self._fail("count", f"must be a whole number of messages, 1 or more; found {value!r}")
        return value

    def _flag(self, name: str) -> bool | None:
        value = self._row.get(name)
        if not isinstance(value, bool | None):
            self._fail(name, f"must be true or false, found {value!r}")
        return value

    def _detail(self) -> Mapping[str, str]:
        detail = self._row.get("detail", {})
        if not isinstance(detail, dict):
            self._fail("detail", f"must be an object of texts, found {detail!r}")
        for name, value in detail.items():
            if not isinstance(value, str):
                self._fail(f"detail.{name}", f"must be a text, found {value!r}")
        return detail


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _dump(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
