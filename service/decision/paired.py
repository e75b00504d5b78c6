"""Is the difference between two providers real? A paired test that may be looked at as often as one likes. Pure.

Rounds are paired: the same content to the same seed through both within seconds. Only rounds in which one of
them fared better say anything about a difference; were there none, either would be as likely to be the one,
whatever happened before. Against that stands the mixture over all other chances, each weighed by Jeffreys'
prior: of n such rounds, k in favour of the first, the evidence is

    e = 2^n * B(k + 1/2, n - k + 1/2) / B(1/2, 1/2)

(Krichevsky and Trofimov 1981). Where there is no difference its mean is 1 at every look, however the looks were
chosen, so that it ever reaches 1/a has at most the probability a (Ville 1939; Robbins 1970, "Statistical methods
related to the law of the iterated logarithm"; Johari, Koomen, Pekelis, Walsh 2022, "Always valid inference").
An e-value was chosen before alpha-spending because nobody needs to say beforehand when, or how often, will be
looked. Many pairs and signals are looked at together: each must reach as many times 1/a as there are (Bonferroni).
And a window that slides begins anew each hour, each time with evidence of its own: of two equal providers, a window
of 7 days that allowed for one beginning called one better in 245 of 400 simulated years of hourly looks (2026-11). So
the beginnings that a year has are allowed for too.

The unit is the round, not the seed: what goes to several seeds at once shares a cause.
"""

from dataclasses import dataclass
from math import lgamma, log

from probes.observation import Signal

ERROR_RATIO = 0.05  # chance in a year of looking that any difference is called real where there is none
BEGINNINGS = 8766  # of windows in a year: they begin with an hour
COMPARED = (Signal.ACCEPTANCE, Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY, Signal.AUTHENTICATION)
_LOG_PI = 2 * lgamma(0.5)  # B(1/2, 1/2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """What the rounds that measured both say of two providers in one signal."""

    rounds: int = 0  # in which both were measured
    first_better: int = 0  # of these
    second_better: int = 0
    probes: int = 0  # pairs of probes: same round, same seed
    only_first: int = 0  # of these, good through the first alone
    only_second: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two providers in one signal at one receiver ("*": all). `better` is empty while no difference is proven."""

    first: str
    second: str
    receiver: str
    signal: Signal
    counts: PairCounts
    better: str
    log_evidence: float  # natural logarithm of the e-value
    log_needed: float  # above which the difference is taken for real

    @property
    def worse(self) -> str:
        """Return the provider that fares worse; empty while no difference is proven."""
        return "" if not self.better else self.second if self.better == self.first else self.first


def log_evidence(first_better: int, second_better: int) -> float:
    """Return the natural logarithm of the e-value; 0 for no round at all."""
    n = first_better + second_better
    return n * log(2) + lgamma(first_better + 0.5) + lgamma(second_better + 0.5) - lgamma(n + 1) - _LOG_PI


def log_needed(tests: int) -> float:
    """Return what the logarithm of an e-value must reach when so many tests are looked at together."""
    return log(max(1, tests) * BEGINNINGS / ERROR_RATIO)


def rounds_needed(tests: int) -> int:
    """Return how many rounds, all in favour of the same provider, prove a difference: fewer never can."""
    rounds = 1
    while log_evidence(rounds, 0) < log_needed(tests):
        rounds += 1
    return rounds


def difference(first: str, second: str, receiver: str, signal: Signal, counts: PairCounts, *, tests: int) -> Difference:
    """Return whether one of two providers fares better, when this is one of so many tests."""
    evidence, needed = log_evidence(counts.first_better, counts.second_better), log_needed(tests)
    better = ""
    if evidence >= needed:
        better = first if counts.first_better > counts.second_better else second
    return Difference(
        first=first,
        second=second,
        receiver=receiver,
        signal=signal,
        counts=counts,
        better=better,
        log_evidence=evidence,
        log_needed=needed,
    )
