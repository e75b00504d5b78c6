"""What Mailgun counted for a domain (API description, "Metrics"; replaces the older stats calls)."""

from datetime import UTC, timedelta
from email.utils import format_datetime

from providers.mailgun_api import MailgunApi
from providers.provider_stats import ProviderStats, Window
from providers.untrusted import as_int, as_list, as_mapping, as_time

# Our words for their counts. Counts only: rates come as text, and cannot be added up.
_COUNTS: dict[str, tuple[str, ...]] = {
    "accepted": ("accepted_outgoing_count",),
    "delivered": ("delivered_smtp_count",),
    "deferred": ("temporary_failed_count",),
    "bounced": ("bounced_count",),
    "blocked": ("permanent_failed_esp_block_count",),
    "rejected": ("suppressed_bounces_count", "suppressed_unsubscribed_count", "suppressed_complaints_count"),
    "complained": ("complained_count",),
}
_HOUR = timedelta(hours=1)


async def read_stats(api: MailgunApi, window: Window) -> ProviderStats:
    """Return the counts of the whole hours around this window.

    Raises:
        CallError: Mailgun did not answer, or refused.
    """
    since = window.since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    until = window.until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    until = until if until >= window.until else until + _HOUR
    answer = await api.ask(
        "POST",
        "/v1/analytics/metrics",
        "its statistics",
        json={
            "start": format_datetime(since),
            "end": format_datetime(until),
            "resolution": "hour",
            "dimensions": ["domain"],
            "metrics": sorted({name for names in _COUNTS.values() for name in names}),
            "filter": {
                "AND": [
                    {"attribute": "domain", "comparator": "=", "values": [{"label": api.domain, "value": api.domain}]}
                ]
            },
        },
    )
    counted = [as_mapping(as_mapping(item).get("metrics")) for item in as_list(answer.get("items"))]
    counts = {}
    for ours, theirs in _COUNTS.items():
        known = [count for row in counted for name in theirs if (count := as_int(row.get(name))) is not None]
        counts[ours] = sum(known) if known or not counted else None
    start, end = as_time(answer.get("start")), as_time(answer.get("end"))
    counted_window = (
        Window(since=start, until=end) if start and end and start < end else Window(since=since, until=until)
    )
    return ProviderStats(window=counted_window, **counts)
