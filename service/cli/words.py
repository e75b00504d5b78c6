"""Values in words: ages, spans, k of n. Pure."""

from datetime import datetime
from typing import TYPE_CHECKING

from service.cli.page import Cell

if TYPE_CHECKING:
    from service.views import HealthView, LaneView, OverrideView, SignalView

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


def condition(health: "HealthView") -> str:
    """Return a health status in words; the severity belongs to one that is degraded, and to no other."""
    told = health.status == "degraded" and health.severity != "none"
    return f"{health.status} ({health.severity})" if told else health.status


def since(health: "HealthView", now: datetime) -> str:
    """Return for how long a health status has lasted."""
    return "" if health.since is None else f" for {span((now - health.since).total_seconds())}"


def judged(health: "HealthView", now: datetime | None = None) -> str:
    """Return the condition and the reason for it; the names only where the reason does not have them."""
    how = condition(health) + (since(health, now) if now else "")
    if health.provider in health.reason:
        return f"{how}: {health.reason}"
    where = "" if health.receiver == "*" else f" at {health.receiver}"
    return f"{health.provider}{where} is {how}: {health.reason}"


def order(override: "OverrideView", now: datetime) -> str:
    """Return an order in force: what, until when, by whom, why."""
    whose = None if override.receiver is None else f"for mail to {override.receiver}"
    what = " ".join(filter(None, (override.verb, override.provider, whose)))
    end = "until resumed" if override.until is None else f"until {stamp(override.until)} ({age(override.until, now)})"
    why = f": {override.reason}" if override.reason else ""
    return f"{what} {end}, by {override.actor}{why}"


def way(lane: "LaneView") -> str:
    """Return the way of a lane's mail: its providers in order, and who gets a share of it first."""
    mail = "All mail" if lane.receiver == "*" else f"Mail to {lane.receiver}"
    shares = [f"{share.provider} {share.percent} % ({share.kind})" for share in lane.shares]
    return f"{mail}: {', '.join(lane.providers)}" + (f"; shares: {', '.join(shares)}" if shares else "")


def stamp(at: datetime) -> str:
    """Return a moment in local time, to the second, with its zone: "UTC", or the offset."""
    local = at.astimezone()
    offset = local.strftime("%z")
    zone = f" {offset[:3]}:{offset[3:5]}" if local.utcoffset() else " UTC"
    return local.strftime("%Y-%m-%d %H:%M:%S") + zone


def everywhere(receiver: str | None) -> str:
    """Return a receiver's name; "*" stands for all."""
    return "all" if receiver in {"*", None} else str(receiver)
