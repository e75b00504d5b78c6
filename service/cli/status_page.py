"""The page of `status`: route, health, overrides, problems, events, seeds."""

from typing import TYPE_CHECKING

from service.cli.page import Cell, Grid, Heading, Page
from service.cli.words import age, everywhere, of, span, status_cell

if TYPE_CHECKING:
    from service.views import HealthView, ProviderView, StatusView

_EVENTS_SHOWN = 6
_HEADERS = {  # what the good ones of each signal are, short enough for a narrow terminal
    "acceptance": "ACCEPTED",
    "arrival": "ARRIVED",
    "placement": "INBOX",
    "latency": "ON TIME",
    "authentication": "AUTH",
}


def status_page(status: "StatusView") -> Page:
    """Return what `status` shows, its sentence first."""
    return [
        Cell(status.sentence, "bold"),
        Cell(_about(status), "dim"),
        *(Cell(f"! {problem}", "red") for problem in status.problems if problem != status.sentence),
        *_route(status),
        *_health(status),
        *_overrides(status),
        *_events(status),
        *_seeds(status),
    ]


def _about(status: "StatusView") -> str:
    parts = [f"mode {status.mode}", f"daemon {status.daemon}"]
    if status.pid is not None:
        parts[-1] += f" (pid {status.pid})"
    if status.started_at is not None:
        parts.append(f"for {span((status.at - status.started_at).total_seconds())}")
    return ", ".join([*parts, f"relaypilot {status.version}"])


def _route(status: "StatusView") -> list[Cell | Heading | Grid]:
    route = status.route
    reported, assigned = route.reported or (), route.assigned or ()
    rows = tuple(
        (
            Cell("active" if place == 0 else str(place + 1), "bold" if place == 0 else ""),
            Cell(_at(reported, place), "bold" if place == 0 else ""),
            Cell(_at(assigned, place), "" if _at(reported, place) == _at(assigned, place) else "red"),
        )
        for place in range(max(len(reported), len(assigned)))
    )
    page: list[Cell | Heading | Grid] = [Heading(f"Route (generation {route.generation})")]
    if rows:
        page.append(Grid(("PLACE", "REPORTED BY POSTFIX", "ASSIGNED"), rows))
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


def _health(status: "StatusView") -> list[Cell | Heading | Grid]:
    names = _signal_names(status.providers)
    headers = ("PROVIDER", "RECEIVER", *(_HEADERS.get(name, name.upper()) for name in names), "HEALTH")
    rows, reasons = [], []
    for provider in status.providers:
        for health in (provider.health, *provider.receivers):
            first = health is provider.health
            rows.append(
                (
                    Cell(provider.name if first else "", "bold"),
                    Cell(everywhere(health.receiver)),
                    *_signals(health, names),
                    _judged(health, status),
                )
            )
            if health.status != "healthy" and health.reason not in reasons:
                reasons.append(health.reason)  # k of n says all there is to say of a healthy one
    return [Heading("Health"), Grid(headers, tuple(rows)), *(Cell(f"- {reason}") for reason in reasons)] if rows else []


def _signal_names(providers: "tuple[ProviderView, ...]") -> list[str]:
    """Return the signals that have any evidence, in the order in which they first appear."""
    every = (health for provider in providers for health in (provider.health, *provider.receivers))
    return list(dict.fromkeys(signal.signal for health in every for signal in health.signals if signal.n))


def _judged(health: "HealthView", status: "StatusView") -> Cell:
    cell = status_cell(health.status)
    severity = "" if health.severity == "none" else f" ({health.severity})"
    since = "" if health.since is None else f" for {span((status.at - health.since).total_seconds())}"
    return Cell(cell.text + severity + since, cell.style)


def _signals(health: "HealthView", names: list[str]) -> list[Cell]:
    found = {signal.signal: signal for signal in health.signals}
    return [Cell(of(found.get(name))) for name in names]


def _overrides(status: "StatusView") -> list[Cell | Heading | Grid]:
    rows = tuple(
        (
            Cell(override.verb, "yellow"),
            Cell(override.provider or "-"),
            Cell("no end" if override.until is None else f"ends {age(override.until, status.at)}"),
            Cell(override.actor),
            Cell(override.reason or "-"),
        )
        for override in status.overrides
    )
    return [Heading("Overrides"), Grid(("WHAT", "PROVIDER", "UNTIL", "BY", "REASON"), rows)] if rows else []


def _events(status: "StatusView") -> list[Cell | Heading | Grid]:
    rows = tuple(
        (Cell(age(event.at, status.at), "dim"), Cell(event.kind), Cell(event.sentence))
        for event in status.events[:_EVENTS_SHOWN]
    )
    return [Heading("Last events"), Grid(("WHEN", "KIND", "WHAT"), rows)] if rows else []


def _seeds(status: "StatusView") -> list[Cell | Heading | Grid]:
    seeds = status.seeds
    if not seeds and status.daemon == "not running":
        return []  # nobody has searched them
    if not seeds:
        return [Heading("Seeds"), Cell("none configured: placement is not measured")]
    broken = {name: why for name, why in seeds.items() if why is not None}
    page: list[Cell | Heading | Grid] = [
        Heading("Seeds"),
        Cell(f"{len(seeds) - len(broken)}/{len(seeds)} can be searched"),
    ]
    page += [Cell(f"! {name}: {why}", "yellow") for name, why in broken.items()]
    return page
