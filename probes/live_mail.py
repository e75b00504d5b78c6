"""Live mail as observations: how many messages each provider took or failed, per receiver, reason and 10 s.

Nothing of a message is kept: no address, no subject, no row per message.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from probes.log_reason import Reason, read_reason
from probes.maillog import Delivery, SoftFailure, parse_line
from probes.observation import Observation, Outcome, Signal, Source
from probes.send import short_text
from providers.base import Provider
from providers.failure import Failure
from providers.text_rules import TextRule

BUCKET_SECONDS = 10
OTHER_RECEIVER = "other"
_SUSPENDED = "delivery temporarily suspended"  # back-off of Postfix's queue manager, not an attempt
_BAD_STATUSES = frozenset({"deferred", "bounced"})
_MOST_MESSAGES_REMEMBERED = 20000
_MOST_PROCESSES_REMEMBERED = 1000
_ADDRESS = re.compile(r"\S*@\S*")


@dataclass(frozen=True, slots=True)
class _Key:
    bucket: int
    provider: str
    receiver: str | None
    outcome: Outcome
    failure: Failure | None


@dataclass(slots=True)
class _Attempt:
    """What one process of Postfix has been doing since it took up its present message."""

    queue_id: str | None = None
    blamed: set[tuple[str, str]] = field(default_factory=set)  # (provider, category)
    closed: bool = False  # a delivery row was seen


class LiveCounter:
    """Counts log lines into observations."""

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        receivers: Mapping[str, Sequence[str]],
        rules: Mapping[str, Sequence[TextRule]] | None = None,
        service_prefix: str = "relay-",
        zone: tzinfo | None = None,
    ) -> None:
        """Take where each provider is found, the domains of each receiver, and each provider's own reply texts.

        A provider is recognised by host and port in the line, else by the syslog name `<service_prefix><name>`.
        `zone` is that of stamps without one; none means this machine's.
        """
        endpoints = {provider.name: provider.relay_endpoint() for provider in providers}
        self._names = frozenset(endpoints)
        self._ports = {name: endpoint.port for name, endpoint in endpoints.items()}
        self._hosts = {name: endpoint.host.lower() for name, endpoint in endpoints.items()}
        self._receivers = {domain.lower(): receiver for receiver, domains in receivers.items() for domain in domains}
        self._rules = rules or {}
        self._service_prefix = service_prefix
        self._zone = zone
        self._counts: dict[_Key, tuple[int, str | None]] = {}
        self._attempts: OrderedDict[tuple[str, int], _Attempt] = OrderedDict()
        self._counted: OrderedDict[tuple[str, str, str | None, str], None] = OrderedDict()

    def feed(self, line: str, now: datetime) -> None:
        """Count this line, if it tells of a delivery through a known provider."""
        entry = parse_line(line, now=now, zone=self._zone)
        if isinstance(entry, SoftFailure):
            self._count_soft_failure(entry, now)
        elif entry is not None and not entry.reason.startswith(_SUSPENDED):
            self._count_delivery(entry, now)

    @property
    def has_failures(self) -> bool:
        """Return whether a failure was counted since the last flush."""
        return any(key.outcome is Outcome.BAD for key in self._counts)

    def flush(self, now: datetime) -> list[Observation]:
        """Return what was counted since the last flush.

        Store these together with the log position read so far, and a crash neither loses nor doubles a count.
        """
        counts, self._counts = self._counts, {}
        ordered = sorted(counts.items(), key=lambda item: item[0].bucket)
        return [_observation(key, count, text, now) for key, (count, text) in ordered]

    def _count_soft_failure(self, entry: SoftFailure, now: datetime) -> None:
        attempt = self._attempt(entry.service, entry.pid, entry.queue_id)
        reason = read_reason(entry.reason)
        provider = self._attribute(entry.service, reason.host, reason.address, reason.port)
        if provider is None:
            return
        failure = reason.classify(now=now, rules=self._rules.get(provider, ()))
        blame = (provider, failure.category.value)
        if blame in attempt.blamed:
            return  # another address of the same provider, or another recipient
        attempt.blamed.add(blame)
        if entry.queue_id is None or self._is_new(entry.queue_id, provider, None, failure.category.value):
            self._add(entry.at, now, provider, None, failure, reason)

    def _count_delivery(self, entry: Delivery, now: datetime) -> None:
        attempt = self._attempt(entry.service, entry.pid, entry.queue_id)
        attempt.closed = True
        receiver = self._receivers.get(entry.recipient_domain or "", OTHER_RECEIVER)
        if entry.status == "sent":
            provider = self._attribute(entry.service, entry.relay_host, entry.relay_address, entry.relay_port)
            if provider is not None and self._is_new(entry.queue_id, provider, receiver, "sent"):
                self._add(entry.at, now, provider, receiver, None, None)
            return
        if entry.status not in _BAD_STATUSES:
            return
        reason = read_reason(entry.reason, dsn=entry.dsn)
        if entry.relay_host is not None:
            provider = self._attribute(entry.service, entry.relay_host, entry.relay_address, entry.relay_port)
        else:
            provider = self._attribute(entry.service, reason.host, reason.address, reason.port)
        if provider is None:
            return
        failure = reason.classify(now=now, rules=self._rules.get(provider, ()))
        category = failure.category.value
        known = (entry.queue_id, provider, None, category) in self._counted or (provider, category) in attempt.blamed
        if self._is_new(entry.queue_id, provider, receiver, category) and not known:
            self._add(entry.at, now, provider, receiver, failure, reason)

    def _add(
        self,
        at: datetime,
        now: datetime,
        provider: str,
        receiver: str | None,
        failure: Failure | None,
        reason: Reason | None,
    ) -> None:
        bucket = int(min(at, now).timestamp()) // BUCKET_SECONDS
        outcome = Outcome.GOOD if failure is None else Outcome.BAD
        key = _Key(bucket, provider, receiver, outcome, _without_times(failure))
        text = short_text(_ADDRESS.sub("(address)", reason.text)) if reason else None
        count, first_text = self._counts.get(key, (0, text))
        self._counts[key] = (count + 1, first_text)

    def _attempt(self, service: str, pid: int, queue_id: str | None) -> _Attempt:
        """Return the attempt this line belongs to: one process handles one message at a time."""
        key = (service, pid)
        attempt = self._attempts.get(key)
        other_message = attempt is not None and (
            attempt.closed if queue_id is None else attempt.queue_id not in {None, queue_id}
        )
        if attempt is None or other_message:
            attempt = self._attempts[key] = _Attempt()
        attempt.queue_id = queue_id or attempt.queue_id
        self._attempts.move_to_end(key)
        while len(self._attempts) > _MOST_PROCESSES_REMEMBERED:
            self._attempts.popitem(last=False)
        return attempt

    def _is_new(self, queue_id: str, provider: str, receiver: str | None, what: str) -> bool:
        """Remember, and return whether it was not known: retries and further recipients are one message."""
        key = (queue_id, provider, receiver, what)
        new = key not in self._counted
        self._counted[key] = None
        self._counted.move_to_end(key)
        while len(self._counted) > _MOST_MESSAGES_REMEMBERED:
            self._counted.popitem(last=False)
        return new

    def _attribute(self, service: str, host: str | None, address: str | None, port: int | None) -> str | None:
        """Return whose server it was.

        Information lines name no port, and two accounts may share a host; where that leaves several
        providers, it is the one whose service spoke, which Postfix tries first, or nobody.
        """
        tagged = next(
            (
                part.removeprefix(self._service_prefix)
                for part in service.split("/")
                if part.startswith(self._service_prefix) and part.removeprefix(self._service_prefix) in self._names
            ),
            None,
        )
        matching = {name for name, own in self._hosts.items() if host is not None and own in {host, address}}
        if port is not None:
            matching = {name for name in matching if self._ports[name] == port}
        if not matching or tagged in matching:
            return tagged
        return next(iter(matching)) if len(matching) == 1 else None


def _without_times(failure: Failure | None) -> Failure | None:
    """Return the failure without its retry time, which differs from message to message."""
    if failure is None:
        return None
    return Failure(category=failure.category, stage=failure.stage, temporary=failure.temporary, rule=failure.rule)


def _observation(key: _Key, count: int, text: str | None, now: datetime) -> Observation:
    end = datetime.fromtimestamp((key.bucket + 1) * BUCKET_SECONDS, UTC)
    failure = key.failure
    return Observation(
        at=min(end - timedelta(microseconds=1), now),
        provider=key.provider,
        signal=Signal.LIVE,
        source=Source.LOG,
        outcome=key.outcome,
        receiver=key.receiver,
        category=failure.category.value if failure else None,
        stage=failure.stage.value if failure else None,
        temporary=failure.temporary if failure else None,
        rule=failure.rule if failure else None,
        text=text,
        count=count,
    )
