"""What Mailgun says of a sending domain and of its queue (API description, "Domains")."""

from dataclasses import dataclass
from typing import Any

from providers.domain_auth import DomainAuth, DomainState, WantedRecord
from providers.http_url import segment
from providers.mailgun_api import MailgunApi
from providers.untrusted import as_list, as_mapping, as_text

_STATES = {"active": DomainState.ACTIVE, "unverified": DomainState.UNVERIFIED, "disabled": DomainState.DISABLED}
_VALID = {"valid": True, "invalid": False}  # "unknown": not looked at yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Whether Mailgun takes more messages for the domain."""

    held: bool
    reason: str = ""
    until: str = ""


async def read_domain(api: MailgunApi, domain: str) -> DomainAuth:
    """Return state and DNS records of this domain; `unknown` when the account has none of that name in this region.

    Raises:
        CallError: Mailgun did not answer, or refused.
    """
    answer = await api.find(f"/v4/domains/{segment(domain)}", "the state of its domain", absent="domain not found")
    if answer is None:
        return DomainAuth(domain=domain, state=DomainState.UNKNOWN, reason="no such domain in this account and region")
    told = as_mapping(answer.get("domain"))
    disabled = as_mapping(told.get("disabled"))
    state = _STATES.get(as_text(told.get("state")).lower(), DomainState.UNKNOWN)
    if told.get("is_disabled") is True:
        state = DomainState.DISABLED
    rows = [*as_list(answer.get("sending_dns_records")), *as_list(answer.get("receiving_dns_records"))]
    words = [as_text(disabled.get(name)) for name in ("reason", "note", "code")] if disabled else []
    until = as_text(disabled.get("until"))
    return DomainAuth(
        domain=domain,
        state=state,
        reason=", ".join([*dict.fromkeys(word for word in words if word), *([f"until {until}"] if until else [])]),
        records=tuple(record for row in rows if (record := _record(domain, row))),
    )


async def read_queue(api: MailgunApi) -> Queue:
    """Return whether the queue for messages sent at once is open.

    Raises:
        CallError: Mailgun did not answer, or refused.
    """
    answer = await api.ask("GET", f"/v3/domains/{segment(api.domain)}/sending_queues", "its sending queue")
    regular = as_mapping(answer.get("regular"))
    disabled = as_mapping(regular.get("disabled"))
    return Queue(
        held=regular.get("is_disabled") is True,
        reason=as_text(disabled.get("reason")),
        until=as_text(disabled.get("until")),
    )


def _record(domain: str, row: Any) -> WantedRecord | None:
    told = as_mapping(row)
    type_, value = as_text(told.get("record_type")).upper(), as_text(told.get("value"))
    if not type_ or not value:
        return None
    name = (as_text(told.get("name")) or domain).rstrip(".")  # absent for the domain's own name
    if type_ == "MX" and (priority := as_text(told.get("priority"))):
        value = f"{priority} {value}"
    return WantedRecord(
        type=type_,
        name=name,
        value=value,
        purpose=_purpose(type_, name, value),
        valid=_VALID.get(told.get("valid", "")),
    )


def _purpose(type_: str, name: str, value: str) -> str:
    if type_ == "MX":
        return "mx"
    if "._domainkey." in f".{name}.":
        return "dkim"
    if value.lower().startswith("v=spf1"):
        return "spf"
    return "tracking" if type_ == "CNAME" else "other"
