"""The demo's live screen: story, route, mail, health, events."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.sandbox.demo_health import health_table
from deploy.sandbox.demo_panels import events_table, mail_table, route_table
from deploy.sandbox.demo_show import CHAPTERS, FAILED, Scene, clock
from deploy.sandbox.demo_watch import Event, Sight, Watch

LEAST_WIDTH, LEAST_HEIGHT = 80, 24
_TALL = 40  # lines: from here on there is room for a line a receiver
_FRAME = 4  # cells that a panel takes at both sides


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

    def event(self, event: Event) -> None:
        """Print one event, wrapped."""
        self._console.print(events_table([event], width=self._console.width, lines_each=_TALL))

    def print(self, text: str = "") -> None:
        """Print as it is."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _draw(self) -> RenderableType:
        if self._watch is None:
            return ""
        now = f"{clock(time.monotonic() - self._started)}  [dim]ends by itself before {clock(self._limit_seconds)}[/]"
        size = self._console.size
        events = self._watch.events()
        return screen(self._scene, self._watch.sight, events, now, self._per_second, size)


def screen(
    scene: Scene, sight: Sight, events: Sequence[Event], now: str, per_second: float, size: ConsoleDimensions
) -> RenderableType:
    """Return the whole screen; a tall one shows a line a receiver and longer sentences."""
    tall = size.height >= _TALL
    route, mail = _panel("Route", route_table(sight, per_second)), _panel("Live mail: where it is", mail_table(sight))
    health = health_table(sight, tall=tall)
    happened = events_table(events, width=size.width - _FRAME, lines_each=3 if tall else 2)
    layout, middle = Layout(), Layout(size=6)
    middle.split_row(Layout(route, ratio=3), Layout(mail, ratio=2))
    layout.split_column(
        Layout(_header(scene, now), size=2),
        Layout(_story(scene), size=6),
        middle,
        Layout(_panel("Health: k of n good, last minute", health), size=health.row_count + (3 if tall else 4)),
        Layout(_panel("What happened, newest first (UTC)", happened)),
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
