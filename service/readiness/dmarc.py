"""What a DMARC record asks of receivers (RFC 7489). Pure, but for the walk up the names."""

from collections.abc import Sequence

from providers.checkup import Finding, Verdict
from service.readiness.dns_records import DnsRecords

_LEAST_LABELS = 2


async def dmarc_finding(domain: str, dns: DnsRecords) -> Finding:
    """Return whether a DMARC record speaks for this domain, at itself or at a parent (RFC 7489 §6.6.3).

    Raises:
        DnsFailedError: it could not be found out.
    """
    labels = domain.split(".")
    for start in range(len(labels) - _LEAST_LABELS + 1):
        at = ".".join(labels[start:])
        records = [text for text in await dns.texts(f"_dmarc.{at}") if text.replace(" ", "").startswith("v=DMARC1")]
        if records:
            return judged(at, records)
    return Finding(
        code="dmarc",
        verdict=Verdict.WARNING,
        sentence=f"{domain} has no DMARC record; large receivers want one of whoever sends them much mail.",
        remedy=f'Add a TXT record at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:postmaster@{domain}".',
    )


def judged(domain: str, records: Sequence[str]) -> Finding:
    """Return what these DMARC records of one name are worth."""
    where = f"_dmarc.{domain}"
    if len(records) > 1:
        return Finding(
            code="dmarc",
            verdict=Verdict.FAILED,
            sentence=f"{where} has {len(records)} DMARC records, which receivers take for none.",
            remedy="Leave one.",
        )
    tags = dict(tag.strip().split("=", 1) for tag in records[0].split(";") if "=" in tag)
    policy = tags.get("p", "").strip().lower()
    if policy not in {"none", "quarantine", "reject"}:
        return Finding(
            code="dmarc",
            verdict=Verdict.FAILED,
            sentence=f"The DMARC record at {where} has no valid policy ({records[0]}).",
            remedy="Give it p=none, p=quarantine or p=reject.",
        )
    return Finding(code="dmarc", verdict=Verdict.OK, sentence=f"DMARC is published at {where} (p={policy}).")
