"""What the receiver wrote above a probe: when it took it in, and how it judged SPF, DKIM and DMARC. Pure.

Everything here is somebody else's text, so nothing raises: what cannot be read is absent.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from probes.observation import Outcome

Header = tuple[str, str]  # (lower-case name, unfolded value)

_LINE_END = re.compile(r"\r\n|\n|\r")
_METHOD = re.compile(r"(?:^|(?<=[\s;]))(spf|dkim|dmarc)(?:/\d+)?\s*=\s*([a-z_]+)")
# Results outside RFC 8601 §2.7 that receivers are known to write.
_DEVIANT_RESULTS = {
    "hardfail": "fail",
    "perm_fail": "permerror",
    "permfail": "permerror",
    "temp_fail": "temperror",
    "tempfail": "temperror",
    "bestguesspass": "none",  # "would have passed had the domain a record"
    "unknown": "permerror",
    "error": "temperror",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The receiver's results, in the words of RFC 8601 §2.7; none where it gave none."""

    spf: str | None = None
    dkim: str | None = None  # the best of several signatures
    dmarc: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Return good if DMARC passes, or without DMARC either SPF or DKIM; unknown while nothing is certain."""
        if self.dmarc in {"pass", "fail"}:
            return Outcome.GOOD if self.dmarc == "pass" else Outcome.BAD
        if "pass" in {self.spf, self.dkim}:
            return Outcome.GOOD
        given = {self.spf, self.dkim} - {None}
        return Outcome.BAD if given and given <= {"fail", "softfail", "permerror", "policy"} else Outcome.UNKNOWN

    def __str__(self) -> str:
        given = (("spf", self.spf), ("dkim", self.dkim), ("dmarc", self.dmarc))
        return " ".join(f"{method}={result}" for method, result in given if result) or "none"


def parse_headers(raw: bytes) -> tuple[Header, ...]:
    """Return the header fields, topmost first, folded lines joined (RFC 5322 §2.2.3)."""
    headers: list[Header] = []
    for line in _LINE_END.split(raw.decode("utf-8", "replace")):
        if not line:
            break
        if line[0] in " \t" and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)


def received_at(headers: Sequence[Header]) -> datetime | None:
    """Return the time in the topmost Received field, UTC: the receiver's own last hop (RFC 5321 §4.4)."""
    for name, value in headers:
        if name == "received":
            return _parse_date(_without_comments(value).rpartition(";")[2])
    return None


def authentication(headers: Sequence[Header], authserv_ids: Iterable[str] = ()) -> Authentication | None:
    """Return what the seed's own MX found, or none if no trusted Authentication-Results field is there.

    Trusted is the field of an allowed authserv-id; where none are allowed by name, the topmost one and
    those of the same authserv-id (RFC 8601 §5). A field below all Received fields was there when the
    message was handed in: the sender wrote it, and it is not believed.
    """
    allowed = {name.casefold() for name in authserv_ids}
    last_received = max((index for index, (name, _) in enumerate(headers) if name == "received"), default=None)
    trusted: str | None = None
    results: dict[str, list[str]] = {"spf": [], "dkim": [], "dmarc": []}
    found = False
    for index, (name, value) in enumerate(headers):
        if name != "authentication-results" or (last_received is not None and index > last_received):
            continue
        authserv_id, text = _split_authserv_id(_without_comments(value).lower())
        if allowed and authserv_id not in allowed:
            continue
        if not allowed and found and authserv_id != trusted:
            continue
        trusted, found = authserv_id, True
        for method, result in _METHOD.findall(text):
            results[method].append(_DEVIANT_RESULTS.get(result, result))
    if not found:
        return None
    dkim = results["dkim"]
    return Authentication(
        spf=next(iter(results["spf"]), None),
        dkim="pass" if "pass" in dkim else next(iter(dkim), None),
        dmarc=next(iter(results["dmarc"]), None),
    )


def _split_authserv_id(text: str) -> tuple[str, str]:
    """Return (authserv-id, the rest); Microsoft leaves the authserv-id out (documented header of Exchange Online)."""
    first, _, rest = text.partition(";")
    if "=" in first:
        return "", text
    return first.strip().partition(" ")[0], rest


def _without_comments(text: str) -> str:
    """Return the text without comments and quoted strings, which may hold any separator (RFC 5322 §3.2)."""
    kept: list[str] = []
    depth = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            quoted = character != '"'
        elif character == "(":
            depth += 1
            kept.append(" ")
        elif character == ")" and depth:
            depth -= 1
        elif depth == 0 and character == '"':
            quoted = True
        elif depth == 0:
            kept.append(character)
    return "".join(kept)


def _parse_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text.strip())
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
