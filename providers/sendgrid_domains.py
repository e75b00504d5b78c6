"""Who may send through a SendGrid account: authenticated domains and single verified senders ("Sender Identity")."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from providers.domain_auth import DomainAuth, DomainState, WantedRecord
from providers.errors import CallError
from providers.redact import MAX_TEXT_CHARACTERS
from providers.reply import one_line
from providers.sendgrid_api import SendgridApi
from providers.untrusted import as_text

_PURPOSES = {
    "mail_cname": "return-path",
    "mail_server": "mx",
    "subdomain_spf": "spf",
    "domain_spf": "spf",
    "dkim": "dkim",
    "dkim1": "dkim",
    "dkim2": "dkim",
}
_MOST_RECORDS = 20
_SENDERS_PAGE = 100
_MOST_PAGES = 20


async def domain_auth(api: SendgridApi, domain: str) -> DomainAuth:
    """Return how SendGrid sees this sending domain, looked at anew when it was not valid.

    The validation that SendGrid is asked for looks records up and sends nothing.

    Raises:
        CallError: the provider or the network failed.
    """
    wanted = domain.lower().rstrip(".")
    what = f"reading how the domain {wanted} is authenticated"
    params = [("domain", wanted), ("exclude_subusers", "true"), ("limit", str(_SENDERS_PAGE))]
    answer = await api.ask(what, "GET", "/v3/whitelabel/domains", params=params)
    if not isinstance(answer, list):
        raise api.not_understood(what, answer)
    # the search finds parts of names, and a domain may stand there twice
    known = [entry for entry in answer if isinstance(entry, dict) and entry.get("domain") == wanted]
    if not known:
        return DomainAuth(domain=wanted, state=DomainState.UNKNOWN)
    entry = max(known, key=lambda entry: entry.get("valid") is True)
    found = parse_domain(entry)
    if found.state is DomainState.ACTIVE or not isinstance(entry.get("id"), int):
        return found
    return _validated(found, entry, await _validation(api, entry["id"]))


def parse_domain(entry: Mapping[str, Any]) -> DomainAuth:
    """Return one authenticated domain as SendGrid lists it."""
    dns = entry.get("dns")
    records = [
        WantedRecord(
            type=as_text(record.get("type")).upper(),
            name=as_text(record.get("host")).rstrip("."),
            value=as_text(record.get("data")),
            purpose=_PURPOSES.get(name, "other"),
            valid=record.get("valid") if isinstance(record.get("valid"), bool) else None,
        )
        for name, record in (dns.items() if isinstance(dns, dict) else ())
        if isinstance(record, dict)
    ]
    return DomainAuth(
        domain=as_text(entry.get("domain")).lower(),
        state=DomainState.ACTIVE if entry.get("valid") is True else DomainState.UNVERIFIED,
        records=tuple(records[:_MOST_RECORDS]),
    )


async def _validation(api: SendgridApi, identity: int) -> Mapping[str, Any]:
    """Return SendGrid's fresh look at the records; nothing when it may not be asked for or fails."""
    path = f"/v3/whitelabel/domains/{identity}/validate"
    try:
        answer = await api.ask("having a domain validated", "POST", path)
    except CallError:
        return {}  # what was last seen is known already
    return answer if isinstance(answer, dict) else {}


def _validated(found: DomainAuth, entry: Mapping[str, Any], answer: Mapping[str, Any]) -> DomainAuth:
    results = answer.get("validation_results")
    if not isinstance(results, dict):
        return found
    names = [name for name, record in entry.get("dns", {}).items() if isinstance(record, dict)]
    records, reasons = [], []
    for name, record in zip(names, found.records, strict=False):
        # with automatic security off, the answer speaks of "spf" where the list has two records
        result = results.get(name, results.get("spf") if record.purpose == "spf" else None)
        seen = result if isinstance(result, dict) else {}
        records.append(replace(record, valid=seen["valid"]) if isinstance(seen.get("valid"), bool) else record)
        if isinstance(seen.get("reason"), str):
            reasons.append(seen["reason"].rstrip("."))
    return replace(
        found,
        state=DomainState.ACTIVE if answer.get("valid") is True else found.state,
        reason=one_line("; ".join(dict.fromkeys(reasons)))[:MAX_TEXT_CHARACTERS],
        records=tuple(records),
    )


async def is_verified_sender(api: SendgridApi, sender: str) -> bool | None:
    """Return whether this address is a single verified sender; None: it stands there and waits to be verified.

    Raises:
        CallError: the provider or the network failed.
    """
    what, last_id, waits = "reading the verified senders", 0, False
    for _ in range(_MOST_PAGES):
        params = [("limit", str(_SENDERS_PAGE))] + ([("lastSeenID", str(last_id))] if last_id else [])
        answer = await api.ask(what, "GET", "/v3/verified_senders", params=params)
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list):
            raise api.not_understood(what, answer)
        for entry in results:
            if isinstance(entry, dict) and str(entry.get("from_email", "")).lower() == sender.lower():
                if entry.get("verified") is True:
                    return True
                waits = True
        ids = [entry["id"] for entry in results if isinstance(entry, dict) and isinstance(entry.get("id"), int)]
        if len(results) < _SENDERS_PAGE or not ids or ids[-1] == last_id:
            break
        last_id = ids[-1]
    return None if waits else False
