"""How a Mailgun account stands: keys, domain and its records, sending queue, limit, webhook key. Sends nothing."""

import hmac
from collections.abc import Awaitable

from providers.checkup import Finding, Verdict
from providers.domain_auth import DomainAuth, DomainState, WantedRecord
from providers.errors import CallError
from providers.failure import Category
from providers.http_answer import classify_http
from providers.mailgun_api import MailgunApi, words
from providers.mailgun_domain import read_domain, read_queue
from providers.mailgun_replies import HTTP_RULES
from providers.untrusted import as_number, as_text

_NEARLY_USED_RATIO = 0.9
_PERIODS = {"m": "month", "d": "day", "h": "hour"}
_REFUSALS = {  # of a hand-over
    Category.AUTH: ("sending-key", Verdict.FAILED, "Correct sending_key, or api_key if it stands alone."),
    Category.ACCOUNT: ("account", Verdict.FAILED, "Log in to Mailgun's control panel to see why."),
    Category.QUOTA: ("quota", Verdict.FAILED, "Raise the limit in Mailgun's control panel, or wait."),
    Category.SENDER: ("domain", Verdict.FAILED, "Add the domain's DNS records and let Mailgun verify them."),
    Category.CONFIG: ("settings", Verdict.FAILED, "Correct domain, region or api_url."),
    Category.RATE: ("rate", Verdict.WARNING, "Wait, and ask less often."),
}
_SENDING = frozenset({"spf", "dkim"})


async def check_account(
    api: MailgunApi, sender: str, *, elsewhere: MailgunApi | None, webhook_signing_key: str | None
) -> tuple[Finding, ...]:
    """Return what was found, in order of importance; what could not be found out is a finding too.

    `elsewhere` is the same domain's API in the other region; None: not known.
    """
    findings = [] if not api.may_send else [await _told("sending-key", _sending_key(api))]
    if not api.may_read:
        remedy = "Add api_key to have domain, queue, limit and suppressions checked."
        sentence = "Not found out: without api_key Mailgun cannot be asked about domain, queue and limit."
        return (*findings, Finding(code="scope", verdict=Verdict.UNKNOWN, sentence=sentence, remedy=remedy))
    try:
        domain = await read_domain(api, api.domain)
    except CallError as error:
        return (*findings, await _no_key(api, error))
    sentence = "Mailgun's API takes api_key for reading."
    findings.append(Finding(code="api-key", verdict=Verdict.OK, sentence=sentence))
    if domain.state is DomainState.UNKNOWN and not domain.records:
        return (*findings, await _absent(api, elsewhere))
    findings += [_state(domain), *_records(domain), *_alignment(sender, domain.domain)]
    findings += [await _told("queue", _queue(api)), await _told("quota", _limit(api))]
    if webhook_signing_key is not None:
        findings.append(await _told("webhook", _webhook_key(api, webhook_signing_key)))
    return tuple(findings)


async def _told(code: str, finding: Awaitable[Finding]) -> Finding:
    try:
        return await finding
    except CallError as error:
        limited = error.failure.category in (Category.RATE, Category.QUOTA)
        return Finding(
            code="rate" if limited else code,
            verdict=Verdict.WARNING if limited else Verdict.UNKNOWN,
            sentence=f"Not found out: {error}.",
            remedy="Wait, and ask less often." if limited else "Settle that, then check again.",
        )


async def _sending_key(api: MailgunApi) -> Finding:
    """Hand over nothing at all: a key that may send is told what is missing, any other is refused."""
    answer = await api.submit_nothing()
    if answer.status == 400:  # noqa: PLR2004
        return Finding(code="sending-key", verdict=Verdict.OK, sentence="The key for the API may hand over messages.")
    seen = f"{answer.status} {words(answer)[:200]}".strip()
    failure = classify_http(answer, HTTP_RULES, api.clock.now())
    if failure.category not in _REFUSALS:
        sentence = f"Not found out: an empty hand-over by the API was answered with {seen}."
        return Finding(code="sending-key", verdict=Verdict.UNKNOWN, sentence=sentence, remedy="Check again later.")
    code, verdict, remedy = _REFUSALS[failure.category]
    sentence = f"Hand-over by the API is refused: {seen.rstrip('.')}."
    return Finding(code=code, verdict=verdict, sentence=sentence, remedy=remedy)


async def _no_key(api: MailgunApi, error: CallError) -> Finding:
    """Return why reading failed; a domain sending key is known by what it may do."""
    if error.failure.category is not Category.AUTH:
        remedy = "Settle that, then check again."
        return Finding(code="api-key", verdict=Verdict.UNKNOWN, sentence=f"Not found out: {error}.", remedy=remedy)
    try:
        sends = (await api.submit_nothing(by_reading_key=True)).status == 400  # noqa: PLR2004
    except CallError:
        sends = False
    if sends:
        return Finding(
            code="api-key",
            verdict=Verdict.FAILED,
            sentence="api_key is a domain sending key: it may hand over messages and read nothing.",
            remedy="Make it sending_key, and give an API key of the account as api_key.",
        )
    return Finding(
        code="api-key",
        verdict=Verdict.FAILED,
        sentence=f"api_key is refused: {error}.",
        remedy="Copy an API key from Mailgun's control panel; SMTP passwords and signing keys are no API keys.",
    )


async def _absent(api: MailgunApi, elsewhere: MailgunApi | None) -> Finding:
    sentence = f"The account has no domain {api.domain} in this region."
    remedy = "Correct domain or region, or add the domain in Mailgun's control panel."
    if elsewhere is not None:
        try:
            there = await read_domain(elsewhere, api.domain)
        except CallError:
            there = None
        if there is not None and there.records:
            sentence = f"The domain {api.domain} is kept in Mailgun's other region."
            remedy = "Correct region; host and api_url follow it when they are absent."
    return Finding(code="domain", verdict=Verdict.FAILED, sentence=sentence, remedy=remedy)


def _state(domain: DomainAuth) -> Finding:
    why = f" ({domain.reason})" if domain.reason else ""
    if domain.state is DomainState.ACTIVE:
        return Finding(code="domain", verdict=Verdict.OK, sentence=f"Mailgun sends for {domain.domain}.")
    if domain.state is DomainState.DISABLED:
        return Finding(
            code="domain",
            verdict=Verdict.FAILED,
            sentence=f"Mailgun has disabled {domain.domain}{why}.",
            remedy="Log in to Mailgun's control panel and ask its support why.",
        )
    if domain.state is DomainState.UNVERIFIED:
        missing = [record for record in domain.records if record.purpose in _SENDING and record.valid is not True]
        return Finding(
            code="domain",
            verdict=Verdict.FAILED,
            sentence=f"Mailgun has not verified {domain.domain}{why}, and sends little or nothing for it.",
            remedy=f"Add to DNS: {_listed(missing)}." if missing else "Let Mailgun verify the domain again.",
        )
    sentence = f"Mailgun calls the state of {domain.domain} by a word that is not known here."
    return Finding(code="domain", verdict=Verdict.UNKNOWN, sentence=sentence)


def _records(domain: DomainAuth) -> list[Finding]:
    wrong = [record for record in domain.records if record.purpose in _SENDING and record.valid is False]
    if domain.state is not DomainState.ACTIVE or not wrong:
        return []
    return [
        Finding(
            code="domain-records",
            verdict=Verdict.WARNING,
            sentence=f"Mailgun does not find all DNS records of {domain.domain}; receivers will distrust its mail.",
            remedy=f"Put right in DNS: {_listed(wrong)}.",
        )
    ]


def _listed(records: list[WantedRecord]) -> str:
    return "; ".join(f'{record.type} {record.name} "{record.value}"' for record in records)


def _alignment(sender: str, domain: str) -> list[Finding]:
    from_domain = sender.rpartition("@")[2].lower()
    # the organisation's domain is not known here: two labels are the least it has, and no warning beats a wrong one
    if not from_domain or from_domain.split(".")[-2:] == domain.split(".")[-2:]:
        return []
    return [
        Finding(
            code="alignment",
            verdict=Verdict.WARNING,
            sentence=f"Mailgun signs as {domain}, and the sender is of {from_domain}: DMARC finds no match.",
            remedy=f"Add {from_domain} as a domain at Mailgun and use its login, or sign with its key before Mailgun.",
        )
    ]


async def _queue(api: MailgunApi) -> Finding:
    queue = await read_queue(api)
    if not queue.held:
        return Finding(code="queue", verdict=Verdict.OK, sentence="Mailgun's sending queue for the domain is open.")
    until = f" until {queue.until}" if queue.until else ""
    why = f": {queue.reason}" if queue.reason else ""
    return Finding(
        code="queue",
        verdict=Verdict.FAILED,
        sentence=f"Mailgun takes no new message for {api.domain}{until}{why}.",
        remedy="Wait until then, or ask Mailgun's support.",
    )


async def _limit(api: MailgunApi) -> Finding:
    answer = await api.find("/v5/accounts/limit/custom/monthly", "the account's sending limit", absent="threshold")
    if answer is None:
        sentence = "No sending limit of your own is set; what the plan allows cannot be asked."
        return Finding(code="quota", verdict=Verdict.OK, sentence=sentence)
    limit, used = (as_number(answer.get(name)) for name in ("limit", "current"))
    if not limit or used is None:
        return Finding(code="quota", verdict=Verdict.UNKNOWN, sentence="Not found out: Mailgun names no sending limit.")
    period = _PERIODS.get(as_text(answer.get("period"))[-1:], "period")
    sentence = f"{used:.0f} of {limit:.0f} messages of this {period}'s limit are sent."
    if used < _NEARLY_USED_RATIO * limit:
        return Finding(code="quota", verdict=Verdict.OK, sentence=sentence)
    verdict = Verdict.FAILED if used >= limit else Verdict.WARNING
    return Finding(
        code="quota", verdict=verdict, sentence=sentence, remedy="Raise the limit in Mailgun's control panel."
    )


async def _webhook_key(api: MailgunApi, configured: str) -> Finding:
    answer = await api.ask("GET", "/v5/accounts/http_signing_key", "its webhook signing key")
    told = answer.get("http_signing_key")
    if not isinstance(told, str) or not told:
        sentence = "Not found out: Mailgun does not tell its webhook signing key."
        return Finding(code="webhook", verdict=Verdict.UNKNOWN, sentence=sentence)
    if hmac.compare_digest(told.encode(), configured.encode()):
        return Finding(code="webhook", verdict=Verdict.OK, sentence="webhook_signing_key is the account's.")
    return Finding(
        code="webhook",
        verdict=Verdict.WARNING,
        sentence="webhook_signing_key is not the account's: every webhook would be refused.",
        remedy="Copy the HTTP webhook signing key from Mailgun's control panel.",
    )
