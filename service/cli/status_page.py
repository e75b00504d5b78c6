"""The page of `status`: route, health, overrides, seeds, events; narrower and shorter where the terminal is."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from service.cli.health_grid import health_blocks
from service.cli.page import Block, Cell, Grid, Heading, Page, Screen, height
from service.cli.words import age, order, span, way

if TYPE_CHECKING:
    from service.views import EventView, StatusView

_EVENTS_SHOWN = 6
_EVENTS_IN_FULL = 3  # where fewer fit, each is cut to a line
_NOT_LOOKED_AT = "not looked at yet"  # service.prober.NOT_LOOKED_AT; a test compares them


def status_page(status: "StatusView", screen: Screen | None = None) -> Page:
    """Return what `status` shows, its sentence first; of the last events as many as fit, so that it stays in sight."""
    return _fitted(status, screen, _EVENTS_SHOWN)


def watch_page(status: "StatusView", screen: Screen) -> Page:
    """Return what `status --watch` shows: what matters first, then as many events as fit."""
    return _fitted(status, screen, len(status.events))


def _fitted(status: "StatusView", screen: Screen | None, most: int) -> Page:
    page = [
        Cell(status.sentence, "bold"),
        Cell(_about(status), "dim"),
        *(Cell(f"! {problem}", "red", 2) for problem in status.problems if problem != status.sentence),
        *_route(status),
        *health_blocks(status.providers, status.at, screen.columns if screen else None),
        *_overrides(status),
        *_seeds(status),
    ]
    events = status.events[:most]
    if screen is None:
        return [*page, *_events(events, status.at)]
    left = screen.lines - 2 - height(page, screen.columns)  # the prompt and the blank line above them take one each
    whole = _fitting(events, status.at, screen.columns, left)
    if len(whole) >= min(_EVENTS_IN_FULL, len(events)):
        return [*page, *_events(whole, status.at)]
    return [
        *page,
        *_events(_fitting(_clipped(events, status.at, screen.columns), status.at, screen.columns, left), status.at),
    ]


def _fitting(events: "Sequence[EventView]", now: datetime, columns: int, lines: int) -> "Sequence[EventView]":
    """Return as many of the newest events as fit into so many lines."""
    shown = 0
    while shown < len(events) and height(_events(events[: shown + 1], now), columns) <= lines:
        shown += 1
    return events[:shown]


def _clipped(events: "Sequence[EventView]", now: datetime, columns: int) -> "list[EventView]":
    """Return the events, each cut to what goes on one line; `explain` and `history` have the rest."""
    beside = max((len(age(e.at, now)) for e in events), default=0) + max((len(e.kind) for e in events), default=0) + 2
    room = max(columns - beside, 1)
    return [
        e if len(e.sentence) <= room else e.model_copy(update={"sentence": e.sentence[: room - 1].rstrip() + "…"})
        for e in events
    ]


def _about(status: "StatusView") -> str:
    parts = [f"mode {status.mode}", f"daemon {status.daemon}"]
    if status.pid is not None:
        parts[-1] += f" (pid {status.pid})"
    if status.started_at is not None:
        parts.append(f"for {span((status.at - status.started_at).total_seconds())}")
    return ", ".join([*parts, f"relaypilot {status.version}"])


def _route(status: "StatusView") -> list[Block]:
    route = status.route
    reported, assigned = route.reported or (), route.assigned or ()
    rows = [
        (
            Cell("active" if place == 0 else str(place + 1), "bold" if place == 0 else ""),
            Cell(_at(reported, place), "bold" if place == 0 else ""),
            Cell(_at(assigned, place), "" if _at(reported, place) == _at(assigned, place) else "red"),
        )
        for place in range(max(len(reported), len(assigned)))
    ]
    out = [provider.name for provider in status.providers if provider.name not in (*reported, *assigned)]
    if rows:
        rows += [(Cell("out of the route", "yellow"), Cell(name), Cell("-")) for name in out]
    page: list[Block] = [Heading(f"Route (generation {route.generation})")]
    if rows:
        page.append(Grid(("PLACE", "REPORTED BY POSTFIX", "ASSIGNED"), tuple(rows)))
    if len(route.lanes) > 1 or any(lane.shares for lane in route.lanes):
        page += [Cell(f"- {way(lane)}", hang=2) for lane in route.lanes]
    if route.reported is None and route.problem is None:
        page.append(Cell("Postfix's route is not relaypilot's."))
    if route.problem is not None and route.problem not in (status.sentence, *status.problems):
        page.append(Cell(f"! {route.problem}", "red"))
    if not route.postfix_running:
        page.append(Cell("! Postfix is not running.", "red"))
    page += [Cell(f"! Changed by hand: {drift}", "red") for drift in route.drift]
    return page


def _at(route: tuple[str, ...], place: int) -> str:
    return route[place] if place < len(route) else "-"


def _overrides(status: "StatusView") -> list[Block]:
    orders = [Cell(f"- {order(override, status.at)}", "yellow", 2) for override in status.overrides]
    return [Heading("Overrides"), *orders] if orders else []


def _events(events: "Sequence[EventView]", now: datetime) -> list[Block]:
    rows = tuple((Cell(age(event.at, now), "dim"), Cell(event.kind), Cell(event.sentence)) for event in events)
    return [Heading("Last events"), Grid(("WHEN", "KIND", "WHAT"), rows)] if rows else []


def _seeds(status: "StatusView") -> list[Block]:
    seeds = status.seeds
    if not seeds and status.daemon == "not running":
        return []  # nobody has searched them
    if not seeds:
        return [Heading("Seeds: none configured, placement is not measured")]
    unseen = [name for name, why in seeds.items() if why == _NOT_LOOKED_AT]
    broken = {name: why for name, why in seeds.items() if why not in (None, _NOT_LOOKED_AT)}
    parts = [f"{len(seeds) - len(broken) - len(unseen)}/{len(seeds)} can be searched"] * (len(unseen) < len(seeds))
    parts += [f"{len(unseen)} not looked at yet"] * bool(unseen)
    return [
        Heading(f"Seeds: {', '.join(parts)}"),
        *(Cell(f"! {name}: {why}", "yellow") for name, why in broken.items()),
    ]
