"""What SendGrid's HTTP API says instead of success, as data ("Mail Send: Errors", "Responses", "Rate Limits"). Pure.

The status alone misleads: 401 is said of a wrong key and of used-up credits, 403 of a missing permission, of a sender
that is not verified and of a temporary block.
"""

from providers.failure import Category
from providers.http_answer import HttpRule

ANSWERS: tuple[HttpRule, ...] = (
    # said with 401 (seen 2020 to 2024); no retry heals it
    HttpRule(id="sendgrid-credits", pattern=r"maximum credits exceeded", category=Category.QUOTA, temporary=False),
    HttpRule(
        id="sendgrid-messaging-limits",
        pattern=r"exceeded your messaging limits",
        category=Category.QUOTA,
        temporary=False,
    ),
    HttpRule(
        id="sendgrid-account-ended",
        statuses=frozenset({401, 403}),
        pattern=r"account\b.{0,60}\b(disabled|suspended|banned|deactivated|under review)",
        category=Category.ACCOUNT,
        temporary=False,
    ),
    HttpRule(
        id="sendgrid-sender-identity",
        pattern=r"does not match a verified sender identity",
        category=Category.SENDER,
        temporary=False,
    ),
    HttpRule(
        id="sendgrid-temporary-block",
        statuses=frozenset({403, 429}),
        pattern=r"too many bad requests|temporary block",
        category=Category.RATE,
        temporary=True,
    ),
    HttpRule(
        id="sendgrid-throttle",
        statuses=frozenset({429}),
        category=Category.RATE,
        temporary=True,
    ),
    # a key of one region used at the other's host
    HttpRule(id="sendgrid-residency", statuses=frozenset({451}), category=Category.CONFIG, temporary=False),
    HttpRule(id="sendgrid-wrong-call", statuses=frozenset({404, 405, 406}), category=Category.CONFIG, temporary=False),
    # 400 names the field at fault; nothing but `message` is promised
    HttpRule(
        id="sendgrid-bad-sender",
        statuses=frozenset({400}),
        pattern=r'"field": ?"from\b',
        category=Category.SENDER,
        temporary=False,
    ),
    HttpRule(
        id="sendgrid-bad-recipient",
        statuses=frozenset({400}),
        pattern=r'"field": ?"personalizations[.0-9]*\.to\b',
        category=Category.RECIPIENT,
        temporary=False,
    ),
    HttpRule(id="sendgrid-bad-message", statuses=frozenset({400}), category=Category.CONTENT, temporary=False),
    HttpRule(id="sendgrid-trouble", statuses=frozenset({501}), category=Category.PROVIDER, temporary=True),
    # Only 202 takes a message; 200 is the answer in sandbox mode, or of a web server that is not SendGrid.
    HttpRule(id="sendgrid-not-taken", statuses=frozenset({200}), category=Category.CONFIG, temporary=False),
)
