"""What an adapter finds out about its own account without sending anything. Pure values."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How one point stands."""

    OK = "ok"
    WARNING = "warning"  # mail goes out, but not as well as it could, or not for long
    FAILED = "failed"  # this provider could not carry the mail
    UNKNOWN = "unknown"  # could not be found out; `sentence` says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One point that was checked."""

    code: str  # "credentials", "tls", "size", "domain", "sender", "quota", "scope", "queue", ...; stable, for scripts
    verdict: Verdict
    sentence: str  # what was seen, one sentence
    remedy: str = ""  # what to do, one sentence; empty when all is well


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All points of one provider, in order of importance."""

    provider: str
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Verdict:
        """Return the gravest verdict; `ok` when nothing was found."""
        order = (Verdict.FAILED, Verdict.WARNING, Verdict.UNKNOWN)
        found = {finding.verdict for finding in self.findings}
        return next((verdict for verdict in order if verdict in found), Verdict.OK)
