"""A provider's whole suppression list, page by page, bounded in number and time."""

from dataclasses import replace
from datetime import datetime

from providers.base import Provider
from providers.suppression import Suppression, SuppressionKind

BLOCKING = frozenset(SuppressionKind) - {SuppressionKind.BLOCK}
COPIED = frozenset({SuppressionKind.HARD_BOUNCE, SuppressionKind.COMPLAINT, SuppressionKind.UNSUBSCRIBE})
_MOST_PAGES = 10_000
# 0.6 KB each with reasons of 150 characters (Python 3.11, 2026-11); the daemon may hold 512 MB, and two such lists
_MOST_ADDRESSES = 300_000
_REASON_CHARACTERS = 100


class EndlessListError(Exception):
    """The provider's list did not end, or is larger than fits in memory."""


async def suppressed_addresses(
    provider: Provider, most_pages: int = _MOST_PAGES, most_addresses: int = _MOST_ADDRESSES
) -> dict[str, Suppression]:
    """Return every suppressed address in lower case with the oldest reason to suppress it.

    Raises:
        CallError: the provider or the network failed.
        EndlessListError: page after page without an end, or more addresses than fit in memory.
    """
    found: dict[str, Suppression] = {}
    cursor: str | None = None
    for _ in range(most_pages):
        page = await provider.suppression_list(cursor)
        for item in page.items:
            key = item.address.strip().lower()
            if item.kind in BLOCKING and (key not in found or _older(item.at, found[key].at)):
                found[key] = replace(item, reason=item.reason[:_REASON_CHARACTERS])
        if len(found) > most_addresses:
            raise EndlessListError(
                f"reading the suppression list of {provider.name}: more than {most_addresses} addresses, which do not "
                "fit in memory here; copy them with the provider's own export and import"
            )
        if not page.more or page.cursor == cursor:
            return found
        cursor = page.cursor
    raise EndlessListError(f"reading the suppression list of {provider.name}: no end after {most_pages} pages")


def _older(at: datetime | None, than: datetime | None) -> bool:
    return at is not None and (than is None or at < than)
