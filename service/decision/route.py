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


def simple_route(*providers: str) -> Route:
    """Return the route that sends everything through these providers, in this order."""
    return Route(lanes=(Lane(providers=tuple(providers)),))
