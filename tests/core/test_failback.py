"""How mail comes back, and the order behind the active provider."""

from dataclasses import replace

from service.decision.failover import Stay, Switchover
from service.decision.policy import Failback, Mode
from service.decision.route import simple_route
from tests.core.failed_over import failed_over, until_move
from tests.core.story import DOWN, POLICY, SUSPENDED, A, B, C, Story


def test_the_preferred_provider_earns_its_return_by_good_checks_and_hold_down() -> None:
    story = failed_over()
    left = story.now
    move = until_move(story)
    assert (move.trigger, move.rule, move.route.providers) == ("failback", "failback", (A, B, C))
    assert (story.now - left).total_seconds() >= POLICY.hold_down_seconds
    assert f"{A} is preferred and has earned its return" in move.reason


def test_before_that_it_says_how_far_it_has_come() -> None:
    story = failed_over()
    story.wait(60).sweep()
    assert story.status(A) == "recovering"
    assert "1 of 6 good results in a row" in story.health(A).reason
    story.wait(60).sweep({A: DOWN})
    assert story.status(A) == "degraded"
    for _ in range(7):
        story.wait(60).sweep()
    assert story.decide().rule == "hold-down"


def test_a_misplacing_provider_returns_on_placement_not_on_session_checks() -> None:
    story = Story().warm()
    story.round({A: "spam"})
    story.confirm(fates={A: "spam"})
    story.apply()
    for _ in range(60):
        story.wait(60).sweep()
    assert isinstance(story.decide(), Stay)
    assert story.status(A) == "degraded"
    for _ in range(POLICY.failback_rounds):
        story.wait(60).sweep()
        story.round()
    assert story.decide().trigger == "failback"


def test_after_an_account_fault_it_returns_only_once_acknowledged() -> None:
    story = failed_over(SUSPENDED)
    for _ in range(60):
        story.wait(60).sweep()
    stay = story.decide()
    assert isinstance(stay, Switchover)  # back into the list of standbys, as it takes mail again
    assert (stay.rule, stay.route.providers) == ("standby-order", (B, C, A))
    story.apply()
    stay = story.decide()
    assert (stay.rule, story.health(A).needs_ack) == ("account-fault", True)
    story.notice("override", verb="ack", provider=C)
    assert story.health(A).needs_ack
    story.notice("override", verb="ack", provider=A)
    assert story.decide().trigger == "failback"


def test_an_account_failed_provider_that_works_again_may_still_take_over_in_need() -> None:
    story = failed_over(SUSPENDED)
    for _ in range(10):
        story.wait(60).sweep()
    assert story.apply().route.providers == (B, C, A)
    story.sweep({B: DOWN, C: DOWN})
    story.confirm({B: DOWN, C: DOWN})
    assert story.decide().route.active == A


def test_an_unacknowledged_one_does_not_keep_the_next_preferred_from_returning() -> None:
    story = failed_over(SUSPENDED)
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert story.apply().route.active == C
    while (move := until_move(story)).rule == "standby-order":
        story.apply(move)
    assert (move.trigger, move.route.active) == ("failback", B)


def test_a_preferred_provider_that_was_never_ill_earns_its_return_too() -> None:
    story = Story().warm()
    story.switched((B, A, C), trigger="manual")
    story.route = simple_route(B, A, C)
    assert story.decide().rule == "healthy"
    for _ in range(POLICY.failback_rounds):
        story.wait(60).sweep()
    assert story.decide().trigger == "failback"


def test_failback_off_leaves_mail_where_it_is() -> None:
    story = failed_over(story=Story(policy=replace(POLICY, failback=Failback.OFF)))
    for _ in range(120):
        story.wait(60).sweep()
        assert isinstance(story.decide(), Stay)


def test_a_drained_preferred_provider_does_not_return() -> None:
    story = failed_over()
    story.notice("override", verb="drain", provider=A)
    for _ in range(60):
        story.wait(60).sweep()
        assert isinstance(story.decide(), Stay)


# The order behind the active provider.


def test_a_dead_standby_moves_last_without_counting_as_a_move() -> None:
    story = failed_over(story=Story(policy=replace(POLICY, hold_down_seconds=7200.0)))
    assert story.route.providers == (B, C, A)
    story.sweep({C: SUSPENDED, A: DOWN})
    story.confirm({C: SUSPENDED, A: DOWN})
    move = story.apply()
    assert (move.rule, move.route.providers) == ("standby-order", (B, A))
    assert len(story.state.context.moves) == 1
    assert "sendgrid stays first" in move.reason


def test_a_dead_standby_in_front_of_a_working_one_changes_places() -> None:
    story = Story().warm()
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert story.apply().route.providers == (A, C, B)
    for _ in range(30):
        story.wait(60).sweep()
        assert isinstance(story.decide(), Stay)  # recovered, but its place is left for the next move


def test_a_standby_that_merely_got_worse_waits_for_the_next_move() -> None:
    story = Story().warm()
    for _ in range(3):
        story.round({B: "spam"})
    assert story.status(B) == "degraded"
    assert isinstance(story.decide(), Stay)
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert story.decide().route.providers == (C, B, A)


def test_a_paused_daemon_leaves_the_standbys_alone() -> None:
    story = Story().warm()
    story.notice("override", verb="pause")
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    assert isinstance(story.decide(), Stay)


def test_the_standbys_order_is_told_once_in_observe_mode() -> None:
    story = Story(policy=replace(POLICY, mode=Mode.OBSERVE)).warm()
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    story.apply(outcome="observed", enforced="no")
    assert isinstance(story.decide(), Stay)
