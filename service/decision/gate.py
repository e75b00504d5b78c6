"""Gates: what keeps an automatic move that is due from being made now, and until when. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.decision.hold import held_until
from service.decision.policy import Policy
from service.decision.reason import utc
from service.decision.route import ANY_RECEIVER
from service.decision.state import State

_FIRST_BACKOFF_SECONDS = 30.0
_LONGEST_BACKOFF_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One reason to wait, in a sentence that says what ends it."""

    rule: str
    sentence: str


def gates(
    state: State,
    policy: Policy,
    now: datetime,
    *,
    receiver: str = ANY_RECEIVER,
    needs: tuple[str, ...] = (),
    hold: Gate | None = None,
) -> tuple[Gate, ...]:
    """Return the gates that are closed, the most fundamental first. `needs`: who must have been measured by now."""
    closed = (
        *_overrides(state, now, receiver),
        _brake(state, policy),
        _start(state, policy, now, needs),
        _backoff(state, now),
        hold,
    )
    return tuple(gate for gate in closed if gate is not None)


def hold_gate(
    state: State, policy: Policy, now: datetime, receiver: str = ANY_RECEIVER, back_to: str | None = None
) -> Gate | None:
    """Return the hold-down of a lane, or of a provider's return to it."""
    until = held_until(state.context, policy, receiver, back_to)
    if until is None or now >= until:
        return None
    whose = "" if receiver == ANY_RECEIVER else f" of mail to {receiver}"
    sentence = f"The last automatic move{whose} holds mail where it is until {utc(until)}; relaypilot ack lifts that."
    lost = [s.at for s in state.context.setbacks if (s.provider, s.receiver) == (back_to, receiver)]
    if lost:
        ended = f"{back_to} lost its share{whose} at {utc(lost[-1])}"
        sentence = f"{ended} and waits until {utc(until)}; relaypilot ack lifts that."
    return Gate(rule="hold-down", sentence=sentence)


def _overrides(state: State, now: datetime, receiver: str) -> tuple[Gate, ...]:
    found = []
    for verb, state_of_it, end in (
        ("pause", "Automation is paused", "resume"),
        ("pin", "The route is pinned", "unpin"),
    ):
        for o in state.context.overrides:
            if o.verb == verb and o.in_force(now) and o.receiver in (None, receiver):
                until = f" until {utc(o.until)}" if o.until else ""
                who = f" by {o.actor}" if o.actor else ""
                why = f" ({o.reason})" if o.reason else ""
                to = f" to {o.provider}" if o.provider else ""
                what = state_of_it if o.receiver is None else f"Mail to {o.receiver} is pinned"
                found.append(Gate(rule=verb, sentence=f"{what}{to}{until}{who}{why}; relaypilot {end} ends it."))
    return tuple(found)


def _brake(state: State, policy: Policy) -> Gate | None:
    at = state.context.braked_at
    if at is None:
        return None
    sentence = (
        f"{policy.moves_per_hour} automatic moves within an hour were made by {utc(at)}, so automation has stopped; "
        "look into the cause, then relaypilot ack."
    )
    return Gate(rule="brake", sentence=sentence)


def start_grace(policy: Policy) -> timedelta:
    """Return for how long after a start every provider is waited for."""
    return timedelta(seconds=2 * policy.session_interval_seconds + 60)


def _start(state: State, policy: Policy, now: datetime, needs: tuple[str, ...]) -> Gate | None:
    """Return the wait for fresh evidence of every provider after a start; later only of those concerned."""
    started_at = state.context.started_at
    if started_at is None:
        return None
    early = now - started_at < start_grace(policy)
    asked = policy.providers if early else tuple(n for n in needs if n in policy.providers)
    missing = [n for n in asked if (p := state.providers.get(n)) is None or p.seen_at is None or p.seen_at < started_at]
    if not missing:
        return None
    sentence = f"Since the start at {utc(started_at)} there is no evidence yet of {', '.join(missing)}."
    return Gate(rule="start", sentence=sentence)


def _backoff(state: State, now: datetime) -> Gate | None:
    context = state.context
    if context.failed_at is None:
        return None
    wait = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** (context.failed_applies - 1))
    until = context.failed_at + timedelta(seconds=wait)
    if now >= until:
        return None
    times = "time" if context.failed_applies == 1 else "times in a row"
    sentence = f"Changing the route failed {context.failed_applies} {times}; the next try is at {utc(until)}."
    return Gate(rule="apply-failed", sentence=sentence)
