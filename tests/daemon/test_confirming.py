"""How many confirmations the daemon has under way at once."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.config_file import load_config
from service.decision.burst import with_burst
from service.decision.suspicion import ConfirmationWanted, confirmations_wanted
from service.prober import Prober
from service.setup import set_up
from tests.core.story import DOWN, POLICY, A, Story
from tests.probes.world import FakeProvider

pytestmark = pytest.mark.anyio
TEXT = """
[probes]
sender = "probe@example.org"

[[provider]]
name = "alpha"
kind = "smtp"
host = "127.0.0.1"
"""


class StoppedClock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class BlackHole(FakeProvider):
    """Keeps every session check waiting until it is let go."""

    def __init__(self, name: str, clock: StoppedClock) -> None:
        super().__init__(name, clock)
        self.waiting = 0
        self.let_go = asyncio.Event()

    async def check_session(self, sender: str, recipient: str) -> object:
        self.waiting += 1
        await self.let_go.wait()
        self.waiting -= 1
        return await super().check_session(sender, recipient)


def suspected(bursts: int, failures: int = 1) -> Story:
    """Tell a suspicion of a provider that has so many bursts of three failures on record."""
    story, record = Story().warm(), None
    for n in range(bursts):
        record = with_burst(record, story.now - timedelta(hours=bursts - n), 2)
    providers = story.state.providers
    story.state = replace(story.state, providers={**providers, A: replace(providers[A], bursts=record)})
    story.sweep({A: DOWN})
    for _ in range(failures - 1):
        story.wait(3).sweep({A: DOWN}, confirmation=True)
    return story


def asked(story: Story) -> ConfirmationWanted:
    (wanted,) = confirmations_wanted(story.state, story.policy, story.now)
    return wanted


async def passed(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def test_as_many_may_be_under_way_as_the_record_of_bursts_calls_for() -> None:
    assert asked(suspected(0)).at_once == POLICY.confirmations
    assert asked(suspected(40)).at_once > POLICY.confirmations + 2
    assert asked(suspected(40, failures=3)).at_once == asked(suspected(40)).at_once - 2


async def test_the_prober_has_as_many_confirmations_under_way_as_are_asked_for_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "relaypilot.toml").write_text(TEXT)
    clock = StoppedClock()
    hole = BlackHole("alpha", clock)
    setup = replace(set_up(load_config(tmp_path / "relaypilot.toml", {}), clock), providers={"alpha": hole})
    prober = Prober(setup, clock=clock, rng=random.Random(1), secret=b"k" * 32, tell=lambda _facts: None)
    ask = replace(asked(suspected(40)), provider="alpha", providers=("alpha",), not_before=clock.now())
    assert ask.at_once > setup.policy.confirmations
    for started in range(1, ask.at_once + 1):
        prober.confirm((ask,))
        prober.confirm((ask,))  # too soon after the one before
        await passed(lambda wanted=started: hole.waiting == wanted)
        clock.at += timedelta(seconds=setup.policy.confirmation_spacing_seconds)
    prober.confirm((ask,))
    for _ in range(20):
        await asyncio.sleep(0)
    assert hole.waiting == ask.at_once
    hole.let_go.set()
    await passed(lambda: hole.waiting == 0)
    await prober.aclose()
