"""What the administrator asked for, as plain numbers: the decision core's second input. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Whether moves are carried out."""

    OBSERVE = "observe"  # everything but applying; would-be moves are journaled with enforced = false
    ENFORCE = "enforce"


class Failback(StrEnum):
    """Whether the preferred provider gets its mail back by itself."""

    EARNED = "earned"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a judgement depends on besides the facts."""

    providers: tuple[str, ...]  # in order of preference
    seeds: tuple[tuple[str, str], ...]  # (seed, receiver)
    mode: Mode = Mode.OBSERVE
    failback: Failback = Failback.EARNED
    false_moves_per_year: float = 1.0
    tolerated_outage_seconds: float = 60.0
    session_interval_seconds: float = 60.0
    round_interval_seconds: float = 3600.0
    round_deadline_seconds: float = 900.0  # a probe not found by then is missing
    late_seconds: float = 300.0  # accepted to arrival, beyond which a probe is late
    confirmations: int = 2  # further failures that confirm a hard fault (one for an account fault)
    confirmation_spacing_seconds: float = 2.0
    evidence_lifetime_seconds: float = 86400.0
    hold_down_seconds: float = 900.0
    failback_rounds: int = 6  # good clusters in a row that earn a failback
    moves_per_hour: int = 6
    manual_pin_seconds: float = 3600.0

    def __hash__(self) -> int:
        """Return a hash of the fields that differ most; all of them took longer than folding a fact needs (2026-11)."""
        return hash((self.providers, self.false_moves_per_year, self.session_interval_seconds))

    @property
    def receivers(self) -> tuple[str, ...]:
        """Return the receivers that have a seed, in order."""
        return tuple(dict.fromkeys(receiver for _, receiver in self.seeds))


def policy_hash(policy: Policy) -> str:
    """Return the name of this policy: 16 hexadecimal digits, the same for equal policies."""
    return hashlib.sha256(json.dumps(asdict(policy), sort_keys=True).encode()).hexdigest()[:16]
