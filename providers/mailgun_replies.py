"""What Mailgun means by its words and codes, by SMTP and by HTTP, as data.

Sources: Mailgun's API description; documentation.mailgun.com, "Status codes"; messages seen in public reports, 2022 to
2025. Mailgun gives no enhanced codes at submission. One prefix, "Domain D is not allowed to send: <reason>", stands for
rate, quota and configuration alike, with 421 by SMTP and 420, 429, 400 or 403 by HTTP: only the reason tells.
"""

from providers.failure import Category
from providers.http_answer import HttpRule
from providers.text_rules import TextRule

_RATE = r"requests-per-sec limit exceeded"
_QUOTA = r"is not allowed to send: .*limit exceeded"
_NOT_ACTIVATED = r"please activate your mailgun account"
_TEST_ONLY = r"(sandbox (sub)?domains|free accounts) are for test purposes only"
_UNVERIFIED = r"is not allowed to send: the domain is unverified"
_NOT_ALLOWED = r"domain \S+ is not allowed to send"

REPLIES: tuple[TextRule, ...] = (
    TextRule(id="mailgun-request-rate", pattern=_RATE, category=Category.RATE),
    TextRule(id="mailgun-recipient-limit", pattern=_QUOTA, category=Category.QUOTA),
    # These wait for a person, whatever the code says.
    TextRule(id="mailgun-not-activated", pattern=_NOT_ACTIVATED, category=Category.ACCOUNT, temporary=False),
    TextRule(id="mailgun-test-only", pattern=_TEST_ONLY, category=Category.CONFIG, temporary=False),
    TextRule(id="mailgun-domain-unverified", pattern=_UNVERIFIED, category=Category.SENDER, temporary=False),
    TextRule(id="mailgun-not-allowed", pattern=_NOT_ALLOWED, category=Category.ACCOUNT, temporary=False),
    TextRule(
        id="mailgun-login",
        pattern=r"is not loving your login or password",
        category=Category.AUTH,
        temporary=False,
    ),
)


def _rule(name: str, category: Category, *statuses: int, says: str = "", temporary: bool = False) -> HttpRule:
    return HttpRule(
        id=f"mailgun-{name}", category=category, temporary=temporary, statuses=frozenset(statuses), pattern=says
    )


HTTP_RULES: tuple[HttpRule, ...] = (
    # a wrong address below a right host is answered with 200 (django-anymail's notes; seen for years)
    _rule("wrong-address", Category.CONFIG, 200, says="magnificent api"),
    _rule("no-id", Category.CONFIG, 200),
    _rule("request-rate", Category.RATE, says=_RATE, temporary=True),
    _rule("recipient-limit", Category.QUOTA, says=_QUOTA, temporary=True),
    _rule("not-activated", Category.ACCOUNT, says=_NOT_ACTIVATED),
    _rule("test-only", Category.CONFIG, says=_TEST_ONLY),
    _rule("domain-unverified", Category.SENDER, says=_UNVERIFIED),
    _rule("not-allowed", Category.ACCOUNT, says=_NOT_ALLOWED),
    _rule("quota", Category.QUOTA, 420, temporary=True),  # a status of Mailgun's own
    _rule("account-ended", Category.ACCOUNT, 401, 403, says=r"account .{0,40}(disabled|suspended|closed|terminated)"),
    _rule("key", Category.AUTH, 401, 403),  # 401 is plain text, though the description calls it JSON
    _rule("payment", Category.ACCOUNT, 402),
    # also for a domain that is kept in the other region; may be momentary after the domain was made
    _rule("domain-not-found", Category.CONFIG, 404, says=r"domain not found"),
    _rule("address", Category.CONFIG, 404),
    _rule("recipient", Category.RECIPIENT, 400, says=r"\b'?to'? parameter is not a valid address"),
    _rule("options", Category.PROTOCOL, 400, says=r"limited to 16 ?kb|(o|h|v|t):\S+ (parameter|option)"),
    _rule("message", Category.CONTENT, 400, says=r"parameter is missing|need at least one of|mime|only one parameter"),
    _rule("bad-request", Category.UNKNOWN, 400),
    _rule("size", Category.SIZE, 413),
    _rule("rate", Category.RATE, 429, temporary=True),
)
