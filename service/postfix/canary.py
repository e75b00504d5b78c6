"""One message through the new route, watched in Postfix's log: proof that mail really takes it."""

import contextlib
import re
import time
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from probes.maillog import Delivery, parse_line
from providers.base import Clock
from service.postfix.command import execute, run
from service.postfix.errors import CanaryFailedError, CommandError
from service.postfix.installation import Installation
from service.postfix.log_tail import LogTail
from service.postfix.nexthop import same_relay

_POLL_SECONDS = 0.02
_RECORD = re.compile(r"[^\[]*\[\d+\]: (?P<queue_id>[0-9A-Za-z]+): (?P<rest>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryResult:
    """What the canary message showed. `verified` is false when it showed nothing."""

    verified: bool
    sentence: str


def send_canary(installation: Installation, nexthop: str, request_id: str, clock: Clock) -> CanaryResult:
    """Send one message and watch the log until it has taken the first nexthop, or the wait is over.

    A message that shows up elsewhere is sent once more: the first one may have overtaken the reload.

    Raises:
        CanaryFailedError: another relay carried it, or the first nexthop did not take it.
    """
    if installation.canary_recipient is None or installation.canary_sender is None:
        return CanaryResult(verified=False, sentence="No canary message was sent: there is no seed to receive it.")
    if installation.log_file is None:
        return CanaryResult(verified=False, sentence="No canary message was sent: no log file is configured.")
    try:
        tail = LogTail(installation.log_file)
    except OSError as error:
        sentence = f"No canary message was sent: {installation.log_file} cannot be read ({error.strerror})."
        return CanaryResult(verified=False, sentence=sentence)
    with contextlib.closing(tail):
        return _watch(installation, tail, nexthop, request_id, clock)


def _watch(installation: Installation, tail: LogTail, nexthop: str, request_id: str, clock: Clock) -> CanaryResult:
    begun = clock.monotonic()
    give_up_at = begun + installation.canary_wait_seconds
    seen = _attempt(installation, tail, f"{request_id}-1", give_up_at, clock)
    if isinstance(seen, Delivery) and not same_relay(nexthop, seen.relay_host, seen.relay_port):
        seen = _attempt(installation, tail, f"{request_id}-2", give_up_at, clock)
    if isinstance(seen, CanaryResult):
        return seen
    if seen.status != "sent":
        _discard(installation, seen)
        raise CanaryFailedError(
            f"The canary message was not taken by {nexthop}: it is {seen.status} ({seen.reason.rstrip(')')[:300]})."
        )
    if not same_relay(nexthop, seen.relay_host, seen.relay_port):
        raise CanaryFailedError(
            f"The canary message was carried by {seen.relay_host}, port {seen.relay_port}, instead of {nexthop}: "
            f"either {nexthop} refused it, or transport_maps or a sender-dependent map overrules relayhost; look for "
            "its lines in the mail log."
        )
    took = f"{clock.monotonic() - begun:.2f} s"
    return CanaryResult(verified=True, sentence=f"A canary message was taken by {nexthop} within {took}.")


def _attempt(
    installation: Installation, tail: LogTail, attempt: str, give_up_at: float, clock: Clock
) -> Delivery | CanaryResult:
    message_id = f"<relaypilot-canary-{attempt}@{_domain(installation.canary_sender)}>"
    try:
        _submit(installation, message_id, clock.now())
    except CommandError as error:
        return CanaryResult(verified=False, sentence=f"The canary message could not be handed to Postfix: {error}")
    seen = _delivery(tail, message_id, give_up_at, clock)
    if seen is None:
        waited = f"{installation.canary_wait_seconds:g} s"
        return CanaryResult(
            verified=False, sentence=f"The canary message was not delivered within {waited}; look at the queue."
        )
    return seen


def _submit(installation: Installation, message_id: str, now: datetime) -> None:
    message = EmailMessage()
    message["From"] = installation.canary_sender
    message["To"] = installation.canary_recipient
    message["Subject"] = "relaypilot canary"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "relaypilot has moved the mail of this server; this message shows that it takes the new route.\n"
    )
    execute(
        ["sendmail", "-i", "-f", str(installation.canary_sender), "--", str(installation.canary_recipient)],
        config_dir=installation.config_dir,
        search_path=installation.search_path,
        timeout_seconds=installation.canary_wait_seconds + 5.0,
        text_in=message.as_string(),
    )


def _delivery(tail: LogTail, message_id: str, give_up_at: float, clock: Clock) -> Delivery | CanaryResult | None:
    queue_ids: set[str] = set()
    while True:
        for line in tail.lines():
            record = _RECORD.match(line)
            if record is None:
                continue
            if record["rest"] == f"message-id={message_id}":
                queue_ids.add(record["queue_id"])
            elif record["queue_id"] in queue_ids and record["rest"].startswith("to=<"):
                delivery = parse_line(line, now=clock.now())
                if isinstance(delivery, Delivery):
                    return delivery
                sentence = "The canary message was delivered on this host, so it says nothing of the route."
                return CanaryResult(verified=False, sentence=sentence)
        if clock.monotonic() >= give_up_at:
            return None
        time.sleep(_POLL_SECONDS)


def _discard(installation: Installation, seen: Delivery) -> None:
    """Take a deferred canary out of the queue: it would only prove the old route later."""
    if seen.status == "deferred":
        with contextlib.suppress(CommandError):
            run(
                "postsuper",
                ["-d", seen.queue_id],
                config_dir=installation.config_dir,
                search_path=installation.search_path,
            )


def _domain(address: str | None) -> str:
    return (address or "").rpartition("@")[2] or "localhost"
