"""`relaypilot compare`: the providers side by side."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.client import client_of
from service.cli.difference import certain_differences
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, length_of
from service.cli.page import Cell, Grid, Heading, Page, show, show_json
from service.cli.progress import Progress
from service.cli.words import everywhere, of, span, stamp

if TYPE_CHECKING:
    from service.views import CompareRowView, CompareView

_RESOLUTION_SECONDS = 1.0  # of the stamps in Received and INTERNALDATE
_HEADERS = ("RECEIVER", "PROVIDER", "ACCEPTED", "INBOX", "SPAM", "MISSING", "LATE", "MEDIAN", "95 %")


def compare(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    window: Annotated[str, typer.Option("--window", metavar="DURATION", help='How far back, such as "24h".')] = "7d",
    receiver: Annotated[str | None, typer.Option("--receiver", metavar="RECEIVER", help="Only this receiver.")] = None,
) -> None:
    """Show acceptance, placement and latency of each provider per receiver, as k of n."""
    length_of("--window", window)
    with Progress("Comparing"):
        found = client_of(config).get("/v1/compare", window=window, receiver=receiver)
    if as_json:
        show_json(found)
    else:
        from service.views import CompareView

        show(compare_page(CompareView.model_validate(found)))


def compare_page(comparison: "CompareView") -> Page:
    """Return the comparison, receiver by receiver, so that the providers stand below each other."""
    title = Cell(f"From {stamp(comparison.since)} to {stamp(comparison.until)}", "dim")
    receivers = list(dict.fromkeys(row.receiver for row in comparison.rows))
    rows = [
        _row(row, first=place == 0)
        for receiver in receivers
        for place, row in enumerate(row for row in comparison.rows if row.receiver == receiver)
    ]
    if not rows:
        return [title, Cell("Nothing was measured in this time.")]
    differences = [
        Cell(f"{everywhere(receiver)}: {certain_differences([r for r in comparison.rows if r.receiver == receiver])}")
        for receiver in receivers
    ]
    heading = Heading("Certain differences (95 % intervals that do not overlap)")
    return [title, Grid(_HEADERS, tuple(rows)), heading, *differences]


def _row(row: "CompareRowView", *, first: bool) -> tuple[Cell, ...]:
    return (
        Cell(everywhere(row.receiver) if first else "", "bold"),
        Cell(row.provider),
        Cell(of(row.acceptance), "red" if row.acceptance.good < row.acceptance.n else ""),
        Cell(of(row.inbox)),
        Cell(of(row.spam), "red" if row.spam.good else ""),
        Cell(of(row.missing), "red" if row.missing.good else ""),
        Cell(of(row.late), "yellow" if row.late.good else ""),
        Cell(_latency(row.latency_p50_seconds)),
        Cell(_latency(row.latency_p95_seconds)),
    )


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return span(seconds) if seconds >= _RESOLUTION_SECONDS else "< 1 s"
