"""Counts, shares and their intervals."""

import pytest

from probes.observation import Signal
from service.decision.compare import Counts, compare, compare_counts, percentile, wilson
from tests.core.story import DOWN, A, B, C, Story


def test_wilson_intervals_are_those_of_the_formula() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (None, None)
    known = wilson(8, 10)
    assert (known.low, known.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    for n in range(1, 40):
        for k in range(n + 1):
            p = wilson(k, n)
            assert 0 <= p.low <= k / n <= p.high <= 1


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.95) == 1.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0


def test_the_providers_side_by_side() -> None:
    story = Story()
    refusal = {"category": "recipient", "stage": "rcpt"}
    story.round({A: "spam", B: "missing", (C, "gmail-1"): refusal, (C, "yahoo"): "late"})
    story.sweep({A: DOWN})
    story.live(A)
    story.observe(A, Signal.PLACEMENT, False, receiver="gmail", value="other:Promo")
    story.observe(A, Signal.PLACEMENT, None, receiver="gmail")
    story.session("gone")
    rows = {(c.provider, c.receiver): c for c in compare(story.facts, (A, B, C), ("gmail", "yahoo"))}
    assert list(rows)[:2] == [(A, "*"), (A, "gmail")]
    assert (rows[A, "*"].spam.k, rows[A, "*"].inbox.k, rows[A, "*"].spam.n) == (6, 0, 7)
    assert (rows[B, "*"].missing.k, rows[B, "*"].missing.n) == (6, 6)
    assert (rows[C, "*"].acceptance.k, rows[C, "*"].acceptance.n) == (5, 5)
    assert (rows[C, "yahoo"].late.k, rows[C, "yahoo"].late.n) == (2, 2)
    assert rows[C, "yahoo"].latency_p50_seconds == 400.0
    assert rows[C, "gmail"].latency_p95_seconds == 5.0
    assert (rows[A, "*"].sessions.k, rows[A, "*"].sessions.n) == (0, 1)
    assert rows[B, "*"].latency_p50_seconds is None


def test_counts_of_a_store_give_the_same_shares() -> None:
    (row,) = compare_counts({(A, "*"): Counts(submitted=10, accepted=9, latencies=(1.0, 2.0))})
    assert (row.acceptance.k, row.acceptance.n, row.latency_p50_seconds) == (9, 10, 1.0)
