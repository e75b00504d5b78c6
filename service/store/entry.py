"""What the journal keeps: what was found wrong, each switchover intended, and exactly what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JournalKind(StrEnum):
    """What an entry records: a detection, or a step of a switchover."""

    DETECTED = "detected"  # a provider was found degraded, or recovered: no switchover yet
    ORDERED = "ordered"  # a person paused, pinned, drained, acknowledged, or took that back
    INTENDED = "intended"  # about to be applied
    APPLIED = "applied"
    FAILED = "failed"  # tried, rolled back
    BLOCKED = "blocked"  # refused by a safety rule
    OBSERVED = "observed"  # a would-be move: mode is "observe", nothing was changed
    IMPORTED = "imported"  # applied while the daemon was dead, learnt at its next start


class Trigger(StrEnum):
    """What asked for the switchover."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    FAILBACK = "failback"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One appended row of the journal. One request has at most one entry of each kind."""

    request_id: str
    at: datetime
    kind: JournalKind
    trigger: Trigger
    actor: str  # "relaypilot", or the person or token that asked
    reason: str  # one sentence with the evidence
    rule: str | None = None  # the rule of decision or safety that spoke
    from_route: tuple[str, ...] | None = None
    to_route: tuple[str, ...] | None = None  # providers of the lane, first choice first
    receiver: str | None = None  # whose mail alone is meant; None: all mail
    enforced: bool = True  # false: a would-be move
    detail: str = ""
    generation: int | None = None  # of the applied route, counted by the root helper
    id: int | None = None  # place in the journal; given by the store
