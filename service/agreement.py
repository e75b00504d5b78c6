"""Brings journal, state and Postfix to agreement after a death, or a lost answer, in the middle of a move.

The root side's journal says what really happened to Postfix; ours says what was intended. An intention
without an outcome gets the outcome that the root side recorded; a move that the root side knows and we do
not (made by `failover --to` while the daemon was dead) is taken over with its actor and reason.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from probes.observation import Fact
from providers.base import Clock
from service.decision.route import ANY_RECEIVER, Lane, Route, simple_route
from service.postfix.journal import JournalLine
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.store.store import Store
from service.switchover import Move, Observer, Records, entry_of, pin_fact, switchover_fact

Step = Literal["learn", "take-over"]
STEPS: tuple[Step, ...] = ("learn", "take-over")  # the second once for each move that is taken over


class Remembers(Records, Protocol):
    """The part of the daemon's memory that an agreement needs."""

    async def ask(self, question: Callable[[Store], Any]) -> Any:
        """Run a reading of the store."""
        ...


class Knows(Protocol):
    """The part of Postfix control that an agreement needs; blocking."""

    def journal(self, after_generation: int = 0) -> tuple[JournalLine, ...]:
        """Return the moves whose generation is greater, oldest first; an interrupted one has then ended."""
        ...


async def agree(
    *,
    postfix: Knows,
    memory: Remembers,
    in_thread: Callable[..., Awaitable[Any]],
    clock: Clock,
    observe: Observer,
) -> tuple[JournalEntry, ...]:
    """Bring the journal to agreement and return what it learnt; may be cut short and repeated at any point.

    Raises:
        PostfixError: the root side cannot be asked, or cannot say yet.
        StoreError: the journal cannot be read or written.
    """
    observe("learn", "before")
    known = await memory.ask(known_generation)
    lines: tuple[JournalLine, ...] = await in_thread(postfix.journal, known)
    found: list[tuple[JournalEntry, tuple[Fact, ...]]]
    found = await memory.ask(lambda store: outcomes(store, lines, clock.now()))
    observe("learn", "after")
    for entry, facts in found:
        observe("take-over", "before")
        await memory.write(entry, facts)
        observe("take-over", "after")
    return tuple(entry for entry, _ in found)


def known_generation(store: Store) -> int:
    """Return the newest generation of the route that our journal knows."""
    return store.journal.newest_generation()


def outcomes(store: Store, lines: Sequence[JournalLine], now: datetime) -> list[tuple[JournalEntry, tuple[Fact, ...]]]:
    """Return the journal rows, each with its facts, that bring our journal to agreement with the root side's.

    `lines` are the root side's moves after `known_generation`, oldest first, read when no move was under way. In
    their order they are folded, so that the last of them is the route.
    """
    unfinished = {entry.request_id: entry for entry in store.journal.unfinished()}
    done = {line.request_id for line in lines}
    known = store.journal.known(sorted(done))
    found = [_outcome(entry, None, now) for entry in unfinished.values() if entry.request_id not in done]
    for line in lines:
        if line.request_id in unfinished:
            found.append(_outcome(unfinished[line.request_id], line, now))
        elif line.request_id not in known:
            found.append(_import(line))
    return found


def _outcome(entry: JournalEntry, line: JournalLine | None, now: datetime) -> tuple[JournalEntry, tuple[Fact, ...]]:
    before, after = (line.before, line.after) if line else (_route(entry.from_route), _route(entry.to_route))
    move = Move(
        request_id=entry.request_id,
        from_route=before,
        to_route=after or Route(lanes=(Lane(providers=()),)),
        expected_generation=0,
        trigger=entry.trigger,
        actor=entry.actor,
        reason=entry.reason,
        rule=entry.rule or "",
        pin_until=line.pin_until if line else None,
        receiver=_receiver(before, after) if line else ANY_RECEIVER,
    )
    if line is None:
        detail = "relaypilot was cut short before Postfix was touched."
        return entry_of(move, JournalKind.FAILED, now, detail=detail), ()
    detail = f"{line.detail} Learnt afterwards: relaypilot was cut short in the middle of this move."
    if line.outcome == "failed":
        return (
            entry_of(move, JournalKind.FAILED, line.at, detail=detail),
            (switchover_fact(move, "failed", line.at, line.detail),),
        )
    return (
        entry_of(move, JournalKind.APPLIED, line.at, detail=detail, generation=line.generation),
        (switchover_fact(move, "applied", line.at), *pin_fact(move, line.at)),
    )


def _import(line: JournalLine) -> tuple[JournalEntry, tuple[Fact, ...]]:
    move = Move(
        request_id=line.request_id,
        from_route=line.before,
        to_route=line.after,
        expected_generation=0,
        trigger=Trigger(line.trigger),
        actor=line.actor,
        reason=line.reason,
        rule="manual",
        pin_until=line.pin_until,
        receiver=_receiver(line.before, line.after),
    )
    if line.outcome == "failed":
        return entry_of(move, JournalKind.FAILED, line.at, detail=line.detail), ()
    return (
        entry_of(move, JournalKind.IMPORTED, line.at, detail=line.detail, generation=line.generation),
        (switchover_fact(move, "applied", line.at), *pin_fact(move, line.at)),
    )


def _receiver(before: Route | None, after: Route | None) -> str:
    """Return whose mail a move was about: one receiver's, when only that lane changed."""
    if before is None or after is None or before.lanes[:1] != after.lanes[:1]:
        return ANY_RECEIVER
    changed = [
        r for r in dict.fromkeys((*before.receivers, *after.receivers)) if before.own_lane(r) != after.own_lane(r)
    ]
    return changed[0] if len(changed) == 1 else ANY_RECEIVER


def _route(providers: tuple[str, ...] | None) -> Route | None:
    return simple_route(*providers) if providers else None
