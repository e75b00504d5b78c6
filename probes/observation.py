"""The facts that relaypilot judges by, and nothing else: the decision core's only input.

A fact is immutable, stamped with wall time, and appended in the order it was learnt (`seq`, given by the
store). Its JSON form is the observation file format of `relaypilot export` and `replay`
(`probes.fact_json`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Signal(StrEnum):
    """One dimension of health."""

    SESSION = "session"  # session check: would the relay take a message?
    ACCEPTANCE = "acceptance"  # the relay took responsibility, or did not
    ARRIVAL = "arrival"  # the accepted probe was found; bad = missing
    PLACEMENT = "placement"  # where it was found; bad = spam
    LATENCY = "latency"  # bad = late or overdue
    AUTHENTICATION = "authentication"  # SPF, DKIM, DMARC as the receiver saw them
    LIVE = "live"  # real mail, from Postfix's log


class Source(StrEnum):
    """Where an observation came from."""

    PROBE = "probe"
    LOG = "log"
    EVENT = "event"


class Outcome(StrEnum):
    """Verdict of one observation. `UNKNOWN` says nothing about the provider (a seed could not be searched)."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One immutable fact about one provider at one time.

    The adapter's `Failure` is flattened into `category`, `stage`, `temporary`, `rule` so that the decision
    core imports no adapter. A probe round is one (provider x seed) matrix of observations sharing `round`.
    """

    at: datetime  # when it became known, UTC
    provider: str
    signal: Signal
    source: Source
    outcome: Outcome
    receiver: str | None = None  # "gmail"; None where no receiver was involved
    seed: str | None = None
    round: str | None = None  # round id, or the session-check sweep's id
    confirmation: bool = False  # asked for by suspicion, not by the schedule
    value: float | str | None = None  # seconds (latency), or "inbox", "spam", "tab:promotions", "other:<folder>"
    category: str | None = None  # providers.failure.Category value
    stage: str | None = None  # providers.failure.Stage value
    temporary: bool | None = None
    rule: str | None = None
    text: str | None = None  # short redacted reply text, for the reason's sentence; at most 300 characters
    signed: bool | None = None  # probes: with the domain's own DKIM key, as live mail may be; None: no message was sent
    count: int = 1  # live mail: messages of that outcome in that 10 s


class NoticeKind(StrEnum):
    """Facts that are not observations (`fact` in the file format)."""

    START = "start"  # the daemon started; detail: version
    GAP = "gap"  # our own loop stood still; detail: seconds
    CLOCK_JUMP = "clock_jump"  # detail: seconds
    POLICY = "policy"  # policy changed; detail: hash
    OVERRIDE = (
        "override"  # pause, resume, pin, unpin, drain, undrain, ack; detail: verb, provider, until, actor, reason
    )
    CONTROL = "control"  # control check; detail: ok ("yes", "no", "unknown"), what
    SWITCHOVER = "switchover"  # outcome, trigger, request_id, route (JSON list), from, reason, rule, enforced


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A start, gap, clock jump, policy change, override, control check or switchover."""

    at: datetime
    kind: NoticeKind
    detail: Mapping[str, str] = field(default_factory=dict)


Fact = Observation | Notice
