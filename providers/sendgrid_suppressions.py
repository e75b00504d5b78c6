"""Addresses that SendGrid does not send to ("Suppressions"): five lists, of which one takes entries.

Unsubscribes from a group are left out: they stop only mail that names that group. Only the list of global
unsubscribes can be added to; SendGrid fills bounces, blocks, invalid addresses and spam reports by itself.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from providers.errors import NotSupportedError
from providers.http_url import segment
from providers.sendgrid_api import SendgridApi
from providers.sendgrid_cursor import read_table, write_table
from providers.sendgrid_events import event_time
from providers.suppression import Suppression, SuppressionKind, SuppressionPage
from providers.untrusted import as_text

_PAGE = 500  # the most that one answer holds
_AT_ONCE = 500  # addresses added by one call
_OVERLAP = timedelta(minutes=5)  # clocks differ; an entry that comes twice is the same entry


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    name: str  # in the path, and in the cursor
    kind: SuppressionKind


_LISTS = (
    _List(name="bounces", kind=SuppressionKind.HARD_BOUNCE),
    _List(name="spam_reports", kind=SuppressionKind.COMPLAINT),
    _List(name="unsubscribes", kind=SuppressionKind.UNSUBSCRIBE),
    _List(name="invalid_emails", kind=SuppressionKind.INVALID),
    _List(name="blocks", kind=SuppressionKind.BLOCK),
)


async def suppressions_of(api: SendgridApi, address: str) -> tuple[Suppression, ...]:
    """Return why this address is suppressed, from all lists.

    Raises:
        CallError: the provider or the network failed for one of them.
    """
    deadline = api.clock.monotonic() + api.total_timeout_seconds
    asked = (_one(api, entry, address, deadline) for entry in _LISTS)
    found: list[Suppression] = []
    for result in await asyncio.gather(*asked, return_exceptions=True):  # none goes on behind an error's back
        if isinstance(result, BaseException):
            raise result
        found += result
    return tuple(found)


async def _one(api: SendgridApi, entry: _List, address: str, deadline: float) -> list[Suppression]:
    what = f"looking an address up in {entry.name}"
    if entry.kind is SuppressionKind.UNSUBSCRIBE:
        path = f"/v3/asm/suppressions/global/{segment(address)}"
        answer = await api.ask(what, "GET", path, deadline=deadline)
        if not isinstance(answer, dict):
            raise api.not_understood(what, answer)
        known = as_text(answer.get("recipient_email"))  # an empty object means that it is not suppressed
        return [Suppression(address=known, kind=entry.kind)] if known else []
    answer = await api.ask(what, "GET", f"/v3/suppression/{entry.name}/{segment(address)}", deadline=deadline)
    return _items(api, what, entry, answer)


async def suppression_page(api: SendgridApi, cursor: str | None) -> SuppressionPage:
    """Return a part of the five lists, one after the other; after the last, what has been added since.

    An entry deleted while the lists are read moves the following ones up, so that one of them may be passed over.

    Raises:
        CallError: the provider or the network failed.
    """
    table = read_table(cursor)
    names = [entry.name for entry in _LISTS]
    number = names.index(table["list"]) if table.get("list") in names else 0
    offset, since = _whole(table.get("offset")), _whole(table.get("since"))
    until = _whole(table.get("until")) or int(api.clock.now().timestamp())
    entry = _LISTS[number]
    what = f"reading the list of {entry.name}"
    params = {"limit": _PAGE, "offset": offset, "end_time": until} | ({"start_time": since} if since else {})
    answer = await api.ask(
        what, "GET", f"/v3/suppression/{entry.name}", params=[(name, str(value)) for name, value in params.items()]
    )
    items = _items(api, what, entry, answer)
    following: dict[str, Any]
    if len(answer) >= _PAGE:
        following = {"list": entry.name, "offset": offset + _PAGE, "since": since, "until": until}
    elif number + 1 < len(_LISTS):
        following = {"list": names[number + 1], "offset": 0, "since": since, "until": until}
    else:
        following = {"since": until - int(_OVERLAP.total_seconds())}
    return SuppressionPage(items=tuple(items), cursor=write_table(following), more="until" in following)


async def suppress(api: SendgridApi, items: Sequence[Suppression]) -> None:
    """Add the addresses to the global unsubscribes, whatever their kind: no mail of any kind goes to them then.

    Raises:
        NotSupportedError: a block is among them; it does not keep mail from being tried, and cannot be added.
        CallError: the provider or the network failed; addresses before may have been added.
    """
    if any(item.kind is SuppressionKind.BLOCK for item in items):
        raise NotSupportedError(
            f'adding suppressions at provider "{api.provider}": only global unsubscribes can be added, which '
            "stop all mail, and a block must not; leave blocks out"
        )
    addresses = list(dict.fromkeys(item.address for item in items))
    what = "adding global unsubscribes"
    for start in range(0, len(addresses), _AT_ONCE):
        body = {"recipient_emails": addresses[start : start + _AT_ONCE]}
        answer = await api.ask(what, "POST", "/v3/asm/suppressions/global", json=body)
        if not isinstance(answer, dict) or not isinstance(answer.get("recipient_emails"), list):
            raise api.not_understood(what, answer)


def _items(api: SendgridApi, what: str, entry: _List, answer: Any) -> list[Suppression]:
    if not isinstance(answer, list):
        raise api.not_understood(what, answer)
    found = (_item(entry, item) for item in answer if isinstance(item, dict))
    return [item for item in found if item is not None]


def _item(entry: _List, item: Mapping[str, Any]) -> Suppression | None:
    address = as_text(item.get("email"))
    if not address:
        return None
    at = event_time(item.get("created"))
    return Suppression(address=address, kind=entry.kind, at=at, reason=as_text(item.get("reason")))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
