"""A small daemon's desk over values written down here, for the API's and the command line's tests."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

from service.errors import NoSuchProviderError, NoSuchSeedError, UnsafePlanError
from service.postfix.errors import NotRunningError
from service.readiness.views import (
    CheckRequest,
    CheckupView,
    CheckView,
    CopiedView,
    CopyRequest,
    CopyView,
    FindingView,
)
from service.views import (
    CompareRowView,
    CompareView,
    DifferenceView,
    EventView,
    ExplainView,
    FailoverRequest,
    HealthView,
    HistoryEntryView,
    LaneView,
    MoveView,
    OverrideRequest,
    OverrideView,
    PlanView,
    ProbeProgressView,
    ProbeRequest,
    ProviderView,
    RefusalView,
    RouteView,
    SignalView,
    StatusView,
)

NAMES = ("mailgun", "sendgrid", "smarthost")
RECEIVERS = ("gmail", "microsoft", "yahoo")
SENTENCE = "Mail goes through sendgrid since mailgun put 3 of 3 probes at gmail into spam."


def now() -> datetime:
    return datetime.now(UTC)


def signal(name: str, good: int, n: int) -> SignalView:
    ratio = good / n if n else None
    low = None if ratio is None else max(0.0, ratio - 0.2)
    high = None if ratio is None else min(1.0, ratio + 0.1)
    return SignalView(signal=name, good=good, n=n, low_ratio=low, high_ratio=high)


def health(provider: str, receiver: str) -> HealthView:
    bad = provider == "mailgun" and receiver in {"gmail", "*"}
    unknown = provider == "smarthost"
    return HealthView(
        provider=provider,
        receiver=receiver,
        status="unknown" if unknown else "degraded" if bad else "healthy",
        severity="misplacing" if bad else "none",
        reason="no fresh evidence" if unknown else "3 of 3 probes in spam" if bad else "nothing bad seen",
        since=now() - timedelta(minutes=7),
        signals=()
        if unknown
        else (
            signal("session", 20, 20),
            signal("acceptance", 12, 12),
            signal("placement", 0 if bad else 12, 12),
        ),
    )


class FakeAccounts:
    """Answers for three accounts, the second of which could not carry the mail."""

    async def check(self, request: CheckRequest) -> CheckView:
        if request.provider not in {None, *NAMES}:
            raise NoSuchProviderError(f"There is no provider {request.provider}.")
        good = FindingView(code="credentials", verdict="ok", sentence="The login works.")
        bad = FindingView(
            code="sender", verdict="failed", sentence="The sender is not verified.", remedy="Verify it in the panel."
        )
        return CheckView(
            at=now(),
            sender="probe@example.org",
            providers=tuple(
                CheckupView(provider=name, verdict="failed", findings=(bad, good))
                if name == "sendgrid"
                else CheckupView(provider=name, verdict="ok", findings=(good,))
                for name in NAMES
                if request.provider in {None, name}
            ),
        )

    async def copy_suppressions(self, request: CopyRequest) -> CopyView:
        one = CopiedView(
            to="sendgrid",
            sources=("mailgun",),
            known=7,
            lacking={"hard-bounce": 2, "complaint": 1},
            added=0 if request.dry_run else 3,
        )
        none = CopiedView(to="mailgun", sources=("sendgrid",), known=10, lacking={}, added=0)
        return CopyView(dry_run=request.dry_run, providers=(one, none))


class FakeDesk:
    """Answers like a daemon with three providers of which the first one lands in spam."""

    def __init__(self) -> None:
        self.accounts = FakeAccounts()
        self.listeners: set[asyncio.Queue[EventView | None]] = set()
        self.reset()

    def reset(self) -> None:
        self.overrides: tuple[OverrideView, ...] = ()
        self.failovers: list[FailoverRequest] = []
        self.not_ready: str | None = None
        self.order: tuple[str, ...] = ("sendgrid", "mailgun")
        self.failover_seconds = 0.0
        self.all_healthy = False
        self.healed = False
        self.events_times = 1
        self.lanes: tuple[LaneView, ...] = ()

    async def status(self) -> StatusView:
        events = (
            EventView(at=now() - timedelta(seconds=40), kind="move", sentence=SENTENCE, provider="sendgrid"),
            EventView(
                at=now() - timedelta(minutes=3),
                kind="health",
                sentence="mailgun is degraded at gmail: <b>3 of 3</b> probes in spam.",
                provider="mailgun",
            ),
        )
        return StatusView(
            at=now(),
            version="0.1.0",
            mode="enforce",
            pid=os.getpid(),
            started_at=now() - timedelta(hours=26),
            sentence=SENTENCE,
            route=RouteView(
                reported=self.order,
                assigned=self.order,
                generation=4,
                postfix_running=True,
                drift=(),
                problem=None,
                lanes=self.lanes,
            ),
            providers=tuple(
                ProviderView(
                    name=name,
                    kind="smtp" if name == "smarthost" else name,
                    nexthop=f"[smtp.{name}.example]:587",
                    position=self.order.index(name) if name in self.order else None,
                    health=self._health(name, "*"),
                    receivers=tuple(self._health(name, receiver) for receiver in RECEIVERS),
                )
                for name in NAMES
            ),
            overrides=self.overrides,
            events=events * self.events_times,
            problems=() if self.all_healthy else ("Seed yahoo-1 cannot be searched: authentication failed.",),
            seeds={"gmail-1": None, "microsoft-1": None, "yahoo-1": "authentication failed"},
        )

    def _health(self, name: str, receiver: str) -> HealthView:
        found = health(name, receiver)
        if self.healed and found.status == "degraded":
            return found.model_copy(update={"status": "healthy", "severity": "none"})
        if not self.all_healthy:
            return found
        return health("sendgrid", receiver).model_copy(update={"provider": name})

    def ready(self) -> str | None:
        return self.not_ready

    async def explain(self) -> ExplainView:
        return ExplainView(
            sentence=SENTENCE,
            rule="misplacing",
            blocked_by=("hold-down until 12:00",),
            would_change=("6 good rounds of mailgun in a row",),
            evidence=("mailgun at gmail: placement 0/12",),
            last_move="12:00:00 UTC automatic to sendgrid: mailgun misplaces",
            providers=tuple(health(name, "*") for name in NAMES),
        )

    async def compare(self, window_seconds: float, receiver: str | None) -> CompareView:
        chosen = [where for where in ("*", *RECEIVERS) if receiver in {None, where}]
        rows = [
            CompareRowView(
                provider=name,
                receiver=where,
                acceptance=signal("acceptance", 12, 12),
                inbox=signal("inbox", 9, 12),
                spam=signal("spam", 3, 12),
                missing=signal("missing", 0, 12),
                late=signal("late", 1, 12),
                authentication=signal("authentication", 12, 12),
                sessions=signal("session", 1440, 1440),
                live=signal("live", 4000, 4001),
                latency_p50_seconds=1.9,
                latency_p90_seconds=8.0,
                latency_p99_seconds=None if name == "smarthost" else 64.0,
                watched_seconds=86400.0,
                availability_ratio=0.99999,
                incidents=1,
                incidents_without_mail=1,
                incidents_open=0,
                mtbf_seconds=86390.0,
                mttr_seconds=10.0,
                currency="USD" if name == "mailgun" else None,
                cost_per_thousand=0.9 if name == "mailgun" else None,
                cost_a_month=108.0 if name == "mailgun" else None,
                data_region="EU" if name == "mailgun" else None,
                certifications=("ISO 27001", "SOC 2") if name == "mailgun" else (),
            )
            for where in chosen
            for name in NAMES
        ]
        differences = [
            DifferenceView(
                first=first,
                second=second,
                receiver=where,
                signal="placement",
                better="sendgrid" if (first, second) == ("mailgun", "sendgrid") else None,
                worse="mailgun" if (first, second) == ("mailgun", "sendgrid") else None,
                rounds=24,
                first_better=0,
                second_better=14,
                probes=144,
                only_first=2,
                only_second=30,
                log_evidence=7.5,
                log_needed=7.1,
                sentence=f"At {where} {first} and {second} differ: better in 14 rounds of 24, worse in 0.",
            )
            for where in chosen
            for first, second in combinations(NAMES, 2)
        ]
        return CompareView(
            since=now() - timedelta(seconds=window_seconds),
            until=now(),
            rows=tuple(rows),
            differences=tuple(differences),
            tests=60,
            rounds_needed=13,
            note="What is not named is no proof.",
            live_messages=4000,
            messages_a_month=120000.0,
        )

    async def plan(self, to: str, receiver: str | None = None) -> PlanView:
        self._known(to)
        refusals = ()
        if to == "smarthost":
            refusals = (RefusalView(rule="unproven", sentence="smarthost has no fresh good evidence.", forceable=True),)
        wanted = (to, *(name for name in self.order if name != to))
        diff = "" if wanted == self.order else "--- main.cf\n+++ main.cf\n@@ -1 +1 @@\n-relayhost = a\n+relayhost = b\n"
        return PlanView(
            to=to,
            current=self.order,
            wanted=wanted,
            changes=() if not diff else (f"{to} becomes the first nexthop",),
            diff=diff,
            refusals=refusals,
        )

    async def failover(self, request: FailoverRequest) -> MoveView:
        self._known(request.to)
        if request.to == "smarthost" and not request.force:
            raise UnsafePlanError("smarthost has no fresh good evidence; --force moves all the same.")
        if request.reason == "break":
            raise NotRunningError("Moving to sendgrid failed at reload: Postfix is not running; start it.")
        if self.failover_seconds:
            await asyncio.sleep(self.failover_seconds / 2)
            self.say(EventView(at=now(), kind="move", sentence="Waiting for the canary message.", provider=request.to))
            await asyncio.sleep(self.failover_seconds / 2)
        self.failovers.append(request)
        self.order = (request.to, *(name for name in self.order if name != request.to))
        self.say(EventView(at=now(), kind="move", sentence=f"Mail goes through {request.to} now.", provider=request.to))
        pin = 3600.0 if request.for_seconds is None else request.for_seconds
        return MoveView(
            request_id="r1",
            outcome="applied",
            route=self.order,
            generation=5,
            verified=True,
            pinned_until=now() + timedelta(seconds=pin) if pin else None,
            flushed=2,
            duration_seconds=0.4,
            sentence="A canary message was taken.",
        )

    async def override(self, request: OverrideRequest) -> tuple[OverrideView, ...]:
        if request.verb in ("resume", "unpin", "undrain", "ack"):
            self.overrides = ()
        else:
            until = None if request.for_seconds is None else now() + timedelta(seconds=request.for_seconds)
            self.overrides = (
                OverrideView(
                    verb=request.verb,
                    provider=request.provider,
                    until=until,
                    actor=request.actor,
                    reason=request.reason,
                ),
            )
        return self.overrides

    async def history(self, limit: int) -> tuple[HistoryEntryView, ...]:
        entry = HistoryEntryView(
            at=now() - timedelta(minutes=5),
            kind="applied",
            trigger="automatic",
            actor="relaypilot",
            reason="mailgun misplaces at gmail",
            rule="misplacing",
            from_route=NAMES,
            to_route=self.order,
            enforced=True,
            request_id="r0",
        )
        return (entry,) * min(limit, 3)

    async def observations(
        self, after_seq: int, limit: int, since: datetime | None = None
    ) -> tuple[tuple[int, str], ...]:
        rows = [(seq, json.dumps({"v": 1, "fact": "start", "n": seq})) for seq in range(1, 6)]
        return tuple(row for row in rows if row[0] > after_seq)[:limit]

    async def probe(self, request: ProbeRequest) -> AsyncIterator[ProbeProgressView]:
        if request.provider is not None:
            self._known(request.provider)
        if request.seed == "nosuch":
            raise NoSuchSeedError("There is no seed nosuch; the seeds are gmail-1, microsoft-1, yahoo-1.")
        for name in NAMES if request.provider is None else (request.provider,):
            yield ProbeProgressView(
                at=now(),
                provider=name,
                seed="gmail-1",
                receiver="gmail",
                signal="acceptance",
                outcome="good",
                value=None,
                text="250 queued",
                sentence=f"{name} accepted the probe to gmail-1.",
            )
            await asyncio.sleep(0)
        if request.seed == "broken":
            raise NotRunningError("The round ended early.")

    async def events(self) -> AsyncIterator[EventView]:
        queue: asyncio.Queue[EventView | None] = asyncio.Queue()
        self.listeners.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self.listeners.discard(queue)

    def say(self, event: EventView) -> None:
        for queue in self.listeners:
            queue.put_nowait(event)

    def _known(self, name: str) -> None:
        if name not in NAMES:
            raise NoSuchProviderError(f"There is no provider {name}; the providers are {', '.join(NAMES)}.")
