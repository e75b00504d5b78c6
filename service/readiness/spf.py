"""What an SPF record says of a relay (RFC 7208). Pure, but for the walk along its includes."""

import re
from collections.abc import Collection, Sequence

from providers.checkup import Finding, Verdict
from service.readiness.dns_records import DnsRecords

_MOST_LOOKUPS = 10  # RFC 7208 §4.6.4


async def included(texts: Sequence[str], dns: DnsRecords) -> frozenset[str]:
    """Return the names, in lower case, that these records include or redirect to, and those that theirs do.

    A receiver looks up ten at most (RFC 7208 §4.6.4), and so does this.

    Raises:
        DnsFailedError: one of them could not be found out.
    """
    found: set[str] = set()
    waiting = _named(texts)
    while waiting and len(found) < _MOST_LOOKUPS:
        name = waiting.pop(0)
        if name not in found:
            found.add(name)
            waiting += _named(await dns.texts(name))
    return frozenset(found)


def _named(texts: Sequence[str]) -> list[str]:
    terms = [term.lower().lstrip("+") for text in texts if _is_spf(text) for term in text.split()[1:]]
    names = [term.partition(mark)[2] for term in terms for mark in ("include:", "redirect=") if term.startswith(mark)]
    return [name.rstrip(".") for name in names if name and "%" not in name]  # macros need a message (RFC 7208 §7)


def _is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def spf_finding(
    domain: str, texts: Sequence[str], include: str | None, *, known: bool = False, further: Collection[str] = ()
) -> Finding:
    """Return whether the domain's SPF record lets this relay send; `include` is what the relay wants named in it.

    `known`: the relay says elsewhere what it wants, so that a record which does not name it is well. `further`: the
    names that the record includes by way of others (`included`).
    """
    records = [text for text in texts if _is_spf(text)]
    wanted = f"include:{include}" if include else ""
    if not records:
        example = f'"v=spf1 {wanted} ~all"' if wanted else "the one that your relays document"
        return _finding(
            Verdict.FAILED if wanted else Verdict.WARNING,
            f"{domain} has no SPF record.",
            f"Add a TXT record at {domain}: {example}.",
        )
    if len(records) > 1:
        return _finding(
            Verdict.FAILED,
            f"{domain} has {len(records)} SPF records, which receivers take for none (RFC 7208 §4.5).",
            "Join them into one TXT record.",
        )
    record = records[0]
    terms = [term.lower().lstrip("+?~-") for term in record.split()[1:]]
    if any(term.lower() in {"all", "+all"} for term in record.split()[1:]):
        return _finding(
            Verdict.WARNING, f"The SPF record of {domain} lets everybody send ({record}).", "End it with ~all or -all."
        )
    lookups = sum(_is_looked_up(term) for term in terms)
    if lookups > _MOST_LOOKUPS:
        return _finding(
            Verdict.FAILED,
            f"The SPF record of {domain} asks for {lookups} further lookups; receivers stop after {_MOST_LOOKUPS}.",
            "Remove includes that are not used any more.",
        )
    if not wanted:
        if known:
            return _finding(Verdict.OK, f"{domain} has one SPF record ({record}).")
        return _finding(
            Verdict.UNKNOWN,
            f"{domain} has one SPF record ({record}); whether it names this relay is not known here.",
            "Add spf_include to the [[provider]] table if the relay wants one, else leave it: a relay that puts its "
            "own domain into Return-Path needs none.",
        )
    if wanted.lower() in terms:
        return _finding(Verdict.OK, f"The SPF record of {domain} names this relay ({wanted}).")
    if include and include.lower() in further:
        return _finding(Verdict.OK, f"The SPF record of {domain} names this relay ({wanted}), by way of another.")
    return _finding(
        Verdict.FAILED,
        f"The SPF record of {domain} does not name this relay ({record}).",
        f'Put "{wanted}" into it, before its "all".',
    )


def _is_looked_up(term: str) -> bool:
    name = re.split("[:/]", term, maxsplit=1)[0]
    return term.startswith(("include:", "redirect=", "exists:")) or name in {"a", "mx", "ptr"}


def _finding(verdict: Verdict, sentence: str, remedy: str = "") -> Finding:
    return Finding(code="spf", verdict=verdict, sentence=sentence, remedy=remedy)
