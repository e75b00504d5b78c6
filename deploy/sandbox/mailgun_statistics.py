"""Mailgun's statistics, counted from what really happened: /v3/{domain}/stats/total and /v1/analytics/metrics."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.happening import Happening, What
from deploy.sandbox.http_message import BadRequestError, Response, json_response
from deploy.sandbox.mailgun_events import event, failure_reason
from deploy.sandbox.mailgun_log import mail_date, moment
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.provider_api import Call, Route, route
from deploy.sandbox.relay import RelaySimulator

_WINDOW = ("start", "end", "duration")
_SECONDS = {"h": 3600, "d": 86400, "m": 30 * 86400}
_RESOLUTIONS = {"hour": 3600, "day": 86400, "month": 30 * 86400}
_EVENTS = ("accepted", "delivered", "failed", "stored", "opened", "clicked", "unsubscribed", "complained")


def statistics_routes(relay: RelaySimulator) -> tuple[Route, ...]:
    """Return the routes that count."""
    return (
        route("GET", "/v3/{domain}/stats/total", lambda call: _totals(relay, call)),
        route("POST", "/v1/analytics/metrics", lambda call: _metrics(relay, call)),
    )


def _totals(relay: RelaySimulator, call: Call) -> Response:
    if call.fields["domain"] != SENDING_DOMAIN:
        return json_response(404, {"message": "Domain not found"})
    wanted = call.request.query.get("event", [])
    if not wanted or not set(wanted) <= set(_EVENTS):
        return json_response(400, {"message": "event is missing or not valid"})
    resolution = call.request.asked("resolution", "day")
    low, high = _window({n: call.request.asked(n) for n in _WINDOW}, resolution)
    buckets = [(at, _within(relay, at, at + _RESOLUTIONS[resolution])) for at in _starts(low, high, resolution)]
    stats = [{"time": _utc(at)} | {name: _total(name, happened) for name in wanted} for at, happened in buckets]
    answer = {"description": "", "start": _utc(low), "end": _utc(high), "resolution": resolution, "stats": stats}
    return json_response(200, answer)


def _total(name: str, happened: list[Happening]) -> dict[str, Any]:
    count = Counter(h.what for h in happened)
    match name:
        case "accepted":
            return {"incoming": 0, "outgoing": count[What.ACCEPTED], "total": count[What.ACCEPTED]}
        case "delivered":
            smtp = count[What.DELIVERED]
            return {"smtp": smtp, "http": 0, "optimized": 0, "total": smtp}
        case "failed":
            reasons = Counter(failure_reason(h) for h in happened if h.what in {What.BOUNCED, What.SUPPRESSED})
            names = ("suppress-bounce", "suppress-unsubscribe", "suppress-complaint", "bounce", "delayed-bounce")
            permanent = {r: reasons[r] for r in names} | {"webhook": 0, "optimized": 0, "total": reasons.total()}
            return {"temporary": {"espblock": 0, "total": count[What.DEFERRED]}, "permanent": permanent}
    return {"total": 0}


def _metrics(relay: RelaySimulator, call: Call) -> Response:
    ask = call.request.json()
    if not isinstance(ask, dict):
        raise BadRequestError("the body is not an object")
    resolution = str(ask.get("resolution") or "day")
    low, high = _window({n: str(ask.get(n) or "") for n in _WINDOW}, resolution)
    dimensions = [str(d) for d in ask.get("dimensions") or ()]
    known = {"time", "domain", "recipient_domain", "recipient_provider", "tag", "ip"}
    if not set(dimensions) <= known:
        return json_response(400, {"message": "dimensions are not valid"})
    groups: dict[tuple[str, ...], list[Happening]] = {}
    for happened in _within(relay, low, high):
        groups.setdefault(tuple(_dimension(d, happened, resolution) for d in dimensions), []).append(happened)
    names = [str(m) for m in ask.get("metrics") or ("accepted_count", "delivered_count", "failed_count")]
    items = [
        {
            "dimensions": [
                {"dimension": d, "value": value, "display_value": value}
                for d, value in zip(dimensions, values, strict=True)
            ],
            "metrics": _measured(happened, names),
        }
        for values, happened in sorted(groups.items())
    ]
    answer = {
        "start": mail_date(low),
        "end": mail_date(high),
        "resolution": resolution,
        "dimensions": dimensions,
        "pagination": {"sort": "", "skip": 0, "limit": 1000, "total": len(items)},
        "items": items,
    }
    if ask.get("include_aggregates"):
        answer["aggregates"] = {"metrics": _measured(_within(relay, low, high), names)}
    return json_response(200, answer)


def _measured(happened: Iterable[Happening], names: Iterable[str]) -> Mapping[str, object]:
    """Return the metrics asked for; rates are strings, as Mailgun writes them."""
    all_of = list(happened)
    count = Counter(h.what for h in all_of)
    reasons = Counter(failure_reason(h) for h in all_of if h.what in {What.BOUNCED, What.SUPPRESSED})
    hard = sum(h.what is What.BOUNCED and h.reply.split()[1].startswith("5.1.") for h in all_of)
    permanent, accepted = count[What.BOUNCED] + count[What.SUPPRESSED], count[What.ACCEPTED]
    counts = {
        "accepted_count": accepted,
        "accepted_outgoing_count": accepted,
        "delivered_count": count[What.DELIVERED],
        "delivered_smtp_count": count[What.DELIVERED],
        "processed_count": accepted,
        "sent_count": count[What.DELIVERED] + count[What.BOUNCED],
        "failed_count": permanent + count[What.DEFERRED],
        "temporary_failed_count": count[What.DEFERRED],
        "permanent_failed_count": permanent,
        "bounced_count": count[What.BOUNCED],
        "hard_bounces_count": hard,
        "soft_bounces_count": count[What.BOUNCED] - hard,
        "suppressed_bounces_count": reasons["suppress-bounce"],
        "suppressed_unsubscribed_count": reasons["suppress-unsubscribe"],
        "suppressed_complaints_count": reasons["suppress-complaint"],
    }
    rates = {
        "delivered_rate": count[What.DELIVERED],
        "bounce_rate": count[What.BOUNCED],
        "permanent_fail_rate": permanent,
        "temporary_fail_rate": count[What.DEFERRED],
        "fail_rate": permanent + count[What.DEFERRED],
    }
    found: dict[str, object] = {}
    for name in names:
        if name.endswith("_rate"):
            found[name] = f"{rates.get(name, 0) / accepted:.4f}" if accepted else "0.0000"
        else:
            found[name] = counts.get(name, 0)
    return found


def _dimension(name: str, happened: Happening, resolution: str) -> str:
    if name == "time":
        step = _RESOLUTIONS[resolution]
        return mail_date(happened.at // step * step)
    shown = event(happened)
    values: Mapping[str, str] = {
        "domain": SENDING_DOMAIN,
        "ip": "127.0.0.1",
        "recipient_domain": shown["recipient-domain"],
        "recipient_provider": shown["recipient-provider"],
        "tag": ",".join(shown["tags"]),
    }
    return values[name]


def _window(ask: Mapping[str, str], resolution: str) -> tuple[float, float]:
    start, end, duration = (ask[name] for name in _WINDOW)
    if resolution not in _RESOLUTIONS:
        raise BadRequestError(f"'{resolution}' is not a valid resolution")
    high = moment(end) if end else time.time() + 1
    if duration:
        if not duration[:-1].isdigit() or duration[-1] not in _SECONDS:
            raise BadRequestError(f"'{duration}' is not a valid duration")
        return high - int(duration[:-1]) * _SECONDS[duration[-1]], high
    return moment(start) if start else high - 7 * 86400, high


def _starts(low: float, high: float, resolution: str) -> list[float]:
    step = _RESOLUTIONS[resolution]
    return [float(at) for at in range(int(low // step * step), int(high) + 1, step)]


def _within(relay: RelaySimulator, low: float, high: float) -> list[Happening]:
    return [h for h in relay.events.stored() if low <= h.at < high]


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")
