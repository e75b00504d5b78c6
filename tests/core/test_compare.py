"""Counts, shares and their intervals; prices."""

from datetime import timedelta

import pytest

from probes.observation import Signal
from service.decision.compare import Counts, Records, compare, percentile
from service.decision.cost import Declared, Tariff, messages_a_month
from service.decision.interval import wilson
from service.decision.paired import PairCounts
from tests.core.story import START, A, B, C

DAY = timedelta(days=1)


def test_wilson_intervals_are_those_of_the_formula() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (None, None)
    known = wilson(8, 10)
    assert (known.low, known.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    for n in range(1, 40):
        for k in range(n + 1):
            p = wilson(k, n)
            assert 0 <= p.low <= k / n <= p.high <= 1


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({3.0: 1, 1.0: 1, 2.0: 1}, 0.5) == 2.0
    assert percentile({1.0: 1}, 0.95) == 1.0
    assert percentile({float(n): 2 for n in range(1, 101)}, 0.95) == 95.0


def records(counts=None, pairs=None, incidents=()):
    return Records(since=START, until=START + DAY, counts=counts or {}, pairs=pairs or {}, incidents=incidents)


def test_every_provider_has_a_row_at_every_receiver_whether_measured_or_not() -> None:
    counts = {(A, "*"): Counts(submitted=10, accepted=9, placed=8, inbox=6, spam=1, latencies={1.0: 5, 9.0: 1})}
    found = compare(records(counts), (A, B), ("gmail",), {})
    assert [(row.provider, row.receiver) for row in found.rows] == [(A, "*"), (B, "*"), (A, "gmail"), (B, "gmail")]
    first = found.rows[0]
    assert (first.acceptance.k, first.acceptance.n, first.inbox.k, first.spam.k, first.inbox.n) == (9, 10, 6, 1, 8)
    assert (first.latency_p50_seconds, first.latency_p90_seconds) == (1.0, 9.0)
    assert found.rows[1].acceptance.n == 0
    assert found.rows[1].reliability.availability_ratio is None


def test_one_receiver_alone_is_judged_as_strictly_as_with_all_the_others() -> None:
    seen = PairCounts(rounds=40, first_better=40, second_better=0, probes=80, only_first=20, only_second=0)
    pairs = {(A, C, "gmail", Signal.PLACEMENT): seen}
    whole = compare(records(pairs=pairs), (C, A), ("gmail", "yahoo"), {})
    alone = compare(records(pairs=pairs), (C, A), ("gmail", "yahoo"), {}, "gmail")
    assert whole.tests == alone.tests == 1 * 5 * 3
    assert {d.receiver for d in alone.differences} == {"gmail"}
    (proven,) = [d for d in whole.differences if d.better]
    assert proven in alone.differences
    assert (proven.better, proven.worse) == (A, C)  # kept by name, shown in the order of preference
    assert (proven.counts.first_better, proven.counts.second_better) == (0, 40)


@pytest.mark.parametrize(("volume", "price"), [(0, 1.0), (99_999, 1.0), (100_000, 0.8), (5e6, 0.5)])
def test_a_months_mail_costs_what_its_volume_reaches(volume: float, price: float) -> None:
    tariff = Tariff(tiers=((0, 1.0), (100_000, 0.8), (1_000_000, 0.5)), currency="EUR")
    assert tariff.price_per_thousand(volume) == price
    assert tariff.a_month(volume) == pytest.approx(price * volume / 1000)


def test_below_the_least_volume_the_first_price_holds() -> None:
    assert Tariff(tiers=((1000, 2.0),), currency="EUR").price_per_thousand(10) == 2.0


def test_the_cost_is_that_of_all_live_mail_whoever_carried_it() -> None:
    hours12 = 12 * 3600 * 1000
    counts = {
        (A, "*"): Counts(live=1000, live_taken=1000, watched_ms=hours12),
        (B, "*"): Counts(live=700, live_taken=500, watched_ms=hours12),
    }
    declared = {A: Declared(tariff=Tariff(tiers=((0, 1.0), (90_000, 0.5)), currency="EUR"))}
    found = compare(records(counts), (A, B), (), declared)
    assert found.live_messages == 1500
    assert found.messages_a_month == pytest.approx(1500 * 60)
    assert found.rows[0].price is not None
    assert found.rows[0].price.per_thousand == 0.5
    assert found.rows[0].price.a_month == pytest.approx(45)
    assert found.rows[1].price is None


def test_without_watched_time_there_is_no_volume_and_no_cost() -> None:
    assert messages_a_month(10, 0) is None
    declared = {A: Declared(tariff=Tariff(tiers=((0, 1.0),), currency="EUR"))}
    assert compare(records(), (A,), (), declared).rows[0].price is None
