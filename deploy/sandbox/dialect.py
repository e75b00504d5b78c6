"""How each relay speaks: banner, EHLO keywords, user names, and its own words for every refusal.

Mailgun's and SendGrid's transcripts are public recordings (Mailgun: banner "Influx", EHLO, "Great success";
SendGrid: banner "SG ESMTP service ready", EHLO with both AUTH spellings, "queued as"); their account texts are
those that administrators quote in public issue trackers. `acme` is a made-up relay on a common MTA, with
enhanced status codes (RFC 2034, RFC 3463).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.sandbox.people import SENDING_DOMAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One relay's way of speaking. `{}` fields of replies: sender, recipient, domain, id, retry_date."""

    name: str
    kind: str  # the kind of a [[provider]] table
    server_name: str
    username: str
    banner: str
    ehlo_name: str
    keywords: tuple[str, ...]
    auth_keywords: tuple[str, ...]
    auth_needs_tls: bool
    max_bytes: int
    ok: Mapping[str, str]  # command → reply
    refusals: Mapping[str, tuple[str, str]] = field(repr=False)  # fault → (stage, reply)
    rewrites_message_id: bool = False
    reads_orders: bool = False  # in headers meant for it alone, which it takes away


_COMMON = {"starttls": "220 Go ahead", "quit": "221 See you later", "data": "354 Continue"}

MAILGUN = Dialect(
    name="mailgun",
    kind="mailgun",
    server_name="smtp.mailgun.test",
    username=f"postmaster@{SENDING_DOMAIN}",
    banner="220 Mailgun Influx ready",
    ehlo_name="391ef55d98cd",
    keywords=("SIZE 52428800", "8BITMIME", "SMTPUTF8", "PIPELINING"),
    auth_keywords=("AUTH PLAIN LOGIN",),
    auth_needs_tls=False,
    max_bytes=52428800,
    reads_orders=True,
    ok=_COMMON
    | {
        "auth": "235 2.0.0 OK",
        "mail": "250 Sender address accepted",
        "rcpt": "250 Recipient address accepted",
        "end": "250 Great success",
    },
    refusals={
        "greet421": ("banner", "421 Service not available, closing transmission channel"),
        "unauthenticated": ("rcpt", "550 5.7.1 Relaying denied"),
        "auth535": ("auth", "535 5.7.0 Mailgun is not loving your login or password"),
        "quota": (
            "mail",
            "421 Domain {domain} is not allowed to send: recipient limit exceeded, try again after {retry_date}",
        ),
        "suspended": (
            "end",
            "550 5.7.1 Domain {domain} is not allowed to send: your account is suspended, please contact support",
        ),
        "sender_unverified": (
            "end",
            "550 5.7.1 Domain {domain} is not allowed to send: the domain is unverified and requires DNS configuration",
        ),
        "tempfail": ("mail", "451 4.3.0 Temporary server error, please try again later"),
        "ratelimit": ("mail", "421 account-requests-per-sec limit exceeded, try again after 120 seconds"),
        "too_big": ("mail", "552 5.3.4 Message size exceeds fixed limit"),
        "bad_recipient": ("rcpt", "550 5.1.1 <{recipient}> mailbox does not exist"),
        "bad_content": ("end", "554 5.6.0 Message content rejected"),
    },
)

SENDGRID = Dialect(
    name="sendgrid",
    kind="sendgrid",
    server_name="smtp.sendgrid.test",
    username="apikey",
    banner="220 SG ESMTP service ready at ismtpd0013p1las1.sendgrid.test",
    ehlo_name="smtp.sendgrid.test",
    keywords=("8BITMIME", "PIPELINING", "SIZE 31457280"),
    auth_keywords=("AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"),
    auth_needs_tls=False,
    max_bytes=31457280,
    reads_orders=True,
    ok=_COMMON
    | {
        "starttls": "220 Begin TLS negotiation now",
        "auth": "235 Authentication successful",
        "mail": "250 Sender address accepted",
        "rcpt": "250 Recipient address accepted",
        "end": "250 Ok: queued as {id}",
    },
    refusals={
        "greet421": ("banner", "421 Service not available, closing transmission channel"),
        "unauthenticated": ("mail", "550 Unauthenticated senders not allowed"),
        "auth535": (
            "auth",
            "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
        ),
        "quota": ("auth", "451 Authentication failed: Maximum credits exceeded"),
        "suspended": ("auth", "535 Authentication failed: account disabled"),
        "sender_unverified": (
            "end",
            "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is "
            "resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ "
            "to see the Sender Identity requirements",
        ),
        "tempfail": ("mail", "451 Internal server error, please try again"),
        "ratelimit": ("mail", "450 too many requests, please slow down"),
        "too_big": ("mail", "552 message size exceeds fixed maximum message size"),
        "bad_recipient": ("rcpt", "550 5.1.1 <{recipient}>: invalid recipient"),
        "bad_content": ("end", "554 5.6.0 message content rejected"),
    },
)

ACME = Dialect(
    name="acme",
    kind="smtp",
    server_name="smtp.acme.test",
    username="acct-4711",
    banner="220 smtp.acme.test ESMTP Acme Relay",
    ehlo_name="smtp.acme.test",
    keywords=("PIPELINING", "SIZE 26214400", "8BITMIME", "ENHANCEDSTATUSCODES"),
    auth_keywords=("AUTH PLAIN LOGIN",),
    auth_needs_tls=True,
    max_bytes=26214400,
    ok={
        "starttls": "220 2.0.0 Ready to start TLS",
        "quit": "221 2.0.0 Bye",
        "data": "354 End data with <CR><LF>.<CR><LF>",
        "auth": "235 2.7.0 Authentication successful",
        "mail": "250 2.1.0 Ok",
        "rcpt": "250 2.1.5 Ok",
        "end": "250 2.0.0 Ok: queued as {id}",
    },
    refusals={
        "greet421": ("banner", "421 4.3.2 smtp.acme.test Service not available, try again later"),
        "unauthenticated": ("mail", "530 5.7.0 Authentication required"),
        "auth535": ("auth", "535 5.7.8 Error: authentication failed: authentication credentials invalid"),
        "quota": ("mail", "550 5.4.5 Daily sending quota exceeded for this account"),
        "suspended": ("mail", "550 5.7.1 Account suspended, contact abuse@acme.test"),
        "sender_unverified": ("mail", "550 5.7.1 <{sender}>: Sender domain not verified for this account"),
        "tempfail": ("mail", "451 4.3.0 Temporary service failure, please retry later"),
        "ratelimit": ("mail", "450 4.7.1 Error: too much mail, rate limit exceeded"),
        "too_big": ("mail", "552 5.3.4 Message size exceeds fixed limit"),
        "bad_recipient": ("rcpt", "550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"),
        "bad_content": ("end", "554 5.6.0 Message content rejected"),
    },
    rewrites_message_id=True,  # as Amazon SES does (SES developer guide, "Header fields")
)

DIALECTS = {d.name: d for d in (MAILGUN, SENDGRID, ACME)}
API_NAMES = {d.name: f"api.{d.name}.test" for d in (MAILGUN, SENDGRID)}  # of those with an HTTP API
