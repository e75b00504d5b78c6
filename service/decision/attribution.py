"""Whose fault each failed observation was: the one place that decides it. Pure.

First by category alone, as far as that goes. What a category leaves open is settled by comparison: a
failure to reach one relay counts against it once another relay, or the control check, was reached
meanwhile; a refusal that may be the message's fault counts once another relay took the same; a failed
placement counts when the same seed's probe through another provider fared better in the same round.
"""

from dataclasses import dataclass
from enum import StrEnum

from probes.observation import Observation, Outcome, Signal, Source
from service.decision.round import Cell, Group


class Blame(StrEnum):
    """Whose fault a failure was. Only provider and account count against the provider."""

    PROVIDER = "provider"
    ACCOUNT = "account"  # our account at the provider
    SENDER = "sender"
    MESSAGE = "message"  # its content, its size, or its domain's reputation
    RECIPIENT = "recipient"
    SEED = "seed"
    RECEIVER = "receiver"
    LOCAL = "local"  # this host, its network or its configuration
    OPEN = "open"  # nothing to compare with, yet


class Proof(StrEnum):
    """What must be seen before a failure counts against the provider."""

    NONE = "none"  # the relay itself said that it is its own trouble
    PATH = "path"  # that our network reaches anything: another relay, or the control check
    SIBLING = "sibling"  # that another relay takes the same


_ACCOUNT = frozenset({"auth", "account", "quota", "sender"})
_PLAIN = frozenset({"provider", "provider-temp", "rate"})
COMPARED = (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY, Signal.AUTHENTICATION)
_PATH = frozenset({"network", "tls"})


def blame(observation: Observation) -> Blame:
    """Return whose fault this failed session check, submission or delivery was, from its category alone."""
    category = observation.category
    if category == "recipient":
        return Blame.RECIPIENT
    if category in ("content", "size"):
        return Blame.MESSAGE
    if category == "config":
        return Blame.LOCAL
    if category == "sender" and observation.source is Source.LOG:
        return Blame.SENDER  # forwarded or forged senders; probes bear our own
    if category in _ACCOUNT:
        return Blame.PROVIDER if observation.temporary else Blame.ACCOUNT
    if category in _PLAIN:
        return Blame.PROVIDER
    return Blame.OPEN


def proof_needed(observation: Observation) -> Proof:
    """Return what must be seen before this failure, if it may be the provider's at all, counts."""
    if observation.category in _PATH:
        return Proof.PATH
    return Proof.SIBLING if blame(observation) is Blame.OPEN else Proof.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What one closed round says of one provider at one receiver in one signal."""

    provider: str
    signal: Signal
    bad: int
    total: int
    seeds: frozenset[str]  # bad ones
    cites: tuple[Observation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A failure of all providers at once: no provider's fault."""

    signal: Signal
    blame: Blame
    seed: str | None  # None: every seed at the receiver
    cite: Observation


def compare_round(group: Group, *, paired: bool) -> tuple[tuple[Compared, ...], tuple[Shared, ...]]:
    """Return what differs between the providers in this closed round, and what failed for all of them.

    With `paired` false (one provider is configured) each result stands for itself.
    """
    compared: list[Compared] = []
    shared: list[Shared] = []
    for signal in COMPARED:
        results, failed_for_all = _by_provider(group, signal, paired=paired)
        compared += [
            Compared(
                provider=provider,
                signal=signal,
                bad=len(bad),
                total=good + len(bad),
                seeds=frozenset(o.seed or "" for o in bad),
                cites=tuple(bad),
            )
            for provider, (good, bad) in results.items()
        ]
        shared += _shared(group, signal, failed_for_all)
    return tuple(compared), tuple(shared)


def _by_provider(
    group: Group, signal: Signal, *, paired: bool
) -> tuple[dict[str, tuple[int, list[Observation]]], list[Observation]]:
    """Return per provider (good, bad observations), and one observation of each seed that failed for all."""
    by_seed: dict[str, list[Observation]] = {}
    for (_, seed), cell in group.cells.items():
        o = verdict(cell, signal)
        if o is not None:
            by_seed.setdefault(seed, []).append(o)
    results: dict[str, tuple[int, list[Observation]]] = {}
    failed_for_all: list[Observation] = []
    for seed in group.seeds:
        verdicts = by_seed.get(seed, [])
        if paired and verdicts and all(o.outcome is Outcome.BAD for o in verdicts):
            if len(verdicts) > 1:
                failed_for_all.append(verdicts[0])
            continue  # one alone has nothing to be compared with: open
        for o in verdicts:
            good, bad = results.get(o.provider, (0, []))
            results[o.provider] = (good, [*bad, o]) if o.outcome is Outcome.BAD else (good + 1, bad)
    return results, failed_for_all


def verdict(cell: Cell, signal: Signal) -> Observation | None:
    """Return the observation of this signal that counts, if the probe came so far and something is known."""
    if signal is Signal.ARRIVAL:
        observation = cell.arrival
    elif signal is Signal.PLACEMENT:
        observation = cell.placement
    elif signal is Signal.LATENCY:
        observation = cell.latency if cell.arrived or cell.overdue else None
    else:
        observation = cell.authentication
    return None if observation is None or observation.outcome is Outcome.UNKNOWN else observation


def _shared(group: Group, signal: Signal, failed: list[Observation]) -> list[Shared]:
    """Return the seed that failed for all, or the receiver (or message) when every one of several seeds did."""
    if failed and len(failed) == len(group.seeds) and (len(failed) > 1 or signal is Signal.PLACEMENT):
        whose = Blame.MESSAGE if signal in (Signal.PLACEMENT, Signal.AUTHENTICATION) else Blame.RECEIVER
        return [Shared(signal=signal, blame=whose, seed=None, cite=failed[0])]
    return [Shared(signal=signal, blame=Blame.SEED, seed=o.seed, cite=o) for o in failed]
