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
    confirmations: int = 2  # further failures, at least, that confirm a hard fault (one less for an account fault)
    confirmation_spacing_seconds: float = 2.0
    evidence_lifetime_seconds: float = 86400.0
    hold_down_seconds: float = 900.0
    failback_rounds: int = 6  # good clusters in a row that earn a failback, at least
    moves_per_hour: int = 6
    manual_pin_seconds: float = 3600.0
    shares: bool = False  # whether the installation can give part of a lane's mail to another provider
    lane_receivers: tuple[str, ...] = ()  # receivers whose mail can go a way of its own; none: one route for all
    failback_shares: tuple[int, ...] = (10, 50, 100)  # percent of the mail that a returning provider gets, step by step
    ramp_shares: tuple[int, ...] = ()  # percent that a provider carries after a move to it, step by step; none: all
    share_step_seconds: float = 600.0  # least time between two changes of a lane's shares
    least_affected_ratio: float = 0.05  # a fault that touches less of the mail moves nothing
    warm_shares: tuple[tuple[str, int], ...] = ()  # (provider, percent of the mail that it gets while a standby)
    hourly_caps: tuple[tuple[str, int], ...] = ()  # (provider, most messages an hour)

    def __hash__(self) -> int:
        """Return a hash of the fields that differ most; all of them took longer than folding a fact needs (2026-11)."""
        return hash((self.providers, self.false_moves_per_year, self.session_interval_seconds))

    @property
    def receivers(self) -> tuple[str, ...]:
        """Return the receivers that have a seed, in order."""
        return tuple(dict.fromkeys(receiver for _, receiver in self.seeds))

    def warm_percent(self, provider: str) -> int:
        """Return the percentage of the mail that keeps this provider warm while it is a standby; 0: none."""
        return next((percent for name, percent in self.warm_shares if name == provider), 0)

    def hourly_cap(self, provider: str) -> int | None:
        """Return the most messages an hour that this provider may carry; none: any number."""
        return next((cap for name, cap in self.hourly_caps if name == provider), None)


def policy_hash(policy: Policy) -> str:
    """Return the name of this policy: 16 hexadecimal digits, the same for equal policies."""
    return hashlib.sha256(json.dumps(asdict(policy), sort_keys=True).encode()).hexdigest()[:16]
