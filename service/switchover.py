"""Carries out one checked plan: journal the intention, apply, record the outcome, flush deferred mail.

A death between any two steps leaves an intention without an outcome in the journal; the next start asks the
root side what became of it (`service.agreement`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol

from probes.observation import Fact, Notice, NoticeKind
from providers.base import Clock
from service.decision.route import ANY_RECEIVER, Route
from service.decision.route_text import route_detail
from service.postfix.apply import Applied
from service.postfix.errors import PostfixError
from service.postfix.flush import Flushed
from service.store.entry import JournalEntry, JournalKind, Trigger

Step = Literal["intend", "apply", "record", "flush"]
STEPS: tuple[Step, ...] = ("intend", "apply", "record", "flush")
Observer = Callable[[str, Literal["before", "after"]], None]


class Applies(Protocol):
    """The part of Postfix control a switchover needs; blocking."""

    def apply(
        self,
        request_id: str,
        expected_generation: int,
        route: Route,
        *,
        actor: str,
        reason: str,
        trigger: str,
        pin_until: datetime | None,
        override_drift: bool,
    ) -> Applied:
        """Carry out the one transaction."""
        ...

    def flush(self) -> Flushed:
        """Have deferred mail tried again, as much as is good at once."""
        ...


class Records(Protocol):
    """The part of the daemon's memory a switchover needs."""

    async def write(self, entry: JournalEntry, facts: tuple[Fact, ...]) -> None:
        """Append one journal row and facts in one transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One plan that safety has let through."""

    request_id: str
    from_route: Route | None
    to_route: Route
    expected_generation: int
    trigger: str  # "automatic", "manual", "failback"
    actor: str
    reason: str
    rule: str
    pin_until: datetime | None = None
    override_drift: bool = False
    receiver: str = ANY_RECEIVER  # whose mail is moved

    @property
    def to(self) -> str:
        """Return the provider that this mail goes through first from then on."""
        return self.to_route.lane(self.receiver).active


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of a move that was applied."""

    applied: Applied
    flushed: int | None  # deferred messages that were tried again; None when the flush failed
    flush_cursor: str | None = None  # where the flush is to go on with a longer queue; None: all were tried


async def carry_out(
    move: Move,
    *,
    postfix: Applies,
    records: Records,
    in_thread: Callable[..., Awaitable[Any]],
    clock: Clock,
    observe: Observer,
) -> Moved:
    """Carry out one move.

    Raises:
        PostfixError: the transaction failed; Postfix is as it was, and the journal says so. After one whose
            `outcome_known` is false nobody knows yet what became of it, and the intention stays open.
        StoreError: the journal could not be written; if Postfix was moved, the intention stays open.
    """
    observe("intend", "before")
    await records.write(entry_of(move, JournalKind.INTENDED, clock.now()), ())
    observe("intend", "after")

    observe("apply", "before")
    try:
        applied: Applied = await in_thread(
            partial(
                postfix.apply,
                move.request_id,
                move.expected_generation,
                move.to_route,
                actor=move.actor,
                reason=move.reason,
                trigger=move.trigger,
                pin_until=move.pin_until,
                override_drift=move.override_drift,
            )
        )
    except PostfixError as error:
        if not error.outcome_known:
            raise  # the intention stays open: only the root side's journal tells what became of it
        now = clock.now()
        await records.write(
            entry_of(move, JournalKind.FAILED, now, detail=str(error)),
            (switchover_fact(move, "failed", now, str(error)),),
        )
        raise
    observe("apply", "after")

    observe("record", "before")
    now = clock.now()
    await records.write(
        entry_of(move, JournalKind.APPLIED, now, detail=applied.sentence, generation=applied.generation),
        (switchover_fact(move, "applied", now), *pin_fact(move, now)),
    )
    observe("record", "after")

    observe("flush", "before")
    try:
        flushed: Flushed | None = await in_thread(postfix.flush)
    except PostfixError:
        flushed = None  # mail is tried again by Postfix's own schedule
    observe("flush", "after")
    if flushed is None:
        return Moved(applied=applied, flushed=None)
    return Moved(applied=applied, flushed=flushed.tried, flush_cursor=flushed.cursor)


def entry_of(
    move: Move, kind: JournalKind, at: datetime, *, detail: str = "", generation: int | None = None
) -> JournalEntry:
    """Return the journal row of a move."""
    return JournalEntry(
        request_id=move.request_id,
        at=at,
        kind=kind,
        trigger=Trigger(move.trigger),
        actor=move.actor,
        reason=move.reason,
        rule=move.rule,
        from_route=move.from_route.lane(move.receiver).providers if move.from_route else None,
        to_route=move.to_route.lane(move.receiver).providers,
        receiver=None if move.receiver == ANY_RECEIVER else move.receiver,
        enforced=kind is not JournalKind.OBSERVED,
        detail=detail,
        generation=generation,
    )


def switchover_fact(move: Move, outcome: str, at: datetime, detail: str = "") -> Notice:
    """Return the fact by which the decision core learns of a move."""
    return Notice(
        at=at,
        kind=NoticeKind.SWITCHOVER,
        detail={
            "outcome": outcome,
            "trigger": move.trigger,
            "request_id": move.request_id,
            **route_detail(move.to_route),
            **({"receiver": move.receiver} if move.receiver != ANY_RECEIVER else {}),
            **({"from": move.from_route.lane(move.receiver).active} if move.from_route else {}),
            "reason": move.reason,
            "rule": move.rule,
            "enforced": "no" if outcome == "observed" else "yes",
            **({"detail": detail[:300]} if detail else {}),
        },
    )


def pin_fact(move: Move, at: datetime) -> tuple[Notice, ...]:
    """Return the pin that a manual move carries, if any."""
    if move.pin_until is None:
        return ()
    detail = {
        "verb": "pin",
        "provider": move.to,
        **({"receiver": move.receiver} if move.receiver != ANY_RECEIVER else {}),
        "until": move.pin_until.isoformat(),
        "actor": move.actor,
        "reason": move.reason,
    }
    return (Notice(at=at, kind=NoticeKind.OVERRIDE, detail=detail),)
