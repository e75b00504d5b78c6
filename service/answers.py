"""Turns values of the core, the store and Postfix control into what the API answers. Pure."""

from collections.abc import Mapping
from datetime import datetime

from probes.observation import Observation, Outcome, Signal
from providers.base import Provider
from service.decision.compare import Compared, Comparison
from service.decision.explain import Explanation
from service.decision.health import Health, SignalHealth
from service.decision.interval import Proportion, wilson
from service.decision.override import Override
from service.decision.paired import rounds_needed
from service.decision.route import ANY_RECEIVER, Lane, Route
from service.decision.state import State
from service.difference import sentence, what_is_open
from service.postfix.current import Current
from service.store.entry import JournalEntry
from service.views import (
    CompareRowView,
    CompareView,
    DifferenceView,
    ExplainView,
    HealthView,
    HistoryEntryView,
    LaneView,
    OverrideView,
    ProbeProgressView,
    ProviderView,
    RouteView,
    ShareView,
    SignalView,
)


def signal_view(name: str, share: Proportion) -> SignalView:
    """Return k of n with its interval."""
    return SignalView(signal=name, good=share.k, n=share.n, low_ratio=share.low, high_ratio=share.high)


def health_view(health: Health) -> HealthView:
    """Return the health of one provider at one receiver."""
    return HealthView(
        provider=health.provider,
        receiver=health.receiver,
        status=str(health.status),
        severity=str(health.severity),
        reason=health.reason,
        since=health.since,
        needs_ack=health.needs_ack,
        signals=tuple(_signal(s) for s in health.signals.values()),
    )


def _signal(signal: SignalHealth) -> SignalView:
    return signal_view(str(signal.signal), wilson(signal.total - signal.bad, signal.total))


def provider_views(
    providers: Mapping[str, Provider], healths: Mapping[tuple[str, str], Health], route: Route | None
) -> tuple[ProviderView, ...]:
    """Return every configured provider in order of preference."""
    order = route.providers if route else ()
    return tuple(
        ProviderView(
            name=name,
            kind=provider.kind,
            nexthop=provider.relay_endpoint().nexthop,
            position=order.index(name) if name in order else None,
            health=health_view(healths[name, ANY_RECEIVER]),
            receivers=tuple(health_view(h) for (who, at), h in healths.items() if who == name and at != ANY_RECEIVER),
        )
        for name, provider in providers.items()
    )


def route_view(current: Current | None, assigned: Route | None, problem: str | None) -> RouteView:
    """Return the route in force beside the assigned one."""
    reported = current.route if current else None
    return RouteView(
        reported=reported.providers if reported else None,
        assigned=assigned.providers if assigned else None,
        generation=current.generation if current else 0,
        drift=tuple(drift.sentence for drift in current.drift) if current else (),
        postfix_running=current.running if current else False,
        problem=problem,
        lanes=tuple(_lane(lane) for lane in reported.lanes) if reported else (),
    )


def _lane(lane: Lane) -> LaneView:
    shares = tuple(ShareView(provider=s.provider, percent=s.percent, kind=str(s.kind)) for s in lane.shares)
    return LaneView(receiver=lane.receiver, providers=lane.providers, shares=shares)


def override_views(state: State, now: datetime) -> tuple[OverrideView, ...]:
    """Return the overrides in force."""
    return tuple(_override(o) for o in state.context.overrides if o.in_force(now))


def _override(order: Override) -> OverrideView:
    return OverrideView(
        verb=order.verb,
        provider=order.provider,
        receiver=order.receiver,
        until=order.until,
        actor=order.actor,
        reason=order.reason,
    )


def explain_view(explanation: Explanation) -> ExplainView:
    """Return one decision with everything that bears on it."""
    return ExplainView(
        sentence=explanation.sentence,
        rule=explanation.rule,
        blocked_by=explanation.blocked_by,
        would_change=explanation.would_change,
        evidence=(*explanation.evidence, *explanation.notes),
        route=explanation.route,
        providers=tuple(health_view(h) for h in explanation.healths.values()),
        last_move=explanation.last_move,
    )


def history_view(entry: JournalEntry) -> HistoryEntryView:
    """Return one journal row."""
    return HistoryEntryView(
        at=entry.at,
        kind=str(entry.kind),
        trigger=str(entry.trigger),
        actor=entry.actor,
        reason=entry.reason,
        rule=entry.rule or "",
        from_route=entry.from_route,
        to_route=entry.to_route,
        receiver=entry.receiver,
        enforced=entry.enforced,
        detail=entry.detail,
        request_id=entry.request_id,
    )


def compare_view(found: Compared) -> CompareView:
    """Return the providers side by side."""
    return CompareView(
        since=found.since,
        until=found.until,
        rows=tuple(_compare_row(row) for row in found.rows),
        differences=tuple(
            DifferenceView(
                first=d.first,
                second=d.second,
                receiver=d.receiver,
                signal=str(d.signal),
                better=d.better or None,
                worse=d.worse or None,
                rounds=d.counts.rounds,
                first_better=d.counts.first_better,
                second_better=d.counts.second_better,
                probes=d.counts.probes,
                only_first=d.counts.only_first,
                only_second=d.counts.only_second,
                log_evidence=d.log_evidence,
                log_needed=d.log_needed,
                sentence=sentence(d),
            )
            for d in found.differences
        ),
        tests=found.tests,
        rounds_needed=rounds_needed(found.tests) if found.tests else None,
        note=what_is_open(found.differences, found.tests),
        live_messages=found.live_messages,
        messages_a_month=found.messages_a_month,
    )


def _compare_row(row: Comparison) -> CompareRowView:
    reliable, declared = row.reliability, row.declared
    return CompareRowView(
        provider=row.provider,
        receiver=row.receiver,
        acceptance=signal_view("acceptance", row.acceptance),
        inbox=signal_view("inbox", row.inbox),
        spam=signal_view("spam", row.spam),
        missing=signal_view("missing", row.missing),
        late=signal_view("late", row.late),
        authentication=signal_view("authentication", row.authentication),
        sessions=signal_view("session", row.sessions),
        live=signal_view("live", row.live),
        latency_p50_seconds=row.latency_p50_seconds,
        latency_p90_seconds=row.latency_p90_seconds,
        latency_p99_seconds=row.latency_p99_seconds,
        watched_seconds=reliable.watched_seconds,
        availability_ratio=reliable.availability_ratio,
        incidents=reliable.incidents,
        incidents_without_mail=reliable.stopped,
        incidents_open=reliable.open,
        mtbf_seconds=reliable.between_seconds,
        mttr_seconds=reliable.repair_seconds,
        currency=row.price.currency if row.price else None,
        cost_per_thousand=row.price.per_thousand if row.price else None,
        cost_a_month=row.price.a_month if row.price else None,
        data_region=declared.data_region,
        retention=declared.retention,
        certifications=declared.certifications,
        support=declared.support,
    )


def probe_view(observation: Observation) -> ProbeProgressView:
    """Return one line of a round's progress."""
    return ProbeProgressView(
        at=observation.at,
        provider=observation.provider,
        seed=observation.seed,
        receiver=observation.receiver,
        signal=str(observation.signal),
        outcome=str(observation.outcome),
        value=observation.value,
        text=observation.text,
        sentence=_sentence(observation),
    )


def _sentence(o: Observation) -> str:
    where = f" to {o.seed}" if o.seed else ""
    reply = f': "{o.text}"' if o.text else ""
    bad = o.outcome is Outcome.BAD
    if o.outcome is Outcome.UNKNOWN:
        return f"{o.provider}{where}: {o.signal} is unknown{reply}."
    if o.signal is Signal.ACCEPTANCE:
        return f"{o.provider} {'did not take' if bad else 'took'} the probe{where}{reply}."
    if o.signal is Signal.PLACEMENT:
        return f"{o.provider}{where}: found in {o.value}."
    if o.signal is Signal.ARRIVAL and not bad:
        return f"{o.provider}{where}: arrived{_seconds(o)}."
    if o.signal is Signal.ARRIVAL:
        return f"{o.provider}{where}: missing, not found by the deadline."
    if o.signal is Signal.LATENCY:
        return f"{o.provider}{where}: {'late' if bad else 'on time'}{_seconds(o)}."
    return f"{o.provider}{where}: {o.signal} {o.outcome}{reply}."


def _seconds(o: Observation) -> str:
    return f" after {o.value:.1f} s" if isinstance(o.value, int | float) else ""
