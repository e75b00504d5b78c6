"""Decides: stay, or move mail to another provider, each with its reason. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from probes.observation import Observation, Signal
from service.decision.candidate import drained, ordered, unproven
from service.decision.gate import Gate, gates
from service.decision.health import Health, Status, overall
from service.decision.moves import STANDBY_ORDER, held_until
from service.decision.policy import Failback, Mode, Policy
from service.decision.reason import utc
from service.decision.route import Route, simple_route
from service.decision.severity import Severity
from service.decision.state import State

AUTOMATIC, FAILBACK = "automatic", "failback"
_EARNING = (Signal.SESSION, Signal.ACCEPTANCE, Signal.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Nothing is to be changed now."""

    reason: str
    rule: str
    blocked_by: tuple[str, ...] = ()  # sentences: what keeps a wanted move from being made, and until when
    alert: bool = False  # a person should know


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchover:
    """Another route is wanted."""

    route: Route
    reason: str
    rule: str
    trigger: str  # "automatic" or "failback"
    evidence: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Why the active provider is to be left."""

    rule: str
    reason: str
    severity: Severity
    since: datetime | None
    hard: bool  # hold-down does not apply
    evidence: tuple[Observation, ...] = ()


def decide(state: State, current: Route, policy: Policy, now: datetime) -> Stay | Switchover:
    """Return what is to be done about the route in force.

    A move goes to a provider that is strictly less bad and proven for the kind of fault it is made for.
    Observe mode decides the same; a would-be move that was already told is not told again.
    """
    local = state.context.local
    if local is not None:
        reason = (
            f"All providers are out of reach at once since {utc(local.since)} and the control check {local.control}: "
            "this is our own network, so nothing counts against them and nothing is moved."
        )
        return Stay(rule="local-fault", reason=reason, alert=True)
    healths = overall(state, policy, now)
    need = _need(state, current.active, healths, policy, now)
    if need is None:
        return _keep(state, current, healths, policy, now)
    target, against = _target(state, current.active, need, healths, policy, now)
    if target is None and (starting := [g for g in gates(state, policy, now) if g.rule == "start"]):
        sentence = starting[0].sentence
        return Stay(rule="start", reason=f"{need.reason} {sentence}", blocked_by=(sentence,))
    if target is None:
        why = "; ".join(against) or "there is no other provider"
        return Stay(rule="no-better-provider", reason=f"{need.reason} No better provider is proven: {why}.", alert=True)
    wanted = simple_route(*ordered(target, healths, policy, drained(state.context.overrides, now)))
    closed = gates(state, policy, now, needs=(current.active,), hold=None if need.hard else _hold(state, policy, now))
    move = Switchover(route=wanted, reason=need.reason, rule=need.rule, trigger=AUTOMATIC, evidence=need.evidence)
    return _through(move, closed, state, policy, need.since, alert=True)


def _need(state: State, active: str, healths: Mapping[str, Health], policy: Policy, now: datetime) -> Need | None:
    if active not in policy.providers:
        reason = f"{active} is not among the configured providers any more."
        return Need(rule="not-configured", reason=reason, severity=Severity.REFUSING, since=None, hard=True)
    health = healths[active]
    if health.pressing is not Severity.NONE:
        return Need(
            rule=str(health.pressing),
            reason=health.reason,
            severity=health.pressing,
            since=health.since,
            hard=health.hard,
            evidence=health.evidence,
        )
    if active in drained(state.context.overrides, now):
        return Need(rule="drained", reason=f"{active} is drained.", severity=Severity.REFUSING, since=None, hard=True)
    return None


def _target(
    state: State, active: str, need: Need, healths: Mapping[str, Health], policy: Policy, now: datetime
) -> tuple[str | None, list[str]]:
    """Return the best provider for this move, or why each is not fit."""
    out = drained(state.context.overrides, now)
    fit: list[str] = []
    against: list[str] = []
    for name in policy.providers:
        health = healths[name]
        if name == active:
            continue
        if name in out:
            against.append(f"{name} is drained")
        elif health.severity.rank >= need.severity.rank:
            against.append(f"{name} is no better ({health.severity})")
        elif why := unproven(name, state, policy, now, left_for=need.severity, since=need.since):
            against.append(why)
        else:
            fit.append(name)
    best = min(fit, key=lambda n: (healths[n].severity.rank, healths[n].status is Status.SUSPECT), default=None)
    return best, against


def _keep(
    state: State, current: Route, healths: Mapping[str, Health], policy: Policy, now: datetime
) -> Stay | Switchover:
    """Return what to do while the active provider gives no reason to leave it."""
    back = _failback(state, current, healths, policy, now)
    if isinstance(back, Switchover):
        return back
    tail = _tail(state, current, healths, policy, now)
    if isinstance(tail, Switchover):
        return tail
    if back is not None:
        return back
    for key, note in state.context.notes.items():
        if key.startswith("message") and (now - note.at).total_seconds() <= policy.evidence_lifetime_seconds:
            return Stay(rule="message", reason=note.sentence, alert=True)
    health = healths[current.active]
    return Stay(rule=str(health.status), reason=health.reason)


def _failback(
    state: State, current: Route, healths: Mapping[str, Health], policy: Policy, now: datetime
) -> Stay | Switchover | None:
    """Return the move back to a preferred provider that has earned it, or what it still waits for."""
    if policy.failback is Failback.OFF:
        return None
    out, unacknowledged = drained(state.context.overrides, now), None
    for name in policy.providers[: policy.providers.index(current.active)]:
        health = healths[name]
        if health.status is not Status.HEALTHY or name in out:
            continue
        if health.needs_ack:
            unacknowledged = unacknowledged or name
            continue
        run = max((t.good_run for (_, s), t in state.providers[name].tracks.items() if s in _EARNING), default=0)
        if run < policy.failback_rounds or unproven(name, state, policy, now, left_for=Severity.NONE, since=None):
            continue
        wanted = simple_route(*ordered(name, healths, policy, out))
        closed = gates(state, policy, now, needs=(name,), hold=_hold(state, policy, now, back_to=name))
        reason = f"{name} is preferred and has earned its return: {health.reason}"
        move = Switchover(route=wanted, reason=reason, rule="failback", trigger=FAILBACK)
        return _through(move, closed, state, policy, None, alert=False)
    if unacknowledged is None:
        return None
    reason = f"{unacknowledged} takes mail again after an account fault; it returns once a person has acknowledged it."
    clearing = (f"Acknowledge with: relaypilot ack {unacknowledged}",)
    return Stay(rule="account-fault", reason=reason, blocked_by=clearing)


def _tail(
    state: State, current: Route, healths: Mapping[str, Health], policy: Policy, now: datetime
) -> Switchover | None:
    """Return the reordering of the standbys, when what follows the active provider would not carry mail.

    The active provider stays, so it is no move: neither hold-down nor brake count it. Standbys that merely
    got worse, or that work again, wait for the next move; only one that refuses everything in front of one that
    works, refuses our account, or is missing though it works, is worth touching Postfix for.
    """
    wanted = ordered(current.active, healths, policy, drained(state.context.overrides, now))
    standbys, better = current.providers[1:], wanted[1:]
    refusing = [n for n in better if healths[n].hard and healths[n].severity is Severity.REFUSING]
    working = [n for n in better if healths[n].status is Status.HEALTHY]
    wrong = [n for n in standbys if n not in better]
    wrong += [n for n in working if n not in standbys]
    wrong += [
        n
        for n in refusing
        if n in standbys and any(n in standbys[: standbys.index(w)] for w in working if w in standbys)
    ]
    if not wrong or gates(state, policy, now):
        return None
    changed = ", ".join(dict.fromkeys(wrong))
    reason = f"{current.active} stays first; the order behind it changes for {changed}: " + " ".join(
        healths[n].reason if n in healths else f"{n} is not configured any more." for n in dict.fromkeys(wrong)
    )
    move = Switchover(route=simple_route(*wanted), reason=reason, rule=STANDBY_ORDER, trigger=AUTOMATIC)
    through = _through(move, (), state, policy, None, alert=False)
    return through if isinstance(through, Switchover) else None


def _hold(state: State, policy: Policy, now: datetime, back_to: str | None = None) -> Gate | None:
    until = held_until(state.context.moves, policy, state.context.acked_at, back_to)
    if until is None or now >= until:
        return None
    sentence = f"The last automatic move holds mail where it is until {utc(until)}; relaypilot ack lifts that."
    return Gate(rule="hold-down", sentence=sentence)


def _through(
    move: Switchover, closed: tuple[Gate, ...], state: State, policy: Policy, since: datetime | None, *, alert: bool
) -> Stay | Switchover:
    """Return the move, unless a gate is closed or observe mode has already told it."""
    to = move.route.active
    if closed:
        reason = f"{move.reason} Mail would move to {to}, but: {closed[0].sentence}"
        return Stay(rule=closed[0].rule, reason=reason, blocked_by=tuple(g.sentence for g in closed), alert=alert)
    told = state.context.proposal
    known = told is not None and told.route == move.route.providers and (since is None or told.at >= since)
    if policy.mode is Mode.OBSERVE and told is not None and known:
        reason = f"Observing only: would have moved mail to {to} at {utc(told.at)}. {move.reason}"
        blocked = 'mode = "observe": set mode = "enforce" to have moves carried out.'
        return Stay(rule="observe", reason=reason, blocked_by=(blocked,), alert=alert)
    return move
