"""Receivers' moves and changes of shares in a replay: as they were made, as rows, and policies side by side."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from service.cli.page import Screen, plain
from service.cli.replay_page import pairs_page, replay_page
from service.cli.replay_row import change_row, difference_row, pair_row
from service.decision.failover import Switchover
from service.move_pairs import paired
from tests.core.failed_over import failed_over
from tests.core.story import DOWN, RECEIVERS, A, B, Story
from tests.core.test_invariants import SHARED, histories, ill_first
from tests.core.test_receiver_lanes import LANES, SPAM_AT_GMAIL, spread
from tests.core.test_shares import SHARING, minutes
from tests.replay.test_replay import Thorough, a_history, replayed

SHARED_LANES = replace(LANES, shares=True, share_step_seconds=300.0)


@pytest.fixture(scope="module")
def returned() -> Story:
    """A provider dies and returns by shares; on the way back it dies once more."""
    story = failed_over(story=Story(policy=SHARING))
    made = minutes(story, 22)
    assert made
    story.wait(60).sweep({A: DOWN})
    story.confirm({A: DOWN})
    while isinstance(story.decide(), Switchover):
        story.apply()
    minutes(story, 120, live=A)
    assert story.route.active == A
    return story


@pytest.fixture(scope="module")
def apart() -> Story:
    story = Story(policy=SHARED_LANES).warm()
    story.apply(spread(story, SPAM_AT_GMAIL))
    return story


def test_shares_are_replayed_as_they_were_changed(returned: Story) -> None:
    one, _ = replayed(returned.facts, SHARING)
    kinds = [change_row(change)["kind"] for change in one.moves]
    assert kinds == ["move", "shares", "shares", "shares", "shares", "move"]
    assert [change.rule for change in one.moves] == [
        "refusing",
        "canary",
        "canary-withdrawn",
        "canary",
        "canary",
        "failback",
    ]
    assert not [pair for pair in paired(one.recorded, one.moves) if pair.differs(60.0)]
    assert [change_row(change)["shares"] for change in one.moves] == [{}, {A: 10}, {}, {A: 10}, {A: 50}, {}]
    assert one.route == returned.route


def test_a_receivers_move_is_a_row_with_that_receiver(apart: Story) -> None:
    one, events = replayed(apart.facts, SHARED_LANES)
    (row,) = [change_row(change) for change in one.moves]
    assert (row["kind"], row["receiver"], row["from"], row["to"]) == ("move", "gmail", A, B)
    assert {"at", "provider", "reason", "rule", "enforced"} <= set(row)
    text = plain(replay_page(events, (), 60.0))
    assert "move mailgun → sendgrid" in text
    assert "gmail" in text
    narrow = plain(replay_page(events, (), 60.0, Screen(80, 24))).splitlines()
    (facts,) = [line for line in narrow if "move mailgun → sendgrid" in line]
    assert {"UTC", "gmail"} < set(facts.split())
    assert narrow[narrow.index(facts) + 1].startswith("    ")  # why, below


def test_two_policies_differ_in_shares_and_lanes(returned: Story, apart: Story) -> None:
    by_steps, _ = replayed(returned.facts, SHARING)
    at_once, _ = replayed(returned.facts, replace(SHARING, shares=False))
    pairs = paired(by_steps.moves, at_once.moves)
    rows = [pair_row(pair, 1.0) for pair in pairs]
    assert sum(1 for row in rows if row["this"] and row["this"]["kind"] == "shares" and not row["against"]) == 4
    text = plain(pairs_page({}, pairs, "other.toml", 1.0))
    assert "shares: sendgrid, relay, mailgun; shares: mailgun 10 % (canary)" in text
    assert "only here" in text
    narrow = plain(pairs_page({}, pairs, "other.toml", 1.0, Screen(80, 24)))
    assert "mailgun 10 % (canary): only here\n    this policy 20" in narrow

    one, _ = replayed(apart.facts, SHARED_LANES)
    other, _ = replayed(apart.facts, replace(SHARED_LANES, lane_receivers=()))
    pairs = paired(one.moves, other.moves)
    assert [(p.left.receiver if p.left else None, p.right.receiver if p.right else None) for p in pairs] == [
        ("gmail", None),
        (None, "*"),
    ]
    assert "mailgun → sendgrid at gmail" in plain(pairs_page({}, pairs, "other.toml", 1.0))
    assert "at gmail" in difference_row(pairs[0])["reason"]


def test_what_only_one_record_has_is_said_of_shares_too(returned: Story) -> None:
    one, _ = replayed(returned.facts, replace(SHARING, shares=False))
    lacking = [pair for pair in paired(one.recorded, one.moves) if pair.right is None and pair.left.shares]
    assert "On record are other shares that are not made: " in difference_row(lacking[0])["reason"]


def test_a_persons_move_of_one_receivers_mail_is_followed_as_far_as_the_policy_can(apart: Story) -> None:
    story = Story(policy=SHARED_LANES).warm()
    route = story.route.with_lane(replace(apart.route.lane("gmail")))
    story.switched(route, trigger="manual", receiver="gmail")
    one, _ = replayed(story.facts, SHARED_LANES)
    assert one.route.lane("gmail").active == B
    without, _ = replayed(story.facts, replace(SHARED_LANES, lane_receivers=()))
    assert without.route.receivers == ()
    assert RECEIVERS[0] in route.receivers


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=ill_first, history=histories)
def test_short_cuts_change_nothing_with_shares_and_lanes(first: tuple, history: list) -> None:
    for policy in (SHARED, replace(SHARED, warm_shares=(), hourly_caps=(), ramp_shares=())):
        story = a_history(policy, first, history)
        quick, thorough = replayed(story.facts, policy), replayed(story.facts, policy, Thorough)
        assert quick[1] == thorough[1]
        assert quick[0].state == thorough[0].state
        assert sum(1 for change in quick[0].moves if change.moves) < 200
