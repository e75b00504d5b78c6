"""The reply texts by which relays refuse an account rather than a message, as data.

Such a reply says nothing about the mail, so another provider would take it. Relays nevertheless give
most of them as permanent (5yz), and a mail server that believes them bounces every message.

The table has two readers, so a pattern uses only what Python's `re` and POSIX extended regular
expressions (regex(7)) share: no backslash classes, no look-around, no lazy repetition, no named or non-capturing group,
and no `/`, the usual delimiter. Rules for both readers:

* upper and lower case are the same;
* a pattern stands directly after the codes (`550 5.7.1 `, `535 `) of one reply line; those that may
  stand anywhere in the text begin with `.*`, the others are too general anywhere but at its start;
* the first entry that matches wins;
* round brackets in a pattern capture: put your own groups before it.

Recipient-, content- and sender-level wordings must never match; `tests/providers` holds real ones.
"""

import re
from dataclasses import dataclass
from functools import cache

from providers.failure import Category
from providers.word_filter import WordFilter

_ENDED = "(suspended|disabled|deactivated|blocked|locked|closed|terminated|restricted|frozen|banned|inactive)"
_STATE = f"({_ENDED}|on hold|under review|pending approval|not (yet )?(active|activated|approved|enabled))"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReply:
    """One wording by which a relay refuses an account."""

    id: str
    pattern: str  # regular expression for the text directly after the codes
    category: Category
    example: str  # one whole reply line, codes included


ACCOUNT_REPLIES: tuple[AccountReply, ...] = (
    # Mailgun. The prefix covers quota and configuration alike; it is usually 421, seen as 550 too.
    AccountReply(
        id="mailgun-recipient-limit",
        pattern=".*is not allowed to send: .*limit exceeded",
        category=Category.QUOTA,
        example="550 Domain mg.example.org is not allowed to send: recipient limit exceeded, "
        "try again after Mon, 25 Aug 2025 07:00:31 UTC",
    ),
    AccountReply(
        id="mailgun-not-activated",
        pattern=".*please activate your mailgun account",
        category=Category.ACCOUNT,
        example="550 Domain mg.example.org is not allowed to send: Please activate your Mailgun account. "
        "Check your inbox or log in to your control panel to resend the activation email.",
    ),
    AccountReply(
        id="mailgun-test-only",
        pattern=".*(sandbox (sub)?domains|free accounts) are for test purposes only",
        category=Category.CONFIG,
        example="550 Domain sandbox1.mailgun.org is not allowed to send: Sandbox subdomains are for test "
        "purposes only. Please add your own domain or add the address to authorized recipients.",
    ),
    AccountReply(  # about the domain of the login, so about every message, not about one sender
        id="mailgun-domain-unverified",
        pattern=".*is not allowed to send: the domain is unverified",
        category=Category.SENDER,
        example="550 Domain mg.example.org is not allowed to send: The domain is unverified and requires DNS "
        "configuration.",
    ),
    AccountReply(
        id="mailgun-not-allowed",
        pattern=".*domain [^ ]+ is not allowed to send",
        category=Category.ACCOUNT,
        example="550 Domain mg.example.org is not allowed to send: Account disabled",
    ),
    AccountReply(
        id="mailgun-login",
        pattern=".*is not loving your login or password",
        category=Category.AUTH,
        example="535 5.7.0 Mailgun is not loving your login or password",
    ),
    # SendGrid. Used-up credits are told in the reply to AUTH.
    AccountReply(
        id="sendgrid-credits",
        pattern=".*maximum credits exceeded",
        category=Category.QUOTA,
        example="535 Authentication failed: Maximum credits exceeded",
    ),
    AccountReply(
        id="sendgrid-not-logged-in",
        pattern=".*unauthenticated senders not allowed",
        category=Category.AUTH,
        example="550 Unauthenticated senders not allowed",
    ),
    # Other relays, in their own words.
    AccountReply(
        id="ses-paused",
        pattern=".*sending (is )?(paused|suspended) for this account",
        category=Category.ACCOUNT,
        example="554 Message rejected: Sending paused for this account. For more information, please check the "
        "inbox of the email address associated with your AWS account.",
    ),
    AccountReply(
        id="ses-not-authorised",
        pattern=".*is not authorized to perform .?ses:send",
        category=Category.AUTH,
        example="554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail'",
    ),
    AccountReply(
        id="brevo-not-activated",
        pattern=".*smtp account is not yet activated",
        category=Category.ACCOUNT,
        example="502 5.7.0 Your SMTP account is not yet activated. Please contact us to request activation",
    ),
    AccountReply(
        id="brevo-address",
        pattern="unauthorized ip address",
        category=Category.CONFIG,
        example="525 5.7.1 Unauthorized IP address. Please contact your administrator",
    ),
    AccountReply(
        id="smtp2go-address",
        pattern="that ip address is not allowed to send",
        category=Category.CONFIG,
        example="550 that IP address is not allowed to send",
    ),
    AccountReply(
        id="smtp-com-quota",
        pattern=".*over your relay quota",
        category=Category.QUOTA,
        example="552 Message would take you over your relay quota of 500",
    ),
    AccountReply(
        id="sparkpost-limit",
        pattern=".*exceed sending limit",
        category=Category.QUOTA,
        example="550 5.7.1 Exceed Sending Limit (daily)",
    ),
    AccountReply(
        id="zoho-unusual",
        pattern=".*unusual sending activity detected",
        category=Category.ACCOUNT,
        example="550 5.4.6 Unusual sending activity detected. Please try after sometime.",
    ),
    AccountReply(
        id="gmail-relay-limit",
        pattern=".*(smtp relay|user sending) (limit|quota) exceeded",
        category=Category.QUOTA,
        example="550 5.4.5 Daily SMTP relay limit exceeded for customer. - gsmtp",
    ),
    AccountReply(
        id="gmail-relay-credentials",
        pattern=".*invalid credentials for relay",
        category=Category.AUTH,
        example="550 5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've registered in your "
        "domain's SMTP relay service doesn't match the domain of the account this email is being sent from.",
    ),
    AccountReply(
        id="gmail-browser-login",
        pattern="(application-specific password required|please log ?in (via|through|with) your web browser)",
        category=Category.AUTH,
        example="534 5.7.9 Application-specific password required. - gsmtp",
    ),
    AccountReply(
        id="office365-daily-limit",
        pattern=".*(your daily limit for message recipients|sender's submission quota was exceeded)",
        category=Category.QUOTA,
        example="550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    ),
    AccountReply(
        id="office365-tenant",
        pattern=".*tenant has exceeded threshold",
        category=Category.QUOTA,
        example="550 5.7.705 Access denied, tenant has exceeded threshold",
    ),
    AccountReply(
        id="office365-basic",
        pattern=".*(smtpclientauthentication is disabled|basic authentication is (not supported|disabled))",
        category=Category.AUTH,
        example="550 5.7.30 Basic authentication is not supported for Client Submission.",
    ),
    # Common wordings.
    AccountReply(
        id="login-account-ended",
        pattern=f"(error: )?(smtp )?authentication (failed|failure|unsuccessful).*account .*{_STATE}",
        category=Category.ACCOUNT,
        example="535 Authentication failed: Account disabled",
    ),
    AccountReply(
        id="your-account-ended",
        pattern=f".*your ([a-z]+ )*account (is|has been|had been|was) ([a-z]+ )*{_STATE}",
        category=Category.ACCOUNT,
        example="552 Your account has been suspended. Please contact us to reactivate",
    ),
    AccountReply(
        id="sending-account-ended",
        pattern=f"(error: )?(the )?(sending|sender|smtp|relay|customer|subscriber)('s)? account "
        f"(is |has been |was )?([a-z]+ )*{_STATE}",
        category=Category.ACCOUNT,
        example="550 5.7.1 Sending account disabled",
    ),
    AccountReply(
        id="account-suspended",
        pattern="(error: )?(this )?account (is |has been |was )?(currently |temporarily |permanently )?suspended",
        category=Category.ACCOUNT,
        example="550 5.7.1 Account suspended",
    ),
    AccountReply(
        id="plan-ended",
        pattern=".*your ([a-z]+ )*(plan|subscription|trial)( period)? (is |has |has been )?(expired|ended|cancelled)",
        category=Category.ACCOUNT,
        example="550 5.7.1 Your subscription has expired",
    ),
    AccountReply(
        id="your-limit",
        pattern=".*you( have|.ve) (exceeded|reached|used up) your ([a-z]+ )*(limits?|quota|allowance|credits?)",
        category=Category.QUOTA,
        example="550 You've exceeded your messaging limits",
    ),
    AccountReply(
        id="plan-limit",
        pattern=".*(daily|hourly|weekly|monthly|plan|sending|relay|messaging) (sending |message |email |mail )?"
        "(limit|quota|allowance) (has been |is |was )?(exceeded|reached|exhausted)",
        category=Category.QUOTA,
        example="550 5.7.0 Daily sending limit reached",
    ),
    AccountReply(
        id="no-credits",
        pattern=".*(out of|insufficient|not enough|no more|no) ([a-z]+ )?credits",
        category=Category.QUOTA,
        example="550 5.7.1 Not enough credits, top up to continue",
    ),
    AccountReply(
        id="login-refused",
        pattern="(error: )?(smtp )?authentication (credentials invalid|failed|failure|unsuccessful)",
        category=Category.AUTH,
        example="535 5.7.8 Error: authentication failed: (reason unavailable)",
    ),
    AccountReply(
        id="wrong-password",
        pattern="(error: )?(username and password not accepted|(invalid|bad|incorrect|wrong) "
        "(login|user ?name|credentials))",
        category=Category.AUTH,
        example="535 5.7.0 Invalid login or password",
    ),
    AccountReply(
        id="login-required",
        pattern="(error: )?((smtp )?authentication (is )?required|client was not authenticated)",
        category=Category.AUTH,
        example="530 5.7.0 Authentication required",
    ),
    AccountReply(
        id="relay-denied",
        pattern=".*(relay(ing)? (access )?denied|relay(ing)? (is )?not (permitted|allowed)|unable to relay)",
        category=Category.AUTH,
        example="554 5.7.1 <someone@example.net>: Relay access denied",
    ),
)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], ...], WordFilter]:
    patterns = [reply.pattern for reply in ACCOUNT_REPLIES]
    # "from the start, anything, then this" is found sooner as "this, anywhere", in a text of one line
    forms = [pattern if pattern.startswith(".*") else f"\\A(?:{pattern})" for pattern in patterns]
    return tuple(re.compile(form.removeprefix(".*"), re.IGNORECASE) for form in forms), WordFilter(patterns)


def find_account_reply(text: str) -> AccountReply | None:
    """Return the first entry whose pattern stands at the start of this text (without codes), or None."""
    patterns, words = _compiled()
    line = text.partition("\n")[0]
    return next((ACCOUNT_REPLIES[n] for n in words.candidates(line) if patterns[n].search(line)), None)
