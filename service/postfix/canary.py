"""One message through the new route, watched in Postfix's log: proof that mail really takes it."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from providers.base import Clock
from service.postfix.canary_trace import Trace, watch
from service.postfix.canary_verdict import Elsewhere, Local, Refused, Taken, Unseen, Verdict, verdict_of
from service.postfix.command import execute, run
from service.postfix.errors import CanaryFailedError, CommandError
from service.postfix.installation import Installation
from service.postfix.log_tail import LogTail

_SEEDS_AT_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryResult:
    """What the canary message showed. `verified` is false when it showed nothing, or only that a seed is refused."""

    verified: bool
    sentence: str


def send_canary(
    installation: Installation, provider: str, nexthops: Sequence[str], request_id: str, clock: Clock
) -> CanaryResult:
    """Send one message and watch the log until it has taken the first nexthop, or the wait is over.

    `nexthops` is the list now in force; `provider` has the first of them. A message that shows up elsewhere is
    sent once more: the first one may have overtaken the reload. A refusal that may be the seed's fault is tried
    with the next seed, and one that is certainly not the relay's shows that the route works: unverified, no failure.

    Raises:
        CanaryFailedError: another relay carried it, or the first nexthop did not take it from us.
    """
    if not installation.canary_recipients or installation.canary_sender is None:
        return CanaryResult(verified=False, sentence="No canary message was sent: there is no seed to receive it.")
    if installation.log_file is None:
        return CanaryResult(verified=False, sentence="No canary message was sent: no log file is configured.")
    try:
        tail = LogTail(installation.log_file)
    except OSError as error:
        sentence = f"No canary message was sent: {installation.log_file} cannot be read ({error.strerror})."
        return CanaryResult(verified=False, sentence=sentence)
    with contextlib.closing(tail):
        return _Canary(installation, provider, nexthops, request_id, clock, tail).result()


class _Canary:
    """The canary messages of one move; all share one wait."""

    def __init__(
        self,
        installation: Installation,
        provider: str,
        nexthops: Sequence[str],
        request_id: str,
        clock: Clock,
        tail: LogTail,
    ) -> None:
        self._at, self._provider, self._nexthops = installation, provider, nexthops
        self._request_id, self._clock, self._tail = request_id, clock, tail
        self._begun = clock.monotonic()
        self._give_up_at = self._begun + installation.canary_wait_seconds
        self._sent = 0

    def result(self) -> CanaryResult:
        """Return what the messages to one seed after the other showed."""
        nexthop = self._nexthops[0]
        refused: list[Refused] = []
        sentence = ""
        for recipient in self._at.canary_recipients[:_SEEDS_AT_MOST]:
            try:
                verdict = self._try(recipient)
            except CommandError as error:
                sentence = f"The canary message could not be handed to Postfix: {error}"
                break
            match verdict:
                case Taken():
                    took = f"{self._clock.monotonic() - self._begun:.2f} s"
                    sentence = f"A canary message was taken by {nexthop} within {took}."
                    return CanaryResult(verified=True, sentence=self._joined(refused, sentence))
                case Elsewhere():
                    raise CanaryFailedError(verdict.failure(nexthop))
                case Refused() if not verdict.may_be_the_seeds:
                    raise CanaryFailedError(verdict.failure(nexthop))
                case Refused():
                    refused.append(verdict)
                case Local():
                    sentence = "The canary message was delivered on this host, so it says nothing of the route."
                case Unseen():
                    waited = f"{self._at.canary_wait_seconds:g} s"
                    sentence = f"The canary message was not delivered within {waited}; look at the queue."
                    break
        if refused and not sentence and not any(refusal.is_the_seeds for refusal in refused):
            raise CanaryFailedError(refused[0].failure(nexthop))
        return CanaryResult(verified=False, sentence=self._joined(refused, sentence))

    def _joined(self, refused: Sequence[Refused], sentence: str) -> str:
        told = [refusal.sentence(self._nexthops[0]) for refusal in refused]
        return " ".join([*told, *([sentence] if sentence else [])])

    def _try(self, recipient: str) -> Verdict:
        verdict = self._attempt(recipient)
        return self._attempt(recipient) if isinstance(verdict, Elsewhere) else verdict

    def _attempt(self, recipient: str) -> Verdict:
        self._sent += 1
        message_id = f"<relaypilot-canary-{self._request_id}-{self._sent}@{_domain(self._at.canary_sender)}>"
        self._submit(recipient, message_id, self._clock.now())
        trace = watch(self._tail, message_id, self._give_up_at, self._clock)
        self._discard(trace)
        return verdict_of(
            trace,
            service=f"{self._at.syslog_name(self._provider)}/smtp",
            nexthops=self._nexthops,
            recipient=recipient,
            rules=self._at.reply_rules.get(self._provider, ()),
            now=self._clock.now(),
        )

    def _submit(self, recipient: str, message_id: str, now: datetime) -> None:
        message = EmailMessage()
        message["From"] = self._at.canary_sender
        message["To"] = recipient
        message["Subject"] = "relaypilot canary"
        message["Date"] = format_datetime(now)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(
            "relaypilot has moved the mail of this server; this message shows that it takes the new route.\n"
        )
        execute(
            ["sendmail", "-i", "-f", str(self._at.canary_sender), "--", recipient],
            config_dir=self._at.config_dir,
            search_path=self._at.search_path,
            timeout_seconds=max(self._give_up_at - self._clock.monotonic(), 0.0) + 5.0,
            text_in=message.as_string(),
        )

    def _discard(self, trace: Trace) -> None:
        """Take a deferred canary out of the queue: it would only prove another route later."""
        if trace.delivery is not None and trace.delivery.status == "deferred":
            with contextlib.suppress(CommandError):
                run(
                    "postsuper",
                    ["-d", trace.delivery.queue_id],
                    config_dir=self._at.config_dir,
                    search_path=self._at.search_path,
                )


def _domain(address: str | None) -> str:
    return (address or "").rpartition("@")[2] or "localhost"
