"""Roll-ups: sums of what facts said, for whole hours, days and 32 days, so that a year is read as fast as a day.

Each fact is added to the block of each length that it falls into, in the transaction that records it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlmodel import Session, col

from probes.delay_histogram import seconds_in
from probes.observation import Fact, Signal
from service.decision.compare import Counts, Records
from service.decision.incident import Incident
from service.decision.paired import PairCounts
from service.decision.route import ANY_RECEIVER
from service.decision.severity import Severity
from service.store.tables import IncidentRow, RollupRow, UnfinishedRow
from service.tabulation import HOUR_SECONDS, LATENCY, Pace, Sums, Unfinished, tabulate

LENGTHS_HOURS = (1, 24, 768)
KEEP = timedelta(days=400)  # more than the longest window
_UNFINISHED_ID = 1


def add_facts(session: Session, facts: Sequence[Fact], pace: Pace) -> None:
    """Add facts to the roll-ups, inside a running transaction."""
    row = session.get(UnfinishedRow, _UNFINISHED_ID)
    unfinished = Unfinished.from_json(row.rounds) if row else Unfinished()
    add_sums(session, tabulate(facts, unfinished, pace))
    session.merge(UnfinishedRow(id=_UNFINISHED_ID, rounds=unfinished.to_json()))


def add_sums(session: Session, sums: Sums) -> None:
    """Add sums by the hour to the blocks of every length, inside a running transaction."""
    blocks: dict[tuple[int, int, str], dict[tuple[str, str], Counter[str]]] = {}
    for (hour, provider, other, receiver), counts in sums.items():
        for hours in LENGTHS_HOURS:
            of_provider = blocks.setdefault((hours, hour // hours, provider), {})
            of_provider.setdefault((other, receiver), Counter()).update(counts)
    for (hours, block, provider), wanted in blocks.items():
        _add(session, hours, block, provider, wanted)


def _add(
    session: Session, hours: int, block: int, provider: str, wanted: Mapping[tuple[str, str], Counter[str]]
) -> None:
    """Add sums to one provider's rows of one block.

    By the leading columns of the key: for a list of whole keys SQLite goes through all rows, which took 50 ms a
    record after a year (2026-11).
    """
    one = (
        (col(RollupRow.hours) == hours)
        & (col(RollupRow.block) == block)
        & (col(RollupRow.provider) == provider)
        & col(RollupRow.other).in_({other for other, _ in wanted})
    )
    found = session.execute(select(col(RollupRow.other), col(RollupRow.receiver), col(RollupRow.counts)).where(one))
    there = {(other, receiver): counts for other, receiver, counts in found}
    key = {"hours": hours, "block": block, "provider": provider}
    for (other, receiver), counts in wanted.items():
        before = there.get((other, receiver))
        if before is None:
            row = {**key, "other": other, "receiver": receiver, "counts": _text(counts)}
            session.execute(insert(RollupRow), row)
        else:
            these = one & (col(RollupRow.other) == other) & (col(RollupRow.receiver) == receiver)
            text = _text(Counter(json.loads(before)) + counts)
            session.execute(
                update(RollupRow).where(these).values(counts=text), execution_options={"synchronize_session": False}
            )


def _text(counts: Mapping[str, int]) -> str:
    return json.dumps(dict(sorted(counts.items())), separators=(",", ":"))


def whole_hour(at: datetime) -> datetime:
    """Return the beginning of the hour that holds this time."""
    return datetime.fromtimestamp(at.timestamp() // HOUR_SECONDS * HOUR_SECONDS, UTC)


def blocks_of(first_hour: int, end_hour: int) -> Iterator[tuple[int, int, int]]:
    """Yield (hours, first block, end block) that make up these hours, the longest blocks where they fit."""

    def cover(first: int, end: int, lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        length, *shorter = lengths
        low, high = -(-first // length), end // length
        if not shorter:
            if first < end:
                yield length, first // length, end // length
        elif low < high:
            yield from cover(first, low * length, shorter)
            yield length, low, high
            yield from cover(high * length, end, shorter)
        else:
            yield from cover(first, end, shorter)

    yield from cover(first_hour, end_hour, LENGTHS_HOURS[::-1])


def read_records(session: Session, since: datetime, until: datetime) -> Records:
    """Return what was rolled up from the hour that holds `since` to the one that holds `until`."""
    since = whole_hour(since)
    first, end = (int(at.timestamp() // HOUR_SECONDS) for at in (since, until))
    sums: dict[tuple[str, str, str], Counter[str]] = {}
    for hours, low, high in blocks_of(first, end + 1):
        query = (
            select(col(RollupRow.provider), col(RollupRow.other), col(RollupRow.receiver), col(RollupRow.counts))
            .where(col(RollupRow.hours) == hours)
            .where(col(RollupRow.block) >= low)
            .where(col(RollupRow.block) < high)
        )
        for provider, other, receiver, counts in session.execute(query):
            sums.setdefault((provider, other, receiver), Counter()).update(json.loads(counts))
    alone: dict[tuple[str, str], Counter[str]] = {}
    pairs: dict[tuple[str, str, str, Signal], PairCounts] = {}
    for (provider, other, receiver), found in sums.items():
        if other:
            pairs |= {
                (provider, other, receiver, signal): _pair(found, signal)
                for signal in Signal
                if found[f"{signal}:rounds"]
            }
            continue
        alone.setdefault((provider, ANY_RECEIVER), Counter()).update(found)
        if receiver:
            alone.setdefault((provider, receiver), Counter()).update(found)
    return Records(
        since=since,
        until=until,
        counts={key: _counts(found) for key, found in alone.items()},
        pairs=pairs,
        incidents=read_incidents(session, since, until),
    )


def _counts(sums: Counter[str]) -> Counts:
    latencies = {seconds_in(int(name.removeprefix(LATENCY))): n for name, n in sums.items() if name.startswith(LATENCY)}
    named = {name: n for name, n in sums.items() if not name.startswith(LATENCY)}
    return Counts(**named, latencies=latencies)


def _pair(sums: Counter[str], signal: Signal) -> PairCounts:
    return PairCounts(
        rounds=sums[f"{signal}:rounds"],
        first_better=sums[f"{signal}:first"],
        second_better=sums[f"{signal}:second"],
        probes=sums[f"{signal}:probes"],
        only_first=sums[f"{signal}:only_first"],
        only_second=sums[f"{signal}:only_second"],
    )


def put_incidents(session: Session, incidents: Sequence[Incident]) -> None:
    """Keep incidents that began, changed or ended, inside a running transaction."""
    for one in incidents:
        query = (
            select(IncidentRow)
            .where(col(IncidentRow.provider) == one.provider)
            .where(col(IncidentRow.receiver) == one.receiver)
            .where(col(IncidentRow.ended_at).is_(None))
        )
        row = session.scalars(query).first()
        if row is None:
            row = IncidentRow(
                provider=one.provider, receiver=one.receiver, began_at=one.began_at, severity="", reason=""
            )
            session.add(row)
        row.severity, row.reason = one.severity.value, one.reason
        row.recovering_since, row.ended_at = one.recovering_since, one.ended_at
        session.flush()


def read_incidents(session: Session, since: datetime, until: datetime) -> tuple[Incident, ...]:
    """Return the incidents that reach into this time, oldest first."""
    query = (
        select(IncidentRow)
        .where(col(IncidentRow.began_at) < until)
        .where(col(IncidentRow.ended_at).is_(None) | (col(IncidentRow.ended_at) >= since))
        .order_by(col(IncidentRow.began_at), col(IncidentRow.id))
    )
    return tuple(_incident(row) for row in session.scalars(query))


def open_incidents(session: Session) -> tuple[Incident, ...]:
    """Return the incidents that have not ended."""
    return tuple(_incident(r) for r in session.scalars(select(IncidentRow).where(col(IncidentRow.ended_at).is_(None))))


def _incident(row: IncidentRow) -> Incident:
    return Incident(
        provider=row.provider,
        receiver=row.receiver,
        began_at=row.began_at,
        severity=Severity(row.severity),
        reason=row.reason,
        recovering_since=row.recovering_since,
        ended_at=row.ended_at,
    )


def forget(session: Session, now: datetime) -> None:
    """Delete roll-ups and incidents that no window reaches any more, inside a running transaction."""
    before = now - KEEP
    hour = int(before.timestamp() // HOUR_SECONDS)
    for hours in LENGTHS_HOURS:
        session.execute(
            delete(RollupRow).where(col(RollupRow.hours) == hours).where(col(RollupRow.block) < hour // hours)
        )
    session.execute(delete(IncidentRow).where(col(IncidentRow.ended_at) < before))
