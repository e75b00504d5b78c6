"""What a replay found, as tables for a terminal. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.cli.page import Below, Block, Cell, Grid, Heading, Page, Screen, width
from service.cli.replay_row import difference
from service.cli.words import everywhere, span, stamp, status_cell
from service.decision.plan import in_words
from service.decision.route import ANY_RECEIVER
from service.move_pairs import MovePair
from service.replay import Event, HealthTransition, RouteChange

_LEAST_REASON_COLUMNS = 30  # beside a table; with less room reasons stand below


def replay_page(
    events: Sequence[Event], differing: Sequence[MovePair], tolerance_seconds: float, screen: Screen | None = None
) -> Page:
    """Return transitions and moves in order of time, then where the record differs.

    What becomes of a provider everywhere at once stands there once. A table that is wider than the screen becomes
    two lines for each row.
    """
    everywhere_at_once = {
        (e.at, e.provider, e.before, e.after)
        for e in events
        if isinstance(e, HealthTransition) and e.receiver == ANY_RECEIVER
    }
    page: list[Block] = []
    if events:
        headers = ("WHEN", "PROVIDER", "RECEIVER", "WHAT", "RULE", "WHY")
        rows = tuple(
            _row(e)
            for e in events
            if isinstance(e, RouteChange)
            or e.receiver == ANY_RECEIVER
            or (e.at, e.provider, e.before, e.after) not in everywhere_at_once
        )
        page += _table(Grid(headers, rows), screen)
    else:
        page.append(Cell("Nothing changed: no health transition and no move."))
    if differing:
        page.append(Heading(f"Not as on record (by more than {span(tolerance_seconds)})"))
        page += [Cell(f"- {stamp(pair.at)} {difference(pair)}") for pair in differing]
    return page


def _table(grid: Grid, screen: Screen | None) -> list[Block]:
    """Return the grid, or each row as a line of facts with its reason below where the facts alone do not fit."""
    facts = Grid(grid.headers[:-1], tuple(row[:-1] for row in grid.rows))
    if screen is None or width(facts) + _LEAST_REASON_COLUMNS <= screen.columns:
        return [grid]
    page: list[Block] = []
    for *row, why in grid.rows:
        page.append(Cell("  ".join(cell.text for cell in row if cell.text not in {"", "all"}), row[-2].style))
        if why.text:
            page.append(Below(why.text))
    return page


def _row(event: Event) -> tuple[Cell, ...]:
    if isinstance(event, HealthTransition):
        return (
            Cell(stamp(event.at), "dim"),
            Cell(event.provider),
            Cell(everywhere(event.receiver)),
            Cell(f"{event.before} → {event.after}", status_cell(str(event.after)).style),
            Cell(event.rule),
            Cell(event.reason),
        )
    would = "" if event.enforced else "would "
    what = f"{would}{_change(event)}"
    return (
        Cell(stamp(event.at), "dim"),
        Cell(event.active, "bold"),
        Cell(everywhere(event.receiver)),
        Cell(what, "bold"),
        Cell(event.rule),
        Cell(event.reason),
    )


def _change(change: RouteChange) -> str:
    if change.moves:
        return f"move {change.left} → {change.active}"
    return f"{'shares' if change.shares else 'reorder'}: {in_words(change.lane)}"


def _what(change: RouteChange) -> str:
    what = f"{change.left} → {change.active}" if change.moves else _change(change)
    return what if change.receiver == ANY_RECEIVER else f"{what} at {change.receiver}"


def pairs_page(
    settings: Mapping[str, tuple[Any, Any]],
    pairs: Sequence[MovePair],
    against: str,
    tolerance_seconds: float,
    screen: Screen | None = None,
) -> Page:
    """Return in what two policies differ, and their moves side by side."""
    page: list[Block] = [Heading("Settings that differ")]
    if settings:
        rows = tuple((Cell(key), Cell(_value(ours)), Cell(_value(theirs))) for key, (ours, theirs) in settings.items())
        page.append(Grid(("SETTING", "THIS POLICY", against), rows))
    else:
        page.append(Cell("None."))
    page.append(Heading("Moves"))
    if pairs:
        moves = tuple(_pair(pair, tolerance_seconds) for pair in pairs)
        grid = Grid(("MOVE", "THIS POLICY", against, "DIFFERENCE", "WHY"), moves)
        facts = Grid(grid.headers[:-1], tuple(row[:-1] for row in moves))
        if screen is None or width(facts) + _LEAST_REASON_COLUMNS <= screen.columns:
            page.append(grid)
        else:
            for what, ours, theirs, differs, _ in moves:
                page.append(Cell(f"{what.text}: {differs.text}", differs.style))
                page.append(Below(f"this policy {ours.text}, {against} {theirs.text}"))
    else:
        page.append(Cell("Neither policy makes any."))
    return page


def _pair(pair: MovePair, tolerance_seconds: float) -> tuple[Cell, ...]:
    change = pair.left or pair.right
    assert change is not None  # noqa: S101 - a pair has one side at least
    return (
        Cell(_what(change), "bold"),
        Cell(_when(pair.left)),
        Cell(_when(pair.right)),
        Cell(_difference(pair, tolerance_seconds), "yellow" if pair.differs(tolerance_seconds) else ""),
        Cell(change.reason),
    )


def _difference(pair: MovePair, tolerance_seconds: float) -> str:
    later = pair.later_seconds
    if later is None:
        return "only here" if pair.right is None else "only there"
    if not pair.differs(tolerance_seconds):
        return "same"
    return f"{span(abs(later))} {'later' if later > 0 else 'earlier'}"


def _when(change: RouteChange | None) -> str:
    return stamp(change.at) if change is not None else "-"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value)
    return str(value)
