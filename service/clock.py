"""The one module that reads the clock and draws random numbers."""

import random
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump, not even over suspend and NTP steps (CLOCK_MONOTONIC)."""
        return time.monotonic()


def system_random() -> random.Random:
    """Return the generator that draws jitter, order and tokens; seeded by the operating system."""
    return random.SystemRandom()
