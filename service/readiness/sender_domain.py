"""Whether mail of the sending domain is authenticated when it goes through a provider: SPF, DKIM, DMARC."""

import asyncio
from collections.abc import Sequence

from providers.base import Provider
from providers.checkup import Finding, Verdict
from providers.domain_auth import DomainAuth, DomainState, WantedRecord
from providers.errors import CallError
from service.readiness.dmarc import dmarc_finding
from service.readiness.dns_records import DnsFailedError, DnsRecords
from service.readiness.spf import included, spf_finding

_NOT_FOR_SENDING = frozenset({"tracking", "mx"})
_DOMAIN_WORDS = {
    DomainState.UNVERIFIED: (Verdict.FAILED, "is not verified", "Add the DNS records below and have them checked."),
    DomainState.DISABLED: (Verdict.FAILED, "is disabled", "Ask the provider why, and have it enabled."),
    DomainState.UNKNOWN: (
        Verdict.WARNING,
        "is unknown",
        "Authenticate the domain at the provider, in the right region.",
    ),
}


async def domain_findings(
    provider: Provider, domain: str, dns: DnsRecords, *, spf_include: str | None, dkim_selectors: Sequence[str]
) -> tuple[Finding, ...]:
    """Return the findings on one sending domain at one provider; what cannot be found out is a finding too."""
    told: DomainAuth | None = None
    found: list[Finding] = []
    if provider.capabilities.domain_auth:
        try:
            told = await provider.domain_auth(domain)
        except CallError as error:
            found.append(_unknown("domain", f"{provider.name} did not say how {domain} stands: {error}"))
    if told is not None:
        found.append(domain_finding(provider.name, told))
    records = [record for record in told.records if record.purpose not in _NOT_FOR_SENDING] if told else []
    lookups = [_spf(domain, dns, spf_include, known=bool(records)), _dmarc(domain, dns)]
    lookups += [record_finding(record, dns) for record in records]
    lookups += [_selector(f"{selector}._domainkey.{domain}", dns) for selector in dkim_selectors]
    found += await asyncio.gather(*lookups)
    return tuple(found)


def domain_finding(provider: str, told: DomainAuth) -> Finding:
    """Return what the provider says of the domain."""
    if told.state is DomainState.ACTIVE:
        return Finding(code="domain", verdict=Verdict.OK, sentence=f"{provider} sends for {told.domain}.")
    verdict, words, remedy = _DOMAIN_WORDS[told.state]
    why = f": {told.reason.rstrip('.')}" if told.reason else ""
    return Finding(code="domain", verdict=verdict, sentence=f"{told.domain} {words} at {provider}{why}.", remedy=remedy)


async def record_finding(record: WantedRecord, dns: DnsRecords) -> Finding:
    """Return whether a record that the provider wants is published, whatever the provider last saw."""
    code = record.purpose if record.purpose in {"spf", "dkim"} else "dns"
    what = f"{record.type} record at {record.name}"
    try:
        published = await _published(record, dns)
    except DnsFailedError as error:
        return _unknown(code, str(error))
    if published is None:
        return _unknown(code, f"The {what} is not looked up here; the provider calls it {_validity(record.valid)}.")
    if published:
        late = "" if record.valid is not False else " The provider has not seen it yet: have it check the domain again."
        verdict = Verdict.OK if not late else Verdict.WARNING
        return Finding(code=code, verdict=verdict, sentence=f"The {what} is published.{late}")
    return Finding(
        code=code,
        verdict=Verdict.WARNING if record.purpose == "other" else Verdict.FAILED,
        sentence=f"The {what} is missing or different ({record.purpose}).",
        remedy=f'Add a {record.type} record at {record.name}: "{record.value}".',
    )


async def _published(record: WantedRecord, dns: DnsRecords) -> bool | None:
    """Return whether the record is in the DNS; none when its type is not looked up."""
    wanted = _squeezed(record.value)
    match record.type.upper():
        case "TXT":
            texts = await dns.texts(record.name)
            if record.purpose == "spf" and (names := _includes(record.value)):
                return names <= await included(texts, dns)  # one record names several relays: ours must be among them
            return any(wanted == _squeezed(text) for text in texts)
        case "CNAME":
            return wanted.rstrip(".") in await dns.aliases(record.name)
        case "MX":
            return record.value.lower().split()[-1].rstrip(".") in await dns.exchanges(record.name)
    return None


def _includes(record: str) -> frozenset[str]:
    terms = (term.lstrip("+").partition("include:") for term in record.lower().split())
    return frozenset(name.rstrip(".") for before, mark, name in terms if mark and not before)


def _squeezed(text: str) -> str:
    """Return a text as records are compared: keys of DKIM are folded at will, and names know no case."""
    return "".join(text.split()).replace('"', "").lower()


async def _spf(domain: str, dns: DnsRecords, include: str | None, *, known: bool) -> Finding:
    """Return what the SPF record is worth; `known`: the provider says which records it wants, SPF or another."""
    try:
        texts = await dns.texts(domain)
        further = await included(texts, dns) if include else frozenset()
        return spf_finding(domain, texts, include, known=known, further=further)
    except DnsFailedError as error:
        return _unknown("spf", str(error))


async def _dmarc(domain: str, dns: DnsRecords) -> Finding:
    try:
        return await dmarc_finding(domain, dns)
    except DnsFailedError as error:
        return _unknown("dmarc", str(error))


async def _selector(name: str, dns: DnsRecords) -> Finding:
    """Return whether a DKIM key is published under this name (RFC 6376 §3.6)."""
    try:
        texts = await dns.texts(name)
    except DnsFailedError as error:
        return _unknown("dkim", str(error))
    keys = [_squeezed(text) for text in texts if "p=" in _squeezed(text)]
    if not keys:
        sentence, remedy = f"No DKIM key is published at {name}.", "Publish the key there that the relay signs with."
        return Finding(code="dkim", verdict=Verdict.FAILED, sentence=sentence, remedy=remedy)
    if all(key.split("p=", 1)[1].split(";")[0] == "" for key in keys):
        sentence, remedy = f"The DKIM key at {name} is withdrawn (empty p=).", "Publish the present key."
        return Finding(code="dkim", verdict=Verdict.FAILED, sentence=sentence, remedy=remedy)
    return Finding(code="dkim", verdict=Verdict.OK, sentence=f"A DKIM key is published at {name}.")


def _validity(valid: bool | None) -> str:
    return {True: "valid", False: "invalid", None: "unknown"}[valid]


def _unknown(code: str, sentence: str) -> Finding:
    return Finding(code=code, verdict=Verdict.UNKNOWN, sentence=sentence)
