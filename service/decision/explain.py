"""Explains: why mail is not moved, or would be; what blocks it; what would change that. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from probes.observation import Observation
from service.decision.candidate import unproven
from service.decision.decision import Question, Stay, Switchover
from service.decision.failback import still_to_earn
from service.decision.failover import decide
from service.decision.health import Health, Status, health, overall
from service.decision.override import Override
from service.decision.plan import in_words
from service.decision.policy import Failback, Mode, Policy
from service.decision.reason import quoted, utc
from service.decision.route import ANY_RECEIVER, Route
from service.decision.severity import Severity
from service.decision.standing import standing_of
from service.decision.state import State
from service.decision.suspicion import further_needed

WEIGHED = 5  # observations quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One decision with everything that bears on it, in sentences."""

    sentence: str
    rule: str
    move: Switchover | None  # what would be done now, if anything
    alert: bool
    blocked_by: tuple[str, ...]
    would_change: tuple[str, ...]
    evidence: tuple[str, ...]  # the observations that weighed most, latest last
    overrides: tuple[Override, ...]  # in force
    notes: tuple[str, ...]  # faults that are no provider's
    last_move: str | None
    route: tuple[str, ...]  # the way of each lane's mail, in words
    healths: Mapping[tuple[str, str], Health]


def explain(state: State, current: Route, policy: Policy, now: datetime) -> Explanation:
    """Return the decision for this route now, explained."""
    decision = decide(state, current, policy, now)
    chief = overall(state, policy, now)
    cited = decision.evidence or _cited(chief, current)
    last = state.context.moves[-1] if state.context.moves else None
    return Explanation(
        sentence=decision.reason,
        rule=decision.rule,
        move=decision if isinstance(decision, Switchover) else None,
        alert=isinstance(decision, Stay) and decision.alert,
        blocked_by=decision.blocked_by if isinstance(decision, Stay) else (),
        would_change=_would_change(decision, chief, state, current, policy, now),
        evidence=tuple(_told(o) for o in cited[-WEIGHED:]),
        overrides=tuple(o for o in state.context.overrides if o.in_force(now)),
        notes=tuple(
            n.sentence
            for n in state.context.notes.values()
            if (now - n.at).total_seconds() <= policy.evidence_lifetime_seconds
        ),
        last_move=f"{utc(last.at)} {last.trigger}{_whose(last.receiver)} to {last.active}: {last.reason}"
        if last
        else None,
        route=_ways(state, current),
        healths=health(state, policy, now),
    )


def _whose(receiver: str) -> str:
    return "" if receiver == ANY_RECEIVER else f", mail to {receiver},"


def _ways(state: State, current: Route) -> tuple[str, ...]:
    """Return the way of each lane's mail, and since when it takes that way."""
    found = []
    for lane in current.lanes:
        mail = "All mail" if lane.receiver == ANY_RECEIVER else f"Mail to {lane.receiver}"
        since = state.context.lane_times.get(lane.receiver)
        found.append(f"{mail}: {in_words(lane)}" + (f" (since {utc(since)})" if since else ""))
    return tuple(found)


def _cited(chief: Mapping[str, Health], current: Route) -> tuple[Observation, ...]:
    """Return the active provider's evidence, else that of any other in trouble."""
    order = [chief[current.active]] if current.active in chief else []
    order += [h for name, h in chief.items() if name != current.active]
    return next((h.evidence for h in order if h.evidence), ())


def _would_change(
    decision: Stay | Switchover,
    chief: Mapping[str, Health],
    state: State,
    current: Route,
    policy: Policy,
    now: datetime,
) -> tuple[str, ...]:
    """Return what would make relaypilot decide otherwise."""
    found: list[str] = []
    active = chief.get(current.active)
    if state.context.local is not None:
        return ("One answer from any provider, or a control check that passes, ends the local fault.",)
    if isinstance(decision, Switchover):
        if policy.mode is Mode.OBSERVE:
            found.append('Nothing is carried out while mode = "observe".')
        return tuple(found)
    found += _of_lanes(state, current, policy, now)
    if active is not None and active.status is Status.SUSPECT:
        left = _failures_left(state, active.provider, policy, now)
        failures = "failure" if left == 1 else "failures in a row"
        found.append(f"{left} further {failures} would confirm that {active.provider} is at fault.")
    if active is not None and active.pressing is Severity.NONE:
        heir = _next_best(chief, state, current, policy, now)
        part = f" that touches {policy.least_affected_ratio:.0%} of the mail or more"
        what = f"A confirmed fault of {current.active}{'' if active.severity is Severity.NONE else part}"
        found.append(f"{what} would move mail to {heir}.")
    elif decision.rule == "no-better-provider":
        found.append("A good result of any less affected provider would move mail there.")
    for name, h in chief.items():
        if h.status is Status.RECOVERING:
            found.append(f"{h.recovers_by} would make {name} healthy again.")
        if h.needs_ack:
            found.append(f"relaypilot ack {name} would let {name} return by itself after its account fault.")
    found += _to_earn(chief, state, current, policy, now)
    if policy.failback is Failback.OFF and current.active != policy.providers[0]:
        found.append(f'{policy.providers[0]} does not return by itself because failback = "off".')
    return tuple(found)


def _to_earn(chief: Mapping[str, Health], state: State, current: Route, policy: Policy, now: datetime) -> list[str]:
    """Return what preferred providers that work still lack before their return begins."""
    if policy.failback is Failback.OFF or current.active not in policy.providers:
        return []
    question = Question(state=state, current=current, policy=policy, now=now)
    found = []
    for name in policy.providers[: policy.providers.index(current.active)]:
        if chief[name].status is Status.HEALTHY and not chief[name].needs_ack:
            left = still_to_earn(question, name)
            results = "result" if left == 1 else "results in a row"
            if left:
                found.append(f"{left} more good {results} would begin the return of {name}, which is preferred.")
    return found


def _of_lanes(state: State, current: Route, policy: Policy, now: datetime) -> list[str]:
    """Return what would change shares and receivers' lanes."""
    found = []
    for lane in current.lanes:
        mail = "" if lane.receiver == ANY_RECEIVER else f" to {lane.receiver}"
        if (canary := lane.canary) is not None:
            share = f"its {canary.percent} % of the mail{mail}"
            found.append(f"A confirmed fault of {canary.provider} would take {share} away at once.")
        if lane.receiver != ANY_RECEIVER and current.active in policy.providers:
            back = standing_of(current.active, lane.receiver, state, policy, now)
            if back.status is not Status.HEALTHY:
                found.append(f"Mail{mail} would go back to {current.active} once that works there again.")
    return found


def _failures_left(state: State, name: str, policy: Policy, now: datetime) -> int:
    """Return how many more failures would confirm a suspicion; at least one, which may prove whose fault it is."""
    streak = state.providers[name].trouble.streak
    if streak is None:
        return policy.confirmations
    return max(1, 1 + streak.needs(further_needed(state, name, policy, now), policy) - streak.count)


def _next_best(chief: Mapping[str, Health], state: State, current: Route, policy: Policy, now: datetime) -> str:
    fit = [
        name
        for name, h in chief.items()
        if name != current.active
        and h.severity is Severity.NONE
        and unproven(name, state, policy, now, left_for=Severity.NONE, since=None) is None
    ]
    return fit[0] if fit else "nobody: no other provider is proven"


def _told(o: Observation) -> str:
    where = f" to {o.seed}" if o.seed else ""
    how = f" found in {o.value}" if isinstance(o.value, str) else ""
    failure = f" {quoted(o)}" if o.text or o.stage or o.category else ""
    rule = f" (rule {o.rule})" if o.rule else ""
    return f"{utc(o.at)} {o.provider} {o.signal}{where} {o.outcome}{how}{failure}{rule}"
