"""Events pulled from SendGrid's Email Logs (`/v3/logs`), or from its Email Activity (`/v3/messages`), a paid add-on.

Both list messages, not events: one line for each message with its present status. So a message is told again, under
another key, when its status has changed. The webhook tells more, and sooner.
"""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.delivery_event import DeliveryEvent, EventPage
from providers.errors import CallError
from providers.http_url import segment
from providers.sendgrid_api import SendgridApi
from providers.sendgrid_cursor import LogCursor
from providers.sendgrid_events import event_time, parse_event
from providers.untrusted import as_text, as_time

LIMIT = 1000  # messages in one answer; there is no second page
FIRST = timedelta(hours=24)  # how far back the first call begins
SETTLING = timedelta(hours=1)  # so long a message is looked at again with all others; then singly, if undecided
GIVEN_UP = timedelta(hours=73)  # SendGrid tries for 72 hours
_AGAIN = 5  # undecided messages asked for in one call
_LEAST_SPAN = 1.0
_UNDECIDED = frozenset({"processed", "deferred"})
_STATUSES: Mapping[str, Mapping[str, str]] = {
    "processed": {"event": "processed"},
    "delivered": {"event": "delivered"},
    "deferred": {"event": "deferred"},
    "dropped": {"event": "dropped"},
    "bounced": {"event": "bounce", "type": "bounce"},
    "blocked": {"event": "bounce", "type": "blocked"},
    # Email Activity does not say in its list whether it was bounced, blocked or dropped
    "not_delivered": {"event": "bounce", "type": "bounce"},
}
_FATES = frozenset(entry["event"] for entry in _STATUSES.values()) | {"cancel_drop"}


async def pull_logs(api: SendgridApi, cursor: str | None) -> EventPage:
    """Return the messages created after this cursor, as events, and what became of earlier ones that were undecided.

    `occurred_at` is when SendGrid took the message: its list tells no other time.

    Raises:
        CallError: the provider or the network failed.
    """
    now = api.clock.now()
    deadline = api.clock.monotonic() + api.total_timeout_seconds
    place = LogCursor.read(cursor, first=now - FIRST)
    until = min(now, place.at + timedelta(seconds=place.span_seconds))
    query = (
        f'sg_message_id_created_at >= TIMESTAMP "{_stamp(place.at)}" AND '
        f'sg_message_id_created_at < TIMESTAMP "{_stamp(until)}"'
    )
    what = "reading the email logs"
    answer = await api.ask(what, "POST", "/v3/logs", json={"query": query, "limit": LIMIT}, deadline=deadline)
    messages = _messages(api, what, answer)
    events = [_event(api.provider, message, message.get("sg_message_id_created_at"), now) for message in messages]
    place = place.noting(
        {_text(m, "sg_message_id"): _text(m, "status") in _UNDECIDED for m in messages if _text(m, "sg_message_id")},
        {_text(m, "sg_message_id"): as_time(m.get("sg_message_id_created_at")) or now for m in messages},
    )
    more = until < now
    if not more:
        late, place = await _undecided(api, place, now, deadline)
        events += late
    return _page(events, place, until, now, full=len(messages) >= LIMIT, settling=SETTLING)


async def pull_activity(api: SendgridApi, cursor: str | None) -> EventPage:
    """Return the messages whose status changed after this cursor, as events, from Email Activity.

    Raises:
        CallError: the provider or the network failed, or the add-on was not bought.
    """
    now = api.clock.now()
    place = LogCursor.read(cursor, first=now - FIRST)
    until = min(now, place.at + timedelta(seconds=place.span_seconds))
    query = f'last_event_time BETWEEN TIMESTAMP "{_stamp(place.at)}" AND TIMESTAMP "{_stamp(until)}"'
    what = "reading the email activity"
    answer = await api.ask(what, "GET", "/v3/messages", params=[("query", query), ("limit", str(LIMIT))])
    messages = [{**m, "sg_message_id": m.get("msg_id")} for m in _messages(api, what, answer)]
    events = [_event(api.provider, message, message.get("last_event_time"), now) for message in messages]
    return _page(events, place, until, now, full=len(messages) >= LIMIT, settling=timedelta(minutes=5))


def _page(
    events: list[DeliveryEvent], place: LogCursor, until: datetime, now: datetime, *, full: bool, settling: timedelta
) -> EventPage:
    """Return the events, oldest first; after a full answer the same time is asked for again in smaller parts."""
    events.sort(key=lambda event: event.occurred_at)
    if full and place.span_seconds > _LEAST_SPAN:
        narrowed = max(_LEAST_SPAN, min(place.span_seconds, (until - place.at).total_seconds()) / 2)
        return EventPage(events=tuple(events), cursor=place.moved(place.at, narrowed).text(), more=True)
    more = until < now
    following = place.moved(until if more else min(until, now - settling), place.span_seconds * (1 if full else 2))
    return EventPage(events=tuple(events), cursor=following.text(), more=more)


async def _undecided(
    api: SendgridApi, place: LogCursor, now: datetime, deadline: float
) -> tuple[list[DeliveryEvent], LogCursor]:
    """Ask for a few earlier messages by themselves; return what was decided since, and the rest."""
    found: list[DeliveryEvent] = []
    asked: dict[str, bool] = {}
    due = (key for key, created in place.undecided.items() if created < now - SETTLING)
    for key in itertools.islice(due, _AGAIN):
        try:
            message = await api.ask(
                "reading one message's log", "GET", f"/v3/logs/{segment(key)}", deadline=deadline, absent=True
            )
        except CallError:
            break  # the list was read: that much is kept, and these are asked for at the next call
        decided = not isinstance(message, dict) or _text(message, "status") not in _UNDECIDED
        asked[key] = not decided
        if decided and isinstance(message, dict):
            found.append(_from_log(api.provider, {**message, "sg_message_id": key}, now))
    return found, place.noting(asked, place.undecided).without(lambda created: created < now - GIVEN_UP)


def _from_log(provider: str, message: Mapping[str, Any], now: datetime) -> DeliveryEvent:
    """Return the fate of one message from its whole log, which has times and our own arguments."""
    log = message.get("events")
    fates = [e for e in log if isinstance(e, dict) and e.get("event") in _FATES] if isinstance(log, list) else []
    last = max(fates, key=lambda e: event_time(e.get("timestamp")) or datetime.min.replace(tzinfo=UTC), default={})
    kept = {name: last[name] for name in ("reason", "response", "status", "attempt", "custom_args") if name in last}
    item = {**_item(message), **kept}
    return parse_event(provider, {**item, "timestamp": last.get("timestamp")}, received_at=now)


def _event(provider: str, message: Mapping[str, Any], at: Any, now: datetime) -> DeliveryEvent:
    moment = as_time(at)
    return parse_event(
        provider, {**_item(message), "timestamp": moment.timestamp() if moment else None}, received_at=now
    )


def _item(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message's line in the form of an event; its key is the message and its status."""
    status, identity = _text(message, "status"), _text(message, "sg_message_id")
    return {
        **_STATUSES.get(status, {"event": status}),
        "sg_event_id": f"{identity}/{status}",
        "sg_message_id": identity,
        "email": message.get("to_email"),
        "reason": message.get("reason"),
        "custom_args": message.get("custom_args"),
    }


def _messages(api: SendgridApi, what: str, answer: Any) -> list[dict[str, Any]]:
    found = answer.get("messages") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise api.not_understood(what, answer)
    return [message for message in found if isinstance(message, dict)]


def _text(message: Mapping[str, Any], name: str) -> str:
    return as_text(message.get(name))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
