"""The parts of the demo's screen that show the world: route, live mail, events."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from deploy.sandbox.demo_watch import Event, Sight

_EVENT_STYLES = {"fault": "bold magenta", "move": "bold green", "blocked": "yellow", "drift": "yellow"}
_HEALTH_STYLES = {" is suspect": "yellow", " is degraded": "red", " is recovering": "cyan"}
_BAR = 12  # cells at the rate that is sent
_TIME_WIDTH = 9
_MOST_EVENTS = 40


def route_table(sight: Sight, per_second: float) -> Table:
    """Return the providers in the route's order, then those out of it, each with the live mail it takes."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    for header in ("", "provider"):
        table.add_column(header, no_wrap=True)
    table.add_column("live mail now", no_wrap=True, min_width=_BAR + 6)
    table.add_column("taken", justify="right", no_wrap=True)
    table.add_column("fault", no_wrap=True, overflow="ellipsis", min_width=9, ratio=1)
    names = (*sight.route, *(name for name in sight.carried if name not in sight.route))
    for place, name in enumerate(names, 1):
        inside = name in sight.route
        style = "bold" if place == 1 and inside else "" if inside else "dim"
        rate = sight.per_second.get(name, 0.0)
        bar = Text("━" * min(_BAR, round(_BAR * rate / per_second)), "green" if inside else "yellow")
        bar.append(f" {rate:.1f}/s" if rate else "" if inside else "out of the route", "" if rate else "dim")
        faults = Text(", ".join(sight.faults.get(name, ())), "bold red")
        table.add_row(str(place) if inside else "-", Text(name, style), bar, str(sight.carried.get(name, 0)), faults)
    return table


def mail_table(sight: Sight) -> Table | Text:
    """Return the ledger's numbers; what waits in a queue or at a relay counts as queued."""
    counts = sight.counts
    if counts is None:
        return Text("counting …", "dim")
    table = Table.grid(expand=True, padding=(0, 1))
    for _ in range(2):
        table.add_column(style="dim")
        table.add_column(justify="right")
    table.add_row("sent", str(counts.sent), "bounced", _number(counts.bounced, "bold red"))
    table.add_row("inbox", _number(counts.inbox, "green"), "lost", _number(counts.lost, "bold red"))
    table.add_row("spam", _number(counts.spam, "yellow"), "twice", _number(counts.twice, "yellow"))
    table.add_row("late", _number(counts.late, "yellow"), "queued", _number(counts.queued + counts.underway, "yellow"))
    return table


def events_table(events: Sequence[Event], *, width: int, lines_each: int) -> Table:
    """Return the events, newest first, each cut to so many lines of this width."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    room = lines_each * (width - _TIME_WIDTH - len("…")) - 10 * (lines_each - 1)  # wrapping wastes half a word a line
    for event in reversed(events[-_MOST_EVENTS:]):
        said = event.sentence if len(event.sentence) <= room else f"{event.sentence[:room].rstrip()}…"
        table.add_row(f"{event.at:%H:%M:%S}", Text(said, _style(event)))
    return table


def _number(number: int, style: str) -> Text:
    return Text(str(number), style if number else "")


def _style(event: Event) -> str:
    if event.kind == "health":
        return next((style for word, style in _HEALTH_STYLES.items() if word in event.sentence[:40]), "green")
    return _EVENT_STYLES.get(event.kind, "")
