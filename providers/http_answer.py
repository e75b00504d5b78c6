"""What a provider's HTTP API answered, and why that is no success. Pure; imports no HTTP library.

Order of classification, as for SMTP: transport error (`providers.http`), the provider's text rules, the wait it asks
for, the status alone. Words and codes nobody knows never raise and never make a certain category.

An HTTP hand-over has fewer stages than SMTP. `dns`, `connect` and `tls` are what they say; `data` is sending the
request and `end-of-data` everything after it, so a time-out at `end-of-data` may deliver twice, as in SMTP. A refused
key is told as `auth`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

from providers.base import TlsSession
from providers.failure import Category, Failure, Stage
from providers.reply import one_line
from providers.retry_after import retry_after_seconds

_MAX_WAIT_SECONDS = 31 * 86400.0
_EPOCH = re.compile(r"[0-9]{9,11}(?:\.[0-9]{1,9})?")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MAX_TEXT_BYTES = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """One whole answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in lower case; the last of several counts
    body: bytes = field(repr=False)  # bounded, decompressed
    stage_seconds: Mapping[Stage, float] = field(default_factory=dict)
    tls: TlsSession | None = None
    duration_seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Return whether the status says success (RFC 9110 §15.3)."""
        return 200 <= self.status < 300  # noqa: PLR2004

    def json(self) -> Any:
        """Return the body as JSON, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text(self) -> str:
        """Return the start of the body in one line, control characters blanked."""
        return one_line(self.body[:_MAX_TEXT_BYTES].decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRule:
    """One answer that is no success, and what it means. An empty set or pattern matches everything."""

    id: str
    category: Category
    temporary: bool
    statuses: frozenset[int] = frozenset()
    pattern: str = ""  # regular expression, searched in the text of the answer, upper and lower case alike

    def matches(self, answer: HttpAnswer, text: str) -> bool:
        """Return whether this rule speaks about this answer."""
        return (not self.statuses or answer.status in self.statuses) and _compiled(self.pattern).search(
            text
        ) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# By status alone (RFC 9110 §15, RFC 6585): what no table of a provider knows better.
_STATUSES: dict[int, tuple[Category, bool]] = {
    400: (Category.PROTOCOL, False),
    401: (Category.AUTH, False),
    402: (Category.ACCOUNT, False),
    403: (Category.AUTH, False),
    404: (Category.CONFIG, False),
    405: (Category.CONFIG, False),
    406: (Category.PROTOCOL, False),
    408: (Category.PROVIDER_TEMP, True),
    410: (Category.CONFIG, False),
    411: (Category.PROTOCOL, False),
    413: (Category.SIZE, False),
    414: (Category.PROTOCOL, False),
    415: (Category.PROTOCOL, False),
    422: (Category.PROTOCOL, False),
    429: (Category.RATE, True),
    501: (Category.CONFIG, False),
}


def classify_http(answer: HttpAnswer, rules: Sequence[HttpRule], now: datetime) -> Failure:
    """Return why this answer is no success: the provider's rules first, in order, then the status.

    A 2xx that an adapter finds wanting (no id in it) and no rule knows is `provider`, rule "answer-not-understood".
    """
    text = answer.text()
    found = next((rule for rule in rules if rule.matches(answer, text)), None)
    if found is not None:
        category, temporary, rule = found.category, found.temporary, found.id
    else:
        category, temporary, rule = _by_status(answer.status)
    return Failure(
        category=category,
        stage=Stage.AUTH if category is Category.AUTH else Stage.END_OF_DATA,
        temporary=temporary,
        rule=rule,
        retry_after_seconds=retry_after(answer, now),
    )


def _by_status(status: int) -> tuple[Category, bool, str]:
    if known := _STATUSES.get(status):
        return (*known, f"http-{status}")
    match status // 100:
        case 2:
            return Category.PROVIDER, True, "answer-not-understood"
        case 3:  # a redirect of a POST with credentials is never followed
            return Category.CONFIG, False, "http-redirect"
        case 5:
            return Category.PROVIDER_TEMP, True, f"http-{status}"
    return Category.UNKNOWN, False, f"http-{status}"


def retry_after(answer: HttpAnswer, now: datetime) -> float | None:
    """Return the wait in seconds that the answer asks for, never negative, at most 31 days, or None.

    Read in this order: Retry-After, in seconds or as a date (RFC 9110 §10.2.3); with 420 and 429, X-RateLimit-Reset
    (epoch seconds, seen with a fraction) when nothing remains; words in the text.
    """
    if answer.ok:
        return None
    waits = (
        _retry_after_header(answer.headers.get("retry-after", "").strip(), now),
        _reset(answer, now),
        retry_after_seconds(answer.text(), now),
    )
    wait = next((seconds for seconds in waits if seconds is not None), None)
    return None if wait is None else min(max(0.0, wait), _MAX_WAIT_SECONDS)


def _retry_after_header(value: str, now: datetime) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()


def _reset(answer: HttpAnswer, now: datetime) -> float | None:
    value = answer.headers.get("x-ratelimit-reset", "").strip()
    # both providers send the header with every answer; only a refusal for rate makes it a wait
    if answer.status not in (420, 429) or not _EPOCH.fullmatch(value):
        return None
    return float(value) - now.timestamp()
