"""A provider's whole suppression list, page by page, bounded in number and time."""

from datetime import datetime

from providers.base import Provider
from providers.suppression import Suppression, SuppressionKind

BLOCKING = frozenset(SuppressionKind) - {SuppressionKind.BLOCK}
COPIED = frozenset({SuppressionKind.HARD_BOUNCE, SuppressionKind.COMPLAINT, SuppressionKind.UNSUBSCRIBE})
_MOST_PAGES = 10_000


class EndlessListError(Exception):
    """The provider's list did not end."""


async def suppressed_addresses(provider: Provider, most_pages: int = _MOST_PAGES) -> dict[str, Suppression]:
    """Return every suppressed address in lower case with the oldest reason to suppress it.

    Raises:
        CallError: the provider or the network failed.
        EndlessListError: page after page without an end.
    """
    found: dict[str, Suppression] = {}
    cursor: str | None = None
    for _ in range(most_pages):
        page = await provider.suppression_list(cursor)
        for item in page.items:
            key = item.address.strip().lower()
            if item.kind in BLOCKING and (key not in found or _older(item.at, found[key].at)):
                found[key] = item
        if not page.more or page.cursor == cursor:
            return found
        cursor = page.cursor
    raise EndlessListError(f"reading the suppression list of {provider.name}: no end after {most_pages} pages")


def _older(at: datetime | None, than: datetime | None) -> bool:
    return at is not None and (than is None or at < than)
