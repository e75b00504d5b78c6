"""The page of `traffic`: totals, relays, receivers, reasons, hours."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from service.cli.page import Cell, Grid, Heading, Page
from service.cli.words import span, stamp

if TYPE_CHECKING:
    from probes.traffic_report import Counts, Delays, Hour, Number, Part, TrafficReport

_MOST_ROWS = 15
_MOST_SPANS = 48
_BAR_CELLS = 32
_SPANS_HOURS = (1, 2, 3, 6, 12, 24, 48, 168, 336, 672)
_BLOCK, _ASCII_BLOCK = "█", "#"


def traffic_page(report: "TrafficReport") -> Page:
    """Return what `traffic` shows, totals first."""
    if report.since is None or report.until is None:
        return [*_about(report), Cell("No delivery was found in it. Is it Postfix's log?", "yellow")]
    return [
        *_about(report),
        *_totals(report),
        *_table("Relays", "RELAY", report.relays, failed_over=True),
        *_table("Receivers", "RECEIVER", report.receivers),
        *_failures("Failures by class", "CLASS", report.classes),
        *_failures("By status code", "DSN", report.statuses, sent=True),
        *_hours(report.hours),
    ]


def _about(report: "TrafficReport") -> list[Cell]:
    lines = f"{report.lines:,} lines"
    if report.since is not None and report.until is not None:
        lines += f", from {stamp(report.since)} to {stamp(report.until)}"
    page = [Cell(lines, "dim")]
    if report.unreadable:
        page.append(Cell(f"! Delivery rows cut short, or not to be read: {report.unreadable:,}", "yellow"))
    return page


def _totals(report: "TrafficReport") -> list[Cell | Heading | Grid]:
    totals = report.totals
    rows = [
        (_count(totals.sent, "green"), Cell("sent"), Cell("")),
        (_count(totals.deferred, "yellow"), Cell("deferred"), Cell("attempts that failed for now")),
        (_count(totals.suspended, "yellow"), Cell("suspended"), Cell("held back by Postfix, not attempted")),
        (_count(totals.bounced, "red"), Cell("bounced"), Cell("")),
        (_count(totals.expired, "red"), Cell("expired"), Cell("messages given up after days in the queue")),
    ]
    if totals.forwarded:
        rows.append((_count(totals.forwarded), Cell("forwarded"), Cell("to another message, counted by itself")))
    if totals.failed_over:
        what = f"on the way; recipients then taken by another relay: {report.taken_by_another_relay:,}"
        if report.taken_at_another_try:
            what += f", by the same at another try: {report.taken_at_another_try:,}"
        rows.append((_count(totals.failed_over, "yellow"), Cell("failed over"), Cell(what)))
    if written := sum(report.notifications.values()):
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.notifications.items())
        rows.append((_count(written), Cell("notifications"), Cell(f"written by Postfix: {kinds}")))
    messages = f"{_number(report.messages)} messages in {totals.attempts:,} attempts"
    if report.held_messages.count:
        messages += f"; {_number(report.held_messages)} had to wait"
    return [Heading("Mail"), Grid(("COUNT", "", ""), tuple(rows)), Cell(f"{messages}.")]


def _table(
    title: str, header: str, parts: "Sequence[Part]", *, failed_over: bool = False
) -> list[Heading | Grid | Cell]:
    parts = [part for part in parts if any((*_shown(part.counts), part.counts.failed_over))]
    shown = parts[:_MOST_ROWS]
    if not shown:
        return []
    over = ("FAILED OVER",) if failed_over else ()
    headers = (header, "SENT", "DEFERRED", "SUSPENDED", "BOUNCED", *over, "MEDIAN", "95 %", "99 %")
    rows = tuple(
        (
            Cell(part.name, "dim" if part.is_rest else "bold"),
            *_fates(part.counts),
            *((_count(part.counts.failed_over, "yellow"),) if failed_over else ()),
            *_percentiles(part.delays),
        )
        for part in shown
    )
    return [Heading(f"{title} (delay: connection and transmission)"), Grid(headers, rows), *_more(parts)]


def _failures(title: str, header: str, parts: "Sequence[Part]", *, sent: bool = False) -> list[Heading | Grid | Cell]:
    shown = parts[:_MOST_ROWS]
    if not shown:
        return []
    headers = (
        header,
        *(("SENT",) if sent else ()),
        "DEFERRED",
        "SUSPENDED",
        "BOUNCED",
        *(() if sent else ("FAILED OVER",)),
    )
    rows = tuple(
        (
            Cell(part.name, "bold"),
            *_fates(part.counts)[0 if sent else 1 :],
            *(() if sent else (_count(part.counts.failed_over, "yellow"),)),
        )
        for part in shown
    )
    return [Heading(title), Grid(headers, rows), *_more(parts)]


def _fates(counts: "Counts") -> tuple[Cell, ...]:
    return tuple(_count(n, style) for n, style in zip(_shown(counts), ("", "yellow", "yellow", "red"), strict=True))


def _shown(counts: "Counts") -> tuple[int, int, int, int]:
    return counts.sent, counts.deferred, counts.suspended, counts.bounced


def _percentiles(delays: "Delays | None") -> tuple[Cell, ...]:
    if delays is None:
        return (Cell("-"), Cell("-"), Cell("-"))
    return tuple(Cell(span(one)) for one in (delays.p50_seconds, delays.p95_seconds, delays.p99_seconds))


def _more(parts: "Sequence[Part]") -> list[Cell]:
    return [Cell(f"and {len(parts) - _MOST_ROWS} more; --json has them", "dim")] if len(parts) > _MOST_ROWS else []


def _hours(hours: "Sequence[Hour]") -> list[Heading | Grid]:
    size = _size(hours)
    spans: dict[datetime, list[int]] = {}
    for hour in hours:
        failed = hour.counts.deferred + hour.counts.suspended + hour.counts.bounced + hour.counts.expired
        start = hours[0].at + (hour.at - hours[0].at) // size * size
        counts = spans.setdefault(start, [0, 0])
        counts[0] += hour.counts.sent
        counts[1] += failed
    most = max(max(counts) for counts in spans.values()) or 1
    rows = tuple(
        (
            Cell(stamp(start)[: len("2026-11-23 19:00")], "dim"),
            _count(sent),
            Cell(_bar(sent, most), "green"),
            _count(failed, "red"),
            Cell(_bar(failed, most), "red"),
        )
        for start, (sent, failed) in sorted(spans.items())
    )
    title = "Over time" if size == timedelta(hours=1) else f"Over time, by {span(size.total_seconds())}"
    return [Heading(title), Grid(("FROM", "SENT", "", "FAILED", ""), rows)]


def _size(hours: "Sequence[Hour]") -> timedelta:
    """Return the shortest span in which the log fits on the page."""
    whole = (hours[-1].at - hours[0].at) // timedelta(hours=1) + 1
    fitting = (size for size in _SPANS_HOURS if whole <= size * _MOST_SPANS)
    return timedelta(hours=next(fitting, -(-whole // _MOST_SPANS)))


def _bar(count: int, most: int) -> str:
    """Return a bar that is longer the larger the count; whatever is not nothing can be seen."""
    cells = max(1, round(_BAR_CELLS * count / most)) if count else 0
    try:
        _BLOCK.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _ASCII_BLOCK * cells
    return _BLOCK * cells


def _count(count: int, style: str = "") -> Cell:
    return Cell(f"{count:,}", style if count else "dim")


def _number(number: "Number") -> str:
    return f"{number.count:,}" if number.exact else f"about {number.count:,}"
