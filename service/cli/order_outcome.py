"""What an order did, in sentences: what is in force now, what has ended, or that there was nothing to end. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from service.cli.words import order
from service.views import OverrideView, StatusView

_GIVEN = {"pause": "Automation is paused", "pin": "The route is pinned to {}", "drain": "{} is drained"}
_ENDED = {
    "resume": ("pause", "The pause is over.", "There was no pause to end."),
    "unpin": ("pin", "The pin is over.", "There was no pin to end."),
    "undrain": ("drain", "{} is drained no longer.", "{} was not drained."),
}


def given(verb: str, provider: str | None, orders: Sequence[OverrideView], now: datetime) -> Iterator[str]:
    """Yield what is in force now, the order just given first."""
    mine = [one for one in orders if (one.verb, one.provider) == (verb, provider)]
    for one in mine:
        what = " ".join(filter(None, (verb, provider)))
        yield f"{_GIVEN[verb].format(provider)}{order(one, now).removeprefix(what)}."
    yield from _others([one for one in orders if one not in mine], now)


def ended(
    verb: str, provider: str | None, before: StatusView, orders: Sequence[OverrideView], now: datetime
) -> Iterator[str]:
    """Yield what has ended, or that there was nothing to end, and what is still in force."""
    if verb == "ack":
        yield from _acknowledged(provider, before)
    else:
        ends, over, nothing = _ENDED[verb]
        was = any(one.verb == ends and provider in (None, one.provider) for one in before.overrides)
        yield (over if was else nothing).format(provider)
    yield from _others(orders, now)
    if not orders and verb != "ack":
        observing = before.mode == "observe"
        yield f"Mail {'is not moved' if observing else 'moves'} automatically{_OBSERVE if observing else '.'}"


_OBSERVE = ' while mode = "observe".'


def _acknowledged(provider: str | None, before: StatusView) -> Iterator[str]:
    faults = [p.name for p in before.providers if p.health.needs_ack and provider in (None, p.name)]
    braked = provider is None and before.braked_at is not None
    if braked:
        yield "The brake is released: mail moves automatically again."
    for name in faults:
        yield f"The account fault of {name} is acknowledged: it may return by itself once it works."
    if provider is not None and not faults:
        yield f"{provider} had no account fault to acknowledge."
    elif not braked and not faults:
        yield "There was no brake to release and no account fault to acknowledge."


def _others(orders: Sequence[OverrideView], now: datetime) -> Iterator[str]:
    for one in orders:
        yield f"In force: {order(one, now)}."
