"""What can be decided: to stay, or to have another route, each with its reason and the evidence behind it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from probes.observation import Observation
from service.decision.policy import Policy
from service.decision.route import ANY_RECEIVER, Lane, Route
from service.decision.severity import Severity
from service.decision.state import State

AUTOMATIC, FAILBACK = "automatic", "failback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a decision is about."""

    state: State
    current: Route  # in force
    policy: Policy
    now: datetime

    def lane(self, receiver: str) -> Lane:
        """Return the lane that this receiver's mail takes now."""
        return self.current.lane(receiver)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Nothing is to be changed now."""

    reason: str
    rule: str
    blocked_by: tuple[str, ...] = ()  # sentences: what keeps a wanted change from being made, and until when
    alert: bool = False  # a person should know
    receiver: str = ANY_RECEIVER  # whose mail it is about
    evidence: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchover:
    """Another route is wanted. One lane changes at a time, that of `receiver`."""

    route: Route
    reason: str
    rule: str
    trigger: str  # "automatic" or "failback"
    receiver: str = ANY_RECEIVER
    evidence: tuple[Observation, ...] = ()

    @property
    def to(self) -> str:
        """Return the provider that carries the lane's mail from then on."""
        return self.route.lane(self.receiver).active


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Why the active provider of a lane is to be left."""

    rule: str
    reason: str
    severity: Severity
    since: datetime | None
    hard: bool  # hold-down does not apply
    evidence: tuple[Observation, ...] = ()


Decision = Stay | Switchover
