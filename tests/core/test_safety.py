"""The rules between a plan and Postfix."""

from dataclasses import replace

import pytest

from service.decision.plan import plan
from service.decision.route import Lane, Route, simple_route
from service.decision.safety import DecisionError, UnsafePlan, raise_if_unsafe, refusals
from tests.core.story import DOWN, POLICY, A, B, C, Story


def rules(story: Story, to: Route, trigger: str = "manual") -> list[str]:
    return [r.rule for r in refusals(plan(story.route, to), story.state, story.policy, story.now, trigger)]


def test_a_plan_says_what_changes() -> None:
    changed = plan(simple_route(A, B), simple_route(B, A))
    assert changed.changes == ("all mail: mailgun, sendgrid → sendgrid, mailgun",)
    assert changed.moves
    assert plan(simple_route(A), simple_route(A)).changes == ()
    tail = plan(simple_route(A, B, C), simple_route(A, C, B))
    assert tail.changes
    assert not tail.moves
    lanes = Route(lanes=(Lane(providers=(A,)), Lane(providers=(B,), stream="bulk", receiver="gmail")))
    assert plan(None, lanes).changes == (
        "all mail: nothing → mailgun",
        "mail (bulk, gmail): nothing → sendgrid",
    )
    assert plan(None, lanes).moves


def test_a_proven_target_may_be_moved_to() -> None:
    story = Story().warm()
    assert raise_if_unsafe(plan(story.route, simple_route(B, A)), story.state, POLICY, story.now, "manual") == ()


def test_an_unknown_provider_and_an_empty_route_cannot_be_forced() -> None:
    story = Story().warm()
    for route, rule in ((simple_route("nosuch", A), "unknown-provider"), (Route(lanes=()), "empty-route")):
        with pytest.raises(UnsafePlan) as caught:
            raise_if_unsafe(plan(story.route, route), story.state, POLICY, story.now, "manual", force=True)
        assert [(r.rule, r.forceable) for r in caught.value.refusals] == [(rule, False)]
        assert isinstance(caught.value, DecisionError)
    assert rules(story, simple_route()) == ["empty-route"]
    assert "configured are mailgun, sendgrid, relay" in str(
        refusals(plan(None, simple_route("x")), story.state, POLICY, story.now, "manual")[0].sentence
    )


def test_an_unproven_target_needs_force_and_the_sentence_says_so() -> None:
    story = Story()
    move = plan(story.route, simple_route(B, A))
    with pytest.raises(UnsafePlan, match=r"never been seen to take mail.*--force"):
        raise_if_unsafe(move, story.state, POLICY, story.now, "manual")
    assert [r.rule for r in raise_if_unsafe(move, story.state, POLICY, story.now, "manual", force=True)] == [
        "unproven-target"
    ]
    story.warm()
    story.wait(3600 * 5)
    assert rules(story, simple_route(B, A)) == ["unproven-target"]


def test_a_degraded_target_is_refused_unless_the_present_one_is_worse() -> None:
    story = Story().warm()
    for _ in range(3):
        story.round({B: "spam"})
    assert rules(story, simple_route(B, A)) == ["degraded-target"]
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    assert rules(story, simple_route(B, A)) == []
    assert rules(story, simple_route(A, B)) == []  # no change of the first
    story.route = simple_route("gone")
    assert rules(story, simple_route(B, A)) == ["degraded-target"]


def test_a_drained_target_and_a_local_fault_are_refused() -> None:
    story = Story().warm()
    story.notice("override", verb="drain", provider=B)
    assert rules(story, simple_route(B, A)) == ["drained-target"]
    story.sweep(dict.fromkeys(POLICY.providers, DOWN))
    assert rules(story, simple_route(C, A)) == ["local-fault"]


def test_pause_pin_and_brake_bind_automation_only() -> None:
    policy = replace(POLICY, moves_per_hour=1)
    story = Story(policy=policy).warm()
    story.notice("override", verb="pause")
    story.notice("override", verb="pin", provider=A)
    story.switched((B, A, C), trigger="automatic")
    assert rules(story, simple_route(C, A), "automatic") == ["pause", "pin", "brake"]
    assert rules(story, simple_route(C, A), "failback") == ["pause", "pin", "brake"]
    assert rules(story, simple_route(C, A)) == []
