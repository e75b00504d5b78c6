"""Every fault that facts can tell: what is blamed, and where mail goes."""

import pytest

from probes.observation import Signal
from service.decision.failover import Stay, Switchover
from service.decision.health import Status
from tests.core.story import DOWN, SUSPENDED, TEMPFAIL, A, B, C, Story


def answer(category: str, stage: str, text: str = "no", temporary: bool = False) -> dict:
    return {"category": category, "stage": stage, "temporary": temporary, "rule": f"{category}-rule", "text": text}


AFTER_DATA = answer("provider-temp", "end-of-data", "451 try later", temporary=True)

# What every session check and submission through the provider answers -> confirmations needed.
REFUSING = {
    "down": (DOWN, 2),
    "blackhole": (answer("network", "connect", "time-out", temporary=True), 2),
    "greet421": (answer("provider-temp", "banner", "421 busy", temporary=True), 2),
    "tarpit": (answer("network", "ehlo", "time-out", temporary=True), 2),
    "auth535": (answer("auth", "auth", "535 5.7.8 bad credentials"), 1),
    "quota": (answer("quota", "auth", "550 out of credits"), 1),
    "suspended": (SUSPENDED, 1),
    "sender_unverified": (answer("sender", "mail", "550 sender not verified"), 1),
    "tempfail": (TEMPFAIL, 2),
    "ratelimit": (answer("rate", "mail", "450 slow down", temporary=True), 2),
    "tls_expired": (answer("tls", "tls", "certificate has expired"), 2),
    "tls_stripped": (answer("tls", "tls", "STARTTLS not offered"), 2),
    "policy": (answer("policy", "mail", "550 5.7.1 policy"), 2),
    "unclassified": (answer("unknown", "mail", "599 what"), 2),
}


@pytest.mark.parametrize("fault", REFUSING)
def test_a_refusing_provider_is_left_within_15_seconds_of_its_first_failed_check(fault: str) -> None:
    says, confirmations = REFUSING[fault]
    story = Story().warm()
    story.sweep({A: says})
    first = story.now
    assert story.status(A) == "suspect"
    assert isinstance(story.decide(), Stay)
    assert story.confirm({A: says}) == confirmations
    assert (story.now - first).total_seconds() <= 15
    move = story.decide()
    assert isinstance(move, Switchover)
    assert move.route.active == B
    assert (move.rule, move.trigger) == ("refusing", "automatic")
    assert says["text"] in move.reason
    assert f"rule {says['rule']}" in move.reason
    assert "14:02:00 UTC" in move.reason
    assert story.health(A).account_fault == (confirmations == 1)
    assert (A in move.route.providers) == (confirmations == 2)  # account-failed ones leave the route
    assert story.status(B) == story.status(C) == "healthy"


def test_the_reason_of_an_account_fault_reads_as_one_sentence() -> None:
    story = Story().warm()
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    assert story.decide().reason == (
        "mailgun refuses mail: 2 of 2 session checks in a row since 14:02:00 UTC failed at MAIL "
        'with "550 5.7.1 account suspended" (account fault, rule mailgun-suspended).'
    )


@pytest.mark.parametrize("fault", ["hang_data", "refused_after_data"])
def test_what_fails_after_rcpt_is_confirmed_by_messages_though_session_checks_pass(fault: str) -> None:
    says = answer("network", "end-of-data", "time-out", temporary=True) if fault == "hang_data" else AFTER_DATA
    story = Story().warm()
    story.round({A: says})
    story.wait(1).sweep()
    assert story.status(A) == "suspect"
    assert [(w.kind, w.provider, w.receiver) for w in story.wanted()] == [("message", A, "gmail")]
    assert story.confirm(fates={A: says}) == 2
    assert isinstance(story.decide(), Switchover)
    story.apply()
    for _ in range(20):
        story.wait(60).sweep()
    assert story.status(A) == "degraded"  # session checks disprove nothing here


def test_one_failed_check_is_forgiven_after_a_good_confirmation() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    assert story.confirm() == 1
    assert story.status(A) == "healthy"
    assert isinstance(story.decide(), Stay)


def test_partial_failure_is_found_though_no_three_checks_fail_in_a_row() -> None:
    story = Story().warm()
    for minute in range(40):
        story.wait(60).sweep({A: TEMPFAIL} if minute % 3 == 0 else None)
        story.confirm()
        if isinstance(story.decide(), Switchover):
            break
    assert 10 < minute < 30
    assert story.decide().reason.startswith("mailgun refuses mail: ")
    assert "session checks since" in story.decide().reason
    assert story.health(A).hard is False


def test_partial_failure_of_live_mail_is_found_by_its_minutes_not_by_its_messages() -> None:
    story = Story().warm()
    story.live(A, TEMPFAIL, count=1000)
    story.live(A, count=10)
    assert story.health(A).signals[Signal.LIVE].score_ratio < 0.5
    for _ in range(30):
        story.wait(60).sweep()
        story.live(A, TEMPFAIL, count=40)
        story.live(A, count=60)
        story.confirm()
    move = story.decide()
    assert isinstance(move, Switchover)
    assert "live deliveries" in move.reason


def test_live_mail_that_fails_brings_confirmations_at_once() -> None:
    story = Story().warm()
    story.live(A, SUSPENDED, count=3)
    assert [w.kind for w in story.wanted()] == ["session"]
    assert story.confirm({A: SUSPENDED}) == 1
    assert isinstance(story.decide(), Switchover)
    assert "2 of 2 attempts" in story.decide().reason


def test_live_mail_that_fails_while_checks_pass_does_not_ask_again_and_again() -> None:
    story = Story().warm()
    story.live(A, DOWN)
    assert story.confirm() == 1
    story.wait(5).live(A, DOWN)
    assert story.wanted() == ()
    story.wait(60).live(A, DOWN)
    assert len(story.wanted()) == 1


@pytest.mark.parametrize(
    ("fate", "rule", "verb"),
    [("spam", "misplacing", "landed in spam"), ("missing", "losing", "not found"), ("late", "late", "arrived late")],
)
def test_mail_that_is_accepted_and_then_badly_treated_moves_within_three_paired_rounds(
    fate: str, rule: str, verb: str
) -> None:
    story = Story().warm()
    story.round({A: fate})
    assert story.status(A) == "suspect"
    assert story.confirm(fates={A: fate}) <= 2
    move = story.decide()
    assert isinstance(move, Switchover)
    assert (move.route.providers, move.rule) == ((B, C, A), rule)
    assert verb in move.reason
    assert "while other providers' did not" in move.reason
    assert story.health(A, "gmail").status in (Status.DEGRADED, Status.SUSPECT, Status.HEALTHY)
    assert story.health(B, "gmail").status is Status.HEALTHY


def test_spam_at_one_receiver_is_found_there_and_moves_the_one_route_there_is() -> None:
    story = Story().warm()
    fates = {(A, "gmail"): "spam"}
    rounds = 0
    while isinstance(story.decide(), Stay):
        story.round(fates)
        rounds += 1 + story.confirm(fates=fates)
        story.wait(3600).sweep()
        assert rounds < 12
    assert story.status(A, "gmail") == "degraded"
    assert story.status(A, "yahoo") == "healthy"
    assert "at gmail" in story.decide().reason
    assert story.decide().route.active == B


def test_a_bounce_told_by_the_provider_s_own_event_counts_as_lost() -> None:
    story = Story().warm()
    story.round({A: "missing"})  # the collector and the event both say arrival: bad
    assert story.health(A).signals[Signal.ARRIVAL].bad == 6


def test_broken_authentication_is_reported_and_moves_nothing() -> None:
    story = Story().warm()
    for _ in range(12):
        story.round({A: "unauthenticated"})
        story.wait(600).sweep()
    assert story.health(A).signals[Signal.AUTHENTICATION].bad == 72
    assert isinstance(story.decide(), Stay)
    assert story.wanted() == ()


@pytest.mark.parametrize("fault", ["down", "spam"])
def test_a_flapping_provider_is_not_followed_back_and_forth(fault: str) -> None:
    story = Story().warm()
    moves = 0
    for cycle in range(60):
        ill = cycle % 10 < 5
        faults = {A: DOWN} if ill and fault == "down" else None
        fates = {A: "spam"} if ill and fault == "spam" else faults
        story.wait(60).sweep(faults)
        story.round(fates)
        story.confirm(faults, fates)
        if isinstance(story.decide(), Switchover):
            story.apply()
            moves += 1
    assert 1 <= moves <= 4
