"""What crosses the root helper's socket: one JSON line in, one JSON line out. Pure.

A request is an object with `op` and exactly the keys below. Nothing in it can name a host, path, credential or
command: providers are named, and looked up in the helper's own root-owned configuration.

    {"op": "ping"}
    {"op": "current"}
    {"op": "journal", "after": 4}
    and optionally "beyond", the request_id of the last line of the former page
    {"op": "flush"}
    and optionally "cursor", as the former answer gave it
    {"op": "apply", "request_id": …, "expected_generation": 4,
     "lanes": [{"stream": "default", "receiver": "*", "providers": ["a", "b"],
                "shares": [{"provider": "b", "percent": 10, "kind": "canary"}]}]}
    where a lane without shares has no such key; optionally "actor", "reason", "trigger", "pin_until",
    "override_drift"

An answer is `{"ok": true, "result": …}` or `{"ok": false, "code": …, "message": …}`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.decision.route import Route, ShareKind
from service.postfix.apply import Applied
from service.postfix.current import Current, Drift
from service.postfix.errors import HelperError, PostfixError, RequestRefusedError, errors_by_code
from service.postfix.flush import Flushed, is_cursor
from service.postfix.route_check import LARGEST_SHARE
from service.postfix.state import route_from_json, route_json
from service.postfix.surroundings import NO_SURROUNDINGS, surroundings_from_json, surroundings_json

MAX_REQUEST_BYTES = 16_384
MAX_ANSWER_BYTES = 4_194_304
TRIGGERS = ("automatic", "manual", "failback")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_TEXT = 500
_MAX_ENTRIES = 100
_OLD_HELPER = "The root helper is of an earlier version; restart relaypilot-helper.service."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """A request for a move."""

    request_id: str
    expected_generation: int
    route: Route
    actor: str = ""
    reason: str = ""
    trigger: str = "manual"
    pin_until: datetime | None = None
    override_drift: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRequest:
    """A request for a page of the journal: the next lines after a generation, beyond the line of a request."""

    after: int
    beyond: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushRequest:
    """A request to have deferred mail tried."""

    cursor: str = ""  # of the former answer; empty: from the start


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRequest:
    """A request without arguments."""

    op: str  # "ping", "current"


HelperRequest = ApplyRequest | JournalRequest | FlushRequest | PlainRequest


def request_line(request: HelperRequest) -> bytes:
    """Return a request as it goes over the socket."""
    match request:
        case PlainRequest():
            values: dict[str, Any] = {"op": request.op}
        case JournalRequest():
            values = {"op": "journal", "after": request.after}
            if request.beyond is not None:
                values["beyond"] = request.beyond
        case FlushRequest():
            values = {"op": "flush", **({"cursor": request.cursor} if request.cursor else {})}
        case ApplyRequest():
            values = {
                "op": "apply",
                "request_id": request.request_id,
                "expected_generation": request.expected_generation,
                "lanes": route_json(request.route),
                "actor": request.actor,
                "reason": request.reason,
                "trigger": request.trigger,
                "override_drift": request.override_drift,
            }
            if request.pin_until is not None:
                values["pin_until"] = request.pin_until.isoformat()
    return json.dumps(values).encode() + b"\n"


def parse_request(line: bytes) -> HelperRequest:
    """Return the request of one line.

    Raises:
        RequestRefusedError: with what is wrong; nothing has been done.
    """
    try:
        values = json.loads(line.decode("utf-8"), object_pairs_hook=_object_without_repeats)
    except (ValueError, RecursionError) as error:
        raise RequestRefusedError("The request is not one line of JSON with every key once.") from error
    if not isinstance(values, dict):
        raise RequestRefusedError("The request is not a JSON object.")
    op = values.pop("op", None)
    if op in ("ping", "current"):
        _expect(values, required=(), optional=())
        return PlainRequest(op=op)
    if op == "journal":
        _expect(values, required=("after",), optional=("beyond",))
        beyond = _request_id(values, "beyond") if "beyond" in values else None
        return JournalRequest(after=_count(values, "after"), beyond=beyond)
    if op == "flush":
        _expect(values, required=(), optional=("cursor",))
        cursor = values.get("cursor", "")
        if not isinstance(cursor, str) or (cursor and not is_cursor(cursor)):
            raise RequestRefusedError("cursor must be what a former answer gave.")
        return FlushRequest(cursor=cursor)
    if op == "apply":
        return _parse_apply(values)
    raise RequestRefusedError("There is no such operation; there are ping, current, journal, flush and apply.")


def _parse_apply(values: dict[str, Any]) -> ApplyRequest:
    _expect(
        values,
        required=("request_id", "expected_generation", "lanes"),
        optional=("actor", "reason", "trigger", "pin_until", "override_drift"),
    )
    trigger = values.get("trigger", "manual")
    override_drift = values.get("override_drift", False)
    if trigger not in TRIGGERS:
        raise RequestRefusedError(f"trigger must be one of {', '.join(TRIGGERS)}.")
    if not isinstance(override_drift, bool):
        raise RequestRefusedError("override_drift must be true or false.")
    return ApplyRequest(
        request_id=_request_id(values, "request_id"),
        expected_generation=_count(values, "expected_generation"),
        route=_parse_lanes(values["lanes"]),
        actor=_text(values, "actor"),
        reason=_text(values, "reason"),
        trigger=trigger,
        pin_until=_time(values, "pin_until"),
        override_drift=override_drift,
    )


def _parse_lanes(lanes: Any) -> Route:
    if not isinstance(lanes, list) or not 1 <= len(lanes) <= _MAX_ENTRIES:
        raise RequestRefusedError(f"lanes must be a list of 1 to {_MAX_ENTRIES} lanes.")
    for lane in lanes:
        if not isinstance(lane, dict):
            raise RequestRefusedError("Each lane must be an object.")
        _expect(lane, required=("stream", "receiver", "providers"), optional=("shares",))
        providers = lane["providers"]
        if not isinstance(providers, list) or not 1 <= len(providers) <= _MAX_ENTRIES:
            raise RequestRefusedError(f"providers must be a list of 1 to {_MAX_ENTRIES} names.")
        for name in (*providers, lane["stream"], "any" if lane["receiver"] == "*" else lane["receiver"]):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise RequestRefusedError("Names are lower-case letters, digits and dashes, 31 at most.")
        _check_shares(lane.get("shares", []))
    keys = [(lane["stream"], lane["receiver"]) for lane in lanes]
    if len(set(keys)) != len(keys):
        raise RequestRefusedError("Each stream and receiver has one lane.")
    return route_from_json(lanes)


def _check_shares(shares: Any) -> None:
    if not isinstance(shares, list) or len(shares) > _MAX_ENTRIES:
        raise RequestRefusedError(f"shares must be a list of at most {_MAX_ENTRIES} shares.")
    for share in shares:
        if not isinstance(share, dict):
            raise RequestRefusedError("Each share must be an object.")
        _expect(share, required=("provider", "percent", "kind"), optional=())
        if not isinstance(share["provider"], str) or not _NAME.fullmatch(share["provider"]):
            raise RequestRefusedError("Names are lower-case letters, digits and dashes, 31 at most.")
        if not 1 <= _count(share, "percent") <= LARGEST_SHARE:
            raise RequestRefusedError(f"percent must be a whole number from 1 to {LARGEST_SHARE}.")
        if share["kind"] not in list(ShareKind):
            raise RequestRefusedError(f"kind must be one of {', '.join(ShareKind)}.")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("repeated key")
    return values


def _expect(values: Mapping[str, Any], *, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    missing = [key for key in required if key not in values]
    extra = [key for key in values if key not in (*required, *optional)]
    if missing:
        raise RequestRefusedError(f'The key "{missing[0]}" is missing.')
    if extra:
        raise RequestRefusedError(f"There is no key {json.dumps(extra[0][:40])} in this request.")


def _count(values: Mapping[str, Any], key: str) -> int:
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise RequestRefusedError(f"{key} must be a whole number, 0 or more.")
    return value


def _request_id(values: Mapping[str, Any], key: str) -> str:
    value = values[key]
    if not isinstance(value, str) or not _REQUEST_ID.fullmatch(value):
        raise RequestRefusedError(f"{key} must be 1 to 64 letters, digits, dots, dashes or underscores.")
    return value


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise RequestRefusedError(f"{key} must be one line of at most {_MAX_TEXT} printable characters.")
    return value


def _time(values: Mapping[str, Any], key: str) -> datetime | None:
    value = values.get(key)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise RequestRefusedError(f"{key} must be a time such as 2026-01-31T12:00:00+00:00.") from error
    if at.tzinfo is None:
        raise RequestRefusedError(f"{key} must carry its offset from UTC.")
    return at


def answer_line(result: Any) -> bytes:
    """Return an answer as it goes over the socket."""
    return json.dumps({"ok": True, "result": result}).encode() + b"\n"


def error_line(error: PostfixError) -> bytes:
    """Return an error as it goes over the socket."""
    return json.dumps({"ok": False, "code": error.code, "message": str(error)}).encode() + b"\n"


def parse_answer(line: bytes) -> Any:
    """Return the result of an answer.

    Raises:
        PostfixError: the error that the answer carries, of its own class.
        HelperError: the answer makes no sense.
    """
    try:
        values = json.loads(line)
        if values["ok"]:
            return values["result"]
        kind, message = errors_by_code().get(values["code"], PostfixError), str(values["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise HelperError("The root helper gave an answer that makes no sense; look at its log.") from error
    make: Callable[[str], PostfixError] = kind
    raise make(message)


def applied_json(applied: Applied) -> dict[str, Any]:
    """Return a carried-out move as JSON values."""
    return {
        "request_id": applied.request_id,
        "generation": applied.generation,
        "lanes": route_json(applied.route),
        "verified": applied.verified,
        "sentence": applied.sentence,
        "repeated": applied.repeated,
    }


def applied_from_json(values: Mapping[str, Any]) -> Applied:
    """Return the carried-out move of JSON values."""
    return Applied(
        request_id=values["request_id"],
        generation=values["generation"],
        route=route_from_json(values["lanes"]),
        verified=values["verified"],
        sentence=values["sentence"],
        repeated=values["repeated"],
    )


def flushed_json(flushed: Flushed) -> dict[str, Any]:
    """Return what a flush did as JSON values."""
    return {"deferred": flushed.deferred, "tried": flushed.tried, "left": flushed.left, "cursor": flushed.cursor}


def flushed_from_json(values: Mapping[str, Any]) -> Flushed:
    """Return what a flush did of JSON values."""
    return Flushed(**values)


def current_json(current: Current) -> dict[str, Any]:
    """Return what Postfix holds as JSON values."""
    return {
        "lanes": route_json(current.route) if current.route else None,
        "generation": current.generation,
        "request_id": current.request_id,
        "drift": [{"kind": d.kind, "name": d.name, "diff": d.diff} for d in current.drift],
        "running": current.running,
        "interrupted": current.interrupted,
        "settings": dict(current.settings),
        "services": dict(current.services),
        "files": dict(current.files),
        "message_size_limit": current.message_size_limit,
        "overrides": dict(current.overrides),
        "outdated": list(current.outdated),
        "surroundings": surroundings_json(current.surroundings),
        "refused": current.refused,
        "shares_refused": current.shares_refused,
        "receivers_refused": current.receivers_refused,
    }


def current_from_json(values: Mapping[str, Any]) -> Current:
    """Return what Postfix holds of JSON values."""
    # Absent from a helper not yet restarted after an upgrade: outdated, surroundings, what is refused.
    seen = values.get("surroundings")
    return Current(
        route=route_from_json(values["lanes"]) if values["lanes"] else None,
        generation=values["generation"],
        request_id=values["request_id"],
        drift=tuple(Drift(**drift) for drift in values["drift"]),
        running=values["running"],
        interrupted=values["interrupted"],
        settings=values["settings"],
        services=values["services"],
        files=values["files"],
        message_size_limit=values["message_size_limit"],
        overrides=values["overrides"],
        outdated=tuple(values.get("outdated", ())),
        surroundings=surroundings_from_json(seen) if seen else NO_SURROUNDINGS,
        refused=values.get("refused"),
        shares_refused=values.get("shares_refused", _OLD_HELPER),
        receivers_refused=values.get("receivers_refused", _OLD_HELPER),
    )
