"""How long one decision takes, in the best and in worse cases, and how it stands with the number of facts."""

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.observation import Observation, Outcome, Signal, Source
from service.decision.failover import Switchover, decide
from service.decision.fold import step
from service.decision.policy import Mode, Policy
from service.decision.route import Lane, Route, Share, ShareKind, simple_route
from service.decision.state import initial_state
from tests.bench.figure import Figure

PROVIDERS = tuple(f"p{n:02}" for n in range(20))
RECEIVERS = tuple(f"r{n}" for n in range(10))
SEEDS = tuple((f"{receiver}-{n}", receiver) for receiver in RECEIVERS for n in (1, 2))
POLICY = Policy(
    providers=PROVIDERS,
    seeds=SEEDS,
    mode=Mode.ENFORCE,
    shares=True,
    lane_receivers=RECEIVERS,
    warm_shares=tuple((name, 1) for name in PROVIDERS[1:6]),
    hourly_caps=tuple((name, 1000) for name in PROVIDERS),
)
START = datetime(2026, 3, 1, tzinfo=UTC)
GOAL_MS = 1.0


def measure(decisions=300):
    """Measure a decision where all is well, one is ill at one receiver, and every provider is ill somewhere."""
    lanes = (
        Lane(providers=PROVIDERS, shares=(Share(provider="p01", percent=10, kind=ShareKind.CANARY),)),
        *(Lane(providers=(PROVIDERS[n + 1], PROVIDERS[0]), receiver=r) for n, r in enumerate(RECEIVERS[:3])),
    )
    cases = {
        "all is well": ({}, simple_route(*PROVIDERS)),
        "one is ill at one receiver": ({("p00", "r0")}, simple_route(*PROVIDERS)),
        "all are ill at a receiver": ({(p, RECEIVERS[n % 10]) for n, p in enumerate(PROVIDERS)}, Route(lanes=lanes)),
    }
    return [_measure(what, ill, route, decisions) for what, (ill, route) in cases.items()]


def _measure(what, ill, route, decisions):
    state, now = told(ill)
    while not ill and isinstance(found := decide(state, route, POLICY, now), Switchover):
        route = found.route  # where all is well, all is to be weighed and nothing is to be changed
    policies = (POLICY, replace(POLICY, moves_per_hour=7))
    times = []
    for n in range(decisions + 5):
        policy, at = policies[n % 2], now + timedelta(milliseconds=n)  # nothing may be remembered of the last one
        started = time.perf_counter()
        found = decide(state, route, policy, at)
        times.append((time.perf_counter() - started) * 1000)
    times = sorted(times[5:])
    tracks = sum(len(p.tracks) for p in state.providers.values())
    spread = f"median of {decisions}, 95 % under {times[int(decisions * 0.95)]:.2f} ms"
    size = f"{len(PROVIDERS)} providers, {len(RECEIVERS)} receivers, {len(route.lanes)} lanes, {tracks} tests"
    return Figure(
        name=f"decide: {what}",
        value=statistics.median(times),
        unit="ms",
        goal=GOAL_MS,
        conditions=f"{spread}; {size}; it decides: {found.rule}",
    )


def told(ill, rounds=12):
    """Return the state after hours of rounds, checks and live mail in which these (provider, receiver) misplace."""
    state, now = initial_state(), START
    for number in range(rounds):
        now += timedelta(minutes=10)
        for name in PROVIDERS:
            state = _step(state, now, name, Signal.SESSION, round=f"s{number}")
        for place, receiver in enumerate(RECEIVERS):
            good = Outcome.GOOD
            live = Observation(
                at=now,
                provider=PROVIDERS[place],
                signal=Signal.LIVE,
                source=Source.LOG,
                outcome=good,
                receiver=receiver,
                count=300,
            )
            state = step(state, live, POLICY)
        for seed, receiver in SEEDS:
            where = {"seed": seed, "receiver": receiver, "round": f"r{number}"}
            turn = number % 2  # half of the providers at a time, so that each round tells them apart
            for n, name in enumerate(PROVIDERS):
                spam = (name, receiver) in ill and (len(ill) == 1 or n % 2 == turn)
                state = _step(state, now, name, Signal.ACCEPTANCE, **where)
                state = _step(state, now, name, Signal.ARRIVAL, value=1.0, **where)
                state = _step(state, now, name, Signal.PLACEMENT, bad=spam, value="spam" if spam else "inbox", **where)
                state = _step(state, now, name, Signal.LATENCY, value=1.0, **where)
                state = _step(state, now, name, Signal.AUTHENTICATION, **where)
    for name in PROVIDERS:
        state = _step(state, now, name, Signal.SESSION, round="last")
    return state, now


def _step(state, at, name, signal, bad=False, **other):
    outcome = Outcome.BAD if bad else Outcome.GOOD
    fact = Observation(at=at, provider=name, signal=signal, source=Source.PROBE, outcome=outcome, **other)
    return step(state, fact, POLICY)
