"""The daemon's memory over a real store: folded once, in order, and never ahead of the disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probes.observation import Observation, Outcome, Signal, Source
from service.clock import SystemClock
from service.decision.policy import Policy
from service.decision.state import State, state_to_json
from service.memory import Memory
from service.store.store import Store, open_store

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = Policy(providers=("a", "b"), seeds=())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}", SystemClock(), busy_timeout_seconds=0.1)
    yield kept
    kept.close()


def session(seconds: int, provider: str = "a") -> Observation:
    return Observation(
        at=AT + timedelta(seconds=seconds),
        provider=provider,
        signal=Signal.SESSION,
        source=Source.PROBE,
        outcome=Outcome.GOOD,
        round=f"s{seconds}",
    )


def restarted(store: Store) -> State:
    memory = Memory(store, POLICY)
    memory.load(AT)
    return memory.state


async def test_a_restart_finds_the_same_state(store: Store):
    memory = Memory(store, POLICY)
    memory.load(AT)
    for second in range(5):
        assert await memory.record((session(second), session(second, "b")))
    assert memory.seq == 10
    assert state_to_json(restarted(store)) == state_to_json(memory.state)


async def test_what_cannot_be_recorded_waits_and_is_not_folded(store: Store, tmp_path: Path):
    memory = Memory(store, POLICY)
    before = state_to_json(memory.state)
    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # another process in the middle of a write
        assert not await memory.record((session(1),))
    assert state_to_json(memory.state) == before
    assert memory.problem is not None
    assert "nothing is decided" in memory.problem
    assert await memory.record((session(2),))
    assert memory.problem is None
    assert [seq for seq, _ in store.facts()] == [1, 2]
    assert state_to_json(restarted(store)) == state_to_json(memory.state)


async def test_log_positions_are_kept_with_the_facts_read_there(store: Store):
    memory = Memory(store, POLICY)
    await memory.record((session(1),), {"maillog": "at 100"})
    assert store.position("maillog") == "at 100"
    await memory.record((), {"maillog": "at 200"})
    assert store.position("maillog") == "at 200"
