"""Open rounds: the (provider x seed) matrix of one paired round at one receiver, until it closes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from probes.observation import Observation, Outcome, Signal
from service.decision.policy import Policy

SETTLE_SECONDS = 10.0  # after the last placement, for latency and authentication that follow it
PARTIAL_SECONDS = 90.0  # without a new fact, before a round that not all providers took part in closes
GRACE_SECONDS = 30.0  # beyond the deadline, for the last look into the folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What happened to one probe, as far as it is known."""

    acceptance: Observation | None = None
    arrival: Observation | None = None
    placement: Observation | None = None
    latency: Observation | None = None
    authentication: Observation | None = None

    @property
    def arrived(self) -> bool:
        """Return whether the probe was found."""
        return self.placement is not None or (self.arrival is not None and self.arrival.outcome is Outcome.GOOD)

    @property
    def ended(self) -> bool:
        """Return whether nothing more is to come because the probe was refused, lost or cannot be looked for."""
        stopped = (Outcome.BAD, Outcome.UNKNOWN)
        if self.acceptance is not None and self.acceptance.outcome in stopped:
            return True
        return self.placement is None and self.arrival is not None and self.arrival.outcome in stopped

    @property
    def placed(self) -> bool:
        """Return whether the essential verdict is known."""
        return self.ended or self.placement is not None

    @property
    def overdue(self) -> bool:
        """Return whether it has not been found though its sibling was, and nothing else is known of it."""
        late = self.latency is not None and self.latency.outcome is Outcome.BAD
        return late and self.arrival is None and self.placement is None

    @property
    def complete(self) -> bool:
        """Return whether every verdict is known."""
        return self.ended or not (
            self.placement is None or self.arrival is None or self.latency is None or self.authentication is None
        )


_EMPTY = Cell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One round at one receiver."""

    round: str
    receiver: str
    confirmation: bool
    opened_at: datetime
    last_at: datetime
    cells: Mapping[tuple[str, str], Cell]  # (provider, seed)
    timed: bool = False  # who is late has been judged; the rest waits for what is overdue

    @property
    def seeds(self) -> tuple[str, ...]:
        """Return the seeds of this round, in the order they were first seen."""
        return tuple(dict.fromkeys(seed for _, seed in self.cells))


def with_observation(group: Group | None, observation: Observation) -> Group:
    """Return the group with this observation in its cell. A later word on the same signal replaces an earlier."""
    key = (observation.provider, observation.seed or "")
    at = observation.at
    signal, cell = observation.signal, (group.cells.get(key) if group else None) or _EMPTY
    return Group(
        round=observation.round or "",
        receiver=observation.receiver or "",
        confirmation=observation.confirmation,
        opened_at=group.opened_at if group else at,
        last_at=max(group.last_at, at) if group else at,
        timed=group.timed if group else False,
        cells={
            **(group.cells if group else {}),
            key: Cell(
                acceptance=observation if signal is Signal.ACCEPTANCE else cell.acceptance,
                arrival=observation if signal is Signal.ARRIVAL else cell.arrival,
                placement=observation if signal is Signal.PLACEMENT else cell.placement,
                latency=observation if signal is Signal.LATENCY else cell.latency,
                authentication=observation if signal is Signal.AUTHENTICATION else cell.authentication,
            ),
        },
    )


def is_complete(group: Group, policy: Policy) -> bool:
    """Return whether every provider's probe to every seed of this receiver has all its verdicts."""
    if len(group.cells) < len(policy.providers):
        return False
    seeds = [seed for seed, receiver in policy.seeds if receiver == group.receiver]
    cells = group.cells
    return bool(seeds) and all(
        (cell := cells.get((provider, seed))) is not None and cell.complete
        for provider in policy.providers
        for seed in seeds
    )


def is_timed(group: Group, policy: Policy) -> bool:
    """Return whether every probe of a whole round is known to be on time, late, overdue or ended, and some is overdue.

    What is overdue is evidence already; whether it is lost is known much later, by the round's deadline.
    """
    cells = group.cells.values()
    if not any(cell.overdue for cell in cells) or len(cells) < len(policy.providers) * len(group.seeds):
        return False
    return all(cell.ended or cell.overdue or (cell.arrived and cell.latency is not None) for cell in cells)


def ends_at(group: Group, policy: Policy) -> datetime:
    """Return when this group closes at the latest, and closes if not every probe has been placed."""
    return group.opened_at + timedelta(seconds=policy.round_deadline_seconds + GRACE_SECONDS)


def closes_at(group: Group, policy: Policy) -> datetime:
    """Return when this group closes if nothing more is learnt."""
    latest = ends_at(group, policy)
    if not all(cell.placed for cell in group.cells.values()):
        return latest
    full = len(group.cells) >= len(policy.providers) * len(group.seeds)
    return min(latest, group.last_at + timedelta(seconds=SETTLE_SECONDS if full else PARTIAL_SECONDS))
