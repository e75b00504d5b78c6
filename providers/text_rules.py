"""What relays mean by their words, as data, where the codes alone mislead. Pure.

First match wins. `COMMON` holds wordings of no single provider; each adapter keeps those of its own
provider in a table of its own. Wordings that refuse the account are in `account_replies`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from providers.failure import Category, Stage
from providers.reply import Reply
from providers.word_filter import WordFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """One wording, and what it means."""

    id: str
    pattern: str  # regular expression, searched in the text, upper and lower case alike; empty: any words
    category: Category
    temporary: bool | None = None  # None: as the code says
    codes: frozenset[int] = frozenset()  # empty: any
    enhanced: str = ""  # regular expression for the whole enhanced code; empty: any, or none
    stages: frozenset[Stage] = frozenset()  # empty: any

    def matches(self, reply: Reply, stage: Stage) -> bool:
        """Return whether this rule speaks about this reply at this stage."""
        return (
            (not self.codes or reply.code in self.codes)
            and (not self.enhanced or _compiled(self.enhanced).fullmatch(reply.enhanced or "") is not None)
            and (not self.stages or stage in self.stages)
            and _compiled(self.pattern).search(reply.text) is not None
        )


class RuleTable:
    """Rules with words, in order, made ready for many replies."""

    def __init__(self, rules: Iterable[TextRule]) -> None:
        self._rules = tuple(rules)
        self._words = WordFilter([rule.pattern for rule in self._rules])

    def first(self, reply: Reply, stage: Stage) -> TextRule | None:
        """Return the first rule that speaks about this reply at this stage, or None."""
        for position in self._words.candidates(reply.text):
            if self._rules[position].matches(reply, stage):
                return self._rules[position]
        return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


COMMON: tuple[TextRule, ...] = (
    # One recipient. "quota" and "rate" in these say nothing about the account.
    TextRule(
        id="recipient-unknown",
        pattern=r"user unknown|unknown user|no such (user|mailbox|recipient|person|address)|invalid (recipient|mailbox)"
        r"|recipient (address )?(rejected|not found|unknown|invalid)|(mailbox|recipient|address|user|account)\b.{0,60}"
        r"\bdoes(n't| not) exist|user doesn't have an? |account has been disabled or discontinued"
        r"|mailbox (not found|unavailable)|not a valid (mailbox|recipient)",
        category=Category.RECIPIENT,
    ),
    TextRule(
        id="recipient-mailbox",
        pattern=r"(mailbox|inbox|user|recipient|account that you tried to reach)\b.{0,60}\b(full|over ?quota|over its "
        r"quota|out of storage|disabled|inactive)|user you are trying to contact|quota exceeded \(mailbox",
        category=Category.RECIPIENT,
    ),
    TextRule(id="recipient-full", pattern=r"quota|full", enhanced=r"[45]\.2\.2", category=Category.RECIPIENT),
    TextRule(
        id="recipient-suppressed",
        pattern=r"recipient\b.{0,40}\b(suppress|inactive)|on (the|your|our) suppression list",
        category=Category.RECIPIENT,
    ),
    # The message.
    TextRule(
        id="message-size",
        pattern=r"(message|mail)\b.{0,40}\b(too (big|large)|exceed\w* .{0,30}\b(size|limit of [0-9]+ bytes))"
        r"|size (limit )?exceed|exceeds .{0,30}\bsize",
        category=Category.SIZE,
    ),
    TextRule(
        id="content",
        pattern=r"\b(virus|malware|malicious|phishing|attachment|message content|content (rejected|blocked|filter)"
        r"|bare <?lf|line too long|header)\b",
        category=Category.CONTENT,
    ),
    # The sender at this provider.
    TextRule(
        id="sender-unverified",
        pattern=r"verified sender|sender identity|email address is not verified|unconfigured sending domain|"
        r"(sender|from|sending|mail)\b.{0,60}\bnot (been )?(verified|validated|authori[sz]ed|confirmed|registered|"
        r"owned|allowed|permitted)|(sender|from) (address )?(rejected|refused)|not owned by user|send ?as ?denied"
        r"|permissions? to send as",
        category=Category.SENDER,
    ),
    TextRule(
        id="sender-authentication",
        pattern=r"\b(dmarc|spf|dkim)\b|unauthenticated (e-?mail|mail)|sender is unauthenticated|reverse dns|ptr record",
        category=Category.SENDER,
    ),
    # Slow down.
    TextRule(
        id="rate",
        pattern=r"too many (concurrent )?(smtp )?(connections|sessions|messages|e-?mails|requests)|throttl|rate ?limit"
        r"|(sending|message|mail|connection) rate|too (fast|quickly)|slow down|connection limit",
        category=Category.RATE,
    ),
    # The address or domain mail comes from, in the eyes of others.
    TextRule(
        id="reputation",
        pattern=r"\bspam|unsolicited|block ?list|black ?list|deny ?list|listed (at|by|in|on)\b|\b(dns|r)bl\b|spamhaus"
        r"|reputation|bulk mail",
        category=Category.REPUTATION,
    ),
    # The account, in words too general for `account_replies`.
    TextRule(
        id="quota",
        pattern=r"\bquota\b|\bcredits\b|\bexceed\w*\b.{0,60}\blimits?\b|\blimits?\b.{0,40}\b(exceeded|reached)",
        category=Category.QUOTA,
    ),
    TextRule(id="starttls-first", pattern=r"\bstarttls\b|\btls (is )?required", category=Category.CONFIG),
)
