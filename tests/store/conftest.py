from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.store.store import Store, open_store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class SetClock:
    """A clock that stands where the test puts it."""

    at: datetime = field(default=START)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START) / timedelta(seconds=1)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state/relaypilot.db"


@pytest.fixture
def store(url: str, clock: SetClock) -> Iterator[Store]:
    opened = open_store(url, clock)
    yield opened
    opened.close()
