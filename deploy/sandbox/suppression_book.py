"""A provider's suppression lists: addresses that it no longer sends to."""

import time
from dataclasses import dataclass, field

BOUNCES, COMPLAINTS, UNSUBSCRIBES = "bounces", "complaints", "unsubscribes"
BLOCKS, INVALID = "blocks", "invalid_emails"  # SendGrid's; a block does not keep later mail back
LISTS = (BOUNCES, COMPLAINTS, UNSUBSCRIBES, BLOCKS, INVALID)
_KEEPING = (BOUNCES, COMPLAINTS, UNSUBSCRIBES, INVALID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One address on one list."""

    address: str
    reason: str = ""
    code: str = "550"
    status: str = "5.1.1"
    tags: tuple[str, ...] = ("*",)
    created: int = field(default_factory=lambda: int(time.time()))  # seconds since the epoch
    by_fault: bool = False  # goes when the fault that put it there is healed


class SuppressionBook:
    """All lists of one provider."""

    def __init__(self) -> None:
        self._lists: dict[str, dict[str, Entry]] = {name: {} for name in LISTS}

    def entries(self, which: str) -> list[Entry]:
        """Return one list, addresses in order."""
        return [entry for _, entry in sorted(self._lists[which].items())]

    def find(self, which: str, address: str) -> Entry | None:
        """Return an address's entry on one list."""
        return self._lists[which].get(address.lower())

    def add(self, which: str, entry: Entry) -> None:
        """Put an address on a list; one that is there already is replaced."""
        self._lists[which][entry.address.lower()] = entry

    def remove(self, which: str, address: str | None = None) -> int:
        """Take an address, or all, from a list; return how many went."""
        if address is None:
            gone = len(self._lists[which])
            self._lists[which].clear()
            return gone
        return int(self._lists[which].pop(address.lower(), None) is not None)

    def keeps_back(self, address: str) -> str | None:
        """Return the list for which mail to this address is accepted and not sent."""
        return next((name for name in _KEEPING if self.find(name, address)), None)
