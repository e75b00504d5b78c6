"""The daemon as its API sees it: reads the present state at once, and hands acts to the owner."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from probes.fact_json import fact_to_json
from probes.observation import Notice, NoticeKind
from providers.base import Clock
from service.answers import (
    compare_view,
    explain_view,
    history_view,
    override_views,
    probe_view,
    provider_views,
    route_view,
)
from service.decision.capacity import capacity
from service.decision.compare import compare
from service.decision.explain import explain
from service.decision.health import health, overall
from service.decision.plan import Plan
from service.decision.route import ANY_RECEIVER
from service.decision.safety import MANUAL, refusals
from service.declared import declared_of
from service.errors import NoSuchProviderError, NoSuchSeedError, UsageError
from service.events import EventLog
from service.headline import headline
from service.manual import by_hand, manual_plan, refuse_drain, refuse_unsafe
from service.owner import Owner
from service.postfix.current import Current
from service.postfix.installation import installation_of
from service.postfix.plan import plan_text
from service.prober import Prober
from service.readiness.account_desk import AccountDesk
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.version import version
from service.views import (
    CompareView,
    EventView,
    ExplainView,
    FailoverRequest,
    HistoryEntryView,
    MoveView,
    OverrideRequest,
    OverrideView,
    PlanView,
    ProbeProgressView,
    ProbeRequest,
    RefusalView,
    StatusView,
)

_READY_WITHIN_SECONDS = 30.0
_FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 2.0
_NEED_PROVIDER = ("pin", "drain", "undrain")
_EXPIRE = ("pause", "pin", "drain")


class DaemonDesk:
    """Answers the API (`service.desk.Desk`)."""

    def __init__(
        self,
        owner: Owner,
        events: EventLog,
        clock: Clock,
        prober: Callable[[], Prober],
        live_problem: Callable[[], str | None],
        started_at: datetime,
        accounts: AccountDesk,
    ) -> None:
        self.accounts = accounts
        self._owner = owner
        self._events = events
        self._clock = clock
        self._prober = prober
        self._live_problem = live_problem
        self._started_at = started_at

    async def status(self) -> StatusView:
        """Return the present state; reads the route again when what is known of it is old, and waits shortly."""
        await self._refresh()
        owner, now = self._owner, self._clock.now()
        setup, state = owner.setup, owner.memory.state
        route = owner.current.route if owner.current else None
        problems = (
            owner.memory.problem,
            owner.current_problem,
            owner.config_problem,
            owner.outdated(),
            self._live_problem(),
        )
        alert = owner.verdict.sentence if owner.verdict.kind in ("alert", "blocked") else None
        return StatusView(
            at=now,
            version=version(),
            mode=str(setup.policy.mode),
            pid=os.getpid(),
            started_at=self._started_at,
            sentence=self._headline(),
            route=route_view(owner.current, owner.assigned, owner.current_problem),
            providers=provider_views(setup.providers, health(state, owner.policy, now), route),
            overrides=override_views(state, now),
            events=self._events.recent()[:50],
            problems=tuple(dict.fromkeys(p for p in (*problems, alert) if p)),
            braked_at=state.context.braked_at,
            seeds=self._prober().seed_problems(),
        )

    async def _refresh(self) -> None:
        """Read the route again unless that was done just now; an owner that is busy is not waited for."""
        if self._clock.monotonic() - self._owner.read_at < _FRESH_SECONDS:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._owner.call(self._owner.read_route)

    def _headline(self) -> str:
        owner = self._owner
        healths = overall(owner.memory.state, owner.policy, self._clock.now())
        problem = owner.memory.problem or owner.current_problem
        return headline(owner.verdict, owner.current.route if owner.current else None, healths, problem)

    def ready(self) -> str | None:
        """Return why the daemon is not ready, or None when cycles complete."""
        last = self._owner.cycled_at
        if last is None:
            return "No cycle has been completed yet."
        waited = self._clock.monotonic() - last
        return f"The last cycle was completed {waited:.0f} s ago." if waited > _READY_WITHIN_SECONDS else None

    async def explain(self) -> ExplainView:
        """Return why it is not moving, or why it moved."""
        await self._refresh()
        owner = self._owner
        seen = owner.seen()
        if seen.route is None:
            return ExplainView(sentence=self._headline(), rule=owner.verdict.rule)
        view = explain_view(explain(seen.state, seen.route, seen.policy, seen.now))
        if seen.problem is not None and owner.verdict.kind in ("stay", "alert"):
            view = view.model_copy(update={"sentence": seen.problem, "blocked_by": (*view.blocked_by, view.sentence)})
        if owner.verdict.kind == "blocked":
            view = view.model_copy(update={"blocked_by": (*view.blocked_by, owner.verdict.sentence)})
        return view

    async def compare(self, window_seconds: float, receiver: str | None) -> CompareView:
        """Return the providers side by side."""
        until = self._clock.now()
        since = until - timedelta(seconds=window_seconds)
        policy = self._owner.setup.policy
        if receiver is not None and receiver not in policy.receivers:
            known = ", ".join(policy.receivers)
            raise UsageError(f'Comparing at "{receiver}": there is no such receiver; seeds are at {known}.')
        records = await self._owner.memory.ask(lambda store: store.records(since, until))
        declared = declared_of(self._owner.setup.config)
        return compare_view(compare(records, policy.providers, policy.receivers, declared, receiver))

    async def plan(self, to: str, receiver: str | None = None) -> PlanView:
        """Return what a failover of all mail, or one receiver's, to this provider would change; changes nothing."""
        owner, now = self._owner, self._clock.now()
        await owner.call(owner.read_route)
        state = owner.memory.state
        current = owner.current if owner.readable else None
        planned = manual_plan(to, current.route if current else None, state, owner.policy, now, receiver)
        against = refusals(planned, state, owner.policy, now, MANUAL)
        views = [RefusalView(rule=r.rule, sentence=r.sentence, forceable=r.forceable) for r in against]
        running, where = current is not None and current.running, receiver or ANY_RECEIVER
        if owner.current_problem and not (running and current and current.generation == 0):
            views.append(RefusalView(rule="machinery", sentence=owner.current_problem, forceable=running))
        return PlanView(
            to=to,
            receiver=receiver,
            current=planned.current.lane(where).providers if planned.current else None,
            wanted=planned.wanted.lane(where).providers,
            capacity=capacity(to, planned.wanted, where, state, owner.policy, now),
            changes=_changes(planned, current),
            diff=self._diff(current, planned),
            refusals=tuple(views),
            warnings=_overruled(current),
        )

    def _diff(self, current: Current | None, planned: Plan) -> str:
        setup = self._owner.setup
        if current is None:
            return ""
        return plan_text(installation_of(setup.config, setup.providers), current, planned.wanted)

    async def failover(self, request: FailoverRequest) -> MoveView:
        """Move now."""
        started = self._clock.monotonic()
        view = await self._owner.call(lambda: self._failover(request))
        return view.model_copy(update={"duration_seconds": self._clock.monotonic() - started})

    async def _failover(self, request: FailoverRequest) -> MoveView:
        owner, now = self._owner, self._clock.now()
        await owner.read_route()
        policy, state = owner.policy, owner.memory.state
        current, receiver = owner.current.route if owner.current else None, request.receiver
        planned = manual_plan(request.to, current, state, policy, now, receiver)
        rule = refuse_unsafe(planned, state, policy, now, force=request.force)
        seconds = policy.manual_pin_seconds if request.for_seconds is None else request.for_seconds
        move, moved = await owner.move(
            to_route=planned.wanted,
            trigger=MANUAL,
            actor=request.actor,
            reason=request.reason or by_hand(request.actor, request.to, receiver),
            rule=rule,
            pin_for=timedelta(seconds=seconds) if seconds else None,
            override_drift=request.force,
            receiver=receiver or ANY_RECEIVER,
        )
        return MoveView(
            request_id=move.request_id,
            outcome="applied",
            receiver=receiver,
            route=move.to_route.lane(move.receiver).providers,
            generation=moved.applied.generation,
            verified=moved.applied.verified,
            pinned_until=move.pin_until,
            flushed=moved.flushed,
            duration_seconds=0.0,
            sentence=moved.applied.sentence,
        )

    async def override(self, request: OverrideRequest) -> tuple[OverrideView, ...]:
        """Give an order to automation or take one back; return the overrides now in force."""
        owner, now = self._owner, self._clock.now()
        if request.provider is None and request.verb in _NEED_PROVIDER:
            raise UsageError(f"{request.verb} needs a provider: name one of {', '.join(owner.setup.providers)}.")
        if request.provider is not None and request.provider not in owner.setup.providers:
            raise NoSuchProviderError(
                f'Ordering {request.verb} of "{request.provider}": there is no such provider; '
                f"configured are {', '.join(owner.setup.providers)}."
            )
        route = owner.current.route if owner.current else None
        if request.verb == "pin" and route is not None and request.provider != route.active:
            raise UsageError(
                f"Pinning {request.provider}: mail goes through {route.active}; "
                f"`failover --to {request.provider}` moves it and pins it there."
            )
        if request.verb == "drain" and request.provider is not None:
            refuse_drain(request.provider, owner.memory.state, owner.setup.policy, now)
        detail = {"verb": request.verb, "actor": request.actor}
        if request.provider:
            detail["provider"] = request.provider
        if request.reason:
            detail["reason"] = request.reason
        until: datetime | None = None
        if request.verb in _EXPIRE:
            until = now + timedelta(seconds=request.for_seconds or owner.setup.policy.manual_pin_seconds)
            detail["until"] = until.isoformat()
        notice = Notice(at=now, kind=NoticeKind.OVERRIDE, detail=detail)

        what = " ".join(filter(None, (request.verb, request.provider)))
        entry = JournalEntry(
            request_id=secrets.token_hex(8),
            at=now,
            kind=JournalKind.ORDERED,
            trigger=Trigger.MANUAL,
            actor=request.actor,
            reason=request.reason or what,
            rule=what,
            detail=f"{what} until {until:%Y-%m-%d %H:%M:%S} UTC" if until else what,
        )
        await owner.call(lambda: owner.memory.write(entry, (notice,)))
        why = f": {request.reason}" if request.reason else ""
        self._events.say("override", f"{request.actor} ordered {what}{why}", request.provider)
        return override_views(owner.memory.state, now)

    async def history(self, limit: int) -> tuple[HistoryEntryView, ...]:
        """Return journal rows, newest first."""
        entries = await self._owner.memory.ask(lambda store: store.journal.history(limit=limit))
        return tuple(history_view(entry) for entry in entries)

    async def observations(
        self, after_seq: int, limit: int, since: datetime | None = None
    ) -> tuple[tuple[int, str], ...]:
        """Return (seq, JSON line) of recorded facts after `after_seq` in recording order, those `since` then."""
        facts = await self._owner.memory.ask(
            lambda store: list(store.facts(after_seq=after_seq, limit=limit, since=since))
        )
        return tuple((seq, fact_to_json(fact)) for seq, fact in facts)

    async def probe(self, request: ProbeRequest) -> AsyncIterator[ProbeProgressView]:
        """Run one round now and yield its observations as they become known."""
        prober = self._prober()
        providers = [p for p in prober.setup.providers.values() if request.provider in (None, p.name)]
        seeds = [s for s in prober.setup.seeds if request.seed in (None, s.name)]
        if not providers:
            known = ", ".join(prober.setup.providers)
            raise NoSuchProviderError(
                f'Probing "{request.provider}": there is no such provider; configured are {known}.'
            )
        if not prober.setup.seeds:
            raise NoSuchSeedError("There is no seed to probe; add a [[seed]] to the configuration.")
        if not seeds:
            known = ", ".join(seed.name for seed in prober.setup.seeds)
            raise NoSuchSeedError(f'Probing to "{request.seed}": there is no such seed; configured are {known}.')
        async for observation in prober.asked_round(providers, seeds):
            yield probe_view(observation)

    def events(self) -> AsyncIterator[EventView]:
        """Yield events from now on; ends when the daemon stops."""
        return self._events.listen()


def _changes(planned: Plan, current: Current | None) -> tuple[str, ...]:
    """Return the changes in words; before the take-over with what Postfix sends through now."""
    if planned.current is not None or current is None:
        return planned.changes
    now = current.settings.get("relayhost") or "the recipients' own mail servers"
    return (f"all mail: {now} → {', '.join(planned.wanted.providers)}",)


def _overruled(current: Current | None) -> tuple[str, ...]:
    """Return a warning for each setting of Postfix that beats the route for some of the mail."""
    if current is None:
        return ()
    return tuple(
        f"{name} = {value} comes before the route: mail that it matches does not go where relaypilot sends mail."
        for name, value in current.overrides.items()
    )
