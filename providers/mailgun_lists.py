"""Mailgun's suppression lists of a domain: bounces, complaints, unsubscribes.

Unsubscribes from tags alone are left out: they stop only mail that bears such a tag, and copied to another provider
they would stop all mail to that person (API description, "Unsubscribe": * stands for all of a domain's mail).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from providers.http_url import segment
from providers.mailgun_api import MailgunApi
from providers.suppression import Suppression, SuppressionKind, SuppressionPage
from providers.untrusted import as_list, as_mapping, as_text, as_time

_PAGE_LIMIT = 1000  # documented maximum
_BATCH = 500  # documented maximum 1000; a refusal says "less than 1000"
_NOT_ON_IT = "address"  # "Address not found in bounces table"; a wrong path or domain is told without that word
_ALL_MAIL = "*"
_PAGE_KEYS = frozenset({"page", "address", "term"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """One of the lists."""

    name: str
    kind: SuppressionKind


_LISTS = (
    _List(name="bounces", kind=SuppressionKind.HARD_BOUNCE),
    _List(name="complaints", kind=SuppressionKind.COMPLAINT),
    _List(name="unsubscribes", kind=SuppressionKind.UNSUBSCRIBE),
)
_BY_KIND = {row.kind: row for row in _LISTS} | {SuppressionKind.INVALID: _LISTS[0]}


async def find_suppressions(api: MailgunApi, address: str) -> tuple[Suppression, ...]:
    """Return the lists this address stands on.

    Raises:
        CallError: Mailgun did not answer, or refused.
    """
    found = []
    for row in _LISTS:
        path = f"/v3/{segment(api.domain)}/{row.name}/{segment(address)}"
        entry = await api.find(path, "the suppression of an address", absent=_NOT_ON_IT)
        if entry is not None and (suppression := _read(row, {"address": address, **entry})):
            found.append(suppression)
    return tuple(found)


async def list_suppressions(api: MailgunApi, cursor: str | None) -> SuppressionPage:
    """Return one page of one list; after the last page of the last list it begins anew.

    Mailgun's lists cannot be asked for what is new, so a whole pass is needed to find it.

    Raises:
        CallError: Mailgun did not answer, or refused.
    """
    position, page = _read_cursor(cursor)
    row = _LISTS[position]
    params = [("limit", str(_PAGE_LIMIT)), *page]
    answer = await api.ask("GET", f"/v3/{segment(api.domain)}/{row.name}", f"its {row.name}", params=params)
    items = as_list(answer.get("items"))
    following = _next_page(as_mapping(answer.get("paging")).get("next"))
    more = bool(items) and bool(following) and following != page
    position = position if more else (position + 1) % len(_LISTS)
    return SuppressionPage(
        items=tuple(read for item in items if (read := _read(row, item))),
        cursor=json.dumps({"list": _LISTS[position].name, "page": following if more else []}, separators=(",", ":")),
        more=more or position != 0,
    )


async def add_suppressions(api: MailgunApi, suppressions: Sequence[Suppression]) -> None:
    """Put these addresses on the lists of their kinds; temporary blocks are left out, for Mailgun has no such list.

    Raises:
        CallError: Mailgun did not answer, or refused; batches before that one are on the list.
    """
    wanted = sorted((item for item in suppressions if item.kind in _BY_KIND), key=lambda item: _BY_KIND[item.kind].name)
    for row, group in groupby(wanted, key=lambda item: _BY_KIND[item.kind]):
        for batch in _batches(list(group)):
            entries = [_write(row, item, api.clock.now()) for item in batch]
            await api.ask("POST", f"/v3/{segment(api.domain)}/{row.name}", f"adding to its {row.name}", json=entries)


def _batches(items: list[Suppression]) -> Iterator[list[Suppression]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _read(row: _List, item: Any) -> Suppression | None:
    entry = as_mapping(item)
    address = as_text(entry.get("address"))
    if "@" not in address or (row.kind is SuppressionKind.UNSUBSCRIBE and _of_tags_alone(entry.get("tags"))):
        return None
    words = (as_text(entry.get("code")), as_text(entry.get("error")))
    return Suppression(
        address=address,
        kind=row.kind,
        at=as_time(entry.get("created_at")),
        reason=" ".join(word for word in words if word),
    )


def _of_tags_alone(tags: Any) -> bool:
    told = [tag for tag in as_list(tags) if isinstance(tag, str)]
    return bool(told) and _ALL_MAIL not in told


def _write(row: _List, item: Suppression, now: datetime) -> dict[str, Any]:
    entry: dict[str, Any] = {"address": item.address, "created_at": format_datetime(item.at or now)}
    if row.kind is SuppressionKind.HARD_BOUNCE:
        entry |= {"code": "550", "error": item.reason[:500]}
    elif row.kind is SuppressionKind.UNSUBSCRIBE:
        entry["tags"] = [_ALL_MAIL]
    return entry


def _read_cursor(text: str | None) -> tuple[int, list[tuple[str, str]]]:
    """Return which list, and the page of it; what is none of ours begins anew."""
    try:
        stored = as_mapping(json.loads(text or ""))
    except (ValueError, RecursionError):
        return 0, []
    names = [row.name for row in _LISTS]
    if stored.get("list") not in names:
        return 0, []
    pairs = [pair for pair in as_list(stored.get("page")) if isinstance(pair, list) and len(pair) == 2]  # noqa: PLR2004
    return names.index(stored["list"]), [(str(name), str(value)) for name, value in pairs if name in _PAGE_KEYS]


def _next_page(url: Any) -> list[tuple[str, str]]:
    """Return what tells the next page; host and path of the address are not followed, so no key goes elsewhere."""
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=20) if isinstance(url, str) else []
    except ValueError:
        return []
    return [(name, value) for name, value in pairs if name in _PAGE_KEYS]
