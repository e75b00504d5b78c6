"""When rounds close, and what is compared in them."""

from dataclasses import replace

from probes.observation import Signal
from service.decision.failover import Stay
from tests.core.story import DOWN, POLICY, A, B, C, Story


def counted(story: Story, provider: str, signal: Signal = Signal.PLACEMENT, receiver: str = "gmail") -> tuple[int, int]:
    found = story.health(provider, receiver).signals.get(signal)
    return (found.bad, found.total) if found else (0, 0)


def test_a_complete_round_closes_at_once() -> None:
    story = Story()
    story.round({A: "spam"})
    assert story.state.rounds == {}
    assert counted(story, A) == (2, 2)
    assert counted(story, B) == (0, 2)


def test_nothing_is_judged_while_a_round_is_open() -> None:
    story = Story()
    story.round({A: "spam"}, only=(A, B))
    assert len(story.state.rounds) == 3
    assert counted(story, A) == (0, 0)


def test_a_round_that_not_all_took_part_in_closes_when_nothing_more_comes() -> None:
    story = Story()
    story.round({A: "spam"}, only=(A, B))
    story.wait(89).session(C)
    assert len(story.state.rounds) == 3
    story.wait(2).notice("control", ok="yes")
    assert story.state.rounds == {}
    assert counted(story, A) == (2, 2)


def test_a_round_of_one_seed_closes_too() -> None:
    story = Story()
    story.round(seeds=("gmail-1",))
    story.wait(100).session(A)
    assert (story.state.rounds, counted(story, A)) == ({}, (0, 1))


def test_a_round_without_authentication_closes_after_a_moment() -> None:
    story = Story()
    story.round(authenticated=False)
    assert len(story.state.rounds) == 3
    story.wait(10).session(A)
    assert story.state.rounds == {}


def test_a_round_closes_by_its_deadline_with_what_is_known() -> None:
    story = Story()
    word = {"round": "r", "seed": "gmail-1", "receiver": "gmail"}
    for provider in (A, B, C):
        story.observe(provider, Signal.ACCEPTANCE, **word)
    story.wait(5)
    story.observe(B, Signal.ARRIVAL, **word)
    story.observe(B, Signal.PLACEMENT, **word)
    story.wait(POLICY.round_deadline_seconds).session(A)
    assert len(story.state.rounds) == 1
    story.wait(30).session(A)
    assert story.state.rounds == {}
    assert counted(story, B) == (0, 1)
    assert counted(story, A, Signal.ARRIVAL) == (0, 0)


def test_what_comes_after_its_round_has_closed_is_too_late() -> None:
    story = Story()
    story.round({A: "spam"})
    story.observe(A, Signal.PLACEMENT, False, round="round1", seed="gmail-1", receiver="gmail")
    assert (story.state.rounds, counted(story, A)) == ({}, (2, 2))


def test_a_bad_result_without_any_to_compare_it_with_stays_open() -> None:
    story = Story()
    story.round({A: "spam", B: DOWN, C: DOWN})
    assert counted(story, A) == (0, 0)
    assert story.wanted() == () or story.wanted()[0].kind == "session"


def test_a_good_result_counts_though_the_others_were_refused() -> None:
    story = Story()
    story.round({B: DOWN, C: DOWN})
    assert counted(story, A) == (0, 2)


def test_overdue_is_told_before_arrival_and_counts_as_late() -> None:
    story = Story()
    word = {"round": "r", "seed": "gmail-1", "receiver": "gmail"}
    for provider in (A, B, C):
        story.observe(provider, Signal.ACCEPTANCE, **word)
    story.observe(A, Signal.LATENCY, False, value=60.0, **word)
    for provider in (A, B, C):
        story.observe(provider, Signal.ARRIVAL, **word)
        story.observe(provider, Signal.PLACEMENT, **word)
        if provider != A:
            story.observe(provider, Signal.LATENCY, **word)
    story.wait(100).session(A)
    assert counted(story, A, Signal.LATENCY) == (1, 1)
    assert counted(story, B, Signal.LATENCY) == (0, 1)


def test_a_missing_probe_is_not_late_as_well() -> None:
    story = Story()
    word = {"round": "r", "seed": "gmail-1", "receiver": "gmail"}
    story.observe(A, Signal.LATENCY, False, value=60.0, **word)
    story.observe(A, Signal.ARRIVAL, False, **word)
    for signal in (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY):
        story.observe(B, signal, **word)
    story.wait(100).session(A)
    assert counted(story, A, Signal.ARRIVAL) == (1, 1)
    assert counted(story, A, Signal.LATENCY) == (0, 0)


def test_observations_that_name_no_round_seed_or_receiver_are_passed_over() -> None:
    story = Story()
    story.observe(A, Signal.PLACEMENT, False, seed="gmail-1", receiver="gmail")
    story.observe(A, Signal.PLACEMENT, False, round="r", receiver="gmail")
    story.observe(A, Signal.PLACEMENT, False, round="r", seed="gmail-1")
    assert story.state.providers == {}


def test_seeds_of_a_receiver_that_is_not_configured_are_closed_by_time() -> None:
    story = Story()
    for provider in POLICY.providers:
        for signal in (Signal.ARRIVAL, Signal.PLACEMENT, Signal.LATENCY, Signal.AUTHENTICATION):
            story.observe(provider, signal, round="r", seed="s", receiver="elsewhere")
    story.wait(10).session(A)
    assert story.state.rounds == {}


def test_old_evidence_of_a_round_starts_its_test_anew() -> None:
    story = Story()
    story.round({A: "spam"})
    assert story.health(A).signals[Signal.PLACEMENT].score_ratio > 0.3
    story.wait(POLICY.evidence_lifetime_seconds + 60).round({(A, "gmail-1"): "spam"})
    assert story.health(A).signals[Signal.PLACEMENT].score_ratio < 0.3


def test_old_evidence_of_session_checks_starts_their_test_anew() -> None:
    story = Story()
    for _ in range(3):
        story.wait(60).sweep({A: {"category": "rate", "stage": "mail"}})
        story.wait(2).sweep(confirmation=True)
    high = story.health(A).signals[Signal.SESSION].score_ratio
    story.wait(POLICY.evidence_lifetime_seconds + 60).sweep({A: {"category": "rate", "stage": "mail"}})
    assert story.health(A).signals[Signal.SESSION].score_ratio < high


def test_providers_that_left_the_policy_are_passed_over() -> None:
    story = Story()
    story.session("gone")
    story.round(only=(*POLICY.providers, "gone"))
    assert set(story.state.providers) == set(POLICY.providers)
    story.policy = replace(POLICY, providers=(A, B), seeds=POLICY.seeds[:2])
    story.notice("policy", hash="x")
    assert set(story.state.providers) == {A, B}
    assert {where for where, _ in story.state.providers[A].tracks} == {"*", "gmail"}


def test_suspicion_asks_for_one_receiver_or_for_all() -> None:
    story = Story().warm()
    story.round({(A, "yahoo"): "spam"})
    assert [(w.kind, w.receiver) for w in story.wanted()] == [("message", "yahoo")]
    assert "yahoo" in story.wanted()[0].reason
    assert story.health(A).evidence[0].receiver == "yahoo"
    story.round({(A, "yahoo"): "spam", (A, "gmail"): "spam"})
    assert [(w.kind, w.receiver) for w in story.wanted()] == [("message", None)]


def test_suspicion_asks_for_no_round_while_one_is_open_there() -> None:
    story = Story().warm()
    story.round({(A, "yahoo"): "spam"})
    story.round(receiver="yahoo", only=(A,), confirmation=True)
    assert story.wanted() == ()


def test_a_good_confirmation_ends_a_suspicion_of_placement() -> None:
    story = Story().warm()
    story.round({(A, "yahoo"): "spam", (A, "gmail"): "spam"})
    assert (story.status(A), story.status(A, "gmail"), story.status(A, "microsoft")) == (
        "suspect",
        "suspect",
        "healthy",
    )
    story.round(receiver="gmail", confirmation=True)
    assert story.status(A, "gmail") == "healthy"
    story.round(receiver="yahoo", confirmation=True)
    assert story.status(A) == "healthy"


def test_a_suspicion_of_placement_buys_two_rounds_and_no_more() -> None:
    story = Story(policy=replace(POLICY, false_moves_per_year=0.001)).warm()
    fates = {(A, "yahoo-1"): "spam"}
    story.round(fates)
    assert story.confirm(fates=fates) == 2
    assert story.status(A) == "suspect"
    assert isinstance(story.decide(), Stay)
    story.wait(600).round(fates)
    assert story.confirm(fates=fates) == 2


def test_a_bad_confirmation_that_nobody_asked_for_opens_a_suspicion_without_budget() -> None:
    story = Story().warm()
    story.round({(A, "yahoo"): "spam"}, confirmation=True)
    assert story.status(A) == "suspect"
    assert story.wanted() == ()


def test_each_round_closes_at_its_own_time() -> None:
    story = Story()
    story.round(seeds=("gmail-1",), only=(A, B))
    story.wait(60).round(seeds=("yahoo-1",), only=(A, B))
    story.wait(40).session(A)
    assert [receiver for _, receiver in story.state.rounds] == ["yahoo"]
    story.wait(60).session(A)
    assert story.state.rounds == {}
