"""One seed's watcher: looks when a look is due, and tells each pending probe what the look says about it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from probes.errors import ProbeError, SeedError
from probes.folders import FolderRole
from probes.mailbox import Look, MailboxReader, Sighting
from probes.observation import Observation
from probes.seeds import Seed
from probes.send import SentProbe
from probes.verdict import (
    Finding,
    Limits,
    ProbeStatus,
    Watched,
    judge_absent,
    judge_found,
    judge_unsearchable,
)
from providers.base import Clock

_ANSWERS_PER_LOOK = 3  # a look may take this many time-outs before its connection is broken off
_CLOSING_SECONDS = 3.0
_MOST_TOKENS_REMEMBERED = 4096
_MOST_ROUNDS_REMEMBERED = 256

_T = TypeVar("_T")


class Pending:
    """A probe that somebody waits for."""

    def __init__(self, *, probe: SentProbe, told: "asyncio.Queue[Observation | Pending]", clock: Clock) -> None:
        """Take the queue that gets the observations and, at the end, this object itself."""
        self.probe = probe
        self.told = told
        self.error: BaseException | None = None
        self.status = ProbeStatus.PENDING
        waited = (clock.now() - probe.accepted_at).total_seconds()
        # From here on the monotonic clock counts, so that a jump of the wall clock makes nothing late.
        self.accepted_monotonic = clock.monotonic() - max(waited, 0.0)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The messages of one token, and between which moments (monotonic) the first of them appeared."""

    sightings: Mapping[tuple[str, int, int], Sighting]
    after: float | None  # start of the look before; none if there was none
    before: float  # end of the look that found it


class SeedWatcher:
    """Owns one seed's thread, connection and schedule."""

    def __init__(
        self,
        seed: Seed,
        *,
        clock: Clock,
        poll_intervals_seconds: tuple[float, ...],
        limits: Limits,
        imap_timeout_seconds: float,
        secret: bytes,
    ) -> None:
        """Open nothing yet."""
        self._seed = seed
        self._clock = clock
        self._intervals = poll_intervals_seconds
        self._limits = limits
        self._timeout_seconds = imap_timeout_seconds * _ANSWERS_PER_LOOK
        self._reader = MailboxReader(seed, timeout_seconds=imap_timeout_seconds, secret=secret, clock=clock)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"seed-{seed.name}")
        self._busy: asyncio.Future[Any] | None = None
        self._lock = asyncio.Lock()
        self._pending: list[Pending] = []
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._arrived_seconds: OrderedDict[str, float] = OrderedDict()  # round -> least latency
        self._look_began: float | None = None  # the last look, whole or not
        self._whole_look_began: float | None = None  # the last look that searched every expected folder

    def add(self, entry: Pending) -> None:
        """Look for this probe from now on."""
        self._pending.append(entry)
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name=f"seed-{self._seed.name}")

    def discard(self, entry: Pending) -> None:
        """Stop looking for this probe."""
        if entry in self._pending:
            self._pending.remove(entry)
            self._news.set()

    async def check(self) -> str | None:
        """Return why the seed cannot be used, or none."""
        try:
            await self._call(self._reader.check)
            if not self._pending:
                await self._call(self._reader.close)
        except SeedError as error:
            return str(error)
        return None

    async def delete_old(self, before: datetime) -> int:
        """Return how many old probes were deleted; 0 if the seed failed."""
        try:
            deleted = await self._call(lambda: self._reader.delete_old_probes(before))
            if not self._pending:
                await self._call(self._reader.close)
        except SeedError:
            return 0
        return deleted

    def copies(self) -> Mapping[str, int]:
        """Return how many messages of each remembered token were seen."""
        return {token: len(seen.sightings) for token, seen in self._seen.items()}

    async def aclose(self) -> None:
        """Stop looking, log out, end the thread."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._settle_all(ProbeError(f"seed {self._seed.name}: looking was stopped"))
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                if self._busy is not None and not self._busy.done():
                    self._reader.abort()
                    await asyncio.wait([self._busy])
                await asyncio.get_running_loop().run_in_executor(self._executor, self._reader.close)
        self._executor.shutdown(wait=False)

    async def _watch(self) -> None:
        """Look whenever a look is due, as long as there is something to look for; then log out."""
        try:
            while self._pending:
                await self._wait_until_due()
                if self._pending:
                    await self._look()
            with suppress(SeedError):
                await self._call(self._reader.close)
        except Exception as error:  # noqa: BLE001 - whoever waits for a probe must learn that nobody looks any more
            self._settle_all(error)
            return
        if self._pending:  # one was added while logging out
            self._task = asyncio.create_task(self._watch(), name=f"seed-{self._seed.name}")

    def _settle_all(self, error: Exception) -> None:
        for entry in self._pending:
            entry.error = error
            entry.told.put_nowait(entry)
        self._pending.clear()

    async def _wait_until_due(self) -> None:
        while self._pending:
            self._news.clear()
            due = min(self._due(entry) for entry in self._pending)
            if self._look_began is not None:
                due = max(due, self._look_began + self._intervals[0])
            wait = due - self._clock.monotonic()
            if wait <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait)

    def _due(self, entry: Pending) -> float:
        """Return when (monotonic) the next look for this probe is due: first of its schedule after the last look."""
        looked = self._look_began if self._look_began is not None else entry.accepted_monotonic
        due, deadline = entry.accepted_monotonic, entry.accepted_monotonic + self._limits.deadline_seconds
        for interval in self._intervals:
            due += interval
            if due > looked:
                break
        else:
            last = self._intervals[-1]
            due += ((looked - due) // last + 1) * last
        return deadline if looked < deadline < due else due

    async def _look(self) -> None:
        began = self._clock.monotonic()
        since = min(entry.probe.submitted_at for entry in self._pending)
        try:
            look = await self._call(lambda: self._reader.look(since))
        except SeedError as error:
            look = Look(error=str(error))
        self._remember(look, ended=self._clock.monotonic())
        self._look_began = began
        if look.error is None:
            self._whole_look_began = began
        at = self._clock.now()
        for found in (True, False):  # arrivals first: absences are judged beside their siblings
            for entry in [entry for entry in self._pending if (entry.probe.token in self._seen) is found]:
                self._tell(entry, look, began=began, at=at)

    def _tell(self, entry: Pending, look: Look, *, began: float, at: datetime) -> None:
        watched = Watched(probe=entry.probe, receiver=self._seed.receiver, status=entry.status)
        seen = self._seen.get(entry.probe.token)
        began_seconds = began - entry.accepted_monotonic
        if seen is not None:
            finding = self._finding(entry, seen, look)
            watched, told = judge_found(watched, finding, limits=self._limits, at=at)
            self._note_arrival(entry.probe.round, told[0])
        elif look.error is not None:
            watched, told = judge_unsearchable(
                watched, look_began_seconds=began_seconds, error=look.error, limits=self._limits, at=at
            )
        else:
            watched, told = judge_absent(
                watched,
                look_began_seconds=began_seconds,
                searched=look.searched,
                sibling_seconds=self._arrived_seconds.get(entry.probe.round),
                limits=self._limits,
                at=at,
            )
        entry.status = watched.status
        for observation in told:
            entry.told.put_nowait(observation)
        if entry.status.settled:
            self._pending.remove(entry)
            entry.told.put_nowait(entry)

    def _finding(self, entry: Pending, seen: _Seen, look: Look) -> Finding:
        ranks = [FolderRole.INBOX.value, "tab:", "other:", FolderRole.SPAM.value]  # where a person would find it
        best = min(
            seen.sightings.values(),
            key=lambda sighting: next(rank for rank, start in enumerate(ranks) if sighting.placement.startswith(start)),
        )
        stamps = (stamp for stamp in (best.received_at, best.internal_at) if stamp is not None)
        return Finding(
            placement=best.placement,
            searched=look.searched or (best.folder,),
            after_seconds=seen.after - entry.accepted_monotonic if seen.after is not None else 0.0,
            before_seconds=seen.before - entry.accepted_monotonic,
            stamps_seconds=tuple((stamp - entry.probe.accepted_at).total_seconds() for stamp in stamps),
            authentication=best.authentication,
            copies=len(seen.sightings),
        )

    def _note_arrival(self, round_id: str, arrival: Observation) -> None:
        seconds = arrival.value if isinstance(arrival.value, float) else 0.0
        self._arrived_seconds[round_id] = min(seconds, self._arrived_seconds.get(round_id, seconds))
        while len(self._arrived_seconds) > _MOST_ROUNDS_REMEMBERED:
            self._arrived_seconds.popitem(last=False)

    def _remember(self, look: Look, *, ended: float) -> None:
        """Add the sightings; a token may be seen before anybody waits for it, and more than once."""
        for token, seen in list(self._seen.items()) if look.renumbered else ():
            kept = {key: value for key, value in seen.sightings.items() if value.folder not in look.renumbered}
            if kept:
                self._seen[token] = replace(seen, sightings=kept)
            else:
                del self._seen[token]
        for sighting in look.sightings:
            key = (sighting.folder, sighting.uidvalidity, sighting.uid)
            known = self._seen.get(sighting.token) or _Seen({}, self._whole_look_began, ended)
            self._seen[sighting.token] = replace(known, sightings={**known.sightings, key: sighting})
        while len(self._seen) > _MOST_TOKENS_REMEMBERED:
            self._seen.popitem(last=False)

    async def _call(self, work: Callable[[], _T]) -> _T:
        """Return the result of blocking work on this seed's thread.

        Raises:
            SeedError: also when the work takes too long; then its connection is broken off.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                async with self._lock:
                    if self._busy is not None and not self._busy.done():
                        await asyncio.wait([self._busy])  # an earlier call that was given up but still hangs
                    job = loop.run_in_executor(self._executor, work)
                    job.add_done_callback(_swallow)
                    self._busy = job
                    return await asyncio.shield(job)
        except TimeoutError:
            self._reader.abort()
            raise SeedError(
                f"seed {self._seed.name}: {self._seed.host} did not finish within {self._timeout_seconds:g} s; "
                "see whether its IMAP server works"
            ) from None


def _swallow(job: asyncio.Future[Any]) -> None:
    """Take note of the exception of a call that was given up, so that nobody warns of it."""
    if not job.cancelled():
        job.exception()
