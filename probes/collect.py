"""Look for probes in the seed mailboxes until each is settled.

Every seed has one watcher: one thread, one connection, one schedule. One look serves all probes that are
pending there, of however many rounds. A seed whose server hangs holds up nobody but itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta

from probes.errors import ProbeError
from probes.observation import Observation
from probes.seeds import Seed
from probes.send import SentProbe
from probes.verdict import Limits
from probes.watcher import Pending, SeedWatcher
from providers.base import Clock


class Collector:
    """Finds probes: the one way to the seed mailboxes."""

    def __init__(
        self,
        seeds: Sequence[Seed],
        *,
        clock: Clock,
        poll_intervals_seconds: Sequence[float],
        late_after_seconds: float,
        deadline_seconds: float,
        imap_timeout_seconds: float,
        secret: bytes,
        overdue_minimum_seconds: float | None = None,
    ) -> None:
        """Take the seeds and the limits; nothing is opened before the first probe is watched.

        `poll_intervals_seconds` are the waits between looks, counted from acceptance; the last one repeats.
        `overdue_minimum_seconds`: no probe is overdue before that because a sibling has arrived; absent, a
        fifth of `late_after_seconds`.

        Raises:
            ProbeError: an interval is not positive, or there is none.
        """
        if not poll_intervals_seconds or min(poll_intervals_seconds) <= 0:
            raise ProbeError("watching seed mailboxes needs poll intervals above zero; set poll_intervals")
        minimum = late_after_seconds / 5 if overdue_minimum_seconds is None else overdue_minimum_seconds
        limits = Limits(
            late_after_seconds=late_after_seconds,
            deadline_seconds=deadline_seconds,
            overdue_minimum_seconds=minimum,
        )
        self._clock = clock
        self._watchers: Mapping[str, SeedWatcher] = {
            seed.name: SeedWatcher(
                seed,
                clock=clock,
                poll_intervals_seconds=tuple(poll_intervals_seconds),
                limits=limits,
                imap_timeout_seconds=imap_timeout_seconds,
                secret=secret,
            )
            for seed in seeds
        }

    async def watch(self, probes: Sequence[SentProbe]) -> AsyncGenerator[Observation, None]:
        """Yield observations as they become known, until every one of these probes is settled.

        That is at the latest one look after the deadline. Probes of one round and seed are compared with
        each other even when they are watched by separate calls.

        Raises:
            ProbeError: a probe went to a seed that this collector does not have.
        """
        told: asyncio.Queue[Observation | Pending] = asyncio.Queue()
        pending = [(self._watcher(probe.seed), Pending(probe=probe, told=told, clock=self._clock)) for probe in probes]
        try:
            for watcher, entry in pending:
                watcher.add(entry)
            unsettled = len(pending)
            while unsettled:
                item = await told.get()
                if isinstance(item, Observation):
                    yield item
                    continue
                unsettled -= 1
                if item.error is not None:
                    raise item.error
        finally:
            for watcher, entry in pending:
                watcher.discard(entry)

    async def check_seed(self, seed: Seed | str) -> str | None:
        """Return why this seed cannot be used, after a login and a look at its folders; none if it can."""
        return await self._watcher(seed if isinstance(seed, str) else seed.name).check()

    async def delete_old_probes(self, *, older_than_seconds: float) -> int:
        """Delete probes of ours older than that from all seeds; return how many. Seeds that fail are left out."""
        before = self._clock.now() - timedelta(seconds=older_than_seconds)
        return sum(await asyncio.gather(*(watcher.delete_old(before) for watcher in self._watchers.values())))

    def copies(self) -> Mapping[str, int]:
        """Return how many messages of each probe were seen, by token id: above 1 the relay delivered twice."""
        counts: dict[str, int] = {}
        for watcher in self._watchers.values():
            counts |= watcher.copies()
        return counts

    async def aclose(self) -> None:
        """Stop looking and log out everywhere."""
        await asyncio.gather(*(watcher.aclose() for watcher in self._watchers.values()))

    def _watcher(self, seed: str) -> SeedWatcher:
        try:
            return self._watchers[seed]
        except KeyError:
            raise ProbeError(f'looking for a probe: there is no seed "{seed}"; was it removed meanwhile?') from None
