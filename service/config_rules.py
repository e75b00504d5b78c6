"""What must hold between the tables of a configuration."""

import ssl
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from service.config_draft import Draft, Entry
from service.config_keys import check_client_certificates, check_dkim
from service.config_problem import Report, Rule

MOST_WARM_PERCENT = 50


def check_rules(draft: Draft, report: Report, *, reads_files: bool = True) -> None:
    """Report every rule that the configuration breaks; without `reads_files` as far as its text alone shows."""
    check_names(draft, report)
    check_encryption(draft, report)
    if reads_files:
        check_authorities(draft, report)
        check_client_certificates(draft, report)
    check_dkim(draft, report, reads_files=reads_files)
    check_references(draft, report)
    check_intervals(draft, report)
    check_lifetimes(draft, report)
    check_warm_shares(draft, report)


def check_names(draft: Draft, report: Report) -> None:
    """There is a provider; no provider, seed or recipient domain is named twice."""
    if not draft.providers:
        report.add(Rule.NO_PROVIDER, "provider", "no [[provider]] table", "add at least one; two, to move mail")
    report_twice(draft.providers, Rule.PROVIDER_TWICE, report)
    report_twice(draft.seeds, Rule.SEED_TWICE, report)
    owners: dict[str, str] = {}
    for receiver, domains in draft.receivers.items():
        for domain in domains:
            first = owners.setdefault(domain.lower().rstrip("."), receiver)
            if first != receiver:
                seen = f'"{domain}" is in receivers.{first} too'
                report.add(Rule.DOMAIN_TWICE, f"receivers.{receiver}", seen, "keep it in one of them")


def report_twice(entries: Sequence[Entry[Any]], rule: Rule, report: Report) -> None:
    """Report each name that an earlier entry has."""
    first: dict[str, str] = {}
    for entry in entries:
        if entry.name is not None and (other := first.setdefault(entry.name, entry.key)) != entry.key:
            report.add(rule, f"{entry.key}.name", f"{other} has this name too", "give each its own", name=entry.name)


def check_encryption(draft: Draft, report: Report) -> None:
    """TLS is on beyond loopback, and all providers use one kind of port, so that one list can hold them."""
    for entry in (*draft.providers, *draft.seeds):
        tls, host = tls_of(entry.table), getattr(entry.table, "host", None)
        if tls == "none" and host and not is_loopback(host):
            seen = f'"none" would send the password to {host} unencrypted'
            report.add(Rule.PLAIN_TLS, f"{entry.key}.tls", seen, 'write "implicit" or "starttls"', name=entry.name)
    encrypted = [(entry, tls) for entry in draft.providers if (tls := tls_of(entry.table)) is not None]
    for entry, tls in encrypted[1:]:
        first, first_tls = encrypted[0]
        if (tls == "implicit") != (first_tls == "implicit"):
            seen = f'{tls_words(entry)} beside {tls_words(first)} of "{first.name}"'
            remedy = (
                "Postfix has one setting for all of a fallback list (smtp_tls_wrappermode); "
                "give all providers implicit TLS (port 465) or all STARTTLS (port 587)"
            )
            report.add(Rule.MIXED_TLS, entry.key, seen, remedy, name=entry.name)


def tls_of(table: Any) -> str | None:
    """Return how a provider or seed is encrypted; a provider's mode may follow from its port."""
    mode = getattr(table, "tls_mode", None) or getattr(table, "tls", None)
    return None if mode is None else str(mode)


def tls_words(entry: Entry[Any]) -> str:
    """Return how a provider is encrypted, with its port."""
    words = {"implicit": "implicit TLS", "starttls": "STARTTLS"}.get(tls_of(entry.table) or "", "no TLS")
    return f"{words} (port {getattr(entry.table, 'port', '?')})"


def is_loopback(host: str) -> bool:
    """Return whether a host, as written, is this machine; asks no name server."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_authorities(draft: Draft, report: Report) -> None:
    """Each ca_file can be read and holds certificates."""
    for entry in (*draft.providers, *draft.seeds):
        file = getattr(entry.table, "ca_file", None)
        if file is None:
            continue
        key = f"{entry.key}.ca_file"
        if not Path(file).is_absolute():
            remedy = "write the whole path, beginning with /"
            report.add(Rule.RELATIVE_PATH, key, f'"{file}" is a relative path', remedy, name=entry.name)
            continue
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except ssl.SSLError:
            seen = f"{file} holds no certificate"
            report.add(Rule.CA_FILE, key, seen, "name a PEM file of the authority's certificate", name=entry.name)
        except OSError as error:
            remedy = "name a PEM file that this user can read"
            report.add(Rule.CA_FILE, key, f"{file}: {error.strerror}", remedy, name=entry.name)


def check_references(draft: Draft, report: Report) -> None:
    """Check that a TCP port has a token and that the canary goes to a seed that exists."""
    if draft.api and draft.api.listen and draft.api.token is None:
        remedy = 'add token = { file = "…" }, or leave listen out'
        report.add(Rule.LISTEN_WITHOUT_TOKEN, "api.token", f"missing, though listen is {draft.api.listen}", remedy)
    canary = draft.postfix.canary_to if draft.postfix else None
    names = sorted(entry.name for entry in draft.seeds if entry.name)
    if canary is not None and canary not in names:
        remedy = f"name one of them: {', '.join(names)}" if names else "add a [[seed]]"
        report.add(Rule.CANARY_SEED, "postfix.canary_to", f'no seed has the name "{canary}"', remedy)


def check_intervals(draft: Draft, report: Report) -> None:
    """No interval asks for the impossible."""
    probes = draft.probes
    if probes is None:
        return
    if probes.late_after >= probes.deadline:
        report.add(
            Rule.LATE_AFTER_DEADLINE,
            "probes.late_after",
            f"{spoken(probes.late_after)}, so no probe could be late before the deadline of {spoken(probes.deadline)}",
            "make late_after shorter than deadline",
        )
    if probes.round_interval < probes.deadline:
        report.add(
            Rule.ROUND_WITHIN_DEADLINE,
            "probes.round_interval",
            f"{spoken(probes.round_interval)}, but a round may run until its deadline of {spoken(probes.deadline)}",
            "make round_interval at least as long as deadline",
        )
    if probes.stage_timeout > probes.total_timeout:
        report.add(
            Rule.STAGE_OVER_TOTAL,
            "probes.stage_timeout",
            f"{spoken(probes.stage_timeout)} for one reply, but total_timeout is {spoken(probes.total_timeout)}",
            "make stage_timeout at most as long as total_timeout",
        )
    if probes.session_interval < probes.stage_timeout:
        report.add(
            Rule.SESSION_WITHIN_STAGE,
            "probes.session_interval",
            f"{spoken(probes.session_interval)}, but one reply may take {spoken(probes.stage_timeout)} (stage_timeout)",
            "make session_interval at least as long as stage_timeout",
        )
    if probes.poll_intervals[0] >= probes.deadline:
        report.add(
            Rule.POLL_AFTER_DEADLINE,
            "probes.poll_intervals",
            f"the first look comes after {spoken(probes.poll_intervals[0])}, "
            f"past the deadline of {spoken(probes.deadline)}",
            "look for the first time before the deadline",
        )


def check_lifetimes(draft: Draft, report: Report) -> None:
    """Evidence lives long enough to gather, facts longer than evidence."""
    if draft.policy is None:
        return
    life = draft.policy.evidence_lifetime
    if draft.probes and life <= (longest := max(draft.probes.round_interval, draft.probes.session_interval)):
        report.add(
            Rule.SHORT_EVIDENCE,
            "policy.evidence_lifetime",
            f"{spoken(life)}, but probes come every {spoken(longest)}, so none would ever confirm another",
            "make it longer than round_interval and session_interval, best many times",
        )
    if draft.store and draft.store.keep_observations < life:
        report.add(
            Rule.SHORT_RETENTION,
            "store.keep_observations",
            f"{spoken(draft.store.keep_observations)}, but evidence counts for {spoken(life)}",
            "make it at least as long as policy.evidence_lifetime",
        )


def check_warm_shares(draft: Draft, report: Report) -> None:
    """Check that the first choice keeps half of the mail at least."""
    warm = [(entry, share) for entry in draft.providers if (share := getattr(entry.table, "warm_share", 0))]
    total = sum(share for _, share in warm)
    if total > MOST_WARM_PERCENT:
        entry, _ = warm[-1]
        seen = f"all warm_share together are {total} percent"
        remedy = f"give standbys {MOST_WARM_PERCENT} percent together at most; 1 to 5 each keep them warm"
        report.add(Rule.OUT_OF_RANGE, f"{entry.key}.warm_share", seen, remedy, name=entry.name)


def spoken(span: timedelta) -> str:
    """Return a duration as an administrator writes it: "1h30m"."""
    rest = round(span / timedelta(milliseconds=1))
    parts = []
    for unit, milliseconds in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, milliseconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
