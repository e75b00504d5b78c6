"""The daemon's memory: facts are recorded and folded in one transaction; what cannot be recorded now waits."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from probes.observation import Fact
from service.decision.fold import step
from service.decision.incident import Incident, incidents_after
from service.decision.policy import Policy
from service.decision.state import State, initial_state, policy_hash, state_from_json, state_to_json
from service.errors import StoreError
from service.store.entry import JournalEntry
from service.store.store import Snapshot, Store
from service.tabulation import pace_of

T = TypeVar("T")
_WAITING_LIMIT = 10_000
_log = structlog.get_logger("relaypilot.memory")


class Memory:
    """Holds the folded state, and the store behind one thread.

    The state never runs ahead of the store: a fact that is not on disk has not been folded. Facts that
    could not be written (disk full, store locked) wait, the oldest being dropped beyond a bound.
    """

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")  # a long reading holds up no fact
        self._waiting: list[Fact] = []
        self._positions: dict[str, str] = {}
        self.policy = policy
        self.state: State = initial_state()
        self._incidents: Mapping[tuple[str, str], Incident] = {}  # that go on
        self.seq = 0
        self.problem: str | None = None
        self.loaded_policy: str | None = None  # hash of the policy that the stored state was folded by

    def load(self, now: datetime) -> None:
        """Take up the stored state and fold the facts recorded after it. Blocking; for the start only.

        Raises:
            StoreError: the store could not be read.
        """
        kept = self._store.snapshot()
        since: datetime | None = None
        if kept is not None:
            self.loaded_policy = kept.policy_hash
            try:
                self.state, self.seq = state_from_json(kept.state), kept.seq
            except (KeyError, TypeError, ValueError) as error:
                # Written by another version: what the facts say is what counts.
                _log.warning("the stored state cannot be read and is folded anew", error=repr(error))
                since = now - timedelta(seconds=self.policy.evidence_lifetime_seconds)
        self._incidents = {(one.provider, one.receiver): one for one in self._store.open_incidents()}
        for seq, fact in self._store.facts(after_seq=self.seq, since=since):
            self.state, self.seq = step(self.state, fact, self.policy), seq

    async def record(self, facts: Sequence[Fact], positions: Mapping[str, str] | None = None) -> bool:
        """Record and fold facts; return whether it succeeded. What did not succeed is tried again with the next."""
        self._waiting = [*self._waiting, *facts][-_WAITING_LIMIT:]
        self._positions.update(positions or {})
        if not self._waiting and not self._positions:
            return True
        try:
            await self._in_thread(self._write, None)
        except StoreError as error:
            if self.problem is None:
                _log.error("facts cannot be recorded", error=str(error))
            self.problem = f"Facts cannot be recorded, so nothing is decided: {error}"
            return False
        except ValueError as error:
            # Nothing of this kind may come back at each try, nor end the daemon: these facts are given up.
            _log.exception("facts that cannot be recorded were dropped", error=repr(error), facts=len(self._waiting))
            self._waiting, self._positions = [], {}
            return False
        self.problem = None
        return True

    async def write(self, entry: JournalEntry, facts: tuple[Fact, ...]) -> None:
        """Append one journal row and facts in one transaction.

        Raises:
            StoreError: nothing was written.
        """
        waiting = self._waiting
        self._waiting = [*waiting, *facts]
        try:
            await self._in_thread(self._write, entry)
        except StoreError:
            self._waiting = waiting
            raise

    def _write(self, entry: JournalEntry | None) -> None:
        folded = [(self.state, self._incidents, self.seq)]

        def fold(numbered: Sequence[tuple[int, Fact]]) -> Snapshot:
            state = self.state
            for _, fact in numbered:
                state = step(state, fact, self.policy)
            seq = numbered[-1][0] if numbered else self.seq
            incidents, changed = self._incidents, tuple[Incident, ...]()
            if numbered:
                incidents, changed = incidents_after(incidents, state, self.policy, numbered[-1][1].at)
            folded[0] = (state, incidents, seq)
            return Snapshot(
                policy_hash=policy_hash(self.policy), seq=seq, state=state_to_json(state), incidents=changed
            )

        self._store.record(
            self._waiting,
            fold,
            positions=self._positions,
            journal=(entry,) if entry else (),
            pace=pace_of(self.policy),
        )
        self.state, self._incidents, self.seq = folded[0]
        self._waiting, self._positions = [], {}

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Run a reading of the store in its thread.

        Raises:
            StoreError: the store cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._reader, question, self._store)

    async def tidy(self, work: Callable[[Store], T]) -> T:
        """Run a writing of the store that concerns no fact, between two records.

        Raises:
            StoreError: nothing was written.
        """
        return await self._in_thread(work, self._store)

    async def _in_thread(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def close(self) -> None:
        """Wait for the last write and close the store."""
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._thread.shutdown(wait=True)
        self._store.close()
