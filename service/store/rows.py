"""Values to column values and back. Pure."""

import json
from datetime import datetime
from typing import Any

from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal, Source
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.store.tables import FactRow, JournalRow

OBSERVATION = "observation"


def aware(at: datetime) -> datetime:
    """Return a time that has a zone.

    Raises:
        ValueError: it has none.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone; the store takes aware times only")
    return at


def fact_columns(seq: int, fact: Fact) -> dict[str, Any]:
    """Return the columns of one fact. Raises ValueError for a time without zone."""
    if isinstance(fact, Notice):
        columns: dict[str, Any] = dict.fromkeys(FactRow.model_fields)
        columns |= {"kind": fact.kind.value, "detail": json.dumps(dict(fact.detail)), "confirmation": False, "count": 1}
        return columns | {"seq": seq, "at": aware(fact.at)}
    number = fact.value if isinstance(fact.value, int | float) else None
    return {
        "seq": seq,
        "at": aware(fact.at),
        "kind": OBSERVATION,
        "provider": fact.provider,
        "signal": fact.signal.value,
        "source": fact.source.value,
        "outcome": fact.outcome.value,
        "receiver": fact.receiver,
        "seed": fact.seed,
        "round": fact.round,
        "confirmation": fact.confirmation,
        "value_number": number,
        "value_text": fact.value if isinstance(fact.value, str) else None,
        "category": fact.category,
        "stage": fact.stage,
        "temporary": fact.temporary,
        "rule": fact.rule,
        "text": fact.text,
        "count": fact.count,
        "detail": None if fact.signed is None else json.dumps({"signed": fact.signed}),
    }


def fact_of(row: FactRow) -> Fact:
    """Return the fact that was stored in a row."""
    if row.kind != OBSERVATION:
        return Notice(at=row.at, kind=NoticeKind(row.kind), detail=json.loads(row.detail or "{}"))
    return Observation(
        at=row.at,
        provider=row.provider or "",
        signal=Signal(row.signal or ""),
        source=Source(row.source or ""),
        outcome=Outcome(row.outcome or ""),
        receiver=row.receiver,
        seed=row.seed,
        round=row.round,
        confirmation=row.confirmation,
        value=row.value_text if row.value_number is None else row.value_number,
        category=row.category,
        stage=row.stage,
        temporary=row.temporary,
        rule=row.rule,
        text=row.text,
        count=row.count,
        signed=json.loads(row.detail).get("signed") if row.detail else None,
    )


def route_json(providers: tuple[str, ...] | None) -> str | None:
    """Return a route's providers as a JSON list."""
    return None if providers is None else json.dumps(providers)


def route_of(text: str | None) -> tuple[str, ...] | None:
    """Return the providers of a JSON list."""
    return None if text is None else tuple(json.loads(text))


def journal_row(entry: JournalEntry) -> JournalRow:
    """Return the row of one journal entry. Raises ValueError for a time without zone."""
    return JournalRow(
        request_id=entry.request_id,
        at=aware(entry.at),
        kind=JournalKind(entry.kind).value,
        trigger=Trigger(entry.trigger).value,
        actor=entry.actor,
        reason=entry.reason,
        rule=entry.rule,
        from_route=route_json(entry.from_route),
        to_route=route_json(entry.to_route),
        receiver=entry.receiver,
        enforced=entry.enforced,
        detail=entry.detail,
        generation=entry.generation,
    )


def entry_of(row: JournalRow) -> JournalEntry:
    """Return the journal entry that was stored in a row."""
    return JournalEntry(
        id=row.id,
        request_id=row.request_id,
        at=row.at,
        kind=JournalKind(row.kind),
        trigger=Trigger(row.trigger),
        actor=row.actor,
        reason=row.reason,
        rule=row.rule,
        from_route=route_of(row.from_route),
        to_route=route_of(row.to_route),
        receiver=row.receiver,
        enforced=row.enforced,
        detail=row.detail,
        generation=row.generation,
    )
