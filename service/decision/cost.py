"""What mail costs: a price per thousand messages that falls with the volume of a month. Pure."""

from dataclasses import dataclass

MONTH_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices per thousand messages, each from a monthly volume on; all of a month's mail costs the price it reaches."""

    tiers: tuple[tuple[int, float], ...]  # (from messages a month, price per thousand), in rising order
    currency: str

    def price_per_thousand(self, messages_a_month: float) -> float:
        """Return the price at this volume; the first one below all tiers."""
        return next((price for start, price in reversed(self.tiers) if start <= messages_a_month), self.tiers[0][1])

    def a_month(self, messages_a_month: float) -> float:
        """Return what so much mail costs a month."""
        return self.price_per_thousand(messages_a_month) * messages_a_month / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a provider says of itself, as the administrator wrote it down; nothing of it is measured."""

    tariff: Tariff | None = None
    data_region: str | None = None
    retention: str | None = None
    certifications: tuple[str, ...] = ()
    support: str | None = None


def messages_a_month(messages: int, watched_seconds: float) -> float | None:
    """Return the monthly volume (30 days) at the measured pace; none when nothing was watched."""
    return None if watched_seconds <= 0 else messages * MONTH_SECONDS / watched_seconds
