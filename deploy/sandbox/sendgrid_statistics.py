"""SendGrid's statistics, counted from what really happened: all mail, by category, by mailbox provider."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deploy.sandbox.happening import Happening, What
from deploy.sandbox.http_message import Response, json_response
from deploy.sandbox.people import receiver_of
from deploy.sandbox.provider_api import Call, Route, route
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.sendgrid_errors import complaint
from deploy.sandbox.suppression_book import BOUNCES, COMPLAINTS, INVALID, UNSUBSCRIBES

_STEPS = {"day": 1, "week": 7, "month": 31}
_PROVIDERS = {"gmail": "Gmail", "microsoft": "Outlook", "yahoo": "Yahoo", "other": "Other"}
_MOST_DAYS = 400
Select = Callable[[Happening], bool]


def statistics_routes(relay: RelaySimulator) -> tuple[Route, ...]:
    """Return the routes that count."""
    return (
        route("GET", "/v3/stats", lambda call: _answer(relay, call, _everything)),
        route("GET", "/v3/categories/stats", lambda call: _answer(relay, call, _by_category)),
        route("GET", "/v3/mailbox_providers/stats", lambda call: _answer(relay, call, _by_mailbox_provider)),
    )


def _answer(
    relay: RelaySimulator, call: Call, group: Callable[[Call, list[Happening]], list[dict[str, Any]]]
) -> Response:
    try:
        first = date.fromisoformat(call.request.asked("start_date"))
        last = date.fromisoformat(call.request.asked("end_date") or time.strftime("%Y-%m-%d", time.gmtime()))
        step = _STEPS[call.request.asked("aggregated_by") or "day"]
    except (ValueError, KeyError):
        return complaint(400, "start_date, end_date must be YYYY-MM-DD; aggregated_by must be day, week or month")
    if not 0 <= (last - first).days <= _MOST_DAYS:
        return complaint(400, "end_date must not be before start_date, nor more than 400 days after it")
    happened = relay.events.stored()
    days = [first + timedelta(days=n) for n in range(0, (last - first).days + 1, step)]
    answer = []
    for day in days:
        end = day + timedelta(days=step)
        within = [h for h in happened if day <= datetime.fromtimestamp(h.at, UTC).date() < end]
        answer.append({"date": day.isoformat(), "stats": group(call, within)})
    return json_response(200, answer)


def _everything(_call: Call, happened: list[Happening]) -> list[dict[str, Any]]:
    return [{"metrics": _metrics(happened)}]


def _by_category(call: Call, happened: list[Happening]) -> list[dict[str, Any]]:
    return [
        {
            "type": "category",
            "name": name,
            "metrics": _metrics(h for h in happened if name in h.letter.labels.tags),
        }
        for name in call.request.query.get("categories", [])
    ]


def _by_mailbox_provider(call: Call, happened: list[Happening]) -> list[dict[str, Any]]:
    wanted = call.request.query.get("mailbox_providers") or list(_PROVIDERS.values())
    found = []
    for receiver, name in _PROVIDERS.items():
        metrics = _metrics(h for h in happened if receiver_of(h.letter.recipient).name == receiver)
        drops = sum(v for k, v in metrics.items() if k.endswith("_drops"))
        if name in wanted and metrics["requests"]:
            names = ("blocks", "bounces", "deferred", "delivered", "requests", "processed", "spam_reports")
            own = {n: metrics[n] for n in names} | {"drops": drops}
            found.append({"type": "mailbox_provider", "name": name, "metrics": own})
    return found


def _metrics(happened: Iterable[Happening]) -> dict[str, int]:
    all_of = list(happened)
    count = Counter(h.what for h in all_of)
    drops = Counter(h.reply for h in all_of if h.what is What.SUPPRESSED)
    hard = sum(h.what is What.BOUNCED and h.reply.split()[1].startswith("5.1.") for h in all_of)
    return {
        "blocks": count[What.BOUNCED] - hard,
        "bounce_drops": drops[BOUNCES],
        "bounces": hard,
        "clicks": 0,
        "deferred": count[What.DEFERRED],
        "delivered": count[What.DELIVERED],
        "invalid_emails": drops[INVALID],
        "opens": 0,
        "processed": count[What.ACCEPTED] - drops.total(),
        "requests": count[What.ACCEPTED],
        "spam_report_drops": drops[COMPLAINTS],
        "spam_reports": 0,
        "unique_clicks": 0,
        "unique_opens": 0,
        "unsubscribe_drops": drops[UNSUBSCRIBES],
        "unsubscribes": 0,
    }
