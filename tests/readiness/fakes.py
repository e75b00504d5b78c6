"""Small fakes of what readiness asks: the DNS, and a provider's account."""

from datetime import UTC, datetime, timedelta

from providers.base import Capabilities, Channel, Submission, SubmissionStatus
from providers.checkup import Checkup, Finding, Verdict
from providers.domain_auth import DomainAuth, DomainState
from providers.errors import CallError
from providers.failure import Category, Failure, Stage
from providers.suppression import SuppressionPage
from service.readiness.dns_records import DnsFailedError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAILURE = Failure(category=Category.NETWORK, stage=Stage.CONNECT, temporary=True, rule="time-out")


def ago(**span):
    return NOW - timedelta(**span)


class FakeClock:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


class FakeDns:
    def __init__(self, texts=None, aliases=None, exchanges=None, fails=False):
        self._texts, self._aliases, self._exchanges = texts or {}, aliases or {}, exchanges or {}
        self._fails = fails

    async def texts(self, name):
        return self._found(self._texts, name)

    async def aliases(self, name):
        return self._found(self._aliases, name)

    async def exchanges(self, name):
        return self._found(self._exchanges, name)

    def _found(self, table, name):
        if self._fails:
            raise DnsFailedError("Looking up a name failed: no answer; check this machine's name servers.")
        return tuple(table.get(name, ()))


class FakeProvider:
    """A provider with an account of its own; `suppressed` is its list, which `suppress` adds to."""

    def __init__(self, name="one", *, suppressed=(), page_size=2, findings=(), domain=None, fails=(), **capabilities):
        self.name = name
        self.capabilities = Capabilities(**{"suppressions": True, "suppress": True, "domain_auth": True} | capabilities)
        self.suppressed = list(suppressed)
        self.added, self.sent = [], []
        self._page_size = page_size
        self._findings = findings
        self._domain = domain
        self._fails = fails

    def _call(self, what):
        if what in self._fails:
            raise CallError(f"asking {self.name} for {what}: no answer in time", FAILURE)

    async def check(self, sender):
        if "bug" in self._fails:
            raise KeyError("bug")
        return Checkup(provider=self.name, findings=tuple(self._findings))

    async def domain_auth(self, domain):
        self._call("domain")
        return self._domain or DomainAuth(domain=domain, state=DomainState.ACTIVE)

    async def suppressions(self, address):
        self._call("suppressions")
        return tuple(s for s in self.suppressed if s.address == address)

    async def suppression_list(self, cursor=None):
        self._call("list")
        if "list-bug" in self._fails:
            raise KeyError("list-bug")
        start = int(cursor or 0)
        end = start + self._page_size
        return SuppressionPage(
            items=tuple(self.suppressed[start:end]), cursor=str(end), more=end < len(self.suppressed)
        )

    async def suppress(self, suppressions):
        if "add" in self._fails and self.added:
            self._call("add")
        self.added += suppressions

    async def submit(self, message, channel=Channel.SMTP, deadline=None):
        self.sent.append((message, channel))
        failure = FAILURE if "submit" in self._fails else None
        return Submission(
            provider=self.name,
            channel=channel,
            status=SubmissionStatus.ERROR if failure else SubmissionStatus.ACCEPTED,
            started_at=NOW,
            duration_seconds=0.5,
            message_sent=True,
            text="no answer in time" if failure else "250 queued",
            failure=failure,
        )


def finding(code="quota", verdict=Verdict.OK, sentence="There is plenty left."):
    return Finding(code=code, verdict=verdict, sentence=sentence)
