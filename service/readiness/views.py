"""What crosses the API of a check, and of copying suppressions."""

from datetime import datetime
from typing import Literal

from service.views import View


class CheckRequest(View):
    """A check of the providers' accounts."""

    provider: str | None = None  # None: all
    send: bool = False  # also send one test message through each channel of each provider, to the first seed


class FindingView(View):
    """One point that was checked."""

    code: str
    verdict: Literal["ok", "warning", "failed", "unknown"]
    sentence: str
    remedy: str = ""


class CheckupView(View):
    """One provider's findings, gravest first."""

    provider: str
    verdict: Literal["ok", "warning", "failed", "unknown"]
    findings: tuple[FindingView, ...]


class CheckView(View):
    """All providers' findings, in order of preference."""

    at: datetime
    sender: str
    providers: tuple[CheckupView, ...]


class CopyRequest(View):
    """Suppressions to copy."""

    source: str | None = None  # None: every provider that tells its list
    target: str | None = None  # None: every provider that can be added to
    dry_run: bool = False


class CopiedView(View):
    """What was, or would be, added at one provider."""

    to: str
    sources: tuple[str, ...]
    known: int  # addresses that it suppresses already
    lacking: dict[str, int]  # by kind: "hard-bounce", "complaint", "unsubscribe"
    added: int  # 0 in a dry run; fewer than lack when the provider refuses some addresses for good


class CopyView(View):
    """What came of copying suppressions."""

    dry_run: bool
    providers: tuple[CopiedView, ...]
