"""Mailgun's two views of what happened: the Events API with its pages by URL, and the Logs API with tokens."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from deploy.sandbox.http_message import BadRequestError, Response, json_response
from deploy.sandbox.mailgun_events import event, log_item
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.provider_api import Call, Route, route
from deploy.sandbox.relay import RelaySimulator

_MOST_EVENTS = 300
_MOST_LOGS = 1000
_FILTERS = ("event", "message-id", "recipient", "recipients", "tags", "severity", "from", "to", "subject")


def log_routes(relay: RelaySimulator) -> tuple[Route, ...]:
    """Return the routes that read this relay's events."""
    return (
        route("GET", "/v3/{domain}/events", lambda call: _first_page(relay, call)),
        route("GET", "/v3/{domain}/events/{token}", lambda call: _page(relay, call, _opened(call.fields["token"]))),
        route("POST", "/v1/analytics/logs", lambda call: _logs(relay, call)),
    )


def moment(text: str) -> float:
    """Return seconds since the epoch of "1529692198.6" or an RFC 2822 date.

    Raises:
        BadRequestError: it is neither.
    """
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise BadRequestError(f"{text!r} is not a valid date, expected RFC 2822 or a timestamp") from None


def mail_date(at: float) -> str:
    """Return a date as Mailgun writes it in answers."""
    return format_datetime(datetime.fromtimestamp(at, UTC))


def _first_page(relay: RelaySimulator, call: Call) -> Response:
    begin, end = call.request.asked("begin"), call.request.asked("end")
    ascending = call.request.asked("ascending")
    if begin and not end and ascending not in {"yes", "no"}:
        return json_response(400, {"message": "'ascending' is required when 'end' is not given"})
    try:
        limit = int(call.request.asked("limit", "100"))
    except ValueError:
        raise BadRequestError("limit is not a number") from None
    return _page(
        relay,
        call,
        {
            "begin": moment(begin) if begin else None,
            "end": moment(end) if end else None,
            "up": ascending == "yes" or bool(begin and end and moment(begin) < moment(end)),
            "limit": max(1, min(limit, _MOST_EVENTS)),
            "filters": {name: call.request.asked(name) for name in _FILTERS if call.request.asked(name)},
        },
    )


def _page(relay: RelaySimulator, call: Call, ask: Mapping[str, Any]) -> Response:
    """Return the events after the position of the token; the next page is always there to ask for."""
    if call.fields["domain"] != SENDING_DOMAIN:
        return json_response(404, {"message": "Domain not found"})
    edges = sorted(e for e in (ask["begin"], ask["end"]) if e is not None)
    low, high = (edges[0], edges[-1]) if len(edges) > 1 else (ask["begin"] or 0.0, time.time() + 1)
    if ask["begin"] is not None and ask["end"] is None and not ask["up"]:
        low, high = 0.0, ask["begin"]
    found = [h for h in relay.events.stored() if low <= h.at <= high]
    if not ask["up"]:
        found.reverse()
    position = ask.get("after")
    if position:
        found = [h for h in found if ((h.at, h.id) > tuple(position)) == ask["up"] and [h.at, h.id] != position]
    chosen = [(h, e) for h in found if _matches(e := event(h), ask["filters"])][: ask["limit"]]
    last = [chosen[-1][0].at, chosen[-1][0].id] if chosen else position
    base = f"https://{call.request.headers.get('host', '')}/v3/{SENDING_DOMAIN}/events/"
    paging = {"next": base + _token({**ask, "after": last}), "previous": base + _token({**ask, "after": None})}
    return json_response(200, {"items": [e for _, e in chosen], "paging": paging})


def _logs(relay: RelaySimulator, call: Call) -> Response:
    ask = call.request.json()
    if not isinstance(ask, dict):
        raise BadRequestError("the body is not an object")
    now = time.time()
    low = moment(ask["start"]) if ask.get("start") else now - 86400
    high = moment(ask["end"]) if ask.get("end") else now + 1
    wanted = set(ask.get("events") or ())
    tests = [_condition(c) for c in (ask.get("filter") or {}).get("AND", [])]
    pagination = ask.get("pagination") or {}
    limit = min(int(pagination.get("limit") or 100), _MOST_LOGS)
    items = [(h, log_item(h)) for h in relay.events.stored() if low <= h.at <= high]
    found = [(h, i) for h, i in items if (not wanted or i["event"] in wanted) and all(test(i) for test in tests)]
    up = str(pagination.get("sort", "timestamp:desc")).endswith(":asc")
    if not up:
        found.reverse()
    total = len(found)
    token = _opened(pagination["token"]) if pagination.get("token") else {}
    after = token.get("after")
    if after:
        found = [(h, i) for h, i in found if ((h.at, h.id) > tuple(after)) == up and [h.at, h.id] != after]
    page = found[:limit]
    pages: dict[str, Any] = {"total": total, "first": _token({"after": None})}
    if page:
        pages["next"] = _token({"after": [page[-1][0].at, page[-1][0].id]})
    answer = {"start": mail_date(low), "end": mail_date(high), "items": [i for _, i in page], "pagination": pages}
    return json_response(200, {**answer, "aggregates": {}})


def _condition(condition: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    attribute, comparator = str(condition.get("attribute")), str(condition.get("comparator"))
    values = {str(v.get("value")) for v in condition.get("values", [])}
    readers: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
        "domain": lambda item: item["domain"]["name"],
        "recipient": lambda item: item["recipient"],
        "recipient-domain": lambda item: item["recipient-domain"],
        "message-id": lambda item: item["message"]["headers"]["message-id"],
        "from": lambda item: item["message"]["headers"]["from"],
        "event": lambda item: item["event"],
        "severity": lambda item: item.get("severity"),
        "reason": lambda item: item.get("reason"),
    }
    if attribute == "tag":
        return lambda item: bool(values & set(item["tags"])) == (comparator != "!=")
    if attribute not in readers or comparator not in {"=", "!=", "contains"}:
        raise BadRequestError(f"'{attribute} {comparator}' is not a valid filter")
    read = readers[attribute]
    if comparator == "contains":
        return lambda item: any(value in str(read(item)) for value in values)
    return lambda item: (str(read(item)) in values) == (comparator == "=")


def _matches(item: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    headers = item["message"]["headers"]
    for name, wanted in filters.items():
        any_of = [w.strip() for w in wanted.split(" OR ")]
        values = {
            "tags": item["tags"],
            "message-id": [headers["message-id"]],
            "recipients": [item["recipient"]],
            "from": [headers["from"]],
            "to": [headers["to"]],
            "subject": [headers["subject"]],
        }.get(name, [item.get(name)])
        if not any(w == value for w in any_of for value in values):
            return False
    return True


def _token(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _opened(token: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        raise BadRequestError("invalid page token") from None
    return value
