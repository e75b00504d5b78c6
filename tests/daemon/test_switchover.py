"""The steps of a switchover, and what is on record when one of them fails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.observation import Fact, NoticeKind
from service.decision.route import Route, simple_route
from service.errors import StoreFullError
from service.postfix.apply import Applied
from service.postfix.errors import AnswerLostError, CanaryFailedError, CommandFailedError, PostfixError
from service.postfix.flush import Flushed
from service.store.entry import JournalEntry, JournalKind
from service.switchover import STEPS, Move, carry_out

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOVE = Move(
    request_id="r1",
    from_route=simple_route("a", "b"),
    to_route=simple_route("b", "a"),
    expected_generation=3,
    trigger="manual",
    actor="ann@mail",
    reason="a is slow",
    rule="manual",
    pin_until=AT + timedelta(hours=1),
)


class FixedClock:
    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 0.0


class FakePostfix:
    def __init__(self, error: PostfixError | None = None, flush_error: PostfixError | None = None) -> None:
        self.error, self.flush_error = error, flush_error
        self.applied: list[dict[str, Any]] = []

    def apply(self, request_id: str, expected_generation: int, route: Route, **note: Any) -> Applied:
        self.applied.append({"request_id": request_id, "generation": expected_generation, "route": route, **note})
        if self.error:
            raise self.error
        return Applied(
            request_id=request_id, generation=expected_generation + 1, route=route, verified=True, sentence="Done."
        )

    def flush(self) -> Flushed:
        if self.flush_error:
            raise self.flush_error
        return Flushed(deferred=700, tried=12, left=688, cursor="7-A-9")


class FakeRecords:
    def __init__(self, full_at: JournalKind | None = None) -> None:
        self.full_at = full_at
        self.entries: list[JournalEntry] = []
        self.facts: list[Fact] = []

    async def write(self, entry: JournalEntry, facts: tuple[Fact, ...]) -> None:
        if entry.kind is self.full_at:
            raise StoreFullError("no space left")
        self.entries.append(entry)
        self.facts += facts


async def in_thread(call: Callable[..., Any], *args: Any) -> Any:
    return call(*args)


async def run(postfix: FakePostfix, records: FakeRecords, steps: list[str] | None = None) -> Any:
    return await carry_out(
        MOVE,
        postfix=postfix,
        records=records,
        in_thread=in_thread,
        clock=FixedClock(),
        observe=lambda step, when: steps.append(f"{when} {step}") if steps is not None else None,
    )


async def test_every_step_is_announced_before_and_after_in_order():
    steps: list[str] = []
    await run(FakePostfix(), FakeRecords(), steps)
    assert steps == [f"{when} {step}" for step in STEPS for when in ("before", "after")]


async def test_the_intention_is_on_record_before_postfix_is_touched():
    postfix, records = FakePostfix(), FakeRecords(full_at=JournalKind.INTENDED)
    with pytest.raises(StoreFullError):
        await run(postfix, records)
    assert postfix.applied == []


async def test_an_applied_move_is_journaled_folded_pinned_and_flushed():
    postfix, records = FakePostfix(), FakeRecords()
    moved = await run(postfix, records)
    assert (moved.applied.generation, moved.flushed, moved.flush_cursor) == (4, 12, "7-A-9")
    assert [e.kind for e in records.entries] == [JournalKind.INTENDED, JournalKind.APPLIED]
    assert [f.kind for f in records.facts] == [NoticeKind.SWITCHOVER, NoticeKind.OVERRIDE]
    assert postfix.applied[0]["actor"] == "ann@mail"
    assert postfix.applied[0]["pin_until"] == MOVE.pin_until


async def test_a_failed_move_is_journaled_as_failed_and_raised():
    records = FakeRecords()
    with pytest.raises(CanaryFailedError):
        await run(FakePostfix(CanaryFailedError("The canary bounced.")), records)
    assert [e.kind for e in records.entries] == [JournalKind.INTENDED, JournalKind.FAILED]
    assert records.entries[1].detail == "The canary bounced."
    (fact,) = records.facts
    assert (fact.detail["outcome"], fact.detail["detail"]) == ("failed", "The canary bounced.")


async def test_a_lost_answer_leaves_the_intention_open_since_the_move_may_have_been_made():
    records = FakeRecords()
    with pytest.raises(AnswerLostError):
        await run(FakePostfix(AnswerLostError("No answer.")), records)
    assert [e.kind for e in records.entries] == [JournalKind.INTENDED]
    assert records.facts == []


async def test_a_flush_that_fails_does_not_undo_the_move():
    moved = await run(FakePostfix(flush_error=CommandFailedError("postqueue failed")), FakeRecords())
    assert moved.flushed is None
    assert moved.applied.generation == 4
