"""The route: for each (stream, receiver) an ordered list of providers. Plans are differences between routes. Pure."""

from dataclasses import dataclass

DEFAULT_STREAM = "default"
ANY_RECEIVER = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Which providers carry one stream's mail to one receiver, first choice first; never empty."""

    providers: tuple[str, ...]
    stream: str = DEFAULT_STREAM
    receiver: str = ANY_RECEIVER


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
