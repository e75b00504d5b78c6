"""Follows Postfix's log from where it stopped, and tells how live mail fares, as counts."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from probes.errors import ProbeError
from probes.live_mail import LiveCounter
from probes.log_follower import LogFollower, LogPosition
from probes.observation import Fact
from providers.base import Clock
from service.setup import Setup

LIVE_SECONDS = 1.0
_GATHER_SECONDS = 10.0  # counts of mail that went well are told this often, to keep the store small
_URGENT_SECONDS = 3.0  # and at most this often when some went wrong
POSITION = "maillog"
_log = structlog.get_logger("relaypilot.live")


class Tell(Protocol):
    """Where facts go, together with how far the log was read for them."""

    def __call__(self, facts: Sequence[Fact], positions: Mapping[str, str]) -> None:
        """Take facts and positions; they are kept in one transaction."""
        ...


class LiveMail:
    """Reads what Postfix logged since the last look. Without a log file it reads nothing."""

    def __init__(self, setup: Setup, clock: Clock, tell: Tell) -> None:
        self._clock = clock
        self._tell = tell
        self._path: Path | None = None
        self._follower: LogFollower | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log")
        self._told_at = float("-inf")
        self._lines = 0
        self.problem: str | None = None
        self.change_setup(setup)

    def resume(self, position: str | None) -> None:
        """Go on from where the last run stopped; without a position, from the end of the log."""
        if self._path is not None:
            self._follower = LogFollower(self._path, LogPosition.parse(position) if position else None)

    def change_setup(self, setup: Setup) -> None:
        """Count for other providers and receivers from now on."""
        if self._lines:
            self._flush(self._clock.now())
        self._counter = LiveCounter(
            setup.providers.values(),
            receivers=setup.config.receivers,
            rules={name: provider.reply_rules for name, provider in setup.providers.items()},
        )
        path = setup.config.postfix.log_file
        if path != self._path:
            self._path = path
            self._follower = LogFollower(path) if path else None

    async def read(self) -> None:
        """Read on, as the schedule asks, and tell what was found."""
        if self._follower is None:
            return
        try:
            lines = await asyncio.get_running_loop().run_in_executor(self._thread, self._follower.read)
        except (OSError, ProbeError) as error:
            if self.problem is None:
                _log.warning("Postfix's log cannot be read", file=str(self._path), error=str(error))
            self.problem = f"Live mail is not seen: {error}"
            return
        if not lines and self._follower.position is None and not await asyncio.to_thread(self._exists):
            self.problem = (
                f"Live mail is not seen: {self._path} does not exist. Install rsyslog, or have Postfix write a log "
                "(postconf -e maillog_file=/var/log/postfix.log) and name it in [postfix] log_file."
            )
            return
        self.problem = None
        now = self._clock.now()
        for line in lines:
            self._counter.feed(line, now)
        self._lines += len(lines)
        passed = self._clock.monotonic() - self._told_at
        if self._lines and passed >= (_URGENT_SECONDS if self._counter.has_failures else _GATHER_SECONDS):
            self._flush(now)

    def _exists(self) -> bool:
        return self._path is not None and self._path.exists()

    def _flush(self, now: datetime) -> None:
        """Tell what was counted together with how far the log was read for it: a crash loses and doubles nothing."""
        position = self._follower.position if self._follower else None
        self._tell(self._counter.flush(now), {POSITION: str(position)} if position else {})
        self._told_at = self._clock.monotonic()
        self._lines = 0
