"""Roll-ups say what the raw facts say, however they were batched, wherever a process stopped, and outlive them."""

import itertools
import random
import sqlite3
from collections import Counter
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.delay_histogram import bucket_of, seconds_in
from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal, Source
from service.decision.compare import Counts, Records
from service.decision.incident import Incident
from service.decision.paired import COMPARED, PairCounts
from service.decision.severity import Severity
from service.store.rollups import KEEP, LENGTHS_HOURS, blocks_of
from service.store.store import Snapshot, Store, open_store
from service.tabulation import Pace
from tests.store.conftest import START, SetClock

PROVIDERS, SEEDS = ("one", "two", "three"), (("gmail-1", "gmail"), ("gmail-2", "gmail"), ("yahoo", "yahoo"))
PACE = Pace(round_seconds=1000.0, watch_seconds=200.0)
FOREVER = timedelta(days=3)


def put(store: Store, facts, incidents=()) -> None:
    kept = store.snapshot()
    last = (kept.seq if kept else 0) + len(facts)
    snapshot = Snapshot(policy_hash="p", seq=last, state="{}", incidents=incidents)
    store.record(facts, lambda _: snapshot, pace=PACE)


def observation(at: datetime, provider: str, signal: Signal, outcome: Outcome, **other: object) -> Observation:
    source = Source.LOG if signal is Signal.LIVE else Source.PROBE
    return Observation(at=at, provider=provider, signal=signal, source=source, outcome=outcome, **other)


def made(seed: int, rounds: int) -> list[Fact]:
    """Return facts with everything in them that makes counting hard."""
    chance, facts, at = random.Random(seed), list[Fact](), START - timedelta(minutes=7)
    for number in range(rounds):
        at += timedelta(seconds=chance.choice([20, 150, 300, 5000, 40_000]))
        if chance.random() < 0.1:
            facts.append(Notice(at=at, kind=NoticeKind.GAP))
        confirmation = chance.random() < 0.1
        category = chance.choice([None, "network", "recipient", "content", "sender", "rate", "config"])
        for provider in PROVIDERS:
            fate = chance.choice(list(Outcome))
            extra = {"category": category} if fate is Outcome.BAD else {}
            where = {"round": f"s{number}", "confirmation": confirmation}
            facts.append(observation(at, provider, Signal.SESSION, fate, **where, **extra))
            live = {"receiver": chance.choice([None, "gmail"]), "count": chance.randint(1, 9)}
            facts.append(observation(at, provider, Signal.LIVE, fate, **live, **extra))
        for signal, (seed_name, receiver), provider in itertools.product(COMPARED, SEEDS, PROVIDERS):
            if chance.random() < 0.3:
                continue
            fate = chance.choice([Outcome.GOOD, Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN])
            value: float | str | None = None
            if signal is Signal.PLACEMENT:
                value = chance.choice(["inbox", "spam", "other:Later", None])
            elif signal is Signal.ARRIVAL:
                value = chance.choice([None, 0.4, 5.0, 1234.5])
            told = at + timedelta(seconds=chance.choice([1, 60, 800]))
            where = {"seed": seed_name, "receiver": receiver, "round": f"r{number}", "confirmation": confirmation}
            facts.append(observation(told, provider, signal, fate, value=value, **where))
    facts.append(Notice(at=at + timedelta(hours=2), kind=NoticeKind.POLICY))
    return facts


OURS = {"recipient", "content", "size", "config"}


def is_ours(o: Observation) -> bool:
    forged = o.category == "sender" and o.source is Source.LOG
    return o.outcome is Outcome.BAD and (forged or o.category in OURS)


def by_hand(facts: list[Fact], since: datetime, until: datetime) -> Records:
    """Count with the raw facts alone, all at once, one figure after the other."""
    every = [o for o in facts if isinstance(o, Observation)]
    known = [o for o in every if not o.confirmation and o.outcome is not Outcome.UNKNOWN]
    counts, pairs = {}, {}
    for provider, receiver in itertools.product(PROVIDERS, ("*", "gmail", "yahoo")):
        mine = [o for o in known if o.provider == provider and receiver in ("*", o.receiver) and since <= o.at < until]

        def number(signal: Signal, *outcomes: Outcome, of=None, mine=mine) -> int:
            wanted = outcomes or (Outcome.GOOD, Outcome.BAD)
            hand_over = (Signal.SESSION, Signal.ACCEPTANCE, Signal.LIVE)
            return sum(
                o.count
                for o in mine
                if o.signal is signal and o.outcome in wanted and not (signal in hand_over and is_ours(o))
                if of is None or of(o)
            )

        def spam(o: Observation) -> bool:
            return o.value == "spam" or (o.value is None and o.outcome is Outcome.BAD)

        heard = [o.at for o in every if o.provider == provider and o.source is Source.PROBE]
        gaps = [(later, later - earlier) for earlier, later in itertools.pairwise(heard)]
        watched = [gap for at, gap in gaps if timedelta() < gap <= timedelta(seconds=200) and since <= at < until]
        found = Counts(
            submitted=number(Signal.ACCEPTANCE),
            accepted=number(Signal.ACCEPTANCE, Outcome.GOOD),
            awaited=number(Signal.ARRIVAL),
            missing=number(Signal.ARRIVAL, Outcome.BAD),
            placed=number(Signal.PLACEMENT),
            inbox=number(Signal.PLACEMENT, Outcome.GOOD, of=lambda o: o.value != "spam"),
            spam=number(Signal.PLACEMENT, of=spam),
            timed=number(Signal.LATENCY),
            late=number(Signal.LATENCY, Outcome.BAD),
            checked=number(Signal.AUTHENTICATION),
            authenticated=number(Signal.AUTHENTICATION, Outcome.GOOD),
            sessions=number(Signal.SESSION),
            sessions_passed=number(Signal.SESSION, Outcome.GOOD),
            live=number(Signal.LIVE),
            live_taken=number(Signal.LIVE, Outcome.GOOD),
            watched_ms=sum(watched, timedelta()) // timedelta(milliseconds=1) if receiver == "*" else 0,
            latencies=Counter(
                seconds_in(bucket_of(o.value))
                for o in mine
                if o.signal is Signal.ARRIVAL and o.outcome is Outcome.GOOD and isinstance(o.value, float)
            ),
        )
        if found != Counts():
            counts[provider, receiver] = found
    for (one, other), receiver, signal in itertools.product(
        itertools.combinations(sorted(PROVIDERS), 2), ("*", "gmail", "yahoo"), COMPARED
    ):
        verdicts: dict = {}
        opened: dict = {}
        for o in known:
            if o.seed and o.signal in COMPARED and not (o.signal is Signal.ACCEPTANCE and is_ours(o)):
                opened.setdefault(o.round, o.at)
                if o.signal is signal and receiver in ("*", o.receiver):
                    verdicts.setdefault(o.round, {})[o.seed, o.provider] = o.outcome is Outcome.GOOD
        rounds = []
        for word, found in verdicts.items():
            both = [(found[s, one], found[s, other]) for s, _ in SEEDS if (s, one) in found and (s, other) in found]
            if both and since <= opened[word] < until:
                rounds.append((len(both), both.count((True, False)), both.count((False, True))))
        if rounds:
            pairs[one, other, receiver, signal] = PairCounts(
                rounds=len(rounds),
                first_better=sum(a > b for _, a, b in rounds),
                second_better=sum(b > a for _, a, b in rounds),
                probes=sum(n for n, _, _ in rounds),
                only_first=sum(a for _, a, _ in rounds),
                only_second=sum(b for _, _, b in rounds),
            )
    return Records(since=since, until=until, counts=counts, pairs=pairs, incidents=())


def assert_same(found: Records, wanted: Records) -> None:
    assert found.counts.keys() == wanted.counts.keys()
    for key, counts in wanted.counts.items():
        for field in fields(Counts):
            assert getattr(found.counts[key], field.name) == getattr(counts, field.name), (key, field.name)
    assert found.pairs == wanted.pairs


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 60), max_size=12), st.integers(0, 30))
def test_rollups_equal_the_raw_facts_however_batched_and_reopened(tmp_path_factory, seed, cuts, hours) -> None:
    facts = made(seed, 8)
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/s.db"
    clock, done = SetClock(), 0
    store = open_store(url, clock)
    for number, cut in enumerate(cuts):
        put(store, facts[done : done + cut])
        done += cut
        if number % 4 == 0:  # another process goes on
            store.close()
            store = open_store(url, clock)
    put(store, facts[done:])
    since, end = START - timedelta(hours=1) + timedelta(hours=hours), START + FOREVER
    assert_same(store.records(since, end), by_hand(facts, since, end + timedelta(hours=1)))
    while store.prune(end + timedelta(days=30), timedelta(days=1)):
        pass
    assert list(store.facts()) == []
    assert_same(store.records(since, end), by_hand(facts, since, end + timedelta(hours=1)))
    store.close()


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_blocks_cover_every_hour_once_and_a_year_takes_few(first: int, length: int) -> None:
    blocks = list(blocks_of(first, first + length))
    hours = [hour for size, low, high in blocks for hour in range(low * size, high * size)]
    assert hours == list(range(first, first + length))
    assert sum(high - low for size, low, high in blocks) <= 2 * 23 + 2 * 31 + length // LENGTHS_HOURS[-1]


def test_a_window_begins_with_the_hour_that_holds_it(store: Store) -> None:
    put(store, [observation(START + timedelta(minutes=5), "one", Signal.SESSION, Outcome.GOOD)])
    found = store.records(START + timedelta(minutes=50), START + timedelta(minutes=55))
    assert found.since == START
    assert found.counts["one", "*"].sessions == 1
    assert store.records(START + timedelta(hours=1), START + timedelta(hours=2)).counts == {}


def incident(began: int, ended: int | None = None, severity: Severity = Severity.LATE) -> Incident:
    return Incident(
        provider="one",
        receiver="*",
        began_at=START + timedelta(minutes=began),
        severity=severity,
        reason="late",
        ended_at=None if ended is None else START + timedelta(minutes=ended),
    )


def test_an_incident_goes_on_until_it_ends_and_the_next_is_another(store: Store) -> None:
    put(store, [], (incident(1),))
    put(store, [], (incident(1, severity=Severity.REFUSING),))
    assert store.open_incidents() == (incident(1, severity=Severity.REFUSING),)
    put(store, [], (incident(1, 5, Severity.REFUSING),))
    put(store, [], (incident(7),))
    assert store.open_incidents() == (incident(7),)
    found = store.records(START, START + timedelta(hours=1)).incidents
    assert found == (incident(1, 5, Severity.REFUSING), incident(7))
    assert store.records(START + timedelta(hours=2), START + timedelta(hours=3)).incidents == (incident(7),)


def test_what_no_window_reaches_is_deleted(store: Store) -> None:
    put(store, [observation(START, "one", Signal.SESSION, Outcome.GOOD)], (incident(1, 2),))
    put(store, [], (incident(3),))
    store.prune(START + KEEP - timedelta(hours=1), timedelta(days=30))
    assert store.records(START, START).counts["one", "*"].sessions == 1
    assert len(store.records(START, START + timedelta(hours=1)).incidents) == 2
    store.prune(START + KEEP + timedelta(days=40), timedelta(days=30))
    assert store.records(START, START + timedelta(hours=1)).counts == {}
    assert store.open_incidents() == store.records(START, START + timedelta(hours=1)).incidents == (incident(3),)


def test_a_record_that_fails_adds_nothing(store: Store) -> None:
    facts = made(1, 3)
    with pytest.raises(ZeroDivisionError):
        store.record(facts, lambda _: 1 / 0, pace=PACE)
    assert store.records(START - FOREVER, START + FOREVER).counts == {}
    put(store, facts)
    end = START + FOREVER
    assert_same(store.records(START - FOREVER, end), by_hand(facts, START - FOREVER, end))


def test_facts_recorded_before_there_were_rollups_are_rolled_up(tmp_path: Path, clock) -> None:
    url, facts = f"sqlite:///{tmp_path}/old.db", made(5, 10)
    store = open_store(url, clock)
    put(store, facts)
    store.close()
    connection = sqlite3.connect(tmp_path / "old.db")
    for table in ("rollup", "unfinished", "incident"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("ALTER TABLE journal DROP COLUMN receiver")
    connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.commit()
    connection.close()
    store = open_store(url, clock)
    end = START + FOREVER
    found, wanted = store.records(START - FOREVER, end), by_hand(facts, START - FOREVER, end)
    assert {counts.watched_ms for counts in found.counts.values()} == {0}  # without incidents it would say too much
    assert {key: counts.submitted for key, counts in found.counts.items()} == {
        key: counts.submitted for key, counts in wanted.counts.items()
    }
    assert found.pairs == wanted.pairs
    put(store, [observation(end, "one", Signal.SESSION, Outcome.GOOD)])
    store.close()
