"""`relaypilot history`: the journal."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Below, Block, Cell, Grid, Page, Screen, screen, show, show_json
from service.cli.progress import Progress
from service.cli.words import stamp
from service.errors import UsageError

if TYPE_CHECKING:
    from service.views import HistoryEntryView

_MOST = 10_000
_OUTCOMES = ("applied", "failed")
_STANDBY_ORDER = "standby-order"  # rules of `service.decision.moves` under which nobody else is first; a test compares
_NO_MOVES = frozenset({_STANDBY_ORDER, "shares", "canary", "canary-withdrawn", "share-withdrawn"})
_STYLES = {"applied": "green", "failed": "red", "blocked": "yellow"}


def history(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", help=f"At most so many, newest first; 1 to {_MOST}.")
    ] = 20,
) -> None:
    """Show moves, detections and blocked moves, newest first, each with who and why."""
    if not 1 <= limit <= _MOST:
        raise UsageError(f"-n must be at least 1 and at most {_MOST}, not {limit}.")
    with Progress("Reading the journal"):
        found = client_of(config).get("/v1/history", limit=limit)
    if as_json:
        show_json(found)
    else:
        from service.views import HistoryEntryView

        show(history_page(tuple(HistoryEntryView.model_validate(entry) for entry in found), screen()))


def history_page(entries: "tuple[HistoryEntryView, ...]", screen: Screen | None = None) -> Page:
    """Return the journal's rows; on a terminal why below each, in a pipe beside it."""
    if not entries:
        return [Cell("The journal is empty.")]
    # An intention whose outcome stands above it tells nothing more.
    ended = {entry.request_id for entry in entries if entry.kind in _OUTCOMES}
    told = [entry for entry in entries if not (entry.kind == "intended" and entry.request_id in ended)]
    if screen is not None:
        return [block for entry in told for block in (_facts(entry), Below(_why(entry)))]
    rows = tuple(
        (
            Cell(stamp(entry.at), "dim"),
            Cell(_what(entry), _STYLES.get(entry.kind, "")),
            Cell(_change(entry)),
            Cell(entry.trigger),
            Cell(entry.actor),
            Cell(_why(entry)),
        )
        for entry in told
    )
    return [Grid(("WHEN", "WHAT", "ROUTE", "TRIGGER", "BY", "WHY"), rows)]


def _facts(entry: "HistoryEntryView") -> Block:
    change = "" if _change(entry) == "-" else _change(entry)
    by = entry.trigger if entry.actor == "relaypilot" else f"{entry.trigger}, {entry.actor}"
    return Cell("  ".join(filter(None, (stamp(entry.at), _what(entry), change, by))), _STYLES.get(entry.kind, "bold"))


def _what(entry: "HistoryEntryView") -> str:
    return entry.kind if entry.enforced else f"{entry.kind} (would)"


def _why(entry: "HistoryEntryView") -> str:
    parts = [part if part.endswith(".") else f"{part}." for part in dict.fromkeys((entry.reason, entry.detail)) if part]
    return " ".join(parts) or "-"


def _change(entry: "HistoryEntryView") -> str:
    before = entry.from_route[0] if entry.from_route else None
    after = entry.to_route[0] if entry.to_route else None
    change = after or before or "-"
    if before and after and before != after:
        change = f"{before} → {after}"
    elif entry.rule in _NO_MOVES:
        change += f" ({'order' if entry.rule == _STANDBY_ORDER else 'shares'})"
    return change if entry.receiver is None else f"mail to {entry.receiver}: {change}"
