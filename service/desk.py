"""What the API asks of the daemon. The daemon's one state-owning task stands behind it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from service.readiness.views import CheckRequest, CheckView, CopyRequest, CopyView
from service.views import (
    CompareView,
    EventView,
    ExplainView,
    FailoverRequest,
    HistoryEntryView,
    MoveView,
    OverrideRequest,
    OverrideView,
    PlanView,
    ProbeProgressView,
    ProbeRequest,
    StatusView,
)


class Accounts(Protocol):
    """The providers' accounts as seen from the API. Every method may raise `service.errors.RelaypilotError`."""

    async def check(self, request: CheckRequest) -> CheckView:
        """Return whether each provider could carry the mail; sends nothing unless asked."""
        ...

    async def copy_suppressions(self, request: CopyRequest) -> CopyView:
        """Copy suppressed addresses between providers."""
        ...


class Desk(Protocol):
    """The daemon as seen from its API. Every method may raise `service.errors.RelaypilotError`."""

    @property
    def accounts(self) -> Accounts:
        """Return who answers for the providers' accounts."""
        ...

    async def status(self) -> StatusView:
        """Return the present state; waits shortly at most."""
        ...

    def ready(self) -> str | None:
        """Return why the daemon is not ready, or None when cycles complete."""
        ...

    async def explain(self) -> ExplainView:
        """Return why it is not moving, or why it moved."""
        ...

    async def compare(self, window_seconds: float, receiver: str | None) -> CompareView:
        """Return the providers side by side."""
        ...

    async def plan(self, to: str, receiver: str | None = None) -> PlanView:
        """Return what a failover of all mail, or one receiver's, to this provider would change; changes nothing."""
        ...

    async def failover(self, request: FailoverRequest) -> MoveView:
        """Move now."""
        ...

    async def override(self, request: OverrideRequest) -> tuple[OverrideView, ...]:
        """Pause or resume; return the overrides now in force."""
        ...

    async def history(self, limit: int) -> tuple[HistoryEntryView, ...]:
        """Return journal rows, newest first."""
        ...

    async def observations(
        self, after_seq: int, limit: int, since: datetime | None = None
    ) -> tuple[tuple[int, str], ...]:
        """Return (seq, JSON line) of recorded facts after `after_seq` in recording order, those `since` then."""
        ...

    def probe(self, request: ProbeRequest) -> AsyncIterator[ProbeProgressView]:
        """Run one round now and yield its observations as they become known."""
        ...

    def events(self) -> AsyncIterator[EventView]:
        """Yield events from now on; ends when the daemon stops."""
        ...
