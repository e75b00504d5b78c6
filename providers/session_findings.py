"""What one session that sent nothing tells of an account: credentials, TLS, size limit, sender. Pure."""

from datetime import datetime, timedelta

from providers.base import RelayEndpoint, Submission, SubmissionStatus, TlsMode
from providers.checkup import Finding, Verdict
from providers.failure import Category, Failure, Stage
from providers.smtp_mail import size_limit

EXPIRY_WARNING = timedelta(days=14)
_ORDER = list(Stage)
_MEGABYTE = 1_000_000
_WHAT = {
    Category.AUTH: ("credentials", "check username and password, and that the account may send by SMTP"),
    Category.ACCOUNT: ("account", "log in to the provider's console; it says why the account may not send"),
    Category.QUOTA: ("quota", "raise the plan's limit, or wait until it is renewed"),
    Category.RATE: ("rate", "wait, and ask less often; raise the limit if it comes again"),
    Category.SENDER: ("sender", "verify this address or its domain at the provider"),
    Category.TLS: (
        "tls",
        "check host, port, tls, server_name and ca_file; an expired certificate only the provider can renew",
    ),
    Category.NETWORK: ("reachable", "check host and port, and that a firewall lets this machine out on that port"),
    Category.CONFIG: ("settings", "correct the [[provider]] table as the sentence says"),
}
_REMEDY_OTHERWISE = "look at the provider's status page, and try again"


def session_findings(
    submission: Submission, *, endpoint: RelayEndpoint, sender: str, now: datetime, max_message_bytes: int | None = None
) -> tuple[Finding, ...]:
    """Return what a session with this endpoint tells that logged in and named `sender`, in order of importance.

    `max_message_bytes` is the provider's documented limit. A point that the session did not reach is `unknown`.
    """
    failure = submission.failure
    return (
        *([_problem(submission, failure, sender)] if failure else []),
        *_credentials(endpoint, failure),
        *_sender(sender, failure),
        *_tls(submission, endpoint, failure, now),
        _size(submission, endpoint, max_message_bytes),
    )


def _problem(submission: Submission, failure: Failure, sender: str) -> Finding:
    code, remedy = _WHAT.get(failure.category, ("session", _REMEDY_OTHERWISE))
    said = submission.text if submission.reply_code is None else f"{submission.reply_code} {submission.text}".strip()
    what = {Stage.AUTH: "the login", Stage.MAIL: f"the sender {sender or '<>'}"}.get(failure.stage)
    verdict = Verdict.WARNING if failure.category in (Category.RATE, Category.PROVIDER_TEMP) else Verdict.FAILED
    wait = f", and asks to wait {failure.retry_after_seconds:.0f} s" if failure.retry_after_seconds else ""
    if submission.status is SubmissionStatus.ERROR:
        happened = f"The session failed at {what or failure.stage}"
    else:
        happened = f"The relay refused {what or f'at {failure.stage}'}"
    return Finding(code=code, verdict=verdict, sentence=f"{happened}{wait}: {said}.", remedy=_sentence(remedy))


def _credentials(endpoint: RelayEndpoint, failure: Failure | None) -> list[Finding]:
    if failure and _WHAT.get(failure.category, ("",))[0] == "credentials":
        return []
    if endpoint.username is None:
        sentence = "No login is configured, and none was asked for."
        return [] if failure else [Finding(code="credentials", verdict=Verdict.OK, sentence=sentence)]
    if failure and not _after(failure.stage, Stage.AUTH):
        return [_unknown("credentials", "the session ended before the login")]
    return [Finding(code="credentials", verdict=Verdict.OK, sentence=f"The relay took the login {endpoint.username}.")]


def _sender(sender: str, failure: Failure | None) -> list[Finding]:
    if failure is None:
        sentence = (
            f"The relay took {sender or '<>'} as envelope sender; some relays check the sender only after the message."
        )
        return [Finding(code="sender", verdict=Verdict.OK, sentence=sentence)]
    if failure.category is Category.SENDER:
        return []
    return [_unknown("sender", "the sender was not taken or not reached")]


def _tls(submission: Submission, endpoint: RelayEndpoint, failure: Failure | None, now: datetime) -> list[Finding]:
    tls = submission.tls
    if tls is None:
        if failure and failure.category is Category.TLS:
            return []
        if endpoint.tls is TlsMode.NONE:
            sentence = "The session is not encrypted; the relay is this machine."
            return [Finding(code="tls", verdict=Verdict.OK, sentence=sentence)]
        return [_unknown("tls", "the session ended before TLS")]
    seen = f"{tls.version} with {tls.cipher}, certificate of {endpoint.server_name}"
    if tls.not_after is None:
        return [Finding(code="tls", verdict=Verdict.OK, sentence=f"{seen}.")]
    left = tls.not_after - now
    until = f"{seen}, valid until {tls.not_after:%Y-%m-%d}"
    if left >= EXPIRY_WARNING:
        return [Finding(code="tls", verdict=Verdict.OK, sentence=f"{until}.")]
    days = max(0, left // timedelta(days=1))
    return [
        Finding(
            code="tls",
            verdict=Verdict.WARNING,
            sentence=f"{until}: {days} {'day' if days == 1 else 'days'} left.",
            remedy="Ask the provider whether it is being renewed; after that day no mail goes through this relay.",
        )
    ]


def _size(submission: Submission, endpoint: RelayEndpoint, documented: int | None) -> Finding:
    if not submission.ehlo or (endpoint.tls is TlsMode.STARTTLS and submission.tls is None):
        return _unknown("size", "the session ended before the relay said what it offers")
    words = next((word for word in submission.ehlo if word.split(" ")[0].upper() == "SIZE"), None)
    offered = None if words is None else size_limit(words[len("SIZE") :], None)
    limit = size_limit(None if offered is None else str(offered), documented)
    if limit is None:
        sentence = "The relay names no size limit."
    elif documented is not None and limit != offered:
        named = "names none" if offered is None else f"offers {_megabytes(offered)}"
        sentence = f"Messages up to {_megabytes(limit)} are taken, as the provider documents; the relay {named}."
    else:
        sentence = f"Messages up to {_megabytes(limit)} are taken; base64 makes an attachment a third larger."
    return Finding(code="size", verdict=Verdict.OK, sentence=sentence)


def _unknown(code: str, why: str) -> Finding:
    return Finding(
        code=code,
        verdict=Verdict.UNKNOWN,
        sentence=f"Not found out: {why}.",
        remedy="Settle what ended the session, then check again.",
    )


def _after(stage: Stage, other: Stage) -> bool:
    return _ORDER.index(stage) > _ORDER.index(other)


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.4g} MB" if size >= _MEGABYTE else f"{size} bytes"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
