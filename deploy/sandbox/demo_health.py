"""The demo's table of health: each provider at each receiver as good of all."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from deploy.sandbox.demo_watch import Sight, good_of
from deploy.sandbox.people import SEED_RECEIVERS

_LONGEST = len("recovering (misplacing)")
_STYLES = {"healthy": "green", "suspect": "yellow", "degraded": "bold red", "recovering": "cyan"}
_SIGNALS = {
    "session": "session",
    "acceptance": "taken",
    "arrival": "arrived",
    "placement": "inbox",
    "latency": "on time",
    "authentication": "authentic",
    "live": "live mail",
}


def health_table(sight: Sight, *, tall: bool) -> Table:
    """Return a line a receiver when there is room, else a line a provider with its receivers side by side."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("provider", no_wrap=True)
    if tall:
        table.add_column("receiver", no_wrap=True)
    table.add_column("health", no_wrap=True, min_width=_LONGEST)
    columns = _SIGNALS.values() if tall else _side_by_side()
    for header in columns:
        table.add_column(header, justify="right", no_wrap=True)
    for provider in sight.status["providers"] if sight.status else ():
        for cells in _tall(provider) if tall else (_flat(provider),):
            table.add_row(*cells)
    return table


def _side_by_side() -> Iterator[str]:
    yield from ("\nsession", "live\nmail")
    for receiver in SEED_RECEIVERS:
        yield from (f"{receiver}\ntaken", "\ninbox")


def _flat(provider: Mapping[str, Any]) -> Iterator[Text]:
    yield Text(provider["name"], "bold")
    yield _health(provider["health"])
    yield _ratio(provider["health"], "session")
    yield _ratio(provider["health"], "live")
    at = {health["receiver"]: health for health in provider["receivers"]}
    for receiver in SEED_RECEIVERS:
        for signal in ("acceptance", "placement"):
            yield _ratio(at[receiver], signal) if receiver in at else Text("-", "dim")


def _tall(provider: Mapping[str, Any]) -> Iterator[list[Text]]:
    for health in (provider["health"], *provider["receivers"]):
        whole = health is provider["health"]
        name = Text(provider["name"] if whole else "", "bold")
        receiver = Text("all" if whole else health["receiver"], "" if whole else "dim")
        yield [name, receiver, _health(health), *(_ratio(health, signal) for signal in _SIGNALS)]


def _health(health: Mapping[str, Any]) -> Text:
    severity = "" if health["severity"] == "none" else f" ({health['severity']})"
    return Text(f"{health['status']}{severity}", _STYLES.get(health["status"], "dim"))


def _ratio(health: Mapping[str, Any], signal: str) -> Text:
    good, n = good_of(health, signal)
    if not n:
        return Text("-", "dim")
    return Text(f"{good}/{n}", "" if good == n else "yellow" if good else "red")
