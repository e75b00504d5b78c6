"""Runs today's judgement over a world as the daemon would: schedule, confirmations, decisions, moves."""

import heapq
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from probes.fact_json import fact_from_json
from probes.observation import Notice, NoticeKind, Observation, Outcome, Signal, Source
from service.decision.failover import Switchover, decide
from service.decision.fold import step
from service.decision.health import Status, status_of
from service.decision.policy import Mode, Policy
from service.decision.route import simple_route
from service.decision.route_text import route_detail
from service.decision.state import State, initial_state
from service.decision.suspicion import confirmations_wanted
from tests.simulation.world import BEGAN, PROVIDERS, SEEDS, World

POLICY = Policy(
    providers=PROVIDERS,
    seeds=SEEDS,
    mode=Mode.ENFORCE,
    session_interval_seconds=3600.0,
    round_interval_seconds=12 * 3600.0,
)
LIVE_SECONDS = 4 * 3600.0
ILL = (Status.DEGRADED, Status.RECOVERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move that was made."""

    at: float
    left: str
    to: str
    rule: str
    trigger: str
    reason: str


@dataclass
class Judge:
    """Lets a world run, and keeps what was held and done."""

    world: World
    policy: Policy = POLICY
    acknowledges: bool = True  # a person takes note of account faults and brakes within the hour
    live_seconds: float = LIVE_SECONDS
    state: State = field(default_factory=initial_state)
    moves: list[Move] = field(default_factory=list)
    held_ill: list[tuple[float, str, str]] = field(default_factory=list)  # (since, provider, reason)
    facts: int = 0

    def run(self, seconds: float, *, observing: float = 0.0) -> "Judge":
        """Run the world for so long, the first part of it without carrying moves out."""
        self._observing = observing
        self._route = simple_route(*PROVIDERS)
        self._ill, self._words, self._queue, self._turn, self._asked = set(), 0, [], 0, set()
        self._tell(0.0, [{"v": 1, "at": BEGAN.isoformat(), "fact": "start"}])
        for what, first in (("sweep", 1.0), ("round", 5.0), ("live", 40.0)):
            self._plan(first, what, None)
        while self._queue and self._queue[0][0] < seconds:
            now, _, what, about = heapq.heappop(self._queue)
            getattr(self, f"_{what}")(now, about)
            self._look(now)
        return self

    def _plan(self, at: float, what: str, about: object) -> None:
        self._turn += 1
        heapq.heappush(self._queue, (at, self._turn, what, about))

    def _sweep(self, now: float, asked: object) -> None:
        rows = self.world.sweep(now, self._word(), confirmation=asked is not None)
        self._asked.discard(asked)
        if all(row["outcome"] == "bad" for row in rows):
            rows.append(self.world.control(now + 1))
        self._tell(now, rows)
        if asked is None:
            self._plan(now + self.policy.session_interval_seconds, "sweep", None)

    def _round(self, now: float, asked: object) -> None:
        receiver = asked[1] if asked is not None else None
        rows = self.world.round(now, self._word(), receiver=receiver, confirmation=asked is not None)
        for at, row in rows:
            self._plan(at, "row", row)
        handed_over = max(at for at, row in rows if row["signal"] == "acceptance")
        self._plan(handed_over + 0.1, "done", asked)
        if asked is None:
            self._plan(now + self.policy.round_interval_seconds, "round", None)

    def _live(self, now: float, _: object) -> None:
        self._tell(now, self.world.live(now, self._route.active, self.live_seconds))
        self._plan(now + self.live_seconds, "live", None)

    def _done(self, now: float, asked: object) -> None:
        self._asked.discard(asked)

    def _row(self, now: float, row: object) -> None:
        self._tell(now, [row])

    def _tell(self, now: float, rows: list[dict]) -> None:
        for row in rows:
            self.state = step(self.state, _fact(row), self.policy)
            self.facts += 1

    def _look(self, now: float) -> None:
        """Do what the daemon does after each fact; nothing is decided while nothing is confirmed to be wrong."""
        at = BEGAN + timedelta(seconds=now)
        if self._ill or self._route.active != PROVIDERS[0] or _anything_confirmed(self.state):
            self._decide(now, at)
        if any(p.trouble.streak or p.trouble.doubt for p in self.state.providers.values()):
            self._confirm(now, at)

    def _decide(self, now: float, at: datetime) -> None:
        for name in PROVIDERS:
            ill = status_of(name, "*", self.state, self.policy, at) in ILL
            if ill and name not in self._ill:
                self.held_ill.append((now, name, self._why(name, at)))
            self._ill = self._ill | {name} if ill else self._ill - {name}
        decision = decide(self.state, self._route, self.policy, at)
        if isinstance(decision, Switchover) and now >= self._observing:
            self._apply(now, at, decision)
        self._acknowledge(now, at)

    def _confirm(self, now: float, at: datetime) -> None:
        for ask in confirmations_wanted(self.state, self.policy, at):
            key = (ask.kind, ask.receiver)
            if key not in self._asked:
                self._asked.add(key)
                due = max(now, (ask.not_before - BEGAN).total_seconds())
                self._plan(due, "sweep" if ask.kind == "session" else "round", key)

    def _apply(self, now: float, at: datetime, move: Switchover) -> None:
        if move.route.active != self._route.active:
            self.moves.append(
                Move(
                    at=now,
                    left=self._route.active,
                    to=move.route.active,
                    rule=move.rule,
                    trigger=move.trigger,
                    reason=move.reason,
                )
            )
        detail = {"outcome": "applied", "enforced": "yes", **route_detail(move.route), "receiver": move.receiver}
        detail |= {"trigger": move.trigger, "rule": move.rule, "reason": move.reason}
        self.state = step(self.state, Notice(at=at, kind=NoticeKind.SWITCHOVER, detail=detail), self.policy)
        self._route = move.route

    def _acknowledge(self, now: float, at: datetime) -> None:
        well = [n for n, p in self.state.providers.items() if p.trouble.account and p.trouble.fault is None]
        if self.acknowledges and (well or self.state.context.braked_at) and "ack" not in self._asked:
            self._asked.add("ack")
            self._plan(now + 3600, "ack", None)

    def _ack(self, now: float, _: object) -> None:
        self._asked.discard("ack")
        detail = {"verb": "ack", "actor": "somebody", "reason": "seen"}
        notice = Notice(at=BEGAN + timedelta(seconds=now), kind=NoticeKind.OVERRIDE, detail=detail)
        self.state = step(self.state, notice, self.policy)

    def _why(self, name: str, at: datetime) -> str:
        fault = self.state.providers[name].trouble.fault
        if fault is not None:
            return f"refusing: {fault.count} in a row"
        tracks = self.state.providers[name].tracks.items()
        return ", ".join(f"{s} at {r}" for (r, s), t in tracks if t.alarmed_at is not None)

    def _word(self) -> str:
        self._words += 1
        return f"w{self._words}"


def _anything_confirmed(state: State) -> bool:
    for provider in state.providers.values():
        if provider.trouble.fault is not None or provider.trouble.account is not None:
            return True
        for track in provider.tracks.values():
            if track.alarmed_at is not None:
                return True
    return state.context.local is not None


def _fact(row: dict) -> Observation | Notice:
    if "fact" in row or "temporary" in row or "count" in row or "confirmation" in row:
        return fact_from_json(json.dumps(row))
    return Observation(
        at=datetime.fromisoformat(row["at"]),
        provider=row["provider"],
        signal=Signal(row["signal"]),
        source=Source(row["source"]),
        outcome=Outcome(row["outcome"]),
        **{key: row[key] for key in ("receiver", "seed", "round", "value") if key in row},
    )
