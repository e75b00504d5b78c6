"""The one task that owns route, state and journal. Everybody else puts something into its inbox."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import structlog

from probes.observation import Fact, Notice, NoticeKind
from providers.base import Clock
from service.agreement import agree
from service.cycle import Seen, Verdict, judge
from service.decision.policy import Mode, Policy
from service.decision.route import ANY_RECEIVER, Route, simple_route
from service.decision.route_text import route_detail
from service.decision.state import policy_hash
from service.decision.suspicion import ConfirmationWanted, confirmations_wanted
from service.deferred import DeferredMail
from service.errors import RelaypilotError, StoreError
from service.events import EventLog
from service.memory import Memory
from service.move_words import CONFIGURATION, told
from service.offered import offered
from service.postfix.client import HelperClient
from service.postfix.current import Current
from service.postfix.errors import PostfixError
from service.reporter import Reporter
from service.route_problem import outdated_sentence, problem_of
from service.setup import Setup
from service.store.entry import JournalKind
from service.switchover import Move, Moved, Observer, carry_out, entry_of, switchover_fact

T = TypeVar("T")
_REREAD_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_NOT_AGREED = "What became of the last move is not known yet"
_log = structlog.get_logger("relaypilot.owner")


@dataclass(frozen=True, slots=True)
class _Facts:
    facts: Sequence[Fact]
    positions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Call:
    act: Callable[[], Awaitable[Any]]
    answer: asyncio.Future[Any]


class Owner:
    """Folds facts, judges after each batch of them, and carries out moves, one thing at a time."""

    def __init__(
        self,
        *,
        setup: Setup,
        memory: Memory,
        postfix: HelperClient,
        clock: Clock,
        events: EventLog,
        on_progress: Callable[[], None],
        confirm: Callable[[Sequence[ConfirmationWanted]], None],
        observe: Observer,
    ) -> None:
        self.setup = setup
        self.memory = memory
        self.current: Current | None = None
        self.current_problem: str | None = "Postfix's route has not been read yet."
        self.verdict = Verdict(kind="stay", rule="start", sentence="Starting: nothing has been judged yet.")
        self.assigned: Route | None = None
        self._postfix = postfix
        self._postfix_thread = ThreadPoolExecutor(1, thread_name_prefix="postfix")
        self._clock = clock
        self._events = events
        self._on_progress = on_progress
        self._confirm = confirm
        self._observe = observe
        self._inbox: asyncio.Queue[_Facts | _Call | None] = asyncio.Queue()
        self.read_at = float("-inf")
        self._last_note: tuple[str, str] | None = None
        self._reporter = Reporter(memory, events, clock)
        self._disagreement: RelaypilotError | None = RelaypilotError("Starting")
        self._generation: int | None = None  # of the route, as far as the journal knows
        self.readable = False
        self.cycled_at: float | None = None
        self.config_problem: str | None = None
        self._deferred = DeferredMail(postfix, self.in_postfix_thread, clock, events)
        self._configured = False  # whether the configuration as loaded has been brought into force

    # What others may call, from the same event loop.

    def tell(self, facts: Sequence[Fact], positions: Mapping[str, str] | None = None) -> None:
        """Hand over facts to be recorded, folded and judged."""
        self._inbox.put_nowait(_Facts(tuple(facts), positions or {}))

    def tick(self) -> None:
        """Have a cycle run though nothing was learnt: time alone changes some verdicts."""
        if self._inbox.empty():
            self._inbox.put_nowait(_Facts((), {}))

    async def call(self, act: Callable[[], Awaitable[T]]) -> T:
        """Run `act` as the owner, between two cycles, and return what it returns."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Call(act, answer))
        return await answer

    def stop(self) -> None:
        """Let the task end after what is in the inbox."""
        self._inbox.put_nowait(None)

    # The task.

    async def run(self) -> None:
        """Own the state until stopped."""
        await self._start()
        while (work := await self._inbox.get()) is not None:
            if isinstance(work, _Call):
                await self._answer(work)
            else:
                facts, positions, after = self._batch(work)
                await self.memory.record(facts, positions)
                if after is not None:
                    await self._answer(after)
            await self._cycle()
        self._postfix_thread.shutdown(wait=True)

    def _batch(self, first: _Facts) -> tuple[list[Fact], dict[str, str], _Call | None]:
        facts, positions = list(first.facts), dict(first.positions)
        while not self._inbox.empty():
            work = self._inbox.get_nowait()
            if work is None:
                self._inbox.put_nowait(None)
                break
            if isinstance(work, _Call):
                return facts, positions, work
            facts += work.facts
            positions.update(work.positions)
        return facts, positions, None

    async def _answer(self, call: _Call) -> None:
        try:
            result = await call.act()
        except RelaypilotError as error:
            if not call.answer.cancelled():
                call.answer.set_exception(error)
        else:
            if not call.answer.cancelled():
                call.answer.set_result(result)

    async def _start(self) -> None:
        await self.read_route()
        if self.current is not None and self.current.route is not None:
            self.assigned = self.current.route
        elif self.memory.state.context.route:
            self.assigned = self.memory.state.context.route
        else:
            self.assigned = simple_route(*self.setup.policy.providers)

    async def _agree(self) -> bool:
        """Bring the journal to agreement with what the root side did unseen; return whether it learnt something."""
        before, self._disagreement = self._disagreement, None
        try:
            found = await agree(
                postfix=self._postfix,
                memory=self.memory,
                in_thread=self.in_postfix_thread,
                clock=self._clock,
                observe=self._step,
            )
        except (PostfixError, StoreError) as error:
            self._disagreement = error
            if str(error) != str(before):
                _log.warning("the journal could not be brought to agreement yet", problem=str(error))
            return False
        for entry in found:
            to = ", ".join(entry.to_route or ())
            self._events.say("move", f"Found out: the move to {to} was {entry.kind}: {entry.detail}")
        return bool(found)

    async def _cycle(self) -> None:
        settled = self.readable and self._disagreement is None
        if self._clock.monotonic() - self.read_at >= (_REREAD_SECONDS if settled else _RETRY_SECONDS):
            await self.read_route()
        await self._reporter.report(self.policy)
        verdict = judge(self.seen())
        if verdict.kind == "move":
            verdict = await self._carry_out_automatically(verdict)
        elif verdict.kind in ("blocked", "observed"):
            await self._note(verdict)
        else:
            self._last_note = None
            await self._bring_configuration_into_force()
        self.verdict = verdict
        await self._deferred.go_on()
        self.cycled_at = self._clock.monotonic()
        self._on_progress()
        if self.memory.problem is None:
            # Only by a state that holds every result so far: else the same confirmation is asked for again and again.
            self._confirm(confirmations_wanted(self.memory.state, self.setup.policy, self._clock.now()))

    def outdated(self) -> str | None:
        """Return that Postfix holds what an earlier configuration said, if it does."""
        if self.current is None:
            return None
        return outdated_sentence(self.current, self.setup.policy.mode, tried=self._configured)

    async def _bring_configuration_into_force(self) -> None:
        """Write the same route anew when a start or reload has brought other settings for it; once for each."""
        current, seen = self.current, self.seen()
        if self._configured or current is None or current.route is None or seen.problem is not None:
            return
        if seen.policy.mode is Mode.OBSERVE:
            return
        self._configured = True
        if current.outdated:
            reason = f"the configuration changed: {', '.join(current.outdated)[:300]}"
            with suppress(RelaypilotError):  # it is said and journaled; the next move brings it
                await self.move(
                    to_route=current.route, trigger="automatic", actor="relaypilot", reason=reason, rule=CONFIGURATION
                )

    def seen(self) -> Seen:
        """Return what a cycle would judge by now."""
        now = self._clock.now()
        problem = self.memory.problem or self.current_problem
        if problem is None and self._disagreement is not None:
            problem = f"{_NOT_AGREED}: {self._disagreement}"
        route = self.current.route if self.current else None
        if route is None and self.setup.policy.mode is Mode.OBSERVE:
            route = self.assigned
        return Seen(now=now, state=self.memory.state, policy=self.policy, route=route, problem=problem)

    @property
    def policy(self) -> Policy:
        """Return the policy as far as Postfix, as last read, can carry it out."""
        return offered(self.setup.policy, self.current)

    async def _carry_out_automatically(self, verdict: Verdict) -> Verdict:
        decision = verdict.move
        assert decision is not None  # noqa: S101 - a verdict "move" carries one
        try:
            await self.move(
                to_route=decision.route,
                trigger=decision.trigger,
                actor="relaypilot",
                reason=decision.reason,
                rule=decision.rule,
                receiver=decision.receiver,
            )
        except RelaypilotError as error:
            sentence = f"The move to {decision.to} failed: {error}"
            return Verdict(kind="blocked", rule="machinery", sentence=sentence, move=decision, plan=verdict.plan)
        return verdict

    async def change_setup(self, setup: Setup) -> None:
        """Put another configuration in force; only within the owner's task."""
        self.setup = setup
        self._configured = False
        self.memory.policy = setup.policy
        detail = {"hash": policy_hash(setup.policy)}
        await self.memory.record((Notice(at=self._clock.now(), kind=NoticeKind.POLICY, detail=detail),))
        await self.read_route()

    async def move(
        self,
        *,
        to_route: Route,
        trigger: str,
        actor: str,
        reason: str,
        rule: str,
        pin_for: timedelta | None = None,
        override_drift: bool = False,
        receiver: str = ANY_RECEIVER,
    ) -> tuple[Move, Moved]:
        """Carry out one move that safety has let through; only within the owner's task.

        Raises:
            PostfixError: the transaction failed and Postfix is as it was.
            StoreError: the journal could not be written; Postfix was not touched.
            RelaypilotError: what became of an earlier move is not known, so nothing is moved.
        """
        if self._disagreement is not None:
            raise self._disagreement  # just asked by `read_route`
        current = self.current
        move = Move(
            request_id=secrets.token_hex(8),
            from_route=current.route if current else None,
            to_route=to_route,
            expected_generation=current.generation if current else 0,
            trigger=trigger,
            actor=actor,
            reason=reason,
            rule=rule,
            pin_until=self._clock.now() + pin_for if pin_for else None,
            override_drift=override_drift,
            receiver=receiver,
        )
        mail = "mail" if receiver == ANY_RECEIVER else f"mail to {receiver}"
        try:
            moved = await carry_out(
                move,
                postfix=self._postfix,
                records=self.memory,
                in_thread=self.in_postfix_thread,
                clock=self._clock,
                observe=self._step,
            )
        except (PostfixError, StoreError) as error:
            if isinstance(error, StoreError) or not error.outcome_known:
                self._disagreement = error  # nothing further is moved before it is known what became of this move
            self._events.say("move", f"Moving {mail} to {move.to} failed: {error}", move.to)
            raise
        else:
            self._generation = moved.applied.generation
            self._deferred.begun(moved.flush_cursor)
        finally:
            await self.read_route()
        self.assigned = to_route
        self._events.say("move", told(move), move.to)
        return move, moved

    def _step(self, step: str, when: Literal["before", "after"]) -> None:
        self._on_progress()  # a move may take longer than the watchdog waits for a cycle
        self._observe(step, when)

    async def read_route(self) -> None:
        """Read the route back from Postfix; bring the journal to agreement first where it is not."""
        learnt = self._disagreement is not None and await self._agree()
        self.read_at = self._clock.monotonic()
        try:
            self.current = await self.in_postfix_thread(self._postfix.current)
        except PostfixError as error:
            self.readable = False
            problem: str | None = str(error)
        else:
            self.readable = True
            if self._disagreement is None:
                if self._generation not in (None, self.current.generation):
                    learnt = await self._agree() or learnt  # moved by somebody else, or by what was just learnt of
                self._generation = self.current.generation
            problem = problem_of(self.current)
            if learnt and self.current.route is not None:
                self.assigned = self.current.route
        if problem != self.current_problem:
            self.current_problem = problem
            if problem:
                self._events.say("drift", problem)
                _log.warning("the route cannot be changed", problem=problem)

    async def _note(self, verdict: Verdict) -> None:
        """Journal a blocked or would-be move, once."""
        decision = verdict.move
        assert decision is not None  # noqa: S101 - such a verdict carries one
        note = (verdict.kind + verdict.rule, str(route_detail(decision.route)))
        if note == self._last_note:
            return
        move = Move(
            request_id=secrets.token_hex(8),
            from_route=self.seen().route,
            to_route=decision.route,
            expected_generation=0,
            trigger=decision.trigger,
            actor="relaypilot",
            reason=decision.reason,
            rule=decision.rule,
            receiver=decision.receiver,
        )
        now = self._clock.now()
        facts = (switchover_fact(move, "observed", now),) if verdict.kind == "observed" else ()
        try:
            await self.memory.write(entry_of(move, JournalKind(verdict.kind), now, detail=verdict.sentence), facts)
        except StoreError:
            return  # tried again at the next cycle
        self._last_note = note
        if verdict.kind == "observed":
            self.assigned = decision.route
        self._events.say("blocked" if verdict.kind == "blocked" else "move", verdict.sentence, decision.to)

    async def in_postfix_thread(self, call: Callable[..., T], *args: Any) -> T:
        """Run a blocking call of Postfix control in its own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._postfix_thread, call, *args)

    def started(self, version: str) -> None:
        """Record that the daemon started, and that the policy changed since it ran last, if it did."""
        now, policy = self._clock.now(), policy_hash(self.setup.policy)
        changed = Notice(at=now, kind=NoticeKind.POLICY, detail={"hash": policy})
        start = Notice(at=now, kind=NoticeKind.START, detail={"version": version})
        self.tell((start,) if self.memory.loaded_policy in (None, policy) else (changed, start))
