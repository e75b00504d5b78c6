"""What SendGrid counted ("Stats": `GET /v3/stats`), by whole days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.provider_stats import ProviderStats, Window
from providers.sendgrid_api import SendgridApi
from providers.untrusted import as_int

_DROPS = ("bounce_drops", "invalid_emails", "spam_report_drops", "unsubscribe_drops")


async def read_stats(api: SendgridApi, window: Window) -> ProviderStats:
    """Return the counts of all days that the window touches; days are SendGrid's.

    Raises:
        CallError: the provider or the network failed.
    """
    first = window.since.astimezone(UTC).date()
    last = max(first, (window.until.astimezone(UTC) - timedelta(microseconds=1)).date())
    days = (last - first).days + 1
    what = "reading the statistics"
    params = {"start_date": first, "end_date": last, "aggregated_by": "day", "limit": days}
    answer = await api.ask(what, "GET", "/v3/stats", params=[(name, str(value)) for name, value in params.items()])
    if not isinstance(answer, list):
        raise api.not_understood(what, answer)
    metrics = list(_metrics(answer))

    def total(*names: str) -> int | None:
        counts = [n for found in metrics for name in names if (n := as_int(found.get(name))) is not None]
        return sum(counts) if counts else None

    midnight = datetime.min.time()
    return ProviderStats(
        window=Window(
            since=datetime.combine(first, midnight, UTC),
            until=datetime.combine(last + timedelta(days=1), midnight, UTC),
        ),
        accepted=total("requests"),
        delivered=total("delivered"),
        deferred=total("deferred"),
        bounced=total("bounces"),
        blocked=total("blocks"),
        rejected=total(*_DROPS),
        complained=total("spam_reports"),
    )


def _metrics(answer: list[Any]) -> Iterator[dict[str, Any]]:
    for day in answer:
        stats = day.get("stats") if isinstance(day, dict) else None
        for entry in stats if isinstance(stats, list) else ():
            found = entry.get("metrics") if isinstance(entry, dict) else None
            if isinstance(found, dict):
                yield found
