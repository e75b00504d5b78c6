"""What one canary message shows of the route: taken, refused and whose fault that is, or carried elsewhere. Pure.

A refusal is classified as live mail's are, so that a deleted or suppressed seed, a matter of that address alone,
is not taken for a relay that does not work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.log_reason import Reason, read_reason
from probes.maillog import Delivery
from providers.failure import Category, Failure, Stage
from providers.text_rules import TextRule
from service.postfix.canary_trace import Trace
from service.postfix.nexthop import host_and_port, same_relay

_SEEDS = frozenset({Category.RECIPIENT, Category.CONTENT, Category.SIZE})
_OPEN = frozenset({Category.UNKNOWN, Category.POLICY, Category.REPUTATION, Category.PROVIDER_TEMP})
_ABOUT_THE_MESSAGE = frozenset({Stage.RCPT, Stage.DATA, Stage.END_OF_DATA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The first nexthop took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Nothing was seen of it in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """It was delivered on this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """It took another way, and nothing says that the first nexthop was tried."""

    delivery: Delivery

    def failure(self, nexthop: str) -> str:
        """Return why the move failed."""
        if self.delivery.status != "sent":
            return _not_taken(nexthop, self.delivery)
        return (
            f"The canary message was carried by {self.delivery.relay_host}, port {self.delivery.relay_port}, instead "
            f"of {nexthop}: either {nexthop} refused it, or transport_maps or a sender-dependent map overrules "
            "relayhost; look for its lines in the mail log."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The first nexthop did not take it."""

    recipient: str
    words: str  # the relay's, or Postfix's
    fault: Failure

    @property
    def is_the_seeds(self) -> bool:
        """Return whether the relay took connection, login and sender, and refused this recipient or message."""
        return self.fault.category in _SEEDS

    @property
    def may_be_the_seeds(self) -> bool:
        """Return whether another seed could be taken."""
        return self.is_the_seeds or (self.fault.category in _OPEN and self.fault.stage in _ABOUT_THE_MESSAGE)

    def sentence(self, nexthop: str) -> str:
        """Return the refusal as one sentence."""
        if self.is_the_seeds:
            return (
                f"A canary message took the route to {nexthop}, which refused the seed {self.recipient} "
                f"({self.words}); look at that seed."
            )
        return f"The canary message to {self.recipient} was refused by {nexthop} ({self.words})."

    def failure(self, nexthop: str) -> str:
        """Return why the move failed."""
        return f"The canary message was not taken by {nexthop}: {self.words}."


Verdict = Taken | Unseen | Local | Elsewhere | Refused


def verdict_of(
    trace: Trace,
    *,
    service: str,
    nexthops: Sequence[str],
    recipient: str,
    rules: Sequence[TextRule],
    now: datetime,
) -> Verdict:
    """Return what a message shows of the first of these nexthops.

    `service` is the syslog name of its provider's service, `rules` that provider's own table.
    """
    delivery = trace.delivery
    if delivery is None:
        return Local() if trace.local else Unseen()
    here = same_relay(nexthops[0], delivery.relay_host, delivery.relay_port)
    if here and delivery.status == "sent":
        return Taken()
    reason = read_reason(delivery.reason, dsn=delivery.dsn) if here else _said_by_the_first(trace, service, nexthops)
    if reason is None:
        return Elsewhere(delivery=delivery)
    words = delivery.reason if here else reason.text
    return Refused(recipient=recipient, words=words.rstrip(")")[:300], fault=reason.classify(now=now, rules=rules))


def _said_by_the_first(trace: Trace, service: str, nexthops: Sequence[str]) -> Reason | None:
    """Return why the first nexthop did not take the message before Postfix went on, or None when nothing says so.

    Postfix names the host in it and not always the port, so where several nexthops share a host, the first one
    must have been reached.
    """
    first, *others = (host_and_port(nexthop) for nexthop in nexthops)
    if first is None:
        return None
    unreached = (read_reason(failure.reason) for failure in trace.unreached if failure.service == service)
    missed = next((reason for reason in unreached if (reason.host, reason.port) == first), None)
    if missed is not None and any(other and other[0] == first[0] for other in others):
        return missed
    said = (read_reason(failure.reason) for failure in trace.failures if failure.service == service)
    return next((r for r in said if r.host in (None, first[0]) and r.port in (None, first[1])), missed)


def _not_taken(nexthop: str, delivery: Delivery) -> str:
    words = delivery.reason.rstrip(")")[:300]
    return f"The canary message was not taken by {nexthop}: it is {delivery.status} ({words})."
