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
_USUAL_FIELDS = _OBSERVATION_FIELDS - {"count", "confirmation", "temporary"}
# As `fact_to_json` writes it, with texts that need no unescaping.
_GOOD_CHECK = re.compile(
    r'\{"v":1,"at":"([0-9T:.-]+Z)","provider":"([^"\\\x00-\x1f]+)","round":"([^"\\\x00-\x1f]+)",'
    r'"signal":"session","source":"probe","outcome":"good"\}'
)
_TEXT_OR_NONE = frozenset({str, type(None)})
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
    try:
        row = _DECODER.decode(line)
    except ValueError as error:
        raise FactFormatError(f"line {line_number}: not a JSON object on one line: {error}") from None
    except RecursionError:
        raise FactFormatError(f"line {line_number}: nested too deeply to be a fact") from None
    if not isinstance(row, dict):
        raise FactFormatError(f"line {line_number}: a fact is a JSON object, this is {type(row).__name__}")
    return _usual(row) or _Row(row, line_number).fact()


def good_check(line: str) -> tuple[datetime, str, str] | None:
    """Return (at, provider, round) of a scheduled session check that passed, written as `fact_to_json` writes it.

    Two lines of three are such; to take them for facts in full costs three times as much (2026-11). None for any
    other line, which may well hold such a check too.
    """
    found = _GOOD_CHECK.fullmatch(line)
    if found is None:
        return None
    at, provider, round_ = found.groups()
    try:
        return datetime.fromisoformat(at), provider, round_
    except ValueError:
        return None


def _usual(row: Mapping[str, Any]) -> Observation | None:
    """Return the observation of a row in which every field is as `fact_to_json` writes it; else none.

    Three quarters of the time of reading a file went into checking one field after the other (2026-11). What is
    unusual or wrong is left to `_Row`, which has the words for it.
    """
    get = row.get
    signal, outcome, source = get("signal"), get("outcome"), get("source")
    provider, at, version, value = get("provider"), get("at"), get("v"), get("value")
    signed = get("signed")
    texts = get("receiver"), get("seed"), get("round"), get("category"), get("stage"), get("rule"), get("text")
    if (
        not row.keys() <= _USUAL_FIELDS
        or type(version) is not int
        or version != FORMAT_VERSION
        or type(signal) is not str
        or type(outcome) is not str
        or type(source) is not str
        or type(provider) is not str
        or not provider
        or type(at) is not str
        or not at.endswith("Z")
        or not (value is None or type(value) is str or (type(value) is float and math.isfinite(value)))
        or not (signed is None or signed is True or signed is False)
        or "" in texts
        or not _TEXT_OR_NONE.issuperset(map(type, texts))
    ):
        return None
    try:
        known = _SIGNALS[signal], _SOURCES[source], _OUTCOMES[outcome]
        time = datetime.fromisoformat(at)
    except (KeyError, ValueError):
        return None
    if time.tzinfo is not UTC:
        return None
    receiver, seed, round_, category, stage, rule, text = texts
    return Observation(
        at=time,
        provider=provider,
        signal=known[0],
        source=known[1],
        outcome=known[2],
        receiver=receiver,
        seed=seed,
        round=round_,
        value=value,
        category=category,
        stage=stage,
        rule=rule,
        text=text,
        signed=signed,
    )


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
