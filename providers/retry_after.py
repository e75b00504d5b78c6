"""How long a relay asks to wait, read from its reply text. Pure."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SPAN = re.compile(
    r"\b(?:after|in|for) (?:about |at least )?([0-9]{1,7}) ?(s|m|h)(?:ec|econd|in|inute|our|r)?s?\b", re.IGNORECASE
)
_DATE = re.compile(
    r"\bafter ((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} (?:UTC|GMT|[+-][0-9]{4}))"
)
_ASKS_TO_WAIT = re.compile(r"\b(?:again|retry|wait)\b", re.IGNORECASE)


def retry_after_seconds(text: str, now: datetime) -> float | None:
    """Return the wait in seconds that the text asks for, never negative, or None.

    Understood: "try again after 120 seconds" and "try again after Mon, 25 Aug 2025 07:00:31 UTC"
    (RFC 1123 §5.2.14), both said by Mailgun.
    """
    lowered = text.lower()  # a look for plain words spares the search, which nearly every reply fails
    if "again" not in lowered and "retry" not in lowered and "wait" not in lowered:
        return None
    if not _ASKS_TO_WAIT.search(text):
        return None
    if span := _SPAN.search(text):
        return float(span[1]) * _UNIT_SECONDS[span[2].lower()]
    if date := _DATE.search(text):
        try:
            until = parsedate_to_datetime(date[1])
        except ValueError:
            return None
        # "UTC" makes the parser return a naive value, unlike "GMT" (RFC 5322 §4.3 knows only UT and GMT)
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (aware - now).total_seconds())
    return None
