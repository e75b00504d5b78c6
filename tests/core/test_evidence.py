"""The sequential tests against brute force, and what clusters, baselines and voids do to them."""

import random
from dataclasses import replace
from datetime import timedelta
from math import ceil, log

import pytest

from probes.observation import Signal
from service.decision.arl import average_run_length, steps_on_lattice, threshold_for
from service.decision.calibration import budget, calibrate
from service.decision.evidence import BASELINE_CLUSTERS, Results, Track, tallied, voided, weighed
from service.decision.policy import Policy, policy_hash
from service.decision.tally import BUCKETS, Tally, bucket_of, count, read
from tests.core.story import POLICY, START

BANK = calibrate(POLICY)["*", Signal.PLACEMENT]


def results(n: int, bad: int = 0, total: int = 1, cluster: str | None = None, **other: object) -> Results:
    at = START + timedelta(minutes=n)
    return Results(at=at, bucket=bucket_of(at, 86400), cluster=cluster or str(n), bad=bad, total=total, **other)


def after(outcomes: list[int], track: Track | None = None, start: int = 0, **other: object) -> Track:
    for n, bad in enumerate(outcomes, start):
        track = weighed(track, results(n, bad, **other), BANK, 3)
    return track


@pytest.mark.parametrize(("rate", "up", "threshold"), [(0.02, 1, 1), (0.05, 2, 7), (0.1, 3, 9), (0.3, 1, 12)])
def test_run_length_equals_the_solution_of_the_whole_linear_system(rate: float, up: int, threshold: int) -> None:
    matrix = [[float(i == j) for j in range(threshold)] + [1.0] for i in range(threshold)]
    for s in range(threshold):
        matrix[s][max(0, s - 1)] -= 1 - rate
        if s + up < threshold:
            matrix[s][s + up] -= rate
    for i in range(threshold):
        pivot = max(range(i, threshold), key=lambda r: abs(matrix[r][i]))
        matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
        for r in range(threshold):
            if r != i and matrix[r][i]:
                factor = matrix[r][i] / matrix[i][i]
                matrix[r] = [a - factor * b for a, b in zip(matrix[r], matrix[i], strict=True)]
    assert average_run_length(rate, up, threshold) == pytest.approx(matrix[0][-1] / matrix[0][0], rel=1e-6)


def test_run_length_equals_simulation() -> None:
    draw = random.Random(7)
    steps = 0
    for _ in range(3000):
        score = 0
        while score < 8:
            steps += 1
            score = score + 3 if draw.random() < 0.1 else max(0, score - 1)
    assert average_run_length(0.1, 3, 8) == pytest.approx(steps / 3000, rel=0.06)


@pytest.mark.parametrize("wanted", [100.0, 1e4, 1e8])
def test_the_threshold_is_the_least_that_is_long_enough(wanted: float) -> None:
    threshold = threshold_for(0.05, 3, wanted)
    assert average_run_length(0.05, 3, threshold) >= wanted
    assert threshold == 1 or average_run_length(0.05, 3, threshold - 1) < wanted


@pytest.mark.parametrize("healthy", [0.02, 0.05, 0.3])
@pytest.mark.parametrize("wanted", [0.4, 0.6, 0.9])
def test_a_bad_result_weighs_a_whole_number_of_good_ones(healthy: float, wanted: float) -> None:
    up, unit, tested_rate = steps_on_lattice(healthy, wanted)
    assert log(tested_rate / healthy) == pytest.approx(up * unit)
    assert log((1 - healthy) / (1 - tested_rate)) == pytest.approx(unit)
    assert healthy < tested_rate < 1


@pytest.mark.parametrize("a_year", [0.1, 1.0, 52.0])
def test_all_tests_together_stay_within_the_false_moves_allowed(a_year: float) -> None:
    shares = budget(replace(POLICY, false_moves_per_year=a_year))
    assert 0.5 * a_year < sum(s.false_moves_per_year for s in shares) <= a_year
    assert {(s.receiver, s.signal) for s in shares} >= {("*", Signal.SESSION), ("yahoo", Signal.LATENCY)}


def test_without_seeds_only_pooled_tests_exist() -> None:
    assert {receiver for receiver, _ in calibrate(Policy(providers=("a",), seeds=()))} == {"*"}


def test_a_policy_has_one_hash() -> None:
    assert policy_hash(POLICY) == policy_hash(replace(POLICY))
    assert policy_hash(POLICY) != policy_hash(replace(POLICY, confirmations=3))
    assert len(policy_hash(POLICY)) == 16


def test_failures_alarm_and_good_results_never_do() -> None:
    assert after([0] * 1000).alarmed_at is None
    deep = BANK.levels[0][-1]
    needed = ceil(deep.threshold / deep.bad)
    assert after([0] * 50 + [1] * (needed - 1)).alarmed_at is None
    alarmed = after([0] * 50 + [1] * needed)
    assert alarmed.alarmed_at == START + timedelta(minutes=49 + needed)
    assert alarmed.since == START + timedelta(minutes=50)
    assert (alarmed.since_bad, alarmed.since_total) == (needed, needed)


def test_results_of_one_cluster_weigh_as_one_however_many() -> None:
    track = None
    for _ in range(1000):
        track = weighed(track, results(1, 1, cluster="same minute"), BANK, 3)
    assert track.scores == after([1]).scores
    assert track.alarmed_at is None


def test_a_mixed_cluster_weighs_the_mean_in_whatever_order() -> None:
    one = weighed(weighed(None, results(1, 1, cluster="c"), BANK, 3), results(1, 0, cluster="c"), BANK, 3)
    two = weighed(weighed(None, results(1, 0, cluster="c"), BANK, 3), results(1, 1, cluster="c"), BANK, 3)
    three = weighed(None, results(1, 1, 2, cluster="c"), BANK, 3)
    assert one.scores == pytest.approx(two.scores)
    assert one.scores == pytest.approx(three.scores)
    assert one.healthy == two.healthy == (1, 1)


def test_no_alarm_before_enough_different_seeds_were_bad() -> None:
    one = {"seeds": frozenset({"s1"}), "seeds_needed": 2}
    track = after([1] * 50, **one)
    assert track.alarmed_at is None
    for n in range(12):
        assert track.alarmed_at is None  # once in a while any other seed is bad as well
        track = weighed(track, results(51 + n, 1, seeds=frozenset({"s2"}), seeds_needed=2), BANK, 3)
    assert weighed(track, results(63, 1, seeds=frozenset({"s2"}), seeds_needed=2), BANK, 3).alarmed_at is not None


def test_an_alarm_ends_after_enough_good_clusters_and_a_bad_one_costs_some_of_them() -> None:
    alarmed = after([1] * 6)
    assert after([0] * 5, alarmed, 10).alarmed_at is not None
    well = after([0] * 6, alarmed, 10)
    assert (well.alarmed_at, well.since, max(well.scores), well.recovery) == (None, None, 0, (0, 0))
    dented = after([0] * 5 + [1] + [0] * 4, alarmed, 10)
    assert dented.alarmed_at is not None
    assert after([0], dented, 20).alarmed_at is None  # ten good ones and a bad one, five after it
    same = weighed(weighed(alarmed, results(20, cluster="c"), BANK, 3), results(20, cluster="c"), BANK, 3)
    assert (same.good_run, same.recovery) == (1, (0, 1))


def test_the_baseline_rises_with_a_steadily_bad_rate_and_is_not_learnt_from_faults() -> None:
    draw = random.Random(3)
    noisy = None
    for n in range(3000):
        noisy = weighed(noisy, results(n, int(draw.random() < 0.08)), BANK, 3)
    assert noisy.level >= 1
    assert noisy.alarmed_at is None
    healthy = after([0] * (2 * BASELINE_CLUSTERS))
    assert after([1] * 50, healthy, 1000).healthy == healthy.healthy
    assert after([1] * 6 + [0] * 10).level == 0


def test_a_void_keeps_counts_and_alarm_and_begins_the_test_anew() -> None:
    track = voided(after([0, 1, 1]))
    assert (max(track.scores), track.since, read(track.tally, track.tally.bucket)) == (0, None, (2, 3))
    alarmed = voided(after([1] * 6 + [0]))
    assert alarmed.alarmed_at is not None
    assert alarmed.good_run == 0


def test_what_is_only_counted_is_not_tested() -> None:
    track = tallied(tallied(None, results(1, 1)), results(2))
    assert (track.scores, track.last_bad_at) == ((), START + timedelta(minutes=1))
    assert tallied(after([1]), results(5, 1)).scores == after([1]).scores
    counted_first = weighed(track, results(3, 1), BANK, 3)
    assert counted_first.scores == after([1]).scores
    assert read(counted_first.tally, counted_first.tally.bucket) == (2, 3)


def test_counts_expire_after_the_evidence_lifetime() -> None:
    tally = None
    for hour in range(100):
        tally = count(tally, hour, 1, 2)
    assert read(tally, 99) == (BUCKETS, 2 * BUCKETS)
    assert read(tally, 99 + BUCKETS) == (0, 0)
    assert count(tally, 3, 1, 1).bucket == 99
    assert isinstance(tally, Tally)
    assert len(tally.older) <= BUCKETS
