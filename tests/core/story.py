"""Facts as the daemon records them, told by a clock of the test's own."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal, Source
from service.decision.failover import Stay, Switchover, decide
from service.decision.fold import step
from service.decision.health import Health, health
from service.decision.policy import Mode, Policy
from service.decision.route import Route, simple_route
from service.decision.route_text import route_detail
from service.decision.state import State, initial_state, state_from_json, state_to_json
from service.decision.suspicion import ConfirmationWanted, confirmations_wanted

START = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
RECEIVERS = ("gmail", "microsoft", "yahoo")
SEEDS = tuple((f"{receiver}-{n}", receiver) for receiver in RECEIVERS for n in (1, 2))
A, B, C = "mailgun", "sendgrid", "relay"
POLICY = Policy(providers=(A, B, C), seeds=SEEDS, mode=Mode.ENFORCE)

DOWN = {
    "category": "network",
    "stage": "connect",
    "temporary": True,
    "rule": "connection-refused",
    "text": "refused",
}
SUSPENDED = {
    "category": "account",
    "stage": "mail",
    "temporary": False,
    "rule": "mailgun-suspended",
    "text": "550 5.7.1 account suspended",
}
TEMPFAIL = {"category": "provider-temp", "stage": "mail", "temporary": True, "rule": "code-451", "text": "451 later"}


@dataclass
class Story:
    """Folds facts one by one, and asks what the daemon would ask."""

    policy: Policy = POLICY
    now: datetime = START
    state: State = field(default_factory=initial_state)
    route: Route = field(default_factory=lambda: simple_route(A, B, C))
    facts: list[Fact] = field(default_factory=list)
    json: bool = False  # take every state through JSON
    _count: int = 0

    def tell(self, *facts: Fact) -> None:
        for fact in facts:
            self.facts.append(fact)
            self.state = step(self.state, fact, self.policy)
            if self.json:
                self.state = state_from_json(state_to_json(self.state))

    def wait(self, seconds: float) -> "Story":
        self.now += timedelta(seconds=seconds)
        return self

    def name(self, word: str) -> str:
        self._count += 1
        return f"{word}{self._count}"

    def observe(self, provider: str, signal: Signal, good: bool | None = True, **other: object) -> None:
        outcome = Outcome.UNKNOWN if good is None else Outcome.GOOD if good else Outcome.BAD
        source = Source.LOG if signal is Signal.LIVE else Source.PROBE
        fact = Observation(at=self.now, provider=provider, signal=signal, source=source, outcome=outcome)
        self.tell(replace(fact, **other))

    def notice(self, kind: str, **detail: str) -> None:
        self.tell(Notice(at=self.now, kind=NoticeKind(kind), detail=detail))

    def session(self, provider: str, fault: dict | None = None, **other: object) -> None:
        other.setdefault("round", self.name("check"))
        self.observe(provider, Signal.SESSION, fault is None, **(fault or {}), **other)

    def sweep(self, faults: dict[str, dict] | None = None, *, confirmation: bool = False, only=None) -> None:
        """Check a session with every provider; `faults` says what those that fail answer."""
        sweep = self.name("sweep")
        for provider in only or self.policy.providers:
            fault = (faults or {}).get(provider)
            self.session(provider, fault, round=sweep, confirmation=confirmation)

    def live(
        self,
        provider: str,
        fault: dict | None = None,
        count: int = 1,
        receiver: str | None = "gmail",
        **other: object,
    ) -> None:
        other.update(fault or {}, count=count, receiver=receiver)
        self.observe(provider, Signal.LIVE, fault is None, **other)

    def round(
        self,
        fates: dict | None = None,
        *,
        receiver: str | None = None,
        confirmation: bool = False,
        takes: float = 5,
        only: tuple[str, ...] | None = None,
        seeds: tuple[str, ...] | None = None,
        authenticated: bool = True,
    ) -> None:
        """Run one paired round.

        `fates` maps a provider, a seed or (provider, seed or receiver) to what becomes of its probes: a
        failure of acceptance as a dict, or "spam", "missing", "late", "unsearchable", "unauthenticated".
        """
        word = self.name("round")
        chosen = [(s, r) for s, r in self.policy.seeds if receiver in (None, r) and (seeds is None or s in seeds)]
        cells = [(p, s, r) for s, r in chosen for p in only or self.policy.providers]

        def fate(provider: str, seed: str, where: str) -> object:
            for key in ((provider, seed), (provider, where), provider, seed, where):
                if key in (fates or {}):
                    return fates[key]
            return None

        def say(provider: str, seed: str, where: str, signal: Signal, good: bool | None, **other: object) -> None:
            common = {"seed": seed, "receiver": where, "round": word, "confirmation": confirmation}
            self.observe(provider, signal, good, **common, **other)

        for cell in cells:
            refusal = fate(*cell)
            refusal = refusal if isinstance(refusal, dict) else {}
            say(*cell, Signal.ACCEPTANCE, not refusal, **refusal)
        self.wait(takes)
        ended = self.now
        for cell in cells:
            what = fate(*cell)
            self.now = ended
            if isinstance(what, dict) or what in ("missing", "unsearchable"):
                continue
            say(*cell, Signal.ARRIVAL, True, value=takes)
            folder = "spam" if what == "spam" else "inbox"
            say(*cell, Signal.PLACEMENT, what != "spam", value=folder)
            say(*cell, Signal.LATENCY, what != "late", value=400.0 if what == "late" else takes)
            if authenticated:
                say(*cell, Signal.AUTHENTICATION, what != "unauthenticated")
        if any(fate(*cell) in ("missing", "unsearchable") for cell in cells if not isinstance(fate(*cell), dict)):
            self.wait(self.policy.round_deadline_seconds)
            for cell in cells:
                if fate(*cell) == "missing":
                    say(*cell, Signal.ARRIVAL, False)
                elif fate(*cell) == "unsearchable":
                    say(*cell, Signal.ARRIVAL, None)

    def warm(self) -> "Story":
        """Make every provider proven: two sweeps and a round, all good."""
        self.sweep()
        self.wait(1).round()
        self.wait(54).sweep()
        self.wait(60)
        return self

    # What the daemon asks.

    def decide(self) -> Stay | Switchover:
        return decide(self.state, self.route, self.policy, self.now)

    def wanted(self) -> tuple[ConfirmationWanted, ...]:
        return confirmations_wanted(self.state, self.policy, self.now)

    def health(self, provider: str, receiver: str = "*") -> Health:
        return health(self.state, self.policy, self.now)[provider, receiver]

    def status(self, provider: str, receiver: str = "*") -> str:
        return str(self.health(provider, receiver).status)

    def apply(self, decision: Stay | Switchover | None = None, **detail: str) -> Switchover:
        """Carry the wanted move out, as the daemon records it."""
        move = decision or self.decide()
        assert isinstance(move, Switchover), move
        detail.setdefault("from", self.route.lane(move.receiver).active)
        self.switched(
            move.route, receiver=move.receiver, trigger=move.trigger, rule=move.rule, reason=move.reason, **detail
        )
        if detail.get("outcome", "applied") == "applied" and detail.get("enforced", "yes") == "yes":
            self.route = move.route
        return move

    def switched(self, to: Route | tuple[str, ...], **detail: str) -> None:
        route = to if isinstance(to, Route) else simple_route(*to)
        self.notice("switchover", **{"outcome": "applied", "enforced": "yes", **route_detail(route), **detail})

    def confirm(self, faults: dict[str, dict] | None = None, fates: dict | None = None) -> int:
        """Carry out confirmations as they are asked for, until none is or a move is due; return how many."""
        done = 0
        while (wanted := self.wanted()) and isinstance(self.decide(), Stay):
            ask = wanted[0]
            self.now = max(self.now, ask.not_before)
            if ask.kind == "session":
                self.sweep(faults, confirmation=True, only=ask.providers)
            else:
                self.round(fates or faults, receiver=ask.receiver, confirmation=True, takes=2)
            done += 1
            assert done < 50
        return done
