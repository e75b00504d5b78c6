"""Copies suppressed addresses between providers, so that a standby does not write to whom we must not write."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from providers.base import Provider
from providers.errors import CallError, ProviderError
from providers.failure import Category
from providers.suppression import Suppression, SuppressionKind
from service.errors import NoSuchProviderError, RelaypilotError, UsageError
from service.readiness.suppressed_addresses import COPIED, EndlessListError, suppressed_addresses

CHUNK = 500  # addresses handed to an adapter at once: what is lost when it fails halfway is looked up at the next copy
_ABOUT_ONE = frozenset({Category.RECIPIENT, Category.CONTENT, Category.PROTOCOL, Category.UNKNOWN, Category.POLICY})


class CopyFailedError(RelaypilotError):
    """A suppression list could not be read, or not be added to; what was added before stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was, or would be, added to one provider's suppression list."""

    to: str
    sources: tuple[str, ...]
    known: int  # addresses that it suppresses already
    lacking: Mapping[SuppressionKind, int]
    addresses: tuple[str, ...]  # those lacking
    added: int  # 0 in a dry run; fewer than lack when the provider refuses some addresses for good


def sources_and_targets(
    providers: Mapping[str, Provider], source: str | None, target: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return from which providers addresses are copied, and to which; None stands for all that can.

    Raises:
        UsageError: no such provider, it cannot do that, or nothing is left to copy between.
    """
    for name in (source, target):
        if name is not None and name not in providers:
            raise NoSuchProviderError(
                f'Copying suppressions: there is no provider "{name}"; configured are {", ".join(providers)}.'
            )
    telling = tuple(n for n, p in providers.items() if p.capabilities.suppressions and source in (None, n))
    taking = tuple(
        n
        for n, p in providers.items()
        if p.capabilities.suppressions and p.capabilities.suppress and target in (None, n)
    )
    if source is not None and not telling:
        raise UsageError(f"Copying suppressions: {source} does not tell its list; it needs an API key (api_key).")
    if target is not None and not taking:
        raise UsageError(f"Copying suppressions: nothing can be added at {target}; it needs an API key (api_key).")
    if not any(set(telling) - {name} for name in taking):
        raise UsageError(
            "Copying suppressions needs two providers that tell their lists, one of which can be added to; "
            "give them API keys (api_key) in the configuration."
        )
    return telling, taking


async def copy_suppressions(
    providers: Mapping[str, Provider],
    *,
    source: str | None,
    target: str | None,
    dry_run: bool,
    seeds: Collection[str] = (),
) -> tuple[Copied, ...]:
    """Add to each target the hard bounces, complaints and unsubscribes of the sources that it lacks.

    Addresses are compared whatever the reason: one that a provider suppresses already is left as it is. All
    lists are read before the first is added to. The addresses of seeds are never copied: a seed that one provider
    suppresses would then be lost to all.

    Raises:
        UsageError: as `sources_and_targets`.
        CopyFailedError: a list could not be read, or an addition failed.
    """
    telling, taking = sources_and_targets(providers, source, target)
    lists = {name: await _read(providers[name]) for name in dict.fromkeys((*telling, *taking))}
    spared = {address.lower() for address in seeds}
    done = []
    for name in taking:
        others = tuple(n for n in telling if n != name)
        lacking: dict[str, Suppression] = {}
        for other in others:
            for address, item in lists[other].items():
                if item.kind in COPIED and address not in lists[name] and address not in spared:
                    lacking.setdefault(address, item)
        added = 0 if dry_run else await _add(providers[name], tuple(lacking.values()))
        kinds = [item.kind for item in lacking.values()]
        done.append(
            Copied(
                to=name,
                sources=others,
                known=len(lists[name]),
                lacking={kind: kinds.count(kind) for kind in sorted(COPIED) if kind in kinds},
                addresses=tuple(sorted(lacking)),
                added=added,
            )
        )
    return tuple(done)


async def _read(provider: Provider) -> dict[str, Suppression]:
    try:
        return await suppressed_addresses(provider)
    except (ProviderError, EndlessListError) as error:
        raise CopyFailedError(
            f"Reading the suppression list of {provider.name} failed; nothing was copied: {error}"
        ) from error


async def _add(provider: Provider, lacking: Sequence[Suppression]) -> int:
    """Add these and return how many were taken; what the provider refuses for good by itself is passed over."""
    added, waiting = 0, [lacking[start : start + CHUNK] for start in range(0, len(lacking), CHUNK)]
    while waiting:
        chunk = waiting.pop(0)
        try:
            await provider.suppress(chunk)
        except CallError as error:
            if error.failure.temporary or error.failure.category not in _ABOUT_ONE:
                raise CopyFailedError(
                    f"Adding suppressions at {provider.name} failed after {added} of {len(lacking)} addresses, which "
                    f"stay; repeat the command later: {error}"
                ) from error
            if half := len(chunk) // 2:  # one address spoils the request: find it, and let the others through
                waiting[:0] = [chunk[:half], chunk[half:]]
        else:
            added += len(chunk)
    return added
