"""SendGrid's two searches in what happened: Email Logs (/v3/logs) and Email Activity (/v3/messages)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from deploy.sandbox.happening import Happening, What
from deploy.sandbox.http_message import Response, json_response
from deploy.sandbox.provider_api import Call, Route, route
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.sendgrid_errors import complaint
from deploy.sandbox.sendgrid_events import iso, logged_event, reason_of, sg_message_id, status_of

_MOST = 1000
_TIMED = re.compile(r'(\w+)\s*(>=|<=|>|<)\s*TIMESTAMP\s*"([^"]+)"\s*')
_BETWEEN = re.compile(r'(\w+)\s+BETWEEN\s+TIMESTAMP\s*"([^"]+)"\s+AND\s+TIMESTAMP\s*"([^"]+)"\s*')
_IS = re.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')\s*""")
_IN = re.compile(r"(\w+)\s+IN\s*\(([^)]*)\)\s*")
_AND = re.compile(r"AND\s+")
Test = Callable[[Mapping[str, Any]], bool]
Story = list[Happening]


class QueryError(Exception):
    """The query cannot be understood."""


def log_routes(relay: RelaySimulator) -> tuple[Route, ...]:
    """Return the routes that search this relay's messages."""
    return (
        route("POST", "/v3/logs", lambda call: _logs(relay, call)),
        route("GET", "/v3/logs/{id}", lambda call: _one(relay, call)),
        route("GET", "/v3/messages", lambda call: _activity(relay, call)),
    )


def _logs(relay: RelaySimulator, call: Call) -> Response:
    ask = call.request.json()
    if not isinstance(ask, dict):
        return complaint(400, "invalid request body")
    limit = ask.get("limit", 10)
    if not isinstance(limit, int) or not 1 <= limit <= _MOST:
        return json_response(400, {"errors": [{"message": "limit must be between 1 and 1000", "field": "limit"}]})
    try:
        test = _parsed(str(ask.get("query") or ""))
        found = [shown for story in _stories(relay) if test(shown := _shown(story))]
    except QueryError as error:
        return json_response(400, {"errors": [{"message": str(error), "field": "query"}]})
    for shown in found:
        del shown["last_event_time"], shown["categories"]
    return json_response(200, {"messages": found[:limit]})


def _one(relay: RelaySimulator, call: Call) -> Response:
    story = next((s for s in _stories(relay) if sg_message_id(s[0].letter) == call.fields["id"]), None)
    if story is None:
        return complaint(404, "message not found")
    letter, shown = story[0].letter, _shown(story)
    events = [logged_event(h) for h in story]
    one = {name: shown[name] for name in ("from_email", "sg_message_id", "subject", "to_email", "status")}
    one |= {"api_key_id": "", "client_ip": "127.0.0.1", "events": events, "category": list(letter.labels.tags)}
    return json_response(200, {**one, "custom_args": dict(letter.labels.variables)})


def _activity(relay: RelaySimulator, call: Call) -> Response:
    query = call.request.asked("query")
    if not query:
        return complaint(400, "query is required")
    try:
        limit = min(int(call.request.asked("limit", "10")), _MOST)
        test = _parsed(unquote(query))
        found = [shown for story in _stories(relay) if test(shown := _shown(story))]
    except (QueryError, ValueError) as error:
        return complaint(400, f"invalid query: {error}")
    messages = [
        {
            "from_email": shown["from_email"],
            "msg_id": shown["sg_message_id"],
            "subject": shown["subject"],
            "to_email": shown["to_email"],
            "status": shown["status"] if shown["status"] in {"processed", "delivered"} else _activity_status(shown),
            "opens_count": 0,
            "clicks_count": 0,
            "last_event_time": shown["last_event_time"],
        }
        for shown in found[:limit]
    ]
    return json_response(200, {"messages": messages})


def _activity_status(shown: Mapping[str, Any]) -> str:
    return "processed" if shown["status"] == "deferred" else "not_delivered"


def _stories(relay: RelaySimulator) -> list[Story]:
    """Return all that happened, message by message, newest message first."""
    stories: dict[tuple[str, str], Story] = {}
    for happening in relay.events.stored():
        stories.setdefault((happening.letter.id, happening.letter.recipient), []).append(happening)
    return sorted(stories.values(), key=lambda story: story[0].at, reverse=True)


def _shown(story: Story) -> dict[str, Any]:
    letter, last = story[0].letter, story[-1]
    shown: dict[str, Any] = {
        "from_email": letter.sender,
        "sg_message_id": sg_message_id(letter),
        "subject": letter.subject,
        "to_email": letter.recipient,
        "status": status_of(story),
        "sg_message_id_created_at": iso(story[0].at),
        "last_event_time": iso(last.at),
        "categories": letter.labels.tags,
    }
    return shown | ({"reason": reason_of(last)} if last.what in {What.BOUNCED, What.SUPPRESSED} else {})


def _parsed(query: str) -> Test:
    """Return the test that a query is; an empty one lets all through.

    Raises:
        QueryError: it is not in the language of queries.
    """
    tests: list[Test] = []
    rest = query.strip()
    while rest:
        if match := _BETWEEN.match(rest):
            tests += [_timed(match[1], ">=", match[2]), _timed(match[1], "<=", match[3])]
        elif match := _TIMED.match(rest):
            tests.append(_timed(match[1], match[2], match[3]))
        elif match := _IS.match(rest):
            tests.append(_in(match[1], {match[2] or match[3] or ""}))
        elif match := _IN.match(rest):
            tests.append(_in(match[1], set(re.findall(r"""['"]([^'"]*)['"]""", match[2]))))
        else:
            raise QueryError(f"syntax error near {rest[:40]!r}")
        rest = rest[match.end() :]
        joint = _AND.match(rest)
        if rest and joint is None:
            raise QueryError(f"syntax error near {rest[:40]!r}")
        rest = rest[joint.end() :] if joint else ""
    return lambda shown: all(test(shown) for test in tests)


def _timed(name: str, operator: str, text: str) -> Test:
    if name not in {"sg_message_id_created_at", "last_event_time"}:
        raise QueryError(f"unknown time field {name}")
    try:
        edge = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise QueryError(f"{text!r} is not a timestamp") from None

    def test(shown: Mapping[str, Any]) -> bool:
        at = datetime.fromisoformat(shown[name])
        return {">": at > edge, ">=": at >= edge, "<": at < edge, "<=": at <= edge}[operator]

    return test


def _in(name: str, wanted: set[str]) -> Test:
    names = {"msg_id": "sg_message_id", "sg_message_id": "sg_message_id", "categories": "categories"}
    known = {"subject", "to_email", "from_email", "status", "reason"}
    field = names.get(name, name if name in known else "")
    if not field:
        raise QueryError(f"unknown field {name}")
    if field == "categories":
        return lambda shown: bool(wanted & set(shown[field]))
    return lambda shown: str(shown.get(field, "")) in wanted
