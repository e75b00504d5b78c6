"""Health as a table: every receiver where there is room, else only what differs from its provider."""

from datetime import datetime
from typing import TYPE_CHECKING

from service.cli.page import Block, Cell, Grid, Heading, width
from service.cli.words import condition, everywhere, judged, of, since, status_cell

if TYPE_CHECKING:
    from service.views import HealthView, ProviderView

_NARROW_COLUMNS = 110
_HEADERS = {  # what the good ones of each signal are, short enough for a narrow terminal
    "acceptance": "ACCEPTED",
    "arrival": "ARRIVED",
    "placement": "INBOX",
    "latency": "ON TIME",
    "authentication": "AUTH",
}


def health_blocks(providers: "tuple[ProviderView, ...]", now: datetime, columns: int | None) -> list[Block]:
    """Return the table, and below it why whoever is not healthy is not; `columns` is none for a pipe."""
    if not providers:
        return []
    wide = _wide(providers, now)
    if columns is None or (columns >= _NARROW_COLUMNS and width(wide) <= columns):
        grid = wide
    else:
        grid = _narrow(providers, columns)
    return [Heading("Health"), grid, *(Cell(f"- {why}", hang=2) for why in _reasons(providers, now))]


def differing(provider: "ProviderView") -> "tuple[HealthView, ...]":
    """Return the receivers at which a provider does otherwise than on the whole, or where something is not good."""
    conditions = {(health.status, *_short(health)) for health in provider.receivers}
    if conditions == {(provider.health.status, *_short(provider.health))}:
        return ()  # the same everywhere: its own row says so
    return tuple(h for h in provider.receivers if h.status != provider.health.status or _short(h))


def _short(health: "HealthView") -> list[str]:
    return [signal.signal for signal in health.signals if signal.good < signal.n]


def _wide(providers: "tuple[ProviderView, ...]", now: datetime) -> Grid:
    every = [(provider, health) for provider in providers for health in (provider.health, *provider.receivers)]
    names = _measured([health for _, health in every])
    rows = tuple(
        (
            Cell(provider.name if health is provider.health else "", "bold"),
            Cell(everywhere(health.receiver)),
            *_signals(health, names),
            Cell(condition(health) + since(health, now), status_cell(health.status).style),
        )
        for provider, health in every
    )
    return Grid(("PROVIDER", "RECEIVER", *map(_header, names), "HEALTH"), rows)


def _narrow(providers: "tuple[ProviderView, ...]", columns: int) -> Grid:
    """Return one row for each provider and for what differs; signals that are good throughout go if they must."""
    shown = [(p, health) for p in providers for health in (p.health, *differing(p))]
    names = _measured([health for _, health in shown])
    grid = _of(shown, names)
    while names and width(grid) > columns:
        good = [name for name in names if not any(name in _short(health) for _, health in shown)]
        names.remove((good or names)[-1])
        grid = _of(shown, names)
    return grid


def _of(shown: "list[tuple[ProviderView, HealthView]]", names: list[str]) -> Grid:
    where = any(health is not provider.health for provider, health in shown)
    headers = ("PROVIDER", *(("RECEIVER",) if where else ()), "HEALTH", *map(_header, names))
    rows = tuple(
        (
            Cell(provider.name if health is provider.health else "", "bold"),
            *((Cell(everywhere(health.receiver)),) if where else ()),
            status_cell(health.status),
            *_signals(health, names),
        )
        for provider, health in shown
    )
    return Grid(headers, rows)


def _reasons(providers: "tuple[ProviderView, ...]", now: datetime) -> list[str]:
    """Return why each provider is not healthy, once; for a receiver where the reason is another."""
    told: list[str] = []
    for provider in providers:
        known = {provider.health.reason} if provider.health.status != "healthy" else set()
        for health in (provider.health, *provider.receivers):
            first = health is provider.health
            if health.status == "healthy" or (not first and health.reason in known):
                continue  # k of n says all there is to say of a healthy one
            known.add(health.reason)
            told.append(judged(health, now))
    return told


def _measured(healths: "list[HealthView]") -> list[str]:
    """Return the signals that have any evidence, in the order in which they first appear."""
    return list(dict.fromkeys(signal.signal for health in healths for signal in health.signals if signal.n))


def _header(name: str) -> str:
    return _HEADERS.get(name, name.upper())


def _signals(health: "HealthView", names: list[str]) -> list[Cell]:
    found = {signal.signal: signal for signal in health.signals}
    return [Cell(of(found.get(name))) for name in names]
