"""Says what changed: a provider's health, an order that expired. Detections go into the journal."""

import secrets

import structlog

from providers.base import Clock
from service.decision.health import Health, Status, health
from service.decision.override import Override
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER
from service.errors import StoreError
from service.events import EventLog
from service.memory import Memory
from service.store.entry import JournalEntry, JournalKind, Trigger

_log = structlog.get_logger("relaypilot.reporter")


class Reporter:
    """Compares what is held now with what was told last."""

    def __init__(self, memory: Memory, events: EventLog, clock: Clock) -> None:
        self._memory = memory
        self._events = events
        self._clock = clock
        self._told: dict[tuple[str, str], Health] = {}
        self._orders: tuple[Override, ...] = ()

    async def report(self, policy: Policy) -> None:
        """Say what changed since the last call."""
        await self._tell_health(policy)
        self._tell_expired_orders()

    async def _tell_health(self, policy: Policy) -> None:
        """Say each change of a provider's health; keep those that concern all of its mail in the journal."""
        for key, now_health in health(self._memory.state, policy, self._clock.now()).items():
            before = self._told.get(key)
            if before is not None and before.status == now_health.status:
                continue
            self._told[key] = now_health
            if before is None and now_health.status in (Status.UNKNOWN, Status.HEALTHY):
                continue
            who = key[0] if key[1] == ANY_RECEIVER else f"{key[0]} at {key[1]}"
            self._events.say("health", f"{who} is {now_health.status}: {now_health.reason}", key[0])
            if before is not None and key[1] == ANY_RECEIVER and _is_detection(before, now_health):
                await self._journal_detection(now_health)

    async def _journal_detection(self, found: Health) -> None:
        entry = JournalEntry(
            request_id=secrets.token_hex(8),
            at=self._clock.now(),
            kind=JournalKind.DETECTED,
            trigger=Trigger.AUTOMATIC,
            actor="relaypilot",
            reason=f"{found.provider} is {found.status}: {found.reason}",
            rule=str(found.severity),
        )
        try:
            await self._memory.write(entry, ())
        except StoreError:
            _log.warning("a detection could not be journaled", provider=found.provider, status=str(found.status))

    def _tell_expired_orders(self) -> None:
        now = self._clock.now()
        for order in self._orders:
            if order in self._memory.state.context.overrides and not order.in_force(now):
                what = " ".join(filter(None, (order.verb, order.provider)))
                self._events.say("override", f"The {what} that {order.actor} ordered has expired.", order.provider)
        self._orders = tuple(order for order in self._memory.state.context.overrides if order.in_force(now))


def _is_detection(before: Health, now: Health) -> bool:
    ill = (Status.DEGRADED, Status.RECOVERING)
    return now.status is Status.DEGRADED or (before.status in ill and now.status is Status.HEALTHY)
