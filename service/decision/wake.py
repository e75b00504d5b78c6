"""When to judge again though nothing new is learnt: the next moment at which time alone changes something. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.decision.failback import PATIENCE_STEPS
from service.decision.gate import start_grace
from service.decision.hold import held_until
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.decision.state import Context, ProviderState, State
from service.decision.trouble import NO_TROUBLE

_INSTANT = timedelta(microseconds=1)  # evidence is still good at the very end of its life


def next_wake(state: State, policy: Policy, now: datetime) -> datetime | None:
    """Return the first such moment after `now`; none when nothing is to come."""
    return min((at for at in _deadlines(state, policy) if at > now), default=None)


def _deadlines(state: State, policy: Policy) -> Iterator[datetime]:
    context = state.context
    for order in context.overrides:
        if order.until is not None:
            yield order.until
    if context.started_at is not None:
        yield context.started_at + start_grace(policy)
    if context.moves or context.setbacks:
        lanes = {ANY_RECEIVER, *(move.receiver for move in context.moves), *(s.receiver for s in context.setbacks)}
        for receiver in lanes:
            for back_to in (None, *policy.providers):
                until = held_until(context, policy, receiver, back_to)
                if until is not None:
                    yield until
    if policy.shares:
        yield from _share_steps(context, policy)
    lifetime = timedelta(seconds=policy.evidence_lifetime_seconds) + _INSTANT
    for name in policy.providers:
        provider = state.providers.get(name)
        if provider is not None:
            yield from (at + lifetime for at in _last_words(provider))


def _share_steps(context: Context, policy: Policy) -> Iterator[datetime]:
    """Yield when each lane's shares may next change, and when a ramp goes on."""
    step = timedelta(seconds=policy.share_step_seconds)
    for since in context.lane_times.values():
        yield from (since + step, since + PATIENCE_STEPS * step)
    for move in context.moves if policy.ramp_shares else ():
        yield from (move.at + n * step for n in range(1, len(policy.ramp_shares) + 1))


def _last_words(provider: ProviderState) -> Iterator[datetime]:
    """Yield when each thing that is held of this provider was last confirmed."""
    if provider.good_at is not None:
        yield provider.good_at
    receivers: dict[str, datetime] = {}
    for (receiver, _), track in provider.tracks.items():
        if track.alarmed_at is not None:
            yield track.last_at
        good_at = track.last_good_at
        if good_at is not None and receiver != ANY_RECEIVER:
            receivers[receiver] = max(good_at, receivers.get(receiver, good_at))
    yield from receivers.values()
    trouble = provider.trouble
    if trouble is NO_TROUBLE:
        return
    if trouble.fault is not None:
        yield trouble.fault.seen_at
    if trouble.streak is not None:
        yield trouble.streak.last.at
    if trouble.doubt is not None:
        yield trouble.doubt.at
