"""Pulls events from Mailgun, by the Events API or by the Logs API that is to follow it, behind one call."""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from math import ceil, floor
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from providers.delivery_event import EventPage
from providers.errors import CallError
from providers.failure import Category
from providers.http_url import segment
from providers.mailgun_api import MailgunApi
from providers.mailgun_cursor import EventCursor
from providers.mailgun_events import parse_event
from providers.untrusted import as_list, as_mapping

EventSource = Literal["events", "logs"]
_EVENTS_LIMIT = 300  # documented maxima
_LOGS_LIMIT = 100


async def pull_events(api: MailgunApi, source: EventSource, cursor: str | None) -> EventPage:
    """Return one page of events and where to go on.

    Raises:
        CallError: Mailgun did not answer, or refused.
    """
    now = api.clock.now()
    place = EventCursor.read(cursor, now, source).begun(now)
    try:
        items, following = await _page(api, place)
    except CallError as error:
        if not place.page or place.restarted or error.failure.category not in (Category.CONFIG, Category.UNKNOWN):
            raise
        place = place.anew()  # Mailgun has forgotten the page
        items, following = await _page(api, place)
    events = [event for item in items if (event := parse_event(api.provider, item)) is not None]
    newest = max((event.occurred_at for event in events), default=None)
    # "next" is always there; the empty page is the last one
    turned = place.turned(following if items else "", newest)
    return EventPage(
        events=tuple(sorted(events, key=lambda event: event.occurred_at)),
        cursor=turned.text(),
        more=bool(turned.page),
    )


async def _page(api: MailgunApi, place: EventCursor) -> tuple[list[Any], str]:
    if place.source == "logs":
        return await _logs(api, place)
    path = f"/v3/{segment(api.domain)}/events"
    if place.page:
        answer = await api.ask("GET", f"{path}/{segment(place.page)}", "events")
    else:
        # whole seconds, rounded away from each other
        span = [("begin", str(floor(place.begin.timestamp()))), ("end", str(ceil(place.end.timestamp())))]
        answer = await api.ask(
            "GET", path, "events", params=[*span, ("ascending", "yes"), ("limit", str(_EVENTS_LIMIT))]
        )
    following = as_mapping(answer.get("paging")).get("next")
    return as_list(answer.get("items")), _last_segment(following)


async def _logs(api: MailgunApi, place: EventCursor) -> tuple[list[Any], str]:
    pagination: dict[str, Any] = {"sort": "timestamp:asc", "limit": _LOGS_LIMIT}
    if place.page:
        pagination["token"] = place.page
    question: Mapping[str, Any] = {
        "start": format_datetime(place.begin),
        "end": format_datetime(place.end + timedelta(seconds=1)),  # whole seconds only
        "filter": {
            "AND": [{"attribute": "domain", "comparator": "=", "values": [{"label": api.domain, "value": api.domain}]}]
        },
        "pagination": pagination,
    }
    answer = await api.ask("POST", "/v1/analytics/logs", "events", json=question)
    following = as_mapping(answer.get("pagination")).get("next")
    return as_list(answer.get("items")), following if isinstance(following, str) else ""


def _last_segment(url: Any) -> str:
    """Return the token in a paging address; host and path of it are not followed, so no key goes elsewhere."""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2]) if isinstance(url, str) else ""
    except ValueError:
        return ""
