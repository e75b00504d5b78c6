"""The demo's live screen: story, route, mail, health, events."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.sandbox.demo_health import health_table
from deploy.sandbox.demo_show import CHAPTERS, FAILED, Scene, clock
from deploy.sandbox.demo_watch import Event, Sight, Watch
from deploy.sandbox.ledger import Counts

LEAST_WIDTH, LEAST_HEIGHT = 80, 24
_TALL = 40  # lines: from here on there is room for a line a receiver
_EVENT_STYLES = {"fault": "bold magenta", "move": "bold green", "blocked": "yellow", "drift": "yellow"}
_BAR = 20  # cells at the highest rate
_OUT = "out of the route"


class Screen:
    """Shows the demo on the whole terminal; set-up and summary are printed normally."""

    def __init__(self, console: Console, started: float, limit_seconds: float, per_second: float) -> None:
        self._console = console
        self._started = started
        self._limit_seconds = limit_seconds
        self._per_second = per_second
        self._scene = Scene()
        self._watch: Watch | None = None

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show a spinner while the step lasts, then how long it took."""
        began = time.monotonic()
        with self._console.status(f"{doing} …"):
            yield
        self._console.print(f"[green]✓[/] {doing} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False)

    @contextmanager
    def live(self, watch: Watch) -> Iterator[None]:
        """Draw four times a second until the end."""
        self._watch = watch
        with Live(console=self._console, screen=True, get_renderable=self._draw, refresh_per_second=4, transient=True):
            yield

    def open(self, chapter: str, caption: str) -> None:
        """Show what is being done now."""
        self._scene = self._scene.opened(chapter, caption)

    def close(self, mark: str, outcome: str) -> None:
        """Show what came of it."""
        self._scene = self._scene.closed(mark, outcome)

    def refresh(self) -> None:
        """Do nothing: the screen draws itself."""

    def print(self, text: str = "") -> None:
        """Print as it is."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _draw(self) -> RenderableType:
        if self._watch is None:
            return ""
        now = f"{clock(time.monotonic() - self._started)}  [dim]ends by itself before {clock(self._limit_seconds)}[/]"
        size = self._console.size
        events = self._watch.events()
        return screen(self._scene, self._watch.sight, events, now, self._per_second, tall=size.height >= _TALL)


def screen(
    scene: Scene, sight: Sight, events: list[Event], now: str, per_second: float, *, tall: bool
) -> RenderableType:
    """Return the whole screen."""
    layout = Layout()
    middle = Layout(name="middle", size=7)
    middle.split_row(Layout(_panel("Route", _route(sight, per_second)), ratio=3), Layout(_mail_panel(sight), ratio=2))
    health = health_table(sight, tall=tall)
    layout.split_column(
        Layout(_header(scene, now), size=2),
        Layout(_story(scene), size=6),
        middle,
        Layout(_panel("Health: good of all, last minute", health), size=health.row_count + (4 if tall else 5)),
        Layout(_panel("What happened, newest first (UTC)", _events(events))),
    )
    return layout


def _panel(title: str, content: RenderableType, style: str = "dim") -> Panel:
    return Panel(content, title=f"[bold]{title}[/]", title_align="left", border_style=style, box=box.ROUNDED)


def _header(scene: Scene, now: str) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    line.add_row(Text("relaypilot demo", "bold"), now)
    chapters = Text(no_wrap=True, overflow="ellipsis")
    for name in CHAPTERS:
        mark = scene.marks.get(name)
        if name == scene.chapter:
            chapters.append(f"▸ {name}" if mark is None else f"{name} {mark}".rstrip(), "bold reverse")
        elif mark is not None:
            chapters.append(f"{name} {mark}".rstrip(), "red" if mark == FAILED else "green")
        else:
            chapters.append(name, "dim")
        chapters.append("  ")
    return Group(line, chapters)


def _story(scene: Scene) -> RenderableType:
    text = Text(scene.caption, "bold")
    if scene.outcome:
        text.append(f"\n{scene.outcome}", "not bold green" if scene.marks.get(scene.chapter) != FAILED else "bold red")
    return Panel(text, border_style="magenta", box=box.ROUNDED)


def _route(sight: Sight, per_second: float) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    for header in ("", "provider"):
        table.add_column(header, no_wrap=True)
    table.add_column("live mail now", no_wrap=True, ratio=1)
    table.add_column("taken", justify="right", no_wrap=True)
    table.add_column("fault that is on", no_wrap=True, overflow="ellipsis", max_width=18)
    names = (*sight.route, *(name for name in sight.carried if name not in sight.route))
    for place, name in enumerate(names, 1):
        inside = name in sight.route
        style = "bold" if place == 1 and inside else "" if inside else "dim"
        rate = sight.per_second.get(name, 0.0)
        bar = Text("━" * min(_BAR, round(_BAR * rate / per_second)), "green" if inside else "yellow")
        bar.append(f" {rate:.1f}/s" if rate else "" if inside else _OUT, "" if rate else "dim")
        faults = ", ".join(sight.faults.get(name, ()))
        table.add_row(
            str(place) if inside else "-",
            Text(name, style),
            bar,
            str(sight.carried.get(name, 0)),
            Text(faults, "bold red"),
        )
    return table


def _mail_panel(sight: Sight) -> Panel:
    counts = sight.counts
    if counts is None:
        return _panel("Live mail", Text("counting …", "dim"))
    table = Table.grid(expand=True, padding=(0, 1))
    for _ in range(2):
        table.add_column(style="dim")
        table.add_column(justify="right")
    table.add_row("sent", str(counts.sent), "bounced", _number(counts.bounced, "bold red"))
    table.add_row("inbox", Text(str(counts.inbox), "green"), "lost", _number(counts.lost, "bold red"))
    table.add_row("spam", _number(counts.spam, "yellow"), "twice", _number(counts.twice, "yellow"))
    table.add_row("late", _number(counts.late, "yellow"), "queued", _number(_under_way(counts), "yellow"))
    return _panel("Live mail, by where it is", table)


def _under_way(counts: Counts) -> int:
    return counts.queued + counts.underway


def _number(number: int, style: str) -> Text:
    return Text(str(number), style if number else "")


def _events(events: list[Event]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for event in reversed(events[-30:]):
        table.add_row(f"{event.at:%H:%M:%S}", Text(event.sentence, _style(event)))
    return table


def _style(event: Event) -> str:
    if event.kind == "health":
        words: Mapping[str, Any] = {" is suspect": "yellow", " is degraded": "red", " is recovering": "cyan"}
        return next((style for word, style in words.items() if word in event.sentence[:40]), "green")
    return _EVENT_STYLES.get(event.kind, "")
