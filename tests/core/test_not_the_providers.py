"""Faults that are no provider's, and installations with one or two providers."""

from dataclasses import replace

import pytest

from service.decision.failover import Stay
from service.decision.policy import Policy
from service.decision.route import simple_route
from tests.core.story import DOWN, POLICY, SEEDS, SUSPENDED, TEMPFAIL, A, B, Story


def answer(category: str, stage: str, text: str = "no", temporary: bool = False) -> dict:
    return {"category": category, "stage": stage, "temporary": temporary, "rule": f"{category}-rule", "text": text}


@pytest.mark.parametrize("fate", ["missing", "unsearchable", "late", "spam"])
def test_one_seed_that_fails_for_all_moves_nothing(fate: str) -> None:
    story = Story().warm()
    for _ in range(8):
        story.round({"gmail-1": fate})
        story.wait(600).sweep()
        assert story.wanted() == ()
    assert isinstance(story.decide(), Stay)
    assert {story.status(p, "gmail") for p in POLICY.providers} == {"healthy"}
    if fate != "unsearchable":
        assert any("gmail-1" in n.sentence for n in story.state.context.notes.values())


@pytest.mark.parametrize("fate", ["missing", "spam"])
def test_one_seed_that_fails_for_one_provider_moves_nothing(fate: str) -> None:
    story = Story().warm()
    for _ in range(20):
        story.round({(A, "gmail-1"): fate})
        story.confirm(fates={(A, "gmail-1"): fate})
        story.wait(600).sweep()
    assert isinstance(story.decide(), Stay)


def test_a_suppressed_seed_is_a_recipient_fault() -> None:
    story = Story().warm()
    refusal = answer("recipient", "rcpt", "550 on the suppression list")
    for _ in range(8):
        story.round({(A, "gmail-1"): refusal})
        story.wait(600).sweep()
    assert story.status(A) == "healthy"
    assert "gmail-1" in next(iter(story.state.context.notes.values())).sentence


@pytest.mark.parametrize("control", [None, "no"])
@pytest.mark.parametrize("stage", ["dns", "connect", "tls"])
def test_all_providers_out_of_reach_at_once_is_our_own_network(control: str | None, stage: str) -> None:
    story = Story().warm()
    says = answer("tls" if stage == "tls" else "network", stage, "time-out", temporary=True)
    for _ in range(5):
        if control:
            story.notice("control", ok=control)
        story.sweep(dict.fromkeys(POLICY.providers, says))
        stay = story.decide()
        assert isinstance(stay, Stay)
        assert (stay.rule, stay.alert) == ("local-fault", True)
        assert "our own network" in stay.reason
        assert story.wanted() == ()
        story.wait(60)
    story.sweep()
    assert {story.status(p) for p in POLICY.providers} == {"healthy"}
    assert isinstance(story.decide(), Stay)


def test_all_out_of_reach_though_the_control_check_passes_is_blamed_on_all_and_stays() -> None:
    story = Story().warm()
    for _ in range(4):
        story.notice("control", ok="yes")
        story.sweep(dict.fromkeys(POLICY.providers, DOWN))
        story.wait(5)
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert) == ("no-better-provider", True)
    assert {story.status(p) for p in POLICY.providers} == {"degraded"}


def test_a_local_fault_ends_when_the_control_check_passes_again() -> None:
    story = Story().warm()
    story.sweep(dict.fromkeys(POLICY.providers, DOWN))
    assert story.decide().rule == "local-fault"
    story.wait(1).notice("control", ok="yes")
    assert story.decide().rule == "healthy"


def test_a_local_fault_ends_when_any_relay_answers_even_with_a_refusal() -> None:
    story = Story().warm()
    story.sweep(dict.fromkeys(POLICY.providers, DOWN))
    story.wait(60).session(B, TEMPFAIL)
    assert story.decide().rule == "healthy"
    assert story.status(B) == "suspect"


def test_one_provider_out_of_reach_is_its_own_fault_though_the_control_check_fails() -> None:
    story = Story().warm()
    story.notice("control", ok="no")
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert story.decide().route.active == B


def test_a_relay_that_answers_no_proves_the_network_of_one_that_does_not_answer() -> None:
    policy = replace(POLICY, providers=(A, B))
    story = Story(policy=policy).warm()
    faults = {A: DOWN, B: SUSPENDED}
    for _ in range(4):
        story.sweep(faults)
        story.wait(5)
    assert {story.status(A), story.status(B)} == {"degraded"}
    assert story.decide().rule == "no-better-provider"


def test_a_clock_jump_begins_the_running_tests_anew() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    story.wait(-3600).notice("clock_jump", seconds="-3600")
    assert story.status(A) == "unknown"
    story.sweep({A: DOWN})
    story.wait(2).sweep({A: DOWN})
    assert isinstance(story.decide(), Stay)
    story.wait(2).sweep({A: DOWN})
    assert story.decide().route.active == B


def test_a_bad_recipient_counts_against_nobody() -> None:
    story = Story().warm()
    refusal = answer("recipient", "rcpt", "550 5.1.1 no such user")
    for _ in range(10):
        story.sweep({A: refusal})
        story.live(A, refusal, count=50)
        story.wait(60)
    assert story.status(A) == "healthy"
    assert story.wanted() == ()


@pytest.mark.parametrize("category", ["content", "size", "config"])
def test_bad_content_and_our_own_configuration_count_against_nobody(category: str) -> None:
    story = Story().warm()
    for _ in range(10):
        story.round({A: answer(category, "end-of-data")})
        story.live(A, answer(category, "end-of-data"))
        story.wait(600).sweep()
    assert story.status(A) == "healthy"
    assert len(story.state.context.notes) >= 1


@pytest.mark.parametrize("category", ["sender", "policy", "reputation", "unknown"])
def test_live_mail_refused_for_what_may_be_its_own_fault_counts_against_nobody(category: str) -> None:
    story = Story().warm()
    for _ in range(10):
        story.live(A, answer(category, "mail"), count=100)
        story.wait(60)
    assert story.wanted() == ()
    assert story.health(A).severity == "none"


def test_a_message_that_every_provider_refuses_is_the_message_s_fault() -> None:
    story = Story().warm()
    for _ in range(5):
        story.sweep(dict.fromkeys(POLICY.providers, answer("reputation", "mail", "550 domain listed")))
        story.wait(60)
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert) == ("message", True)
    assert "550 domain listed" in stay.reason
    assert {story.status(p) for p in POLICY.providers} == {"healthy"}


def test_spam_through_every_provider_at_once_is_content_or_domain_and_moves_nothing() -> None:
    story = Story().warm()
    for _ in range(6):
        story.round(dict.fromkeys(POLICY.providers, "spam"))
        story.wait(600).sweep()
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert) == ("message", True)
    assert "content or sending domain" in stay.reason
    story.round()
    assert story.decide().rule == "healthy"


def test_a_receiver_that_loses_mail_of_all_is_named() -> None:
    story = Story().warm()
    story.round({"gmail": "missing"})
    assert any("gmail's doing" in n.sentence for n in story.state.context.notes.values())
    assert isinstance(story.decide(), Stay)


# One and two providers.


def test_one_provider_only_alerts() -> None:
    story = Story(policy=Policy(providers=(A,), seeds=SEEDS), route=Story().route)
    story.warm()
    for _ in range(3):
        story.round({A: "spam"})
        story.wait(60)
    stay = story.decide()
    assert isinstance(stay, Stay)
    assert (stay.rule, stay.alert, story.status(A)) == ("no-better-provider", True, "degraded")
    assert "there is no other provider" in stay.reason
    assert "other providers'" not in stay.reason


def test_one_provider_out_of_reach_is_local_only_when_the_control_check_fails() -> None:
    story = Story(policy=Policy(providers=(A,), seeds=SEEDS)).warm()
    story.notice("control", ok="no")
    story.sweep({A: DOWN})
    assert story.decide().rule == "local-fault"
    story.wait(60).sweep()
    for _ in range(3):
        story.wait(60).sweep({A: DOWN})
    assert story.status(A) == "degraded"


def test_two_providers_move_and_stay_when_both_are_bad() -> None:
    story = Story(policy=replace(POLICY, providers=(A, B)), route=simple_route(A, B)).warm()
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    assert story.apply().route.providers == (B,)
    story.wait(60)
    story.sweep({A: SUSPENDED, B: TEMPFAIL})
    story.confirm({A: SUSPENDED, B: TEMPFAIL})
    assert story.decide().rule == "no-better-provider"
