"""The one module that imports APScheduler: it only ticks.

A late tick is run once, however many were missed (`coalesce`), and only within its grace; a job that is
still running is not started again. What a missed stretch of time means is judged elsewhere, from the gap
that the daemon's own loop notices.

APScheduler plans by wall time: when the clock is set back by an hour, its jobs would rest for an hour (read in
3.11.3, `IntervalTrigger.get_next_fire_time`). So whoever notices a clock jump calls `realign`.
"""

from collections.abc import Awaitable, Callable

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

Job = Callable[[], Awaitable[None]]


class Schedule:
    """Runs named jobs at intervals within the running event loop."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()}, executors={"default": AsyncIOExecutor()}, timezone="UTC"
        )
        self._jobs: dict[str, tuple[float, float]] = {}

    def every(self, name: str, interval_seconds: float, job: Job, *, jitter_ratio: float = 0.0) -> None:
        """Run `job` each interval, moved at random by up to `jitter_ratio` of it; replaces a job of that name.

        A job whose interval stays keeps its next time: else frequent reloads would put it off for ever.
        """
        times = (interval_seconds, interval_seconds * jitter_ratio)
        if self._jobs.get(name) == times:
            self._scheduler.modify_job(name, func=job)
            return
        self._jobs[name] = times
        self._scheduler.add_job(
            job,
            _trigger(*times),
            id=name,
            name=name,
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=max(1, round(interval_seconds)),
        )

    def realign(self) -> None:
        """Plan every job anew from the present wall time; for use after a clock jump."""
        for name, times in self._jobs.items():
            self._scheduler.reschedule_job(name, trigger=_trigger(*times))

    def start(self) -> None:
        """Start ticking."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; jobs that run are not waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _trigger(interval_seconds: float, jitter_seconds: float) -> IntervalTrigger:
    return IntervalTrigger(seconds=interval_seconds, jitter=jitter_seconds or None, timezone="UTC")
