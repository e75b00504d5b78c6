"""What SendGrid says by SMTP, as data ("SMTP Errors and Troubleshooting"). Pure."""

from providers.failure import Category, Stage
from providers.text_rules import TextRule

# SendGrid gives no enhanced codes at submission.
REPLIES: tuple[TextRule, ...] = (
    # Used-up credits: said with 451 in reply to AUTH (seen 2020 to 2024), and no retry heals it.
    TextRule(
        id="sendgrid-credits",
        pattern=r"maximum credits exceeded",
        category=Category.QUOTA,
        temporary=False,
    ),
    TextRule(
        id="sendgrid-messaging-limits",
        pattern=r"exceeded your messaging limits",
        category=Category.QUOTA,
        temporary=False,
    ),
    TextRule(
        id="sendgrid-account-ended",
        pattern=r"authentication failed: .*account .*(disabled|suspended|banned|under review)",
        category=Category.ACCOUNT,
        temporary=False,
    ),
    TextRule(
        id="sendgrid-login",
        pattern=r"authentication failed",
        category=Category.AUTH,
        codes=frozenset({535}),
    ),
    TextRule(
        id="sendgrid-not-logged-in",
        pattern=r"unauthenticated senders not allowed",
        category=Category.AUTH,
    ),
    # Said only after DATA, so no session check sees it.
    TextRule(
        id="sendgrid-sender-identity",
        pattern=r"does not match a verified sender identity",
        category=Category.SENDER,
    ),
    # "SMTP Errors" documents these codes as throttling, whatever the words; before MAIL they are about the service.
    TextRule(
        id="sendgrid-throttle",
        pattern=r"",
        category=Category.RATE,
        codes=frozenset({421, 450, 452}),
        stages=frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END_OF_DATA}),
    ),
)
