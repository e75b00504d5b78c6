"""How alarms end: the test of recovery against exact Markov chains, and what it does to statuses and sentences."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.observation import Signal
from service.decision.calibration import Bank, Depth, calibrate
from service.decision.evidence import Results, Track, voided, weighed
from service.decision.explain import explain
from service.decision.failover import Stay
from service.decision.fold import step
from service.decision.recovery import CHANCE, climbed, clusters_needed, recovered
from service.decision.state import state_from_json, state_to_json
from service.decision.tally import bucket_of
from tests.core.story import DOWN, POLICY, START, TEMPFAIL, A, Story

LEAST = POLICY.failback_rounds
BANKS = {signal: calibrate(POLICY)["*", signal] for signal in (Signal.SESSION, Signal.LIVE, Signal.PLACEMENT)}
BANK = BANKS[Signal.PLACEMENT]
DEPTHS = [d for bank in BANKS.values() for level in bank.levels for d in level]


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    rows, size = [[*row, value] for row, value in zip(matrix, right, strict=True)], len(right)
    for i in range(size):
        best = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[best] = rows[best], rows[i]
        for r in range(size):
            if r != i and rows[r][i]:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [rows[i][-1] / rows[i][i] for i in range(size)]


def chain(depth: Depth, least: int = LEAST) -> tuple[int, int]:
    """Return (good clusters needed, how many of them a bad one takes away)."""
    return clusters_needed(depth, least), round(depth.bad / -depth.good)


def chance_of_a_climb(depth: Depth, bad_rate: float, least: int = LEAST) -> float:
    """Return the exact probability that a climb from zero ends the alarm before the count is at zero again."""
    needed, down = chain(depth, least)
    matrix = [[float(i == j) for j in range(needed + 1)] for i in range(needed + 1)]
    for at in range(1, needed):
        matrix[at][at + 1] -= 1 - bad_rate
        if at > down:
            matrix[at][at - down] -= bad_rate
    return (1 - bad_rate) * solved(matrix, [0.0] * needed + [1.0])[1]


def mean_clusters(needed: int, down: int, bad_rate: float) -> float:
    """Return the exact mean number of clusters until the alarm ends."""
    matrix = [[float(i == j) for j in range(needed)] for i in range(needed)]
    for at in range(needed):
        if at + 1 < needed:
            matrix[at][at + 1] -= 1 - bad_rate
        matrix[at][max(0, at - down)] -= bad_rate
    return solved(matrix, [1.0] * needed)[0]


def results(n: int, bad: int = 0, total: int = 1, cluster: str | None = None) -> Results:
    at = START + timedelta(minutes=n)
    return Results(at=at, bucket=bucket_of(at, 86400), cluster=cluster or str(n), bad=bad, total=total)


def after(outcomes: list[int], track: Track | None = None, start: int = 0, bank: Bank = BANK) -> Track:
    for n, bad in enumerate(outcomes, start):
        track = weighed(track, results(n, bad), bank, LEAST)
    return track


ALARMED = after([1] * 6)


@pytest.mark.parametrize("least", [1, LEAST])
@pytest.mark.parametrize("depth", DEPTHS, ids=lambda d: f"{d.tested_rate:.3f}")
def test_a_provider_that_still_fails_at_the_tested_rate_ends_an_alarm_by_a_climb_as_seldom_as_wald_says(
    depth: Depth, least: int
) -> None:
    exact = chance_of_a_climb(depth, depth.tested_rate, least)
    assert 0 < exact <= CHANCE
    assert chance_of_a_climb(depth, min(0.99, depth.tested_rate * 1.2), least) < exact
    assert mean_clusters(*chain(depth, least), depth.tested_rate) >= 1 / CHANCE


def test_one_good_cluster_less_would_be_too_few() -> None:
    depth = BANK.levels[0][-1]
    needed, down = chain(depth, 1)
    assert (1 - depth.tested_rate) ** (needed - 1) / 0.95 ** (needed - 1) > CHANCE
    assert down > 1


@pytest.mark.parametrize("bad_rate", [0.01, 0.05, 0.12])
@pytest.mark.parametrize("depth", [level[-1] for level in BANK.levels[:3]], ids=lambda d: f"{d.tested_rate:.3f}")
def test_after_a_deep_fault_nobody_waits_longer_than_for_as_many_in_a_row(depth: Depth, bad_rate: float) -> None:
    needed, down = chain(depth)
    in_a_row = (1 - (1 - bad_rate) ** needed) / (bad_rate * (1 - bad_rate) ** needed)
    assert mean_clusters(needed, down, bad_rate) <= in_a_row * (1 + 1e-9)


def test_the_count_equals_the_chain_for_a_provider_with_a_steady_spam_rate() -> None:
    depth, draw, took = BANK.levels[0][-1], random.Random(5), []
    for _ in range(2000):
        track, n = ALARMED, 0
        while track.alarmed_at is not None:
            n += 1
            track = weighed(track, results(10 + n, int(draw.random() < 0.12)), BANK, LEAST)
        took.append(n)
    assert sum(took) / len(took) == pytest.approx(mean_clusters(*chain(depth), 0.12), rel=0.06)


def test_an_alarm_of_a_small_rise_needs_more_good_clusters_than_one_of_a_total_loss() -> None:
    healthy = after([0] * 200)
    small = after([1, 0, 0, 0, 0] * 20, healthy, 300)
    total = after([1] * 8, healthy, 300)
    assert None not in (small.alarmed_at, total.alarmed_at)
    assert BANK.levels[0][small.depth].tested_rate < BANK.levels[0][total.depth].tested_rate
    needed = clusters_needed(BANK.levels[0][small.depth], LEAST)
    assert needed > 2 * clusters_needed(BANK.levels[0][total.depth], LEAST)
    rest = needed - ceil(small.recovery[1])
    assert after([0] * (rest - 1), small, 400).alarmed_at is not None
    assert after([0] * (rest + 1), small, 400).alarmed_at is None


def test_failures_for_a_year_do_not_lengthen_the_way_back() -> None:
    assert after([0] * 6, after([1] * 9000, ALARMED, 10), 9100).alarmed_at is None


def test_at_least_as_many_good_clusters_are_needed_as_configured() -> None:
    depth = BANK.levels[0][-1]
    assert clusters_needed(depth, 1) == 6
    assert clusters_needed(depth, 50) == 50
    assert not recovered(49.0, depth, 50)


@given(
    marks=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60),
    depth=st.sampled_from(DEPTHS),
    cut=st.integers(0, 60),
)
@settings(max_examples=100, deadline=None)
def test_better_results_never_lead_to_less(marks: list[tuple[bool, bool]], depth: Depth, cut: int) -> None:
    well = better = 0.0
    for bad, mended in marks:
        well, better = climbed(well, float(bad), depth), climbed(better, float(bad and not mended), depth)
        assert better >= well >= 0
    more = climbed(well, 0.0, depth)
    assert more == well + 1
    assert climbed(well, cut / 60, depth) <= more


@given(outcomes=st.lists(st.sampled_from(("good", "bad", "mixed", "void")), max_size=50), cut=st.integers(0, 50))
@settings(max_examples=50, deadline=None)
def test_a_recovery_taken_up_from_storage_goes_on_as_if_nothing_had_been(outcomes: list[str], cut: int) -> None:
    story = Story().warm()
    story.round({A: "spam"})
    story.confirm(fates={A: "spam"})
    for what in outcomes[:4]:
        story.wait(60)
        if what == "void":
            story.notice("gap")
        else:
            story.round({} if what == "good" else {A: "spam"} if what == "bad" else {(A, "gmail-1"): "spam"})
    whole, facts = story.state, story.facts
    cut = len(facts) - min(len(facts), cut)
    state = Story().state
    for n, fact in enumerate(facts):
        state = step(state, fact, POLICY)
        if n == cut:
            state = state_from_json(state_to_json(state))
    assert state == whole


def test_a_void_begins_the_recovery_anew_and_keeps_what_the_alarm_is_for() -> None:
    half = after([0] * 3, ALARMED, 10)
    assert half.recovery[1] == 3
    gap = voided(half)
    assert (gap.alarmed_at, gap.depth, gap.recovery) == (half.alarmed_at, half.depth, (0, 0))
    assert after([0] * 5, gap, 20).alarmed_at is not None
    assert after([0] * 6, gap, 20).alarmed_at is None


def test_a_mixed_cluster_counts_the_mean_whatever_the_order() -> None:
    one = weighed(weighed(ALARMED, results(9, 1, cluster="c"), BANK, LEAST), results(9, 0, 9, cluster="c"), BANK, LEAST)
    two = weighed(weighed(ALARMED, results(9, 0, 9, cluster="c"), BANK, LEAST), results(9, 1, cluster="c"), BANK, LEAST)
    down = chain(BANK.levels[0][-1])[1]
    assert one.recovery == pytest.approx(two.recovery)
    assert one.recovery[1] == pytest.approx(0.9 - 0.1 * down)


def spoilt() -> Story:
    story = Story().warm()
    story.round({A: "spam"})
    story.confirm(fates={A: "spam"})
    story.apply()
    return story


def test_health_and_explain_say_how_far_a_recovery_has_come() -> None:
    story = spoilt()
    story.wait(3600).sweep()
    story.round(receiver="gmail")
    story.round(receiver="gmail")
    assert story.status(A, "gmail") == "recovering"
    health = story.health(A, "gmail")
    assert (health.good_run, health.good_needed) == (2, 6)
    assert "; recovering, 2 of about 6 good rounds" in health.reason
    told = explain(story.state, story.route, story.policy, story.now)
    assert any(f"would make {A} healthy again." in s and s.startswith("About ") for s in told.would_change)


def test_one_bad_round_on_the_way_back_does_not_begin_it_anew() -> None:
    story = spoilt()
    for receiver in (None, "gmail", "microsoft"):
        story.wait(3600).sweep()
        story.round(receiver=receiver)
    assert story.state.providers[A].tracks["*", Signal.PLACEMENT].recovery[1] == 5
    story.wait(3600).sweep()
    story.round({A: "spam"}, receiver="yahoo")
    assert story.state.providers[A].tracks["*", Signal.PLACEMENT].recovery[1] == pytest.approx(1)


def test_probes_that_fail_speak_against_the_recovery_of_live_mail_as_those_that_pass_speak_for_it() -> None:
    story = Story().warm()
    for _ in range(30):
        story.wait(60).sweep()
        story.live(A, TEMPFAIL, count=40)
        story.live(A, count=60)
        story.confirm()
    live = ("*", Signal.LIVE)
    assert story.state.providers[A].tracks[live].alarmed_at is not None
    before = story.state.providers[A].tracks[live]
    story.wait(30).sweep()
    assert story.state.providers[A].tracks[live].recovery == before.recovery  # it carries live mail itself
    for _ in range(4):
        story.wait(60).sweep()
    climbing = story.state.providers[A].tracks[live]
    assert climbing.recovery[1] == before.recovery[1] + 4
    assert climbing.tally == before.tally
    story.wait(60).sweep({A: DOWN})
    assert story.state.providers[A].tracks[live].recovery[1] < climbing.recovery[1]
    for _ in range(6):
        story.wait(60).sweep()
    assert story.state.providers[A].tracks[live].alarmed_at is None


@pytest.mark.parametrize("scores", [[9.0, 3.0, 40.0], [0.5], [0.0, 0.0, 7.0, 1.0]])
@pytest.mark.parametrize("alarmed", [True, False])
def test_what_another_bank_tested_is_taken_over_without_its_scores(scores: list[float], alarmed: bool) -> None:
    story = spoilt() if alarmed else Story().warm()
    plain = json.loads(state_to_json(story.state))
    for _, provider in plain["providers"]:
        for _, track in provider["tracks"]:
            if "scores" in track:
                track |= {"scores": scores, "base": scores}
            track.pop("depth", None)
            track.pop("recovery", None)
    story.state = state_from_json(json.dumps(plain))
    health = story.health(A)
    assert health.signals[Signal.PLACEMENT].score_ratio == 0
    assert (health.status == "degraded") is alarmed
    assert explain(story.state, story.route, story.policy, story.now).healths
    assert isinstance(story.decide(), Stay)
    story.wait(60).sweep()
    story.round()
    track = story.state.providers[A].tracks["*", Signal.PLACEMENT]
    assert len(track.scores) == len(BANK.levels[0])
    assert not any(track.scores)
    assert (track.alarmed_at is not None) is alarmed
    assert story.health(A).signals[Signal.PLACEMENT].score_ratio == 0
    for _ in range(6):
        story.wait(60).sweep()
        story.round()
    assert story.status(A) == "healthy"


def test_a_track_of_another_bank_keeps_its_baseline() -> None:
    learnt = replace(after([0] * 300), scores=(0.0,) * 3, base=(0.0,) * 3, level=9)
    taken = weighed(learnt, results(400), BANK, LEAST)
    assert taken.healthy == (0, 301)
    assert taken.level == len(BANK.levels) - 1
