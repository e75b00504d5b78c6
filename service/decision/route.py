"""The route: for each (stream, receiver) an ordered list of providers. Plans are differences between routes. Pure."""

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_STREAM = "default"
ANY_RECEIVER = "*"


class ShareKind(StrEnum):
    """Why a provider that is not the first choice gets some of the mail first."""

    WARM = "warm"  # a standby that must not be cold on the day it is needed
    CANARY = "canary"  # a provider on its way back; at most one in a lane
    OVERFLOW = "overflow"  # what the first choice must not carry beyond its hourly cap


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a lane's messages that tries this provider before the first choice."""

    provider: str  # one of the lane's providers, not the first
    percent: int  # 1 to 99; those of a lane add up to at most 99
    kind: ShareKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Which providers carry one stream's mail to one receiver, first choice first; never empty.

    A message drawn for a share tries that provider first and then all the others in the lane's order.
    """

    providers: tuple[str, ...]
    stream: str = DEFAULT_STREAM
    receiver: str = ANY_RECEIVER
    shares: tuple[Share, ...] = ()

    @property
    def active(self) -> str:
        """Return the provider that is tried first."""
        return self.providers[0]

    @property
    def canary(self) -> Share | None:
        """Return the share of a provider on its way back, if there is one."""
        return next((share for share in self.shares if share.kind is ShareKind.CANARY), None)

    def percent_of(self, provider: str) -> int:
        """Return how many percent of this lane's messages try this provider first."""
        if provider == self.active:
            return 100 - sum(share.percent for share in self.shares)
        return next((share.percent for share in self.shares if share.provider == provider), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What relaypilot asks of Postfix. The lane (default, *) is always present and first."""

    lanes: tuple[Lane, ...]

    @property
    def providers(self) -> tuple[str, ...]:
        """Return the default lane's providers, first choice first."""
        return self.lanes[0].providers

    @property
    def active(self) -> str:
        """Return the provider that is tried first."""
        return self.providers[0]

    @property
    def receivers(self) -> tuple[str, ...]:
        """Return the receivers whose mail goes a way of its own."""
        return tuple(lane.receiver for lane in self.lanes if lane.receiver != ANY_RECEIVER)

    def own_lane(self, receiver: str) -> Lane | None:
        """Return the lane of this receiver alone; none when its mail goes with all other mail."""
        return next((lane for lane in self.lanes if lane.receiver == receiver), None)

    def lane(self, receiver: str) -> Lane:
        """Return the lane that this receiver's mail takes."""
        return self.own_lane(receiver) or self.lanes[0]

    def with_lane(self, lane: Lane) -> "Route":
        """Return the route with this lane in the place of the receiver's present one; the default lane stays first.

        With a new default lane, receivers' lanes that lead to the same provider end.
        """
        others = [one for one in self.lanes if one.receiver != lane.receiver]
        if lane.receiver == ANY_RECEIVER:
            return Route(lanes=(lane, *(one for one in others if one.active != lane.active)))
        return Route(lanes=(*others, lane))

    def without_lane(self, receiver: str) -> "Route":
        """Return the route in which this receiver's mail goes with all other mail."""
        return Route(lanes=tuple(one for one in self.lanes if one.receiver != receiver))


def simple_route(*providers: str) -> Route:
    """Return the route that sends everything through these providers, in this order."""
    return Route(lanes=(Lane(providers=tuple(providers)),))
