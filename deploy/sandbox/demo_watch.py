"""Watches one running world: Postfix's route, what each relay takes, the ledger, and what relaypilot says."""

import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.control import ask
from deploy.sandbox.daemon_api import DaemonApi
from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.errors import NotRunningError, NotStartedError, SandboxError
from deploy.sandbox.ledger import Counts
from deploy.sandbox.people import SEED_RECEIVERS
from deploy.sandbox.processes import Process
from deploy.sandbox.world import World

LATE_SECONDS = 10.0
_NEXTHOP_PORT = re.compile(r"\[127\.0\.0\.1\]:(\d+)")
_RATE_SECONDS = 4.0
_AT_ONE_RECEIVER = re.compile(r"^\S+ at \S+ is ")
_PASSING = (SandboxError, OSError, ValueError, subprocess.SubprocessError)  # seen again at the next look


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, in a sentence."""

    at: datetime
    kind: str  # relaypilot's kinds, and "fault": what the demo itself did to a provider
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Postfix's route began to name another provider first."""

    at: float  # seconds since the epoch
    left: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen last."""

    route: tuple[str, ...] = ()  # by Postfix's own relayhost
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    carried: Mapping[str, int] = field(
        default_factory=lambda: dict.fromkeys(DIALECTS, 0)
    )  # live messages each relay has taken
    per_second: Mapping[str, float] = field(default_factory=dict)
    counts: Counts | None = None
    status: Mapping[str, Any] | None = None

    @property
    def active(self) -> str | None:
        """Return the provider that Postfix tries first."""
        return self.route[0] if self.route else None

    @property
    def measured(self) -> bool:
        """Return whether every provider works and has brought a probe to an inbox of each receiver."""
        providers = self.status["providers"] if self.status else ()
        return bool(providers) and all(
            p["health"]["status"] == "healthy"
            and {h["receiver"] for h in p["receivers"] if good_of(h, "placement")[0]} >= set(SEED_RECEIVERS)
            for p in providers
        )


def good_of(health: Mapping[str, Any], signal: str) -> tuple[int, int]:
    """Return k and n of one signal of a health of /v1/status; 0 of 0 without evidence."""
    for one in health["signals"]:
        if one["signal"] == signal:
            return one["good"], one["n"]
    return 0, 0


class Watch:
    """Looks again and again, in threads of its own, until stopped."""

    def __init__(self, world: World) -> None:
        self.turns: list[Turn] = []
        self._world = world
        self._api = DaemonApi(world.directory / "api.sock")
        self._by_port = {str(world.ports[name]): name for name in DIALECTS}
        self._sight = Sight()
        self._events: dict[tuple[datetime, str], Event] = {}
        self._taken: list[tuple[float, str]] = []  # (when, by whom) of each live message
        self._seen_records = dict.fromkeys(DIALECTS, 0)
        self._seq = 0
        self._bad: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        looks = ((self._look_at_route, 0.2), (self._look_at_relays, 0.5), (self._look_at_daemon, 0.5), (self._count, 1))
        self._threads = [threading.Thread(target=self._again, args=look, daemon=True) for look in looks]

    def start(self) -> None:
        """Start looking."""
        for thread in self._threads:
            thread.start()

    def wait_for_daemon(self, daemon: Process, seconds: float = 30) -> None:
        """Return when the daemon answers.

        Raises:
            NotStartedError: it ended, or does not answer in time.
        """
        until = time.monotonic() + seconds
        while daemon.poll() is None and time.monotonic() < until:
            try:
                self._look_at_daemon()
            except NotRunningError:
                time.sleep(0.1)
            else:
                return
        last = (daemon.text().strip().splitlines() or ["it said nothing"])[-1]
        raise NotStartedError(f"relaypilot's daemon did not start ({last}); see {daemon.log}.")

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(10)

    @property
    def sight(self) -> Sight:
        """Return what was seen last."""
        return self._sight

    def events(self) -> list[Event]:
        """Return everything that happened, oldest first; what is said of one receiver only is left out."""
        with self._lock:
            return sorted(self._events.values(), key=lambda event: event.at)

    def say(self, kind: str, sentence: str) -> None:
        """Add an event of the demo's own."""
        self._remember(Event(at=datetime.now(UTC), kind=kind, sentence=sentence))

    def turn(self, since: float, left: str) -> Turn | None:
        """Return the first change of route away from a provider at or after this time."""
        return next((t for t in tuple(self.turns) if t.at >= since and t.left == left), None)

    def first_bad(self, provider: str, since: float) -> float | None:
        """Return when relaypilot first recorded a failure of this provider at or after this time.

        Raises:
            NotRunningError: the daemon does not answer.
        """
        facts, self._seq = self._api.facts(self._seq)
        for fact in facts:
            if fact.get("outcome") == "bad":
                self._bad.append((datetime.fromisoformat(fact["at"]).timestamp(), fact["provider"]))
        return min((at for at, name in self._bad if name == provider and at >= since), default=None)

    def taken(self, provider: str, since: float, until: float) -> int:
        """Return how many live messages this provider's relay took in this time."""
        return sum(name == provider and since <= at <= until for at, name in tuple(self._taken))

    def first_taken_elsewhere(self, provider: str, since: float) -> tuple[float, str] | None:
        """Return when, and by whom, the first live message after this time was taken by another provider."""
        return min(((at, name) for at, name in tuple(self._taken) if name != provider and at >= since), default=None)

    def _again(self, look: Callable[[], None], seconds: float) -> None:
        while not self._stopping.is_set():
            try:
                look()
            except _PASSING:
                if self._stopping.wait(seconds):
                    return
            self._stopping.wait(seconds)

    def _see(self, **changes: Any) -> None:
        with self._lock:
            self._sight = replace(self._sight, **changes)

    def _remember(self, event: Event) -> None:
        with self._lock:
            self._events.setdefault((event.at, event.sentence), event)

    def _look_at_route(self) -> None:
        ports = _NEXTHOP_PORT.findall(self._world.postfix.postconf("relayhost"))
        route = tuple(self._by_port[port] for port in ports if port in self._by_port)
        if not route:
            return  # postconf was interrupted, or is between two states of main.cf
        left = self._sight.active
        if left is not None and left != route[0]:
            self.turns.append(Turn(at=time.time(), left=left, to=route[0]))
        self._see(route=route)

    def _look_at_relays(self) -> None:
        control = self._world.layout.control
        for name, records in ask(control, {"do": "accepted", "since": self._seen_records}).items():
            self._seen_records[name] += len(records)
            self._taken += [(record["at"], name) for record in records if record["sandbox_id"]]
        relays = ask(control, {"do": "status"})["relays"]
        taken, lately = tuple(self._taken), time.time() - _RATE_SECONDS
        self._see(
            faults={relay["name"]: tuple(relay["faults"]) for relay in relays},
            carried={name: sum(by == name for _, by in taken) for name in DIALECTS},
            per_second={name: sum(by == name and at > lately for at, by in taken) / _RATE_SECONDS for name in DIALECTS},
        )

    def _look_at_daemon(self) -> None:
        status = self._api.status()
        for event in status["events"]:
            if event["kind"] != "health" or not _AT_ONE_RECEIVER.match(event["sentence"]):
                at = datetime.fromisoformat(event["at"])
                self._remember(Event(at=at, kind=event["kind"], sentence=event["sentence"]))
        self._see(status=status)

    def _count(self) -> None:
        self._see(counts=self._world.ledger.counts(LATE_SECONDS))
