"""SendGrid's suppression lists: bounces, blocks, invalid addresses, spam reports, global unsubscribes."""

from functools import partial
from typing import Any

from deploy.sandbox.http_message import Response, json_response
from deploy.sandbox.provider_api import Call, Route, route
from deploy.sandbox.relay import RelaySimulator
from deploy.sandbox.sendgrid_errors import errors
from deploy.sandbox.suppression_book import BLOCKS, BOUNCES, COMPLAINTS, INVALID, UNSUBSCRIBES, Entry, SuppressionBook

_LISTS = {"bounces": BOUNCES, "blocks": BLOCKS, "invalid_emails": INVALID, "spam_reports": COMPLAINTS}
_MOST = 500
_DONE = Response(status=204)


def suppression_routes(relay: RelaySimulator) -> tuple[Route, ...]:
    """Return the routes of all lists."""
    book = relay.suppressions
    routes: list[Route] = []
    for path, which in _LISTS.items():
        base = f"/v3/suppression/{path}"
        routes += [
            route("GET", base, partial(_list, book, which)),
            route("DELETE", base, partial(_delete, book, which)),
            route("GET", f"{base}/{{email}}", partial(_one, book, which)),
            route("DELETE", f"{base}/{{email}}", partial(_delete_one, book, which)),
        ]
    return (
        *routes,
        route("GET", "/v3/suppression/unsubscribes", partial(_list, book, UNSUBSCRIBES)),
        route("POST", "/v3/asm/suppressions/global", partial(_add_global, book)),
        route("GET", "/v3/asm/suppressions/global/{email}", partial(_global, book)),
        route("DELETE", "/v3/asm/suppressions/global/{email}", partial(_delete_one, book, UNSUBSCRIBES)),
    )


def _list(book: SuppressionBook, which: str, call: Call) -> Response:
    asked = call.request.asked
    try:
        since, until = int(asked("start_time") or 0), int(asked("end_time") or 2**62)
        limit, offset = int(asked("limit") or _MOST), int(asked("offset") or 0)
    except ValueError:
        return errors(400, "limit, offset, start_time and end_time must be integers", "limit")
    entries = [e for e in book.entries(which) if since <= e.created <= until and e.address.startswith(asked("email"))]
    page = entries[offset : offset + max(1, min(limit, _MOST))]
    return json_response(200, [_shown(which, entry) for entry in page])


def _one(book: SuppressionBook, which: str, call: Call) -> Response:
    entry = book.find(which, call.fields["email"])
    return json_response(200, [_shown(which, entry)] if entry else [])


def _delete(book: SuppressionBook, which: str, call: Call) -> Response:
    ask = call.request.json() if call.request.body else {}
    everything, addresses = ask.get("delete_all", False), ask.get("emails", [])
    if bool(everything) == bool(addresses):
        return errors(400, "either delete_all or emails must be provided", "delete_all")
    if everything:
        book.remove(which)
    for address in addresses:
        book.remove(which, str(address))
    return _DONE


def _delete_one(book: SuppressionBook, which: str, call: Call) -> Response:
    return _DONE if book.remove(which, call.fields["email"]) else errors(404, "resource not found")


def _add_global(book: SuppressionBook, call: Call) -> Response:
    ask = call.request.json()
    given = ask.get("recipient_emails") if isinstance(ask, dict) else None
    if not isinstance(given, list) or not all("@" in str(address) for address in given):
        return errors(400, "recipient_emails must be a list of email addresses", "recipient_emails")
    for address in given:
        book.add(UNSUBSCRIBES, Entry(address=str(address).lower()))
    return json_response(201, {"recipient_emails": given})


def _global(book: SuppressionBook, call: Call) -> Response:
    entry = book.find(UNSUBSCRIBES, call.fields["email"])
    return json_response(200, {"recipient_email": entry.address} if entry else {})


def _shown(which: str, entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {"created": entry.created, "email": entry.address}
    if which in {BOUNCES, BLOCKS}:
        shown |= {"reason": entry.reason, "status": entry.status}
    if which == INVALID:
        shown |= {"reason": entry.reason or "Mail domain mentioned in email address is unknown"}
    if which == COMPLAINTS:
        shown |= {"ip": "127.0.0.1"}
    return shown
