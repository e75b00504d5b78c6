"""Facts of a time on, found by the index of times."""

from datetime import timedelta

from sqlalchemy import event

from service.store.store import Snapshot, Store
from tests.store.conftest import START
from tests.store.test_store import observation


def put(store: Store, *minutes: int) -> None:
    kept = store.snapshot()
    last = (kept.seq if kept else 0) + len(minutes)
    facts = [observation(minute) for minute in minutes]
    store.record(facts, lambda _: Snapshot(policy_hash="p", seq=last, state="{}"))


def found(store: Store, since: int, after_seq: int = 0, limit: int | None = None) -> list[int]:
    return [seq for seq, _ in store.facts(after_seq, limit, since=START + timedelta(minutes=since))]


def test_a_clock_that_was_ahead_and_set_back_hides_no_fact(store: Store) -> None:
    put(store, 1, 2, 180, 181, 3, 4, 120, 121)
    assert found(store, 120) == [3, 4, 7, 8]
    assert found(store, 181) == [4]
    assert found(store, 500) == []
    assert found(store, 0) == list(range(1, 9))


def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    put(store, *range(50))
    first = found(store, 20, limit=10)
    assert first == list(range(21, 31))
    assert found(store, 20, after_seq=30) == list(range(31, 51))
    assert found(store, 20, after_seq=5, limit=1) == [21]


def test_the_first_fact_of_a_time_is_found_without_reading_those_before(store: Store) -> None:
    put(store, 1, 2)
    asked: list[str] = []
    with store._database.read() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert found(store, 2) == [2]
    (looking,) = [sql for sql in asked if "min(" in sql]
    with store._database.read() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {looking}", (0, "2026"))
        assert "USING COVERING INDEX ix_fact_at (at>?)" in str(plan.all())
