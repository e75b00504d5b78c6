"""Where reading SendGrid's lists goes on, as text that can be stored. Pure.

A text that cannot be read, cut short or another provider's, begins anew: what comes twice is told by its key.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

_VERSION = 1
_MOST_UNDECIDED = 200
_LONGEST_SPAN = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCursor:
    """A time in the logs, how much of them to ask for at once, and messages whose fate was still open."""

    at: datetime
    span_seconds: float = 3600.0
    undecided: Mapping[str, datetime] = field(default_factory=dict)  # when created; the longest unasked first

    @classmethod
    def read(cls, text: str | None, *, first: datetime) -> Self:
        """Return the cursor written there; one that begins at `first` when there is none."""
        table = read_table(text)
        try:
            return cls(
                at=datetime.fromtimestamp(table["at"], tz=UTC),
                span_seconds=min(max(1.0, float(table["span"])), _LONGEST_SPAN),
                undecided={key: datetime.fromtimestamp(at, tz=UTC) for key, at in table["undecided"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            return cls(at=first)

    def text(self) -> str:
        """Return the cursor as it is stored."""
        undecided = {key: int(at.timestamp()) for key, at in self.undecided.items()}
        return write_table({"at": int(self.at.timestamp()), "span": self.span_seconds, "undecided": undecided})

    def moved(self, at: datetime, span_seconds: float) -> Self:
        """Return the cursor at another place."""
        return replace(self, at=at, span_seconds=min(span_seconds, _LONGEST_SPAN))

    def noting(self, undecided: Mapping[str, bool], created: Mapping[str, datetime]) -> Self:
        """Return the cursor with these messages known as undecided (at the end) or decided; bounded in number."""
        kept = {key: at for key, at in self.undecided.items() if key not in undecided}
        kept |= {key: created[key] for key, is_open in undecided.items() if is_open}
        return replace(self, undecided=dict(list(kept.items())[-_MOST_UNDECIDED:]))

    def without(self, given_up: Callable[[datetime], bool]) -> Self:
        """Return the cursor without the messages that were created at such a time."""
        return replace(self, undecided={key: at for key, at in self.undecided.items() if not given_up(at)})


def write_table(table: Mapping[str, Any]) -> str:
    """Return a cursor's values as text."""
    return json.dumps({"v": _VERSION, **table}, separators=(",", ":"))


def read_table(text: str | None) -> dict[str, Any]:
    """Return the values written in a cursor; none when it cannot be read."""
    try:
        table = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) and table.get("v") == _VERSION else {}
