"""From counted traffic to the report about it. Pure."""

from datetime import timedelta

from probes.delay_histogram import DelayHistogram
from probes.distinct import Distinct
from probes.traffic import Traffic
from probes.traffic_report import Counts, Delays, Hour, Number, Part, TrafficReport
from probes.traffic_tally import Fate, Table, Tally

REST = "(others)"


def summary_of(traffic: Traffic) -> TrafficReport:
    """Return the report about everything counted so far."""
    total = Tally()
    for tally in (*traffic.hours.values(), traffic.later_hours):
        total.take(tally)
    for tally in traffic.relays.all():
        total.counts[Fate.FAILED_OVER] += tally.counts[Fate.FAILED_OVER]
    hours = tuple(
        Hour(at=at, counts=_counts(tally)) for at, tally in sorted(traffic.hours.items()) if any(tally.counts)
    )
    return TrafficReport(
        lines=traffic.lines,
        unreadable=traffic.unreadable,
        since=hours[0].at if hours else None,
        until=hours[-1].at + timedelta(hours=1) if hours else None,
        totals=_counts(total),
        messages=_number(traffic.messages),
        held_messages=_number(traffic.held_messages),
        taken_by_another_relay=traffic.taken_by_another_relay,
        taken_at_another_try=traffic.taken_at_another_try,
        notifications=dict(sorted(traffic.notifications.items())),
        delays=_delays(traffic.by_relays.delays),
        relays=_parts(traffic.relays, _with_ports(traffic.relays.tallies)),
        receivers=_parts(traffic.receivers),
        statuses=_parts(traffic.statuses),
        classes=_parts(traffic.classes),
        hours=hours,
    )


def _with_ports(tallies: dict[str, Tally]) -> dict[str, Tally]:
    """Return the relays, those that lines about failures name without a port put to the one with it."""
    owners: dict[str, list[str]] = {}
    for name in tallies:
        owners.setdefault(name.rpartition(":")[0], []).append(name)
    joined: dict[str, Tally] = {}
    for name, tally in tallies.items():
        known = owners.get(name, [])
        joined.setdefault(known[0] if len(known) == 1 else name, Tally()).take(tally)
    return joined


def _parts(table: Table, tallies: dict[str, Tally] | None = None) -> tuple[Part, ...]:
    """Return what was counted, the most frequent first and what had no room last."""
    found = [(name, tally) for name, tally in (tallies or table.tallies).items() if any(tally.counts)]
    found.sort(key=lambda item: (-sum(item[1].counts), item[0]))
    parts = [Part(name=name, counts=_counts(tally), delays=_delays(tally.delays)) for name, tally in found]
    if any(table.rest.counts):
        parts.append(Part(name=REST, counts=_counts(table.rest), delays=_delays(table.rest.delays), is_rest=True))
    return tuple(parts)


def _counts(tally: Tally) -> Counts:
    return Counts(**{fate.name.lower(): tally.counts[fate] for fate in Fate})


def _delays(histogram: DelayHistogram) -> Delays | None:
    found = [histogram.percentile(percent) for percent in (50, 90, 95, 99)]
    p50, p90, p95, p99 = found
    if p50 is None or p90 is None or p95 is None or p99 is None:
        return None
    return Delays(n=histogram.n, p50_seconds=p50, p90_seconds=p90, p95_seconds=p95, p99_seconds=p99)


def _number(distinct: Distinct) -> Number:
    return Number(count=distinct.count, exact=distinct.exact)
