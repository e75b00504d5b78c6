"""After a death in the middle of a move: what our journal learns from the root side's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probes.observation import NoticeKind
from service.agreement import known_generation, outcomes
from service.clock import SystemClock
from service.decision.route import simple_route
from service.postfix.journal import JournalLine
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.store.store import Store, open_store

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}", SystemClock())
    yield kept
    kept.close()


def intended(request_id: str) -> JournalEntry:
    return JournalEntry(
        request_id=request_id,
        at=AT,
        kind=JournalKind.INTENDED,
        trigger=Trigger.AUTOMATIC,
        actor="relaypilot",
        reason="a refuses mail",
        rule="refusing",
        from_route=("a", "b"),
        to_route=("b", "a"),
    )


def line(request_id: str, *, outcome: str = "applied", generation: int = 7, pin: datetime | None = None) -> JournalLine:
    return JournalLine(
        request_id=request_id,
        generation=generation,
        at=AT + timedelta(seconds=3),
        before=simple_route("a", "b"),
        after=simple_route("b", "a"),
        outcome=outcome,
        verified=True,
        detail="A canary message was taken.",
        actor="ann@mail",
        reason="a is in maintenance",
        trigger="manual",
        pin_until=pin,
    )


def test_an_intention_that_never_reached_postfix_is_closed_as_failed(store: Store):
    store.journal.append(intended("r1"))
    ((entry, facts),) = outcomes(store, [], AT)
    assert (entry.request_id, entry.kind, facts) == ("r1", JournalKind.FAILED, ())
    assert "before Postfix was touched" in entry.detail


def test_an_intention_that_was_applied_is_closed_as_applied_with_its_fact(store: Store):
    store.journal.append(intended("r1"))
    ((entry, facts),) = outcomes(store, [line("r1")], AT)
    assert (entry.kind, entry.generation, entry.reason) == (JournalKind.APPLIED, 7, "a refuses mail")
    assert [f.kind for f in facts] == [NoticeKind.SWITCHOVER]
    assert facts[0].detail["outcome"] == "applied"
    assert facts[0].detail["route"] == '["b", "a"]'


def test_an_intention_that_was_rolled_back_is_closed_as_failed_and_the_core_learns_it(store: Store):
    store.journal.append(intended("r1"))
    ((entry, facts),) = outcomes(store, [line("r1", outcome="failed")], AT)
    assert entry.kind is JournalKind.FAILED
    assert facts[0].detail["outcome"] == "failed"


def test_a_move_made_without_the_daemon_is_imported_with_actor_reason_and_pin(store: Store):
    until = AT + timedelta(hours=1)
    ((entry, facts),) = outcomes(store, [line("x9", pin=until)], AT)
    assert (entry.kind, entry.actor, entry.reason) == (JournalKind.IMPORTED, "ann@mail", "a is in maintenance")
    assert [f.kind for f in facts] == [NoticeKind.SWITCHOVER, NoticeKind.OVERRIDE]
    assert facts[1].detail == {
        "verb": "pin",
        "provider": "b",
        "until": until.isoformat(),
        "actor": "ann@mail",
        "reason": "a is in maintenance",
    }


def test_what_is_known_is_not_learnt_twice(store: Store):
    store.journal.append(intended("r1"))
    lines = [line("r1"), line("x9", generation=8)]
    for entry, _ in outcomes(store, lines, AT):
        store.journal.append(entry)
    assert outcomes(store, lines, AT) == []
    assert known_generation(store) == 8


def test_a_move_behind_many_refused_ones_is_still_known(store: Store):
    ((entry, _),) = outcomes(store, [line("x9", generation=8)], AT)
    store.journal.append(entry)
    for n in range(201):
        store.journal.append(replace(intended(f"r{n}"), kind=JournalKind.BLOCKED))
    assert known_generation(store) == 8


def test_an_empty_journal_knows_no_generation(store: Store):
    assert known_generation(store) == 0
