"""Follows Postfix's log from where it stopped, and tells how live mail fares, as counts."""

import asyncio
from collections.abc import Mapping, Sequence
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
        self.problem: str | None = None
        self.change_setup(setup)

    def resume(self, position: str | None) -> None:
        """Go on from where the last run stopped; without a position, from the end of the log."""
        if self._path is not None:
            self._follower = LogFollower(self._path, LogPosition.parse(position) if position else None)

    def change_setup(self, setup: Setup) -> None:
        """Count for other providers and receivers from now on."""
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
            lines = await asyncio.to_thread(self._follower.read)
        except (OSError, ProbeError) as error:
            if self.problem is None:
                _log.warning("Postfix's log cannot be read", file=str(self._path), error=str(error))
            self.problem = f"Live mail is not seen: {error}"
            return
        self.problem = None
        now = self._clock.now()
        for line in lines:
            self._counter.feed(line, now)
        facts = self._counter.flush(now)
        if lines or facts:
            position = self._follower.position
            self._tell(facts, {POSITION: str(position)} if position else {})
