"""What is shown of the demo, and what both ways of showing it (a live screen, plain lines) have in common."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from deploy.sandbox.demo_watch import Event, Watch

FAILED = "✗"  # the mark of a chapter that did not end as it should
CHAPTERS = ("before", "takeover", "spam", "return", "suspended", "down", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the story is."""

    chapter: str = ""
    caption: str = ""  # what is being done to the world
    outcome: str = ""  # what came of it
    marks: Mapping[str, str] = field(default_factory=dict)  # chapter over → how it ended, in a word

    def opened(self, chapter: str, caption: str) -> "Scene":
        """Return the scene at the start of a chapter."""
        return replace(self, chapter=chapter, caption=caption, outcome="")

    def closed(self, mark: str, outcome: str) -> "Scene":
        """Return the scene with this chapter's outcome."""
        return replace(self, outcome=outcome, marks={**self.marks, self.chapter: mark})


class Show(Protocol):
    """One way of showing the demo."""

    def step(self, doing: str) -> AbstractContextManager[None]:
        """Show one step of the set-up while it lasts."""

    def live(self, watch: Watch) -> AbstractContextManager[None]:
        """Show the world from now on."""

    def open(self, chapter: str, caption: str) -> None:
        """Show what is being done now."""

    def close(self, mark: str, outcome: str) -> None:
        """Show what came of it."""

    def refresh(self) -> None:
        """Show what is new; called several times a second."""

    def event(self, event: Event) -> None:
        """Print one event, outside of `live`."""

    def print(self, text: str = "") -> None:
        """Print as it is, outside of `live`; long lines stay whole, so that they can be copied."""


class Lines:
    """Plain lines, each with the time since the start: for logs, and for terminals that cannot do more."""

    COUNTED_EVERY_SECONDS = 10.0

    def __init__(self, started: float) -> None:
        self._started = started
        self._watch: Watch | None = None
        self._told: set[Event] = set()
        self._counted = 0.0

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Print the step when it begins; its end is the next line."""
        self._line(f"{doing} …")
        yield

    @contextmanager
    def live(self, watch: Watch) -> Iterator[None]:
        """Print events and counts from now on."""
        self._watch = watch
        yield
        self.refresh()
        self._watch = None

    def open(self, chapter: str, caption: str) -> None:
        """Print what is being done now."""
        self._line(f"--- {chapter} ---")
        self._line(caption)

    def close(self, mark: str, outcome: str) -> None:
        """Print what came of it."""
        self.refresh()
        self._line(f"NOT AS EXPECTED: {outcome}" if mark == FAILED else outcome)

    def refresh(self) -> None:
        """Print new events, and now and then the route and the counts."""
        if self._watch is None:
            return
        for event in self._watch.events():
            if event not in self._told:
                self._told.add(event)
                self.event(event)
        counts = self._watch.sight.counts
        now = time.monotonic()
        if counts and now - self._counted >= self.COUNTED_EVERY_SECONDS:
            self._counted = now
            self._line(
                f"  route {', '.join(self._watch.sight.route)}; sent {counts.sent}, inbox {counts.inbox}, "
                f"spam {counts.spam}, late {counts.late}, bounced {counts.bounced}, queued {counts.queued}"
            )

    def event(self, event: Event) -> None:
        """Print one event."""
        self._line(f"  {event.at:%H:%M:%S} UTC {event.kind}: {event.sentence}")

    def print(self, text: str = "") -> None:
        """Print as it is."""
        print(text, flush=True)

    def _line(self, text: str) -> None:
        indented = text.replace("\n", "\n     ")
        print(f"{clock(time.monotonic() - self._started)} {indented}", flush=True)


def clock(seconds: float) -> str:
    """Return minutes and seconds: "1:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
