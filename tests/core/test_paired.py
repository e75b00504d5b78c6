"""The paired test: exact where it can be, and what it promises though one looks after every round."""

import itertools
import math
import random

import pytest

from probes.observation import Signal
from service.decision.paired import PairCounts, difference, log_evidence, log_needed, rounds_needed


def test_the_evidence_of_no_round_is_none() -> None:
    assert log_evidence(0, 0) == pytest.approx(0)


def test_the_mean_of_the_evidence_is_one_at_every_look_where_there_is_no_difference() -> None:
    for n in range(1, 40):
        mean = sum(math.comb(n, k) * 0.5**n * math.exp(log_evidence(k, n - k)) for k in range(n + 1))
        assert mean == pytest.approx(1)


def test_looking_after_every_round_makes_no_more_errors_than_promised() -> None:
    """Exact: the chance that the evidence ever reached 20 within 400 rounds, over all orders of wins."""
    walks, reached = {0: 1.0}, 0.0
    for n in range(1, 401):
        following: dict[int, float] = {}
        for k, chance in walks.items():
            for more in (0, 1):
                following[k + more] = following.get(k + more, 0.0) + chance / 2
        over = {k for k in following if log_evidence(k, n - k) >= math.log(20)}
        reached += sum(following.pop(k) for k in over)
        walks = following
    assert 0.005 < reached <= 0.05


def test_a_difference_that_there_is_is_found() -> None:
    chance, found = random.Random(3), 0
    for _ in range(200):
        wins = sum(chance.random() < 0.85 for _ in range(100))
        found += log_evidence(wins, 100 - wins) >= log_needed(60)
    assert found > 150


@pytest.mark.parametrize("tests", [1, 3, 15, 60, 1000])
def test_no_fewer_rounds_than_needed_prove_anything(tests: int) -> None:
    needed = rounds_needed(tests)
    assert log_evidence(needed, 0) >= log_needed(tests)
    assert all(log_evidence(k, n - k) < log_needed(tests) for n in range(needed) for k in range(n + 1))


def test_more_tests_ask_for_more_evidence() -> None:
    needed = [rounds_needed(tests) for tests in (1, 10, 100, 1000)]
    assert needed == sorted(set(needed))


@pytest.mark.parametrize(
    ("wins", "losses", "better"), [(40, 0, "a"), (0, 40, "b"), (15, 15, ""), (3, 0, ""), (0, 0, "")]
)
def test_the_better_one_is_named_once_it_is_proven(wins: int, losses: int, better: str) -> None:
    counts = PairCounts(rounds=100, first_better=wins, second_better=losses)
    found = difference("a", "b", "*", Signal.PLACEMENT, counts, tests=60)
    assert found.better == better
    assert found.worse == {"a": "b", "b": "a", "": ""}[better]


def test_the_order_of_the_two_does_not_matter() -> None:
    for k, n in itertools.combinations(range(20), 2):
        assert log_evidence(k, n - k) == pytest.approx(log_evidence(n - k, k))


def test_a_window_that_slides_all_year_makes_hardly_an_error() -> None:
    """Hourly rounds, hourly looks at the last 7 days, two equal providers: the errors of 60 years of one test."""
    chance, errors = random.Random(1), 0
    for _ in range(60):
        rounds = [chance.choice((0, 0, 0, 0, 0, 0, 0, 1, -1)) for _ in range(8766)]
        first = second = 0
        for number, won in enumerate(rounds):
            gone = rounds[number - 168] if number >= 168 else 0
            first += (won == 1) - (gone == 1)
            second += (won == -1) - (gone == -1)
            if won and abs(first - second) > 13 and log_evidence(first, second) >= log_needed(1):
                errors += 1
                break
    assert errors <= 3
