"""`relaypilot history`: the journal."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Cell, Grid, Page, show, show_json
from service.cli.progress import Progress
from service.cli.words import stamp

if TYPE_CHECKING:
    from service.views import HistoryEntryView

_OUTCOMES = ("applied", "failed")
_STYLES = {"applied": "green", "failed": "red", "blocked": "yellow"}


def history(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many, newest first.")] = 20,
) -> None:
    """Show moves, detections and blocked moves, newest first, each with who and why."""
    with Progress("Reading the journal"):
        found = client_of(config).get("/v1/history", limit=limit)
    if as_json:
        show_json(found)
    else:
        from service.views import HistoryEntryView

        show(history_page(tuple(HistoryEntryView.model_validate(entry) for entry in found)))


def history_page(entries: "tuple[HistoryEntryView, ...]") -> Page:
    """Return the journal's rows."""
    if not entries:
        return [Cell("The journal is empty.")]
    # An intention whose outcome stands above it tells nothing more.
    ended = {entry.request_id for entry in entries if entry.kind in _OUTCOMES}
    rows = tuple(
        (
            Cell(stamp(entry.at), "dim"),
            Cell(entry.kind if entry.enforced else f"{entry.kind} (would)", _STYLES.get(entry.kind, "")),
            Cell(_change(entry)),
            Cell(entry.trigger),
            Cell(entry.actor),
            Cell(_why(entry)),
        )
        for entry in entries
        if not (entry.kind == "intended" and entry.request_id in ended)
    )
    return [Grid(("WHEN", "WHAT", "ROUTE", "TRIGGER", "BY", "WHY"), rows)]


def _why(entry: "HistoryEntryView") -> str:
    parts = [part if part.endswith(".") else f"{part}." for part in (entry.reason, entry.detail) if part]
    return " ".join(parts) or "-"


def _change(entry: "HistoryEntryView") -> str:
    before = entry.from_route[0] if entry.from_route else None
    after = entry.to_route[0] if entry.to_route else None
    if before and after and before != after:
        return f"{before} → {after}"
    return after or before or "-"
