"""How much live mail there is, and where it goes: measured from what providers took. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from probes.observation import Observation
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER, Route
from service.decision.state import State
from service.decision.tally import BUCKETS, bucket_of, count, read

HOUR_SECONDS = 3600.0
LEAST_MESSAGES = 100  # below which counts say nothing about the mix


def with_volume(state: State, taken: Observation, policy: Policy) -> State:
    """Return the state with live messages that a provider took counted."""
    bucket, volumes = bucket_of(taken.at, policy.evidence_lifetime_seconds), dict(state.volumes)
    for receiver in dict.fromkeys((ANY_RECEIVER, taken.receiver or ANY_RECEIVER)):
        volumes[receiver] = count(volumes.get(receiver), bucket, 0, taken.count)
    return replace(state, volumes=volumes)


def messages(state: State, policy: Policy, now: datetime, receiver: str = ANY_RECEIVER) -> int:
    """Return the live messages to this receiver over the evidence lifetime."""
    tally = state.volumes.get(receiver)
    return 0 if tally is None else read(tally, bucket_of(now, policy.evidence_lifetime_seconds))[1]


def mix(state: State, policy: Policy, now: datetime) -> Mapping[str, float]:
    """Return each receiver's part of the mail; the parts add up to 1.

    Receivers to which no live mail is known weigh as if all had the same; the others share the rest by volume.
    """
    equal = 1 / max(1, len(policy.receivers))
    counts = {receiver: messages(state, policy, now, receiver) for receiver in policy.receivers}
    total = sum(counts.values())
    if total < LEAST_MESSAGES:
        return dict.fromkeys(policy.receivers, equal)
    rest = 1 - equal * sum(1 for seen in counts.values() if not seen)
    return {receiver: rest * seen / total if seen else equal for receiver, seen in counts.items()}


def busiest_hour(state: State, policy: Policy, now: datetime, receiver: str = ANY_RECEIVER) -> float:
    """Return the messages of the busiest hour within the evidence lifetime, as far as the counts resolve hours."""
    tally = state.volumes.get(receiver)
    if tally is None:
        return 0.0
    present = bucket_of(now, policy.evidence_lifetime_seconds)
    counts = {number: total for number, _, total in (*tally.older, (tally.bucket, 0, tally.total))}
    bucket_seconds = policy.evidence_lifetime_seconds / BUCKETS
    width = max(1, round(HOUR_SECONDS / bucket_seconds))
    sums = (
        sum(counts.get(number - back, 0) for back in range(width)) for number in counts if number > present - BUCKETS
    )
    return max(sums, default=0) * HOUR_SECONDS / (width * bucket_seconds)


def lane_volume(state: State, route: Route, receiver: str, policy: Policy, now: datetime) -> float:
    """Return the messages of the busiest hour in one lane: the default lane carries what no other does."""
    if receiver != ANY_RECEIVER:
        return busiest_hour(state, policy, now, receiver)
    own = sum(busiest_hour(state, policy, now, one) for one in route.receivers)
    return max(0.0, busiest_hour(state, policy, now) - own)
