"""Values in words: ages, spans, k of n. Pure."""

from datetime import datetime
from typing import TYPE_CHECKING

from service.cli.page import Cell

if TYPE_CHECKING:
    from service.views import SignalView

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STYLES = {
    "healthy": "green",
    "good": "green",
    "recovering": "yellow",
    "suspect": "yellow",
    "degraded": "red",
    "bad": "red",
    "unknown": "dim",
}


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: "80 ms", "3.2 s", "5 min 10 s", "2 h", "3 d 4 h"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller, small_unit in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{whole} s"


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago something was, or in how long it will be."""
    if at is None:
        return "-"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def of(signal: "SignalView | None") -> str:
    """Return k/n of a signal; never a bare percentage."""
    return f"{signal.good}/{signal.n}" if signal is not None and signal.n else "-"


def status_cell(status: str) -> Cell:
    """Return a health status or an outcome with its colour."""
    return Cell(status, _STYLES.get(status, ""))


def stamp(at: datetime) -> str:
    """Return a moment in local time, to the second."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def everywhere(receiver: str | None) -> str:
    """Return a receiver's name; "*" stands for all."""
    return "all" if receiver in {"*", None} else str(receiver)
