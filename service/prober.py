"""Measures: session checks and message rounds on schedule, confirmations on suspicion, live mail from the log."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog

from probes.collect import Collector
from probes.control import ControlCheck
from probes.observation import Fact, Observation, Outcome, Signal
from probes.rounds import Shuffler, run_round, session_sweep
from probes.seeds import Seed
from providers.base import Clock, Provider
from service.decision.suspicion import ConfirmationWanted
from service.errors import RelaypilotError
from service.setup import Setup

_MOST_ROUNDS_AT_ONCE = 20
_MOST_ASKED_ROUNDS = 3
NOT_LOOKED_AT = "not looked at yet"
_log = structlog.get_logger("relaypilot.prober")
Tell = Callable[[Sequence[Fact]], None]


class Chance(Shuffler, Protocol):
    """The parts of random.Random that a prober draws by."""

    def choice(self, seq: Sequence[Seed]) -> Seed:
        """Return one of these at random."""
        ...


class Prober:
    """Runs probes of one configuration and tells what they found."""

    def __init__(self, setup: Setup, *, clock: Clock, rng: Chance, secret: bytes, tell: Tell) -> None:
        probes = setup.config.probes
        self.setup = setup
        self._clock = clock
        self._rng = rng
        self._secret = secret
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()
        self._rounds = 0
        self._confirming: dict[tuple[str, tuple[str, ...]], list[float]] = {}  # when each was started
        self._asked_rounds = 0
        self._seed_problems: dict[str, str | None] = {seed.name: NOT_LOOKED_AT for seed in setup.seeds}
        self._control = ControlCheck(
            control_targets(setup), clock=clock, timeout_seconds=probes.stage_timeout.total_seconds()
        )
        self.collector = Collector(
            setup.seeds,
            clock=clock,
            poll_intervals_seconds=tuple(wait.total_seconds() for wait in probes.poll_intervals),
            late_after_seconds=probes.late_after.total_seconds(),
            deadline_seconds=probes.deadline.total_seconds(),
            imap_timeout_seconds=probes.imap_timeout.total_seconds(),
            secret=secret,
        )

    def start_soon(self) -> None:
        """Measure once at the start, without waiting for the schedule: nothing is decided before that."""
        self._start(self.tell_control())
        self._start(self.sweep())
        self._start(self.round())

    async def sweep(self) -> None:
        """Check a session with every provider, as the schedule asks."""
        await self._sweep(tuple(self.setup.providers.values()), confirmation=False)

    async def round(self) -> None:
        """Start one message round, as the schedule asks; the round itself may last until its deadline."""
        if self.setup.seeds and self._rounds - self._asked_rounds < _MOST_ROUNDS_AT_ONCE:
            self._start(self._round(tuple(self.setup.providers.values()), self.setup.seeds, confirmation=False))

    def confirm(self, wanted: Sequence[ConfirmationWanted]) -> None:
        """Start the confirmations that suspicion asks for and that are due.

        Session checks may overlap, as many as the verdict still needs: a black hole keeps each one waiting for its
        time-out, and the verdict must not wait for one after the other.
        """
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for ask in wanted:
            under_way = self._confirming.setdefault((ask.kind, ask.providers), [])
            spaced = not under_way or monotonic - under_way[-1] >= self.setup.policy.confirmation_spacing_seconds
            if ask.not_before <= now and len(under_way) < ask.at_once and spaced:
                under_way.append(monotonic)
                self._start(self._confirmation(ask, under_way))

    async def _confirmation(self, ask: ConfirmationWanted, under_way: list[float]) -> None:
        providers = tuple(self.setup.providers[name] for name in ask.providers if name in self.setup.providers)
        try:
            if ask.kind == "session":
                await self._sweep(providers, confirmation=True)
            else:
                seeds = [s for s in self.setup.seeds if ask.receiver in (None, "*", s.receiver)]
                await self._round(providers, seeds, confirmation=True)
        finally:
            under_way.pop(0)

    async def _sweep(self, providers: Sequence[Provider], *, confirmation: bool) -> None:
        recipient = self._rng.choice(self.setup.seeds).address if self.setup.seeds else self.setup.config.probes.sender
        facts: list[Fact] = [
            observation
            async for observation in session_sweep(
                providers,
                sender=self.setup.config.probes.sender,
                recipient=recipient,
                sweep_id=new_id(),
                clock=self._clock,
                confirmation=confirmation,
            )
        ]
        if _all_bad(facts):
            facts.insert(0, await self.control())
        self._tell(facts)

    async def _round(self, providers: Sequence[Provider], seeds: Sequence[Seed], *, confirmation: bool) -> None:
        async for _ in self.run_round(providers, seeds, confirmation=confirmation):
            pass

    async def run_round(
        self, providers: Sequence[Provider], seeds: Sequence[Seed], *, confirmation: bool
    ) -> AsyncGenerator[Observation, None]:
        """Run one paired round, telling each observation as it becomes known and yielding it."""
        self._rounds += 1
        try:
            async for observation in run_round(
                providers,
                seeds,
                round_id=new_id(),
                clock=self._clock,
                rng=self._rng,
                sender=self.setup.config.probes.sender,
                collector=self.collector,
                secret=self._secret,
                confirmation=confirmation,
                signer=self.setup.signer,
            ):
                self._note_seed(observation)
                self._tell((observation,))
                yield observation
        finally:
            self._rounds -= 1

    def seed_problems(self) -> dict[str, str | None]:
        """Return why each seed could not be searched when it was last looked into; None when it could."""
        return dict(self._seed_problems)

    def _note_seed(self, observation: Observation) -> None:
        if observation.seed is not None and observation.signal in (Signal.ARRIVAL, Signal.PLACEMENT):
            unknown = observation.outcome is Outcome.UNKNOWN
            self._seed_problems[observation.seed] = (
                (observation.text or "It could not be searched.") if unknown else None
            )

    async def asked_round(
        self, providers: Sequence[Provider], seeds: Sequence[Seed]
    ) -> AsyncGenerator[Observation, None]:
        """Run one round that a person asked for; yield its observations.

        Raises:
            RelaypilotError: too many such rounds are under way.
        """
        if self._asked_rounds >= _MOST_ASKED_ROUNDS:
            raise RelaypilotError(
                f"{self._asked_rounds} rounds asked for by hand are still under way; wait until one has ended."
            )
        self._asked_rounds += 1
        try:
            async for observation in self.run_round(providers, seeds, confirmation=False):
                yield observation
        finally:
            self._asked_rounds -= 1

    async def control(self) -> Fact:
        """Check that our own network, DNS and clock are all right."""
        return await self._control.run()

    async def tell_control(self) -> None:
        """Run the control check and tell its outcome, as the schedule asks."""
        self._tell((await self.control(),))

    async def delete_old_probes(self) -> None:
        """Delete probes of ours from the seed mailboxes that are older than configured, as the schedule asks."""
        keep = self.setup.config.probes.keep.total_seconds()
        if deleted := await self.collector.delete_old_probes(older_than_seconds=keep):
            _log.info("old probes deleted from the seed mailboxes", messages=deleted)

    async def aclose(self) -> None:
        """End what is under way and close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.collector.aclose()
        for provider in self.setup.providers.values():
            await provider.aclose()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a probe task ended unexpectedly", exc_info=error)


def new_id() -> str:
    """Return an identifier that no other round has."""
    return secrets.token_hex(6)


def _all_bad(facts: Sequence[Fact]) -> bool:
    sessions = [f for f in facts if isinstance(f, Observation) and f.signal is Signal.SESSION]
    return bool(sessions) and all(f.outcome is Outcome.BAD for f in sessions)


def control_targets(setup: Setup) -> tuple[tuple[str, int], ...]:
    """Return what the control check connects to: the configured host and port, else the seeds' IMAP servers."""
    host = setup.config.probes.control_host
    if host is None:
        return tuple((seed.host, seed.port) for seed in setup.seeds)
    name, _, port = host.rpartition(":")
    return ((name.strip("[]"), int(port)),)
