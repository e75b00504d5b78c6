"""Mailgun's suppression lists: bounces, complaints, unsubscribes; read page by page, added to, cleared."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from deploy.sandbox.http_message import BadRequestError, Response, json_response
from deploy.sandbox.people import SENDING_DOMAIN
from deploy.sandbox.provider_api import Call, Handler, Route, route
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.suppression_book import BOUNCES, COMPLAINTS, UNSUBSCRIBES, Entry, SuppressionBook

_TABLES = {BOUNCES: "bounces table", COMPLAINTS: "spam complaints table", UNSUBSCRIBES: "unsubscribes table"}
_MOST = 1000


def suppression_routes(relay: RelaySimulator) -> tuple[Route, ...]:
    """Return the routes of the three lists."""
    verbs = (("GET", _list), ("POST", _add), ("DELETE", _clear))
    verbs_of_one = (("GET", _one), ("DELETE", _remove))

    def guarded(handler: Handler) -> Handler:
        def handle(call: Call) -> Response:
            if call.fields["domain"] != SENDING_DOMAIN:
                return json_response(404, {"message": "Domain not found"})
            return handler(call)

        return handle

    book = relay.suppressions
    routes: list[Route] = []
    for which in _TABLES:
        routes += [route(m, f"/v3/{{domain}}/{which}", guarded(partial(f, book, which))) for m, f in verbs]
        one = f"/v3/{{domain}}/{which}/{{address}}"
        routes += [route(m, one, guarded(partial(f, book, which))) for m, f in verbs_of_one]
    return tuple(routes)


def _list(book: SuppressionBook, which: str, call: Call) -> Response:
    try:
        limit = max(1, min(int(call.request.asked("limit") or 100), _MOST))
    except ValueError:
        raise BadRequestError("limit is not a number") from None
    entries = [e for e in book.entries(which) if e.address.startswith(call.request.asked("term"))]
    page, pivot = call.request.asked("page"), call.request.asked("address").lower()
    if page == "next":
        entries = [e for e in entries if e.address > pivot]
    if page == "last" or (page == "previous" and pivot):
        entries = [e for e in entries if page == "last" or e.address < pivot][-limit:]
    entries = entries[:limit]
    last = entries[-1].address if entries else pivot
    first = entries[0].address if entries else pivot
    base = f"https://{call.request.headers.get('host', '')}/v3/{SENDING_DOMAIN}/{which}?"
    paging = {
        "first": base + urlencode({"limit": limit}),
        "next": base + urlencode({"page": "next", "address": last, "limit": limit}),
        "previous": base + urlencode({"page": "previous", "address": first, "limit": limit}),
        "last": base + urlencode({"page": "last", "limit": limit}),
    }
    return json_response(200, {"items": [_shown(which, e) for e in entries], "paging": paging})


def _one(book: SuppressionBook, which: str, call: Call) -> Response:
    entry = book.find(which, call.fields["address"])
    if entry is None:
        return json_response(404, {"message": f"Address not found in {_TABLES[which]}"})
    return json_response(200, _shown(which, entry))


def _add(book: SuppressionBook, which: str, call: Call) -> Response:
    if call.request.headers.get("content-type", "").startswith("application/json"):
        given = call.request.json()
    else:
        given = [{name: values[-1].decode("utf-8", "replace") for name, values in call.request.form().items()}]
    if not isinstance(given, list) or not all(isinstance(g, dict) and "@" in str(g.get("address")) for g in given):
        raise BadRequestError("address is missing or not valid")
    if len(given) > _MOST:
        raise BadRequestError(f"Batch size should be less than {_MOST}")
    for item in given:
        tags = item.get("tags") or item.get("tag") or ("*",)
        entry = Entry(
            address=str(item["address"]).lower(),
            reason=str(item.get("error") or ""),
            code=str(item.get("code") or "550"),
            tags=(tags,) if isinstance(tags, str) else tuple(str(t) for t in tags),
        )
        book.add(which, entry)
    added = "1 address has" if len(given) == 1 else f"{len(given)} addresses have"
    return json_response(200, {"message": f"{added} been added to the {_TABLES[which]}"})


def _remove(book: SuppressionBook, which: str, call: Call) -> Response:
    address = call.fields["address"]
    if not book.remove(which, address):
        return json_response(404, {"message": f"Address not found in {_TABLES[which]}"})
    return json_response(200, {"message": "Suppressed address has been removed", "address": address})


def _clear(book: SuppressionBook, which: str, _call: Call) -> Response:
    book.remove(which)
    return json_response(200, {"message": "Suppressed addresses for this domain have been removed"})


def _shown(which: str, entry: Entry) -> dict[str, Any]:
    created = datetime.fromtimestamp(entry.created, UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")
    shown: dict[str, Any] = {"address": entry.address, "created_at": created}
    if which == BOUNCES:
        shown |= {"code": entry.code, "error": entry.reason}
    if which == UNSUBSCRIBES:
        shown |= {"tags": list(entry.tags)}
    return shown
