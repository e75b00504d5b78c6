"""Why a relay did not take a message: from error or reply to `Failure`. Pure.

Order: transport error; the provider's own text rules; texts that refuse the account; common text rules;
enhanced code; the provider's rules on bare codes; reply code and stage. Text comes before codes because relays say
the same code for opposite things: SendGrid answers AUTH with 451 when credits are used up, which no retry heals.

Words nobody knows never raise and never make a certain category: they end as the code's class says,
`provider-temp` or `unknown`.
"""

import re
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

from providers.account_replies import find_account_reply
from providers.enhanced_codes import find_enhanced_rule
from providers.failure import Category, Failure, Stage
from providers.reply import Reply, ReplyClass
from providers.retry_after import retry_after_seconds
from providers.text_rules import COMMON, RuleTable, TextRule

_CODES: dict[int, Category] = {
    # RFC 4954 §6
    432: Category.AUTH,
    534: Category.AUTH,
    535: Category.AUTH,
    538: Category.AUTH,
    525: Category.ACCOUNT,  # account disabled (RFC 5248 registry, x.7.13)
    530: Category.CONFIG,
    # RFC 5321 §4.2.3, RFC 1870
    500: Category.PROTOCOL,
    501: Category.PROTOCOL,
    502: Category.PROTOCOL,
    503: Category.PROTOCOL,
    504: Category.PROTOCOL,
    555: Category.PROTOCOL,
    521: Category.PROVIDER,
    523: Category.SIZE,
    552: Category.SIZE,
}
_STAGES: dict[Stage, Category] = {
    Stage.BANNER: Category.PROVIDER,
    Stage.EHLO: Category.PROVIDER,
    Stage.TLS: Category.TLS,
    Stage.AUTH: Category.AUTH,
}
_ADDRESS = re.compile(r"<[^<>]{0,200}@[^<>@]{1,255}>")  # as relays quote one; a local part may hold blanks
_REMEMBERED = 1024  # replies of one provider
_REMEMBERED_CHARACTERS = 300
_MOST_TABLES = 32
_CERTIFICATE_RULES = {10: "certificate-expired", 62: "certificate-name", 64: "certificate-name"}  # X509_V_ERR_*


def classify_reply(reply: Reply, stage: Stage, *, now: datetime, rules: Sequence[TextRule] = ()) -> Failure:
    """Return why this reply refuses what was asked at this stage.

    `rules` is the provider's own table. A reply that is neither 4yz nor 5yz does not belong at any stage that
    failed: the relay is out of step.
    """
    judged = _classifier(rules).judge(reply, stage)
    return Failure(
        category=judged.category,
        stage=stage,
        temporary=reply.temporary if judged.temporary is None else judged.temporary,
        rule=judged.rule,
        retry_after_seconds=retry_after_seconds(reply.text, now),
    )


class _Judged(NamedTuple):
    """What a reply means, whenever it comes."""

    category: Category
    rule: str
    temporary: bool | None = None  # None: as the code says


class _Classifier:
    """The rules for one provider, made ready; it remembers replies, for a relay in trouble repeats itself."""

    def __init__(self, rules: Sequence[TextRule]) -> None:
        self._worded = RuleTable(rule for rule in rules if rule.pattern)
        self._wordless = tuple(rule for rule in rules if not rule.pattern)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._judge)

    def judge(self, reply: Reply, stage: Stage) -> _Judged:
        """Return what this reply means at this stage."""
        remembers = len(reply.text) <= _REMEMBERED_CHARACTERS
        judge = self._remembered if remembers else self._judge
        return judge(reply.text, reply.code, reply.enhanced, stage)

    def _judge(self, text: str, code: int, enhanced: str | None, stage: Stage) -> _Judged:
        text = _ADDRESS.sub("<>", text) if "@" in text else text  # whoever is written to chose its words, not the relay
        reply = Reply(code=code, enhanced=enhanced, text=text)
        if reply.reply_class in (ReplyClass.POSITIVE, ReplyClass.INTERMEDIATE):
            return _Judged(Category.PROVIDER, "reply-out-of-step", temporary=True)
        if found := self._worded.first(reply, stage):
            return _Judged(found.category, found.id, found.temporary)
        if account := find_account_reply(text):
            return _Judged(account.category, account.id)
        if found := _common().first(reply, stage):
            return _Judged(found.category, found.id, found.temporary)
        if stage is Stage.TLS:
            return _Judged(Category.TLS, "starttls-refused")
        if enhanced and (row := find_enhanced_rule(enhanced, code)):
            return _Judged(row.category, f"enhanced-{enhanced}")
        if bare := next((rule for rule in self._wordless if rule.matches(reply, stage)), None):
            return _Judged(bare.category, bare.id, bare.temporary)
        return _Judged(*_by_code(reply, stage))


@cache
def _common() -> RuleTable:
    return RuleTable(COMMON)


def _classifier(rules: Sequence[TextRule]) -> _Classifier:
    """Return the classifier for this very table; to compare tables by value takes longer than to judge a reply."""
    if not isinstance(rules, tuple):
        return _Classifier(rules)
    known = _classifiers.get(id(rules))
    if known is None or known[0] is not rules:
        while len(_classifiers) >= _MOST_TABLES:
            _classifiers.pop(next(iter(_classifiers)), None)
        known = _classifiers[id(rules)] = (rules, _Classifier(rules))
    return known[1]


_classifiers: dict[int, tuple[tuple[TextRule, ...], _Classifier]] = {}


def _by_code(reply: Reply, stage: Stage) -> tuple[Category, str]:
    if category := _CODES.get(reply.code):
        return category, f"code-{reply.code}"
    if reply.temporary:
        return Category.PROVIDER_TEMP, f"code-{reply.code}"
    if category := _STAGES.get(stage):
        return category, f"stage-{stage}"
    return Category.UNKNOWN, f"unknown-{reply.code}"


def classify_transport(error: Exception, stage: Stage) -> Failure:
    """Return why no usable reply came: name not found, refused, reset, time-out, TLS."""
    category, rule, temporary = _transport(error)
    return Failure(category=category, stage=stage, temporary=temporary, rule=rule)


def _transport(error: BaseException) -> tuple[Category, str, bool]:
    match error:
        case ssl.SSLCertVerificationError():
            code = getattr(error, "verify_code", 0)  # absent when not raised by OpenSSL itself
            return Category.TLS, _CERTIFICATE_RULES.get(code, "certificate-untrusted"), False
        case ssl.SSLError():
            return Category.TLS, "tls-handshake", True
        case socket.gaierror():
            return Category.NETWORK, "dns", True
        case ConnectionRefusedError():
            return Category.NETWORK, "connection-refused", True
        case TimeoutError():
            return Category.NETWORK, "time-out", True
        case ConnectionError():
            return Category.NETWORK, "connection-lost", True
        case OSError():
            return Category.NETWORK, "network", True
        case UnicodeError():  # a label over 63 characters or an empty one, told only when the name is used
            return Category.CONFIG, "host-name", False
    return Category.UNKNOWN, "unexpected-error", True
