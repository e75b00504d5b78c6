"""The root-owned journal of the transaction: what was tried, by whom, why, and what became of it.

One JSON line a move, appended only. The daemon reads it at start, so that moves made while it was dead are in
its history.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from service.decision.route import Route
from service.postfix.durable import append_durably, read_text_or_none
from service.postfix.installation import Installation
from service.postfix.state import route_from_json, route_json

Outcome = Literal["applied", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One move: applied, or failed and undone."""

    request_id: str
    generation: int  # the move's own: one more than the route's before it; a failed move leaves it to the next
    at: datetime
    before: Route | None
    after: Route
    outcome: Outcome
    verified: bool  # the canary message was seen to take the new route
    detail: str  # one sentence
    steps: tuple[tuple[str, float], ...] = ()  # (step, seconds)
    actor: str = ""
    reason: str = ""
    trigger: str = "manual"
    pin_until: datetime | None = None


def line_json(line: JournalLine) -> dict[str, Any]:
    """Return a journal line as JSON values."""
    return {
        "v": 1,
        "request_id": line.request_id,
        "generation": line.generation,
        "at": line.at.isoformat(),
        "before": route_json(line.before) if line.before else None,
        "after": route_json(line.after),
        "outcome": line.outcome,
        "verified": line.verified,
        "detail": line.detail,
        "steps": [[step, round(seconds, 4)] for step, seconds in line.steps],
        "actor": line.actor,
        "reason": line.reason,
        "trigger": line.trigger,
        "pin_until": line.pin_until.isoformat() if line.pin_until else None,
    }


def line_from_json(values: Mapping[str, Any]) -> JournalLine:
    """Return the journal line of JSON values."""
    return JournalLine(
        request_id=values["request_id"],
        generation=values["generation"],
        at=datetime.fromisoformat(values["at"]),
        before=route_from_json(values["before"]) if values["before"] else None,
        after=route_from_json(values["after"]),
        outcome=values["outcome"],
        verified=values["verified"],
        detail=values["detail"],
        steps=tuple((step, seconds) for step, seconds in values["steps"]),
        actor=values["actor"],
        reason=values["reason"],
        trigger=values["trigger"],
        pin_until=datetime.fromisoformat(values["pin_until"]) if values["pin_until"] else None,
    )


def append_journal(installation: Installation, line: JournalLine) -> None:
    """Append one line and sync it.

    Raises:
        OSError: it could not be written; the journal is as it was.
    """
    append_durably(installation.helper_dir / "journal.jsonl", json.dumps(line_json(line)), mode=0o600)


def read_journal(installation: Installation, after_generation: int = 0) -> tuple[JournalLine, ...]:
    """Return the moves whose generation is greater, oldest first; a line torn by a crash is left out.

    A failed move has the generation it would have had, so it is returned again until a later one is applied:
    tell moves apart by `request_id`.
    """
    lines = []
    for text in (read_text_or_none(installation.helper_dir / "journal.jsonl") or "").splitlines():
        try:
            line = line_from_json(json.loads(text))
        except (ValueError, KeyError, TypeError):
            continue
        if line.generation > after_generation:
            lines.append(line)
    return tuple(lines)


def find_in_journal(installation: Installation, request_id: str) -> JournalLine | None:
    """Return what became of a request, or None."""
    return next((line for line in reversed(read_journal(installation)) if line.request_id == request_id), None)
