"""How bad a fault is: refusing > losing > misplacing > late. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from probes.observation import Signal


class Severity(StrEnum):
    """What a provider does to mail, from nothing to the worst."""

    NONE = "none"
    LATE = "late"
    MISPLACING = "misplacing"
    LOSING = "losing"
    REFUSING = "refusing"

    @property
    def rank(self) -> int:
        """Return 0 for none up to 4 for refusing."""
        return list(Severity).index(self)


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the worst of these; none when there are none."""
    return max(severities, key=lambda s: s.rank, default=Severity.NONE)


def severity_of(signal: Signal) -> Severity:
    """Return what it means when this signal is confirmed to be bad.

    Authentication alone moves no mail: what it does to placement does.
    """
    return {
        Signal.ARRIVAL: Severity.LOSING,
        Signal.PLACEMENT: Severity.MISPLACING,
        Signal.LATENCY: Severity.LATE,
        Signal.AUTHENTICATION: Severity.NONE,
    }.get(signal, Severity.REFUSING)
