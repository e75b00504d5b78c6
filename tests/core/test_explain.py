"""Explanations: what is said, what blocks, what would change it."""

from dataclasses import replace

from service.decision.explain import Explanation, explain
from service.decision.policy import Failback, Mode
from service.decision.route import Lane, Route, Share, ShareKind, simple_route
from tests.core.story import DOWN, POLICY, SUSPENDED, A, B, Story


def told(story: Story) -> Explanation:
    return explain(story.state, story.route, story.policy, story.now)


def test_a_healthy_route_says_where_mail_would_go() -> None:
    found = told(Story().warm())
    assert found.rule == "healthy"
    assert f"would move mail to {B}" in found.would_change[0]
    assert (found.blocked_by, found.evidence, found.notes, found.last_move, found.move) == ((), (), (), None, None)
    assert "nobody: no other provider is proven" in told(Story()).would_change[0]


def test_a_suspicion_says_what_would_confirm_it() -> None:
    story = Story().warm()
    story.sweep({A: DOWN})
    found = told(story)
    assert (found.rule, found.alert) == ("suspect", False)
    assert "2 further failures" in found.would_change[0]
    assert "14:02:00 UTC mailgun session bad at CONNECT" in found.evidence[0]


def test_a_due_move_carries_the_observations_that_weighed_most() -> None:
    story = Story().warm()
    story.round({A: "spam"})
    story.confirm(fates={A: "spam"})
    found = told(story)
    assert found.move is not None
    assert "found in spam" in found.evidence[-1]
    assert "to yahoo-2" in found.evidence[-1]
    assert found.would_change == ()


def test_a_blocked_move_says_what_blocks_it() -> None:
    story = Story(policy=replace(POLICY, mode=Mode.OBSERVE)).warm()
    story.notice("override", verb="pause", actor="ada", reason="tests")
    story.sweep({A: SUSPENDED})
    story.confirm({A: SUSPENDED})
    found = told(story)
    assert [o.actor for o in found.overrides] == ["ada"]
    assert "relaypilot resume" in found.blocked_by[0]
    assert f"relaypilot ack {A}" in " ".join(found.would_change)
    story.notice("override", verb="resume")
    assert "observe" in told(story).would_change[0]


def test_after_a_move_it_says_how_the_old_provider_comes_back() -> None:
    story = Story(policy=replace(POLICY, failback=Failback.OFF)).warm()
    story.sweep({A: DOWN})
    story.confirm({A: DOWN})
    story.apply()
    story.wait(60).sweep()
    found = told(story)
    assert "automatic to sendgrid: mailgun refuses mail" in (found.last_move or "")
    assert "5 more good results in a row would make mailgun healthy" in " ".join(found.would_change)
    assert 'failback = "off"' in " ".join(found.would_change)


def test_a_preferred_provider_that_works_again_says_what_it_still_lacks() -> None:
    story = Story().warm()
    story.switched((B, A, "relay"), trigger="manual")
    story.route = simple_route(B, A, "relay")
    story.session(A, DOWN)
    story.wait(5).session(A)
    found = told(story)
    assert "3 more good results in a row would begin the return of mailgun, which is preferred." in found.would_change
    assert found.route[0].startswith("All mail: sendgrid, mailgun, relay (since ")


def test_a_canary_says_what_would_take_its_share_away() -> None:
    story = Story(policy=replace(POLICY, shares=True)).warm()
    share = Share(provider=A, percent=10, kind=ShareKind.CANARY)
    story.route = Route(lanes=(Lane(providers=(B, A, "relay"), shares=(share,)),))
    story.switched(story.route, trigger="failback", rule="canary")
    found = told(story)
    assert found.rule == "canary"
    assert "A confirmed fault of mailgun would take its 10 % of the mail away at once." in found.would_change
    assert found.route[0].startswith("All mail: sendgrid, mailgun, relay; shares: mailgun 10 % (canary)")


def test_local_and_shared_faults_are_explained() -> None:
    story = Story().warm()
    story.round({"gmail-1": "spam"})
    assert "gmail-1" in told(story).notes[0]
    story.sweep(dict.fromkeys(POLICY.providers, DOWN))
    assert "ends the local fault" in told(story).would_change[0]


def test_all_bad_says_what_would_help() -> None:
    story = Story().warm()
    for _ in range(4):
        story.notice("control", ok="yes")
        story.wait(5).sweep(dict.fromkeys(POLICY.providers, SUSPENDED))
    assert "any less affected provider" in told(story).would_change[0]
    story.route = simple_route("gone")
    assert told(story).rule == "no-better-provider"
