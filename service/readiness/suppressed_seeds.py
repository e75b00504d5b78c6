"""Whether a provider would refuse our own seeds: such a probe says nothing of the provider's delivery."""

import asyncio
from collections.abc import Sequence

from probes.seeds import Seed
from providers.base import Provider
from providers.checkup import Finding, Verdict
from providers.errors import CallError
from providers.suppression import SuppressionKind

_AT_ONCE = 4


async def seed_findings(provider: Provider, seeds: Sequence[Seed]) -> tuple[Finding, ...]:
    """Return a finding for each seed that stands on the provider's suppression list, or one that none does."""
    if not provider.capabilities.suppressions or not seeds:
        return ()
    limit = asyncio.Semaphore(_AT_ONCE)

    async def finding(seed: Seed) -> Finding | None:
        async with limit:
            try:
                found = await provider.suppressions(seed.address)
            except CallError as error:
                return Finding(
                    code="seed",
                    verdict=Verdict.UNKNOWN,
                    sentence=f"Whether {provider.name} suppresses seed {seed.name} could not be found out: {error}",
                )
        kinds = sorted({str(s.kind) for s in found if s.kind is not SuppressionKind.BLOCK})
        if not kinds:
            return None
        return Finding(
            code="seed",
            verdict=Verdict.WARNING,
            sentence=f"{provider.name} suppresses seed {seed.name} ({', '.join(kinds)}): probes to it say nothing of "
            "real mail.",
            remedy=f"Remove the seed's address from the suppression list at {provider.name}.",
        )

    found = [f for f in await asyncio.gather(*map(finding, seeds)) if f is not None]
    if found:
        return tuple(found)
    return (Finding(code="seed", verdict=Verdict.OK, sentence=f"{provider.name} suppresses none of the seeds."),)
