import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from probes.observation import Fact, Notice, NoticeKind, Observation, Outcome, Signal, Source
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.store.store import Snapshot, Store, open_store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def observation(minute: int = 0, provider: str = "mailgun", **other: object) -> Observation:
    values: dict = {"signal": Signal.SESSION, "source": Source.PROBE, "outcome": Outcome.GOOD} | other
    return Observation(at=START + timedelta(minutes=minute), provider=provider, **values)


def counting(numbered: list[tuple[int, Fact]], last: int = 0) -> Snapshot:
    seq = numbered[-1][0] if numbered else last
    return Snapshot(policy_hash="p", seq=seq, state=f'{{"facts": {seq}}}')


FULL = observation(
    signal=Signal.LATENCY,
    outcome=Outcome.BAD,
    receiver="gmail",
    seed="gmail-1",
    round="r1",
    confirmation=True,
    value=12.5,
    category="account",
    stage="mail",
    temporary=False,
    rule="sendgrid-suspended",
    text="550 account disabled: ü",
    signed=False,
    count=3,
)
PLACED = observation(signal=Signal.PLACEMENT, receiver="gmail", value="other:Ungewünscht", source=Source.PROBE)
NOTICE = Notice(at=START, kind=NoticeKind.OVERRIDE, detail={"verb": "pause", "actor": "ü"})


def test_facts_come_back_as_they_went_in_numbered_in_order(store: Store) -> None:
    store.record([FULL, NOTICE], counting)
    store.record([PLACED, observation()], counting)
    assert list(store.facts()) == [(1, FULL), (2, NOTICE), (3, PLACED), (4, observation())]


def test_times_of_any_zone_come_back_as_the_same_moment_in_utc(store: Store) -> None:
    local = START.astimezone(timezone(timedelta(hours=5)))
    store.record([Notice(at=local, kind=NoticeKind.START)], counting)
    [(_, fact)] = store.facts()
    assert fact.at == START
    assert fact.at.tzinfo is UTC


def test_a_time_without_zone_is_refused_and_nothing_is_kept(store: Store) -> None:
    naive = Notice(at=START.replace(tzinfo=None), kind=NoticeKind.START)
    with pytest.raises(ValueError, match="no time zone"):
        store.record([observation(), naive], counting)
    assert list(store.facts()) == []


def test_the_state_is_there_after_opening_again(store: Store, url: str, clock) -> None:
    assert store.snapshot() is None
    kept = store.record([observation(), observation(1)], counting)
    store.close()
    again = open_store(url, clock)
    assert again.snapshot() == kept == Snapshot(policy_hash="p", seq=2, state='{"facts": 2}')
    again.close()


def test_a_fold_that_fails_takes_the_facts_with_it(store: Store) -> None:
    store.record([observation()], counting)

    def broken(_numbered: object) -> Snapshot:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.record([observation(1)], broken, positions={"mail.log": "9"})
    assert len(list(store.facts())) == 1
    assert store.position("mail.log") is None
    assert store.record([observation(1)], counting).seq == 2


def test_a_snapshot_of_another_fact_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="snapshot of fact 7, but the last fact is 1"):
        store.record([observation()], lambda _: Snapshot(policy_hash="p", seq=7, state="{}"))
    assert list(store.facts()) == []


def test_positions_and_journal_are_kept_with_the_facts(store: Store) -> None:
    intended = entry("r1", JournalKind.INTENDED)
    store.record([observation()], counting, positions={"mail.log": "12:345"}, journal=[intended])
    assert store.position("mail.log") == "12:345"
    assert [kept.request_id for kept in store.journal.history()] == ["r1"]
    store.set_position("mail.log", "12:999")
    assert store.position("mail.log") == "12:999"


def test_a_state_without_new_facts_can_be_recorded(store: Store) -> None:
    store.record([observation()], counting)
    again = store.record([], lambda numbered: counting(numbered, last=1), positions={"a": "b"})
    assert again.seq == 1


def test_facts_are_found_by_number_time_provider_receiver_and_signal(store: Store) -> None:
    facts = [observation(minute, "mailgun" if minute % 2 else "sendgrid") for minute in range(10)]
    store.record([*facts, PLACED], counting)
    assert [seq for seq, _ in store.facts(after_seq=9)] == [10, 11]
    assert [seq for seq, _ in store.facts(after_seq=2, limit=3)] == [3, 4, 5]
    assert [seq for seq, _ in store.facts(limit=0)] == []
    assert [seq for seq, _ in store.facts(since=START + timedelta(minutes=8))] == [9, 10]
    assert [seq for seq, _ in store.facts(provider="sendgrid")] == [1, 3, 5, 7, 9]
    assert [seq for seq, _ in store.facts(receiver="gmail")] == [11]
    assert [seq for seq, _ in store.facts(signal=Signal.PLACEMENT)] == [11]
    span = store.observations(START + timedelta(minutes=2), START + timedelta(minutes=4))
    assert list(span) == facts[2:4]


def test_reading_goes_on_over_many_pages_while_facts_are_added(store: Store) -> None:
    store.record([observation() for _ in range(2500)], counting)
    reading = store.facts()
    first = [next(reading) for _ in range(10)]
    store.record([observation()], counting)
    rest = list(reading)
    assert [seq for seq, _ in first + rest] == list(range(1, 2502))


def test_a_limit_beyond_one_page_is_kept(store: Store) -> None:
    store.record([observation() for _ in range(2500)], counting)
    assert len(list(store.facts(limit=2100))) == 2100


def test_pruning_removes_old_facts_and_never_gives_a_number_twice(store: Store) -> None:
    store.record([observation(minute) for minute in range(10)], counting)
    now = START + timedelta(minutes=20)
    assert store.prune(now, timedelta(minutes=15)) == 5
    assert [seq for seq, _ in store.facts()] == [6, 7, 8, 9, 10]
    assert store.prune(now, timedelta(0)) == 5
    assert store.record([observation()], counting).seq == 11


def test_pruning_stops_after_its_batches(store: Store) -> None:
    store.record([observation() for _ in range(10)], counting)
    later = START + timedelta(days=1)
    assert store.prune(later, timedelta(hours=1), batch_rows=2, batches=3) == 6
    assert store.prune(later, timedelta(hours=1), batch_rows=2, batches=3) == 4


def test_only_the_owner_can_read_the_files(store: Store, url: str) -> None:
    store.record([observation()], counting)
    path = Path(url.removeprefix("sqlite:///"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"relaypilot.db": 0o600, "relaypilot.db-wal": 0o600, "relaypilot.db-shm": 0o600}


def test_several_threads_read_while_one_writes(store: Store) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                seqs = [seq for seq, _ in store.facts()]
                assert seqs == list(range(1, len(seqs) + 1))
                assert len(seqs) % 5 == 0, "a reader saw half a record"
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        store.record([observation() for _ in range(5)], counting)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []


def test_threads_that_write_at_once_wait_for_one_another(store: Store) -> None:
    def write() -> None:
        for _ in range(10):
            store.record([observation()], counting)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [seq for seq, _ in store.facts()] == list(range(1, 31))


def entry(request_id: str, kind: JournalKind, minute: int = 0, **other: object) -> JournalEntry:
    values: dict = {"trigger": Trigger.MANUAL, "actor": "root", "reason": "asked for"} | other
    return JournalEntry(request_id=request_id, at=START + timedelta(minutes=minute), kind=kind, **values)


def test_journal_entries_come_back_whole_newest_first(store: Store) -> None:
    first = entry(
        "r1",
        JournalKind.APPLIED,
        trigger=Trigger.FAILBACK,
        rule="earned",
        from_route=("sendgrid", "mailgun"),
        to_route=("mailgun", "sendgrid"),
        receiver="gmail",
        detail="relay=mailgun",
        generation=7,
    )
    kept = store.journal.append(first)
    assert kept.id == 1
    second = store.journal.append(entry("r2", JournalKind.OBSERVED, enforced=False))
    assert store.journal.history() == [second, kept]
    assert store.journal.history(limit=1) == [second]
    assert store.journal.history(before=second.id) == [kept]
    assert store.journal.request("r1") == [kept]


def test_the_newest_generation_is_found_however_long_ago_it_was(store: Store) -> None:
    assert store.journal.newest_generation() == 0
    for request_id, generation in (("r1", 6), ("r2", 7), ("r3", None)):
        store.journal.append(entry(request_id, JournalKind.APPLIED, generation=generation))
    assert store.journal.newest_generation() == 7


def test_which_of_many_requests_are_known_is_asked_at_once(store: Store) -> None:
    store.journal.append(entry("r1", JournalKind.INTENDED))
    store.journal.append(entry("r1", JournalKind.APPLIED))
    store.journal.append(entry("r1400", JournalKind.FAILED))
    assert store.journal.known([f"r{n}" for n in range(1500)]) == {"r1", "r1400"}
    assert store.journal.known([]) == frozenset()


def test_the_same_step_of_a_request_is_kept_once(store: Store) -> None:
    first = store.journal.append(entry("r1", JournalKind.IMPORTED))
    again = store.journal.append(entry("r1", JournalKind.IMPORTED, reason="told twice"))
    assert again == first
    assert len(store.journal.history()) == 1


def test_only_intentions_without_an_outcome_are_unfinished(store: Store) -> None:
    journal = store.journal
    for request, outcome in (("r1", JournalKind.APPLIED), ("r2", JournalKind.FAILED), ("r3", None), ("r4", None)):
        journal.append(entry(request, JournalKind.INTENDED))
        if outcome:
            journal.append(entry(request, outcome))
    journal.append(entry("r5", JournalKind.OBSERVED, enforced=False))
    journal.append(entry("r6", JournalKind.BLOCKED))
    assert [kept.request_id for kept in journal.unfinished()] == ["r3", "r4"]
    journal.append(entry("r3", JournalKind.APPLIED))
    assert [kept.request_id for kept in journal.unfinished()] == ["r4"]


def test_an_entry_without_request_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="request id"):
        store.journal.append(entry("", JournalKind.INTENDED))
