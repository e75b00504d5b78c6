"""A paired round, and a sweep of session checks: all providers at the same time, so that they can be compared."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, MutableSequence, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol

from probes.collect import Collector
from probes.observation import Observation
from probes.seeds import Seed
from probes.send import Signer, check_session, submit_probe
from providers.base import Clock, Provider

Tell = Callable[[Observation], None]


class Shuffler(Protocol):
    """The part of random.Random that is needed here."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put into random order."""
        ...


async def run_round(
    providers: Sequence[Provider],
    seeds: Sequence[Seed],
    *,
    round_id: str,
    clock: Clock,
    rng: Shuffler,
    sender: str,
    collector: Collector,
    secret: bytes,
    confirmation: bool = False,
    max_in_flight: int = 4,
    signer: Signer | None = None,
) -> AsyncGenerator[Observation, None]:
    """Send the same content to each seed through all providers; yield what becomes known until all is settled.

    Acceptance comes at once, the rest as it is found. `max_in_flight` bounds the submissions per provider,
    so that one that hangs delays no other. `round_id` must not be used twice.

    Raises:
        ProbeError: a probe cannot be built, or a seed is not the collector's.
    """
    started_at = clock.now()
    slots = {provider.name: asyncio.Semaphore(max_in_flight) for provider in providers}

    async def probe(provider: Provider, seed: Seed, tell: Tell) -> None:
        async with slots[provider.name]:
            observation, sent = await submit_probe(
                provider,
                seed,
                sender=sender,
                secret=secret,
                round_id=round_id,
                round_started_at=started_at,
                clock=clock,
                confirmation=confirmation,
                signer=signer,
            )
        tell(observation)
        if sent is not None:
            async with aclosing(collector.watch((sent,))) as findings:
                async for found in findings:
                    tell(found)

    pairs: list[tuple[Provider, Seed]] = []
    for seed in _shuffled(seeds, rng):
        pairs += [(provider, seed) for provider in _shuffled(providers, rng)]
    async with aclosing(_tellings([partial(probe, provider, seed) for provider, seed in pairs])) as tellings:
        async for told in tellings:
            yield told


async def session_sweep(
    providers: Sequence[Provider],
    *,
    sender: str,
    recipient: str,
    sweep_id: str,
    clock: Clock,
    confirmation: bool = False,
) -> AsyncGenerator[Observation, None]:
    """Check a session through each provider, all at once; yield each result as it is known. No message is sent."""

    async def check(provider: Provider, tell: Tell) -> None:
        tell(
            await check_session(
                provider,
                sender=sender,
                recipient=recipient,
                round_id=sweep_id,
                clock=clock,
                confirmation=confirmation,
            )
        )

    async with aclosing(_tellings([partial(check, provider) for provider in providers])) as tellings:
        async for told in tellings:
            yield told


async def _tellings(
    jobs: Iterable[Callable[[Tell], Coroutine[Any, Any, None]]],
) -> AsyncGenerator[Observation, None]:
    """Run the jobs at once; yield what they tell, as they tell it. Closing the iterator cancels them."""
    told: asyncio.Queue[Observation | None] = asyncio.Queue()

    async def run() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(job(told.put_nowait))
        finally:
            told.put_nowait(None)

    runner = asyncio.create_task(run())
    try:
        while (observation := await told.get()) is not None:
            yield observation
        await runner
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    finally:
        runner.cancel()
        await asyncio.wait([runner])


def _shuffled(items: Sequence[Any], rng: Shuffler) -> list[Any]:
    shuffled = list(items)
    rng.shuffle(shuffled)
    return shuffled
