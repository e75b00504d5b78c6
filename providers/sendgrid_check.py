"""How a SendGrid account stands, asked of its HTTP API without sending anything."""

from typing import Any

from providers.checkup import Finding, Verdict
from providers.domain_auth import DomainAuth, DomainState
from providers.errors import CallError
from providers.failure import Category
from providers.sendgrid_api import SendgridApi
from providers.sendgrid_domains import domain_auth, is_verified_sender
from providers.sendgrid_webhook_settings import webhook_finding
from providers.untrusted import as_int, as_mapping, as_text

_SEND = "mail.send"
_LOW_RATIO = 0.1
_NO_ANSWER = frozenset({Category.NETWORK, Category.TLS, Category.PROVIDER, Category.PROVIDER_TEMP, Category.RATE})


async def account_findings(api: SendgridApi, sender: str, *, public_key: str | None) -> tuple[Finding, ...]:
    """Return the findings on the key, its permissions, the credits left, the sender and, with a key, the webhook.

    They stand in order of importance.
    """
    try:
        scopes = await _scopes(api)
    except CallError as error:
        return (_refused_key(error),)
    findings = [Finding(code="api-key", verdict=Verdict.OK, sentence="SendGrid's HTTP API knows the API key.")]
    if _SEND in scopes:
        findings.append(Finding(code="scope", verdict=Verdict.OK, sentence="The API key may send mail."))
    else:
        findings.append(
            Finding(
                code="scope",
                verdict=Verdict.FAILED,
                sentence="The API key may not send mail: it lacks the permission Mail Send.",
                remedy="Give the key Mail Send at SendGrid (Settings, API Keys), or make a new one.",
            )
        )
    findings.append(await _credits(api))
    findings.append(await _sender(api, sender))
    if public_key is not None:
        findings.append(await webhook_finding(api, public_key))
    return tuple(findings)


async def _scopes(api: SendgridApi) -> frozenset[str]:
    what = "reading the permissions of the API key"
    answer = await api.ask(what, "GET", "/v3/scopes")
    scopes = answer.get("scopes") if isinstance(answer, dict) else None
    if not isinstance(scopes, list):
        raise api.not_understood(what, answer)
    return frozenset(scope for scope in scopes if isinstance(scope, str))


def _refused_key(error: CallError) -> Finding:
    category = error.failure.category
    if category in _NO_ANSWER:
        sentence, remedy = f"The account could not be asked: {error}", "Try again later; look at the network."
        return Finding(code="api-key", verdict=Verdict.UNKNOWN, sentence=sentence, remedy=remedy)
    if category is Category.QUOTA:
        return Finding(
            code="quota",
            verdict=Verdict.FAILED,
            sentence=f"No credits are left: {error}",
            remedy="Wait until they are renewed, or take a larger plan at SendGrid.",
        )
    remedy = "Write a valid key into api_key (or password), of the region that `region` names."
    return Finding(code="api-key", verdict=Verdict.FAILED, sentence=f"The API key is refused: {error}", remedy=remedy)


async def _credits(api: SendgridApi) -> Finding:
    try:
        answer = await api.ask("reading the credits left", "GET", "/v3/user/credits")
    except CallError as error:
        if error.failure.category is Category.QUOTA:
            return _refused_key(error)
        return _unknown("quota", f"How many credits are left is not known: {error}", "user.credits.read")
    remain, total = _number(answer, "remain"), _number(answer, "total")
    if remain is None or total is None:
        return _unknown("quota", "How many credits are left is not told for this account.", "")
    renewed = as_text(answer.get("next_reset"))[:20]
    when = f", renewed on {renewed}" if renewed else ""
    if remain <= 0:
        return Finding(
            code="quota",
            verdict=Verdict.FAILED,
            sentence=f"No credits are left of {total}{when}: SendGrid refuses all mail.",
            remedy="Take a larger plan at SendGrid, or wait until they are renewed.",
        )
    low = remain < total * _LOW_RATIO
    return Finding(
        code="quota",
        verdict=Verdict.WARNING if low else Verdict.OK,
        sentence=f"{remain} of {total} credits are left{when}.",
        remedy="Take a larger plan at SendGrid before they are used up." if low else "",
    )


async def _sender(api: SendgridApi, sender: str) -> Finding:
    """Return whether mail of this sender is taken: by its domain, or as a single address."""
    domain = sender.rpartition("@")[2].lower()
    try:
        found = await domain_auth(api, domain)
    except CallError as error:
        return _unknown("sender", f"Whether {sender} may send is not known: {error}", "whitelabel.read")
    if found.state is DomainState.ACTIVE:
        sentence = f"{sender} may send: SendGrid has authenticated the domain {domain}."
        return Finding(code="sender", verdict=Verdict.OK, sentence=sentence)
    try:
        single = await is_verified_sender(api, sender)
    except CallError as error:
        why = f"{domain} is not authenticated, and the single senders could not be read: {error}"
        return _unknown("sender", f"Whether {sender} may send is not known: {why}", "sender_verification_eligible")
    if single:
        return Finding(
            code="sender",
            verdict=Verdict.WARNING,
            sentence=f"{sender} may send as a single verified sender, but its domain {domain} is not authenticated: "
            "SendGrid signs as sendgrid.net, which fails DMARC.",
            remedy=_records(found, domain),
        )
    waits = " (its verification waits for the mail that SendGrid sent to it)" if single is None else ""
    return Finding(
        code="sender",
        verdict=Verdict.FAILED,
        sentence=f"{sender} may not send: neither the domain {domain} nor the address is verified{waits}.",
        remedy=_records(found, domain),
    )


def _records(found: DomainAuth, domain: str) -> str:
    missing = [f"{r.type} {r.name} {r.value}" for r in found.records if r.valid is not True]
    if missing:
        return f"Add to the DNS, then have SendGrid verify {domain}: {'; '.join(missing)}."
    if found.records:
        return f"The records of {domain} look right: have SendGrid verify it (Settings, Sender Authentication)."
    return f"Authenticate {domain} at SendGrid (Settings, Sender Authentication) and add the records that it shows."


def _unknown(code: str, sentence: str, scope: str) -> Finding:
    remedy = f"Give the API key the permission {scope} to have this checked." if scope else ""
    return Finding(code=code, verdict=Verdict.UNKNOWN, sentence=sentence, remedy=remedy)


def _number(answer: Any, name: str) -> int | None:
    value = as_mapping(answer).get(name)
    return as_int(value) if isinstance(value, int) else None
