"""The chains that the benchmark of detection rests on, against closed forms, elimination and simulation."""

import random

import pytest

from service.decision.arl import average_run_length, steps_on_lattice, threshold_for
from service.decision.calibration import DEPTHS
from tests.bench.chain import cusums, ewma, in_a_row, of_last
from tests.bench.detection import HEALTHY, MOST_RATIO, RATES, bank, best_single

UPS = tuple(steps_on_lattice(HEALTHY, HEALTHY + (1 - HEALTHY) * depth)[0] for depth, _ in DEPTHS)


def solved(chain, bad_rate):
    """Return the mean by plain elimination of the whole linear system."""
    size = len(chain.moves)
    rows = [[0.0] * size + [1.0] for _ in range(size)]
    for number, (good, bad) in enumerate(chain.moves):
        rows[number][number] += 1
        for to, part in ((good, 1 - bad_rate), (bad, bad_rate)):
            if to >= 0:
                rows[number][to] -= part
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, size):
            if rows[r][i]:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    found = [0.0] * size
    for i in reversed(range(size)):
        found[i] = (rows[i][-1] - sum(rows[i][j] * found[j] for j in range(i + 1, size))) / rows[i][i]
    return found[0]


@pytest.mark.parametrize("bad_rate", [0.02, 0.1, 0.5])
def test_runs_have_a_closed_form(bad_rate):
    for needed in (2, 3, 5):
        closed = sum(bad_rate**-n for n in range(1, needed + 1))
        assert in_a_row(needed).mean(bad_rate) == pytest.approx(closed, rel=1e-6)


@pytest.mark.parametrize("bad_rate", [0.05, 0.3])
def test_the_renewal_sum_equals_the_solution_of_the_whole_system(bad_rate):
    for chain in (of_last(3, 5), cusums((5, 2), (14, 7)), cusums((3,), (11,)), ewma(0.2, 0.5, steps=40)):
        assert chain.mean(bad_rate) == pytest.approx(solved(chain, bad_rate), rel=1e-5)


def test_the_bank_equals_simulation():
    ups, thresholds, draw, steps = (5, 2), (14, 7), random.Random(5), 0
    for _ in range(2000):
        scores = (0, 0)
        while all(s < h for s, h in zip(scores, thresholds, strict=True)):
            steps += 1
            bad = draw.random() < 0.1
            scores = tuple(s + u if bad else max(0, s - 1) for s, u in zip(scores, ups, strict=True))
    assert cusums(ups, thresholds).mean(0.1) == pytest.approx(steps / 2000, rel=0.08)


@pytest.mark.parametrize("run_length", [2e4, 1.3e5])
def test_the_run_length_that_thresholds_are_made_from_is_exact(run_length):
    for up in UPS:
        threshold = threshold_for(HEALTHY, up, run_length)
        exact = cusums((up,), (threshold,)).mean(HEALTHY)
        assert average_run_length(HEALTHY, up, threshold) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("run_length", [2e4, 1.3e5, 1.2e7])
def test_the_union_bound_keeps_to_its_promise_and_the_bank_is_quick(run_length):
    thresholds = tuple(threshold_for(HEALTHY, up, run_length / part) for up, (_, part) in zip(UPS, DEPTHS, strict=True))
    assert cusums(UPS, thresholds).mean(HEALTHY) >= run_length
    one = bank(HEALTHY, run_length)
    length = one.mean(HEALTHY)
    assert run_length <= length < 2 * run_length
    for rate in (RATES[0], RATES[-1]):
        assert one.mean(rate) <= MOST_RATIO * best_single(HEALTHY, length, rate)


def test_it_is_quicker_than_what_others_do():
    for other in (in_a_row(3), of_last(3, 5)):
        one = bank(HEALTHY, other.mean(HEALTHY))
        assert all(one.mean(rate) < other.mean(rate) for rate in RATES)
