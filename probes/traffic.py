"""Mail traffic counted from Postfix's log: any log, any length, in constant memory. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from probes.delay_histogram import bucket_of
from probes.distinct import Distinct
from probes.maillog import AGENTS, SoftFailure, parse_line
from probes.traffic_attempts import Attempts, is_same_relay
from probes.traffic_hours import Hours
from probes.traffic_line import AGENT_ENDINGS, EXPIRED, HEAD, LIKE_A_ROW, NOTIFIED, ROW, TLS_MADE, Agent
from probes.traffic_names import printable, relay_name
from probes.traffic_reason import SUSPENDED, ReasonBook, server_in
from probes.traffic_tally import Batch, Fate, Table, Tally
from probes.well_known_receivers import OTHER_RECEIVER

LOCAL_RECEIVER = "(local)"  # no name that a configuration can give
NO_STATUS = "(none)"
_MOST_RELAYS = 500
_MOST_STATUSES = 200
_MOST_HOURS = 24 * 400
_MOST_REMEMBERED = 8192  # in each of the tables that only save time
_LONGEST_LINE = 65536
_LINES_ADDED_UP = 50000
_STAMP = b"2000-01-01T00:00:00Z "  # any: hours are told before
_FATES = {
    b"sent": Fate.SENT,
    b"deferred": Fate.DEFERRED,
    b"bounced": Fate.BOUNCED,
    b"expired": Fate.EXPIRED,
    b"deliverable": Fate.VERIFIED,
    b"undeliverable": Fate.VERIFIED,
    b"undeliverable-but-not-cached": Fate.VERIFIED,
}
_FAILURES = frozenset({Fate.DEFERRED, Fate.SUSPENDED, Fate.BOUNCED})


class Traffic:
    """Counts the lines of a log. Feed it the file's bytes, then call `finish` and read the tables."""

    def __init__(self, *, receivers: Mapping[str, Sequence[str]], hours: Hours, now: datetime) -> None:
        """Take the recipient domains of each receiver, the reading of stamps, and the time for the classifier."""
        self.lines = self.unreadable = 0
        self.taken_by_another_relay = self.taken_at_another_try = 0
        self.messages, self.held_messages = Distinct(), Distinct()
        self.notifications: dict[str, int] = {}
        self.relays, self.statuses = Table(_MOST_RELAYS), Table(_MOST_STATUSES)
        self.receivers, self.classes = Table(len(receivers) + 2), Table(_MOST_STATUSES)
        self.hours: dict[datetime, Tally] = {}
        self.later_hours = Tally()
        self.by_relays = Tally()  # delays of everything that left this machine
        self._receiver_of = {
            domain.lower().encode(): self.receivers.of(receiver)
            for receiver, domains in receivers.items()
            for domain in domains
        }
        self._other_receiver, self._local_receiver = (
            self.receivers.of(OTHER_RECEIVER),
            self.receivers.of(LOCAL_RECEIVER),
        )
        self._hours, self._reasons, self._attempts = hours, ReasonBook(now), Attempts()
        self._rest, self._skipping = b"", False
        # What follows saves time only.
        self._hour_tallies: dict[tuple[bytes, bytes | None], Tally | None] = {}
        self._relay_tallies: dict[bytes, tuple[str, Tally]] = {}
        self._status_tallies: dict[bytes | None, Tally] = {}
        self._buckets: dict[bytes, int] = {}
        self._batches: dict[tuple[bytes, bytes | None, bytes, bytes, Tally], Batch] = {}
        self._lines_spread = 0
        self._last_rows: dict[bytes, tuple[Any, ...]] = {}  # by process: queue id, delays, relay, receivers

    def feed(self, chunk: bytes) -> None:
        """Count the lines in this part of the log; it may end anywhere."""
        if self._skipping:
            _, end, chunk = chunk.partition(b"\n")
            if not end:
                return
            self._skipping = False
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        self.lines += len(lines)
        self._count(lines)
        if self.lines - self._lines_spread >= _LINES_ADDED_UP:
            self._spread()
        if len(self._rest) > _LONGEST_LINE:
            self._rest, self._skipping = b"", True
            self.lines += 1
            self.unreadable += 1

    def finish(self) -> None:
        """Count the last line, if it has no end; the tables are complete now."""
        if self._rest:
            self.feed(b"\n")
        self._spread()

    def _count(self, lines: list[bytes]) -> None:
        agents, client, last_writer, read_row = AGENT_ENDINGS, Agent.CLIENT, Agent.ERROR, ROW.match
        count_sent, count_row = self._count_sent, self._count_row
        for line in lines:
            at = line.find(b"[")
            agent = agents.get(line[at - 5 : at])
            if agent is None:
                continue
            if agent <= last_writer:
                row = read_row(line)
                if row is None:
                    self._count_other(agent, line)
                elif agent is client and row[10] == b"sent":
                    count_sent(*row.groups())
                else:
                    count_row(agent, *row.groups())
            elif agent is Agent.QUEUE:
                if b", status=" in line:
                    self._count_expired(line)
            elif found := NOTIFIED.match(line):
                who, what = found[5].decode(), found[6].decode()
                kind = what if who == "sender" else f"{who} {what}"
                self.notifications[kind] = self.notifications.get(kind, 0) + 1

    def _count_row(
        self,
        agent: Agent,
        hour: bytes,
        offset: bytes | None,
        process: bytes,
        queue_id: bytes,
        domain: bytes,
        relay: bytes,
        delays: bytes | None,
        last_delays: bytes,
        dsn: bytes | None,
        status: bytes,
        reason: bytes | None,
    ) -> None:
        fate = _FATES.get(status)
        when = self._hour(hour, offset)
        if fate is None or when is None:
            self.unreadable += 1
            return
        fate = _precise(fate, reason)
        when.counts[fate] += 1
        if fate is Fate.VERIFIED:
            return
        self.messages.add(queue_id)
        if agent is Agent.LOCAL and relay == b"none":
            relay = b"discard"  # discard(8) names none
        name, tally = self._relay(relay)
        receiver = self._local_receiver if agent is Agent.LOCAL else self._receiver(domain)
        if fate in _FAILURES:
            said = (reason or b"").rstrip().removesuffix(b")")
            self.classes.of(self._reasons.class_of(said, dsn)).counts[fate] += 1
            if fate is not Fate.BOUNCED:
                self.held_messages.add(queue_id)
            if relay == b"none" and (blamed := server_in(said)):
                name, tally = blamed, self.relays.of(blamed)
        tally.counts[fate] += 1
        receiver.counts[fate] += 1
        self._status(dsn).counts[fate] += 1
        if process in self._attempts.by_process:
            self._close_attempt(process, queue_id, name, fate)
        if fate is Fate.SENT and delays is not None:
            transaction = (queue_id, delays, relay, receiver)
            if self._is_new_transaction(process, transaction, last_delays):
                bucket = self._bucket(last_delays)
                tally.delays.counts[bucket] += 1
                receiver.delays.counts[bucket] += 1
                if agent is Agent.CLIENT:
                    self.by_relays.delays.counts[bucket] += 1

    def _count_sent(
        self,
        hour: bytes,
        offset: bytes | None,
        process: bytes,
        queue_id: bytes,
        domain: bytes,
        relay: bytes,
        delays: bytes,
        last_delays: bytes,
        dsn: bytes,
        *_: bytes | None,
    ) -> None:
        """Count what most rows of most logs are: a recipient whom a relay took."""
        receiver = self._receiver_of.get(domain) or self._receiver(domain)
        key = (hour, offset, relay, dsn, receiver)
        batch = self._batches.get(key)
        if batch is None:
            when = self._hour(hour, offset)
            if when is None:
                self.unreadable += 1
                return
            name, tally = self._relay(relay)
            batch = self._batches[key] = Batch(name, (when, tally, receiver, self._status(dsn)))
        batch.sent += 1
        self.messages.add(queue_id)
        if process in self._attempts.by_process:
            self._close_attempt(process, queue_id, batch.relay, Fate.SENT)
        if self._is_new_transaction(process, (queue_id, delays, relay, receiver), last_delays):
            batch.delays[last_delays] += 1

    def _spread(self) -> None:
        """Spread what was added up over the tallies."""
        for batch in self._batches.values():
            for tally in batch.tallies:
                tally.counts[Fate.SENT] += batch.sent
            _, relay, receiver, _ = batch.tallies
            for last_delays, count in batch.delays.items():
                bucket = self._bucket(last_delays)
                relay.delays.counts[bucket] += count
                receiver.delays.counts[bucket] += count
                self.by_relays.delays.counts[bucket] += count
        self._batches.clear()
        self._lines_spread = self.lines

    def _is_new_transaction(
        self, process: bytes, transaction: tuple[bytes, bytes, bytes, Tally], last_delays: bytes
    ) -> bool:
        """Return whether these delays were not counted: recipients of one transaction share one measurement.

        Where only the receiver is new, it is counted there.
        """
        last_rows = self._last_rows
        known = last_rows.get(process)
        if known is not None and known[0] == transaction[0] and known[1:3] == transaction[1:3]:
            receiver = transaction[3]
            if receiver not in known[3:]:
                receiver.delays.counts[self._bucket(last_delays)] += 1
                last_rows[process] = (*known, receiver)
            return False
        if len(last_rows) >= _MOST_REMEMBERED:
            last_rows.clear()
        last_rows[process] = transaction
        return True

    def _bucket(self, last_delays: bytes) -> int:
        bucket = self._buckets.get(last_delays)
        if bucket is None:
            connecting, _, sending = last_delays.partition(b"/")
            bucket = bucket_of(float(connecting) + float(sending))
            if len(self._buckets) >= _MOST_REMEMBERED:
                self._buckets.clear()
            self._buckets[last_delays] = bucket
        return bucket

    def _count_other(self, agent: Agent, line: bytes) -> None:
        """Count a line of a delivery agent that is no everyday row."""
        if agent is Agent.CLIENT and TLS_MADE.match(line):
            return
        head = HEAD.match(line)
        text = (_STAMP + line[head.start(3) :]).decode("utf-8", "surrogateescape") if head else ""
        entry = parse_line(text, now=datetime.max.replace(tzinfo=UTC), zone=UTC, agents=AGENTS)
        if head is None or entry is None:
            self.unreadable += LIKE_A_ROW.search(line) is not None
            return
        hour, offset, process = head.groups()
        if isinstance(entry, SoftFailure):
            if agent is Agent.CLIENT:
                self._count_failure(process, entry)
            return
        delays = entry.delays_seconds
        last = b"" if delays is None else f"{delays[2]}/{delays[3]}".encode()
        self._count_row(
            agent,
            hour,
            offset,
            process,
            entry.queue_id.encode(),
            _bytes(entry.recipient_domain or ""),
            _bytes(entry.relay),
            None if delays is None else repr(delays).encode(),
            last,
            None if entry.dsn is None else _bytes(entry.dsn),
            entry.status.encode(),
            _bytes(entry.reason),
        )

    def _count_failure(self, process: bytes, entry: SoftFailure) -> None:
        reason = _bytes(entry.reason)
        relay = server_in(reason) or "none"
        category = self._reasons.class_of(reason, None)
        queue_id = entry.queue_id.encode() if entry.queue_id else None
        if self._attempts.add(process, queue_id, relay, category):
            self._add_failure(relay, category, 1)

    def _add_failure(self, relay: str, category: str, count: int) -> None:
        self.relays.of(relay).counts[Fate.FAILED_OVER] += count
        self.classes.of(category).counts[Fate.FAILED_OVER] += count

    def _close_attempt(self, process: bytes, queue_id: bytes, relay: str, fate: Fate) -> None:
        attempt = self._attempts.close(process, queue_id)
        if attempt is None:
            return
        if fate is Fate.SENT and attempt.failures:
            elsewhere = any(not is_same_relay(relay, failed) for failed, _ in attempt.failures)
            self.taken_by_another_relay += elsewhere
            self.taken_at_another_try += not elsewhere
        elif fate is not Fate.SENT:
            # The row itself tells of the last server that could not be reached; it was no failure on the way.
            for failure in [one for one in attempt.failures if one[0] == relay]:
                del attempt.failures[failure]
                self._add_failure(*failure, -1)

    def _count_expired(self, line: bytes) -> None:
        found = EXPIRED.match(line)
        when = self._hour(found[1], found[2]) if found else None
        if found is None or when is None:
            self.unreadable += found is not None
            return
        when.counts[Fate.EXPIRED] += 1
        self.messages.add(found[4])

    def _receiver(self, domain: bytes) -> Tally:
        return self._receiver_of.get(domain.lower(), self._other_receiver)

    def _hour(self, hour: bytes, offset: bytes | None) -> Tally | None:
        key = (hour, offset)
        if key in self._hour_tallies:
            return self._hour_tallies[key]
        start, tally = self._hours.start(hour, offset), None
        if start is not None:
            tally = self.hours.get(start)
            if tally is None:
                tally = self.later_hours if len(self.hours) >= _MOST_HOURS else self.hours.setdefault(start, Tally())
        if len(self._hour_tallies) >= _MOST_REMEMBERED:
            self._hour_tallies.clear()
        self._hour_tallies[key] = tally
        return tally

    def _relay(self, logged: bytes) -> tuple[str, Tally]:
        found = self._relay_tallies.get(logged)
        if found is None:
            name = relay_name(logged)
            if len(self._relay_tallies) >= _MOST_REMEMBERED:
                self._relay_tallies.clear()
            found = self._relay_tallies[logged] = name, self.relays.of(name)
        return found

    def _status(self, dsn: bytes | None) -> Tally:
        tally = self._status_tallies.get(dsn)
        if tally is None:
            tally = self.statuses.of(NO_STATUS if dsn is None else printable(dsn))
            if len(self._status_tallies) < _MOST_REMEMBERED:
                self._status_tallies[dsn] = tally
        return tally


def _precise(fate: Fate, reason: bytes | None) -> Fate:
    """Return the fate where the reason in Postfix's own words says more than the status."""
    if fate is Fate.DEFERRED and reason is not None and reason.startswith(SUSPENDED):
        return Fate.SUSPENDED
    if fate is Fate.SENT and reason is not None and reason.startswith(b"forwarded as "):
        return Fate.FORWARDED
    return fate


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
