"""The root-owned journal of the transaction: what was tried, by whom, why, and what became of it.

One JSON line a move, appended; of very many the oldest are dropped. The daemon reads it at start, so that moves
made while it was dead are in its history.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from service.decision.route import Route
from service.postfix.durable import append_durably, write_durably
from service.postfix.installation import Installation
from service.postfix.state import route_from_json, route_json

Outcome = Literal["applied", "failed"]
LINES_KEPT = 10_000
_LINES_OVER = 500  # lets trimming be rare
PAGE_LINES = 500
_PAGE_CHARACTERS = 1_000_000  # a quarter of the longest answer
_log = logging.getLogger(__name__)


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
    path = _path(installation)
    append_durably(path, json.dumps(line_json(line)), mode=0o600)
    try:
        _trim(path)
    except OSError as error:
        _log.warning("the journal %s could not be trimmed, and grows: %s", path, error)


def _trim(path: Path) -> None:
    """Keep the newest lines only, and the newest applied move: it tells what is in force."""
    with path.open("rb") as file:
        if sum(1 for _ in file) <= LINES_KEPT + _LINES_OVER:
            return
    lines = path.read_text(encoding="utf-8").splitlines()
    dropped, kept = lines[:-LINES_KEPT], lines[-LINES_KEPT:]
    if not any(_is_applied(text) for text in kept):
        kept = [*[text for text in dropped if _is_applied(text)][-1:], *kept]
    write_durably(path, "".join(f"{text}\n" for text in kept), mode=0o600)


def _is_applied(text: str) -> bool:
    line = _line_of(text)
    return line is not None and line.outcome == "applied"


def read_journal(installation: Installation, after_generation: int = 0) -> tuple[JournalLine, ...]:
    """Return the moves whose generation is greater, oldest first; a line torn by a crash is left out.

    A failed move has the generation it would have had, so it is returned again until a later one is applied:
    tell moves apart by `request_id`.
    """
    return tuple(_after(_texts(installation), after_generation))


def journal_page(
    installation: Installation, after_generation: int = 0, beyond: str | None = None
) -> tuple[JournalLine, ...]:
    """Return the next moves of `read_journal` after the line of the request `beyond`, as many as one answer takes.

    Without that line, trimmed away perhaps, the page is the first.
    """
    texts = _texts(installation)
    if beyond is not None and not any(_is_of(text, beyond) for text in texts):
        texts = _texts(installation)
    page: list[JournalLine] = []
    characters = 0
    for line in _after(texts, after_generation):
        characters += len(json.dumps(line_json(line)))
        if page and (len(page) == PAGE_LINES or characters > _PAGE_CHARACTERS):
            break
        page.append(line)
    return tuple(page)


def find_in_journal(installation: Installation, request_id: str) -> JournalLine | None:
    """Return what became of a request, or None."""
    return next((_line_of(text) for text in _texts(installation) if _is_of(text, request_id)), None)


def _after(texts: Iterator[str], generation: int) -> Iterator[JournalLine]:
    return (line for text in texts if (line := _line_of(text)) is not None and line.generation > generation)


def _is_of(text: str, request_id: str) -> bool:
    if f'"{request_id}"' not in text:  # most lines need not be parsed
        return False
    line = _line_of(text)
    return line is not None and line.request_id == request_id


def _path(installation: Installation) -> Path:
    return installation.helper_dir / "journal.jsonl"


def _texts(installation: Installation) -> Iterator[str]:
    try:
        with _path(installation).open(encoding="utf-8", errors="replace") as file:
            yield from file
    except FileNotFoundError:
        return


def _line_of(text: str) -> JournalLine | None:
    try:
        return line_from_json(json.loads(text))
    except (ValueError, KeyError, TypeError):
        return None
