"""Years of noise without a provider's fault, and years full of faults: what is drawn, and what counts as wrong."""

import math
import random
from dataclasses import dataclass, replace

from tests.simulation.judge import POLICY, Judge, Move
from tests.simulation.world import DAY, ELSEWHERE, HOUR, PROVIDERS, REFUSED, SEEDS, TREATED, Fault, Noise, World

OBSERVING_DAYS = 14.0  # before moves are carried out, as a new installation does
FAILING_RATIOS = (0.002, 0.01, 0.02)
TOLERATED_SECONDS = POLICY.tolerated_outage_seconds
LAG_SECONDS = 26 * HOUR  # evidence of a fault that has ended is still in force for so long, and recovery takes time
FAULTS_A_YEAR = 100
BY_ROUNDS = (*TREATED, "hang_data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one year showed. Each fault has the seconds until it was held against its provider, or none."""

    facts: int
    moves: tuple[Move, ...]
    wrong_moves: tuple[Move, ...]
    wrong_blame: tuple[tuple[float, str, str], ...]
    detected: tuple[tuple[str, float | None], ...] = ()


def noisy_year(seed: int, days: float = 365.0, observing_days: float = OBSERVING_DAYS) -> Outcome:
    """Return a year in which no provider has a fault: every move by automation is wrong."""
    chance = random.Random(seed)
    spammy = chance.choice(PROVIDERS)
    noise = Noise(
        failing_ratio=chance.choice(FAILING_RATIOS),
        burst_mean=chance.uniform(1, 3),
        spam_ratios=tuple((name, 0.12 if name == spammy else 0.03) for name in PROVIDERS),
        drift_days=chance.uniform(60, 180),
    )
    whole = (observing_days + days) * DAY
    faults = (*_nobodys(chance, whole, "local_net", 30 * DAY, 1800), *_seed_outages(chance, whole))
    judge = Judge(World(chance, noise, faults)).run(whole, observing=observing_days * DAY)
    return _judged(judge, (), observing_days * DAY)


def ill_year(seed: int, faults: int = FAULTS_A_YEAR, days: float = 365.0) -> Outcome:
    """Return a year with so many faults, evenly spread, one of each kind after the other, with the noise of others."""
    chance = random.Random(seed)
    kinds = [*REFUSED, *TREATED, *ELSEWHERE]
    chance.shuffle(kinds)
    space = days * DAY / faults
    drawn = tuple(
        _fault(kinds[n % len(kinds)], n * space + space / 3 + chance.uniform(0, 2 * HOUR), space, chance)
        for n in range(faults)
    )
    noise = Noise(failing_ratio=chance.choice(FAILING_RATIOS[:2]), burst_mean=chance.uniform(1, 3))
    policy = replace(POLICY, session_interval_seconds=300.0, round_interval_seconds=2 * HOUR)
    judge = Judge(World(chance, noise, drawn), policy).run(days * DAY)
    return _judged(judge, drawn, 0.0)


def upper_bound(events: int, years: float) -> float:
    """Return the one-sided 95 % upper bound of the rate of a Poisson process, exact (Garwood 1936)."""
    low, high = 0.0, 10.0 + 3 * events
    for _ in range(100):
        middle = (low + high) / 2
        likely = sum(math.exp(-middle + n * math.log(middle) - math.lgamma(n + 1)) for n in range(events + 1))
        low, high = (middle, high) if likely > 0.05 else (low, middle)
    return high / years


def _fault(kind: str, begins: float, space: float, chance: random.Random) -> Fault:
    long = kind in BY_ROUNDS or kind in ("seed_down", "seed_slow", "seed_full", "seed_suppressed", "bad_recipient")
    lasts = chance.uniform(0.3, 0.5) * space if long else chance.uniform(HOUR, 6 * HOUR)
    if kind in ELSEWHERE:
        where = SEEDS[0][0] if kind.startswith("seed") or kind == "bad_recipient" else ""
    else:
        where = PROVIDERS[0]
    return Fault(kind=kind, begins=begins, ends=begins + lasts, where=where)


def _nobodys(
    chance: random.Random, whole: float, kind: str, every: float, lasts: float, where: str = ""
) -> list[Fault]:
    found, at = [], chance.expovariate(1 / every)
    while at < whole:
        found.append(Fault(kind=kind, begins=at, ends=at + lasts, where=where))
        at += lasts + chance.expovariate(1 / every)
    return found


def _seed_outages(chance: random.Random, whole: float) -> list[Fault]:
    kinds = ("seed_down", "seed_slow", "seed_full")
    return [
        replace(fault, kind=chance.choice(kinds), ends=fault.begins + chance.uniform(2, 24) * HOUR)
        for seed, _ in SEEDS
        for fault in _nobodys(chance, whole, "seed", 60 * DAY, DAY, seed)
    ]


def _judged(judge: Judge, faults: tuple[Fault, ...], since: float) -> Outcome:
    theirs = [f for f in faults if f.where in PROVIDERS and f.ends - f.begins > TOLERATED_SECONDS]

    def guilty(name: str, at: float) -> bool:
        return any(f.where == name and f.begins <= at < f.ends + LAG_SECONDS for f in theirs)

    moves = tuple(m for m in judge.moves if m.trigger == "automatic" and m.at >= since)
    return Outcome(
        facts=judge.facts,
        moves=moves,
        wrong_moves=tuple(m for m in moves if not guilty(m.left, m.at)),
        wrong_blame=tuple(one for one in judge.held_ill if one[0] >= since and not guilty(one[1], one[0])),
        detected=tuple((f.kind, _delay(judge, f)) for f in theirs if f.kind != "auth_broken"),
    )


def _delay(judge: Judge, fault: Fault) -> float | None:
    """Return how long after its beginning the fault was held against its provider, if it was while it lasted."""
    times = [at for at, name, _ in judge.held_ill if name == fault.where and fault.begins <= at < fault.ends]
    return min(times) - fault.begins if times else None


__all__ = ["Outcome", "ill_year", "noisy_year", "upper_bound"]
