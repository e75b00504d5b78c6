"""A person's moves and orders, and what is told of them."""

import json
from dataclasses import replace

import pytest

from probes.observation import Notice, NoticeKind
from service.agreement import outcomes
from service.cycle import Seen, judge
from service.decision.fold import step
from service.decision.policy import Policy
from service.decision.route import Lane, Route, Share, ShareKind, simple_route
from service.errors import NoSuchProviderError, UnsafePlanError, UsageError
from service.manual import by_hand, manual_plan, refuse_drain, refuse_unsafe
from service.move_words import told
from service.offered import offered
from service.postfix.current import Current
from service.postfix.journal import JournalLine
from service.store.entry import JournalEntry, JournalKind, Trigger
from service.switchover import Move, pin_fact, switchover_fact
from tests.core.story import DOWN, POLICY, RECEIVERS, START, A, B, C, Story

LANES = replace(POLICY, lane_receivers=RECEIVERS, shares=True)
APART = Route(lanes=(Lane(providers=(A, B, C)), Lane(providers=(B, A, C), receiver="gmail")))


def planned(story: Story, to: str, receiver: str | None = None):
    return manual_plan(to, story.route, story.state, story.policy, story.now, receiver)


def test_one_receivers_mail_is_moved_alone_and_back() -> None:
    story = Story(policy=LANES).warm()
    plan = planned(story, B, "gmail")
    assert plan.wanted == APART
    assert plan.changes == ("mail (gmail): as all other mail → sendgrid, mailgun, relay",)
    assert refuse_unsafe(plan, story.state, story.policy, story.now, force=False) == "manual"
    story.route = APART
    assert planned(story, A, "gmail").wanted == simple_route(A, B, C)
    assert planned(story, C).wanted == simple_route(C, A, B)  # all mail: no receiver goes its own way any more


def test_it_is_refused_in_words_where_there_is_one_route_for_all_mail() -> None:
    story = Story().warm()
    with pytest.raises(UsageError, match=r'Moving mail to gmail alone: .*It takes routing = "transport"'):
        planned(story, B, "gmail")
    story.policy = LANES
    with pytest.raises(UsageError, match='no receiver "nowhere" with recipient domains; there are gmail, microsoft'):
        planned(story, B, "nowhere")
    with pytest.raises(NoSuchProviderError):
        planned(story, "nosuch", "gmail")


def test_a_target_that_is_down_is_refused_for_one_receiver_too() -> None:
    story = Story(policy=LANES).warm()
    story.sweep({B: DOWN})
    story.confirm({B: DOWN})
    plan = planned(story, B, "gmail")
    with pytest.raises(UnsafePlanError, match="Moving to sendgrid was refused: sendgrid refuses mail"):
        refuse_unsafe(plan, story.state, story.policy, story.now, force=False)
    forced = refuse_unsafe(plan, story.state, story.policy, story.now, force=True)
    assert forced == "manual, forced: degraded-target"


def test_the_last_provider_in_use_is_not_drained() -> None:
    story = Story().warm()
    for name in (B, C):
        refuse_drain(name, story.state, story.policy, story.now)
        story.notice("override", verb="drain", provider=name)
    refuse_drain(B, story.state, story.policy, story.now)  # once more changes nothing
    with pytest.raises(UsageError, match=r"Draining mailgun: it is the last provider in use.*undrain sendgrid first"):
        refuse_drain(A, story.state, story.policy, story.now)
    alone = Policy(providers=(A,), seeds=())
    with pytest.raises(UsageError, match="add a second provider first"):
        refuse_drain(A, Story(policy=alone).state, alone, story.now)


# What is recorded of it.


def the_move(**other: object) -> Move:
    values = {"from_route": simple_route(A, B, C), "to_route": APART, "receiver": "gmail", "rule": "manual", **other}
    return Move(request_id="r1", expected_generation=3, trigger="manual", actor="ada", reason="spam at gmail", **values)


def test_a_move_of_one_receivers_mail_is_folded_as_that() -> None:
    story = Story(policy=LANES).warm()
    until = story.now.replace(hour=20)
    move = the_move(pin_until=until)
    state = step(story.state, switchover_fact(move, "applied", story.now), LANES)
    (pin,) = pin_fact(move, story.now)
    state = step(state, pin, LANES)
    assert state.context.route == APART
    assert [(m.left, m.active, m.receiver) for m in state.context.moves] == [(A, B, "gmail")]
    assert [(o.verb, o.provider, o.receiver) for o in state.context.overrides] == [("pin", B, "gmail")]
    assert told(move) == "Mail to gmail moved to sendgrid: spam at gmail"
    assert told(the_move(rule="canary", receiver="*")) == "Shares changed: spam at gmail"
    assert told(the_move(rule="standby-order", receiver="*")) == "Route reordered: spam at gmail"
    assert told(the_move(rule="configuration", receiver="*")) == "Route written anew: spam at gmail"
    assert by_hand("ada", B, "gmail") == "ada moved mail to gmail through sendgrid by hand"
    assert by_hand("ada", B, None) == "ada moved mail to sendgrid by hand"


class FakeJournal:
    def __init__(self, unfinished: tuple[JournalEntry, ...] = ()) -> None:
        self._unfinished = list(unfinished)

    def unfinished(self) -> list[JournalEntry]:
        return self._unfinished

    def known(self, request_ids: list[str]) -> frozenset[str]:
        return frozenset()


class FakeStore:
    def __init__(self, *unfinished: JournalEntry) -> None:
        self.journal = FakeJournal(unfinished)


@pytest.mark.parametrize("intended", [True, False])
def test_what_the_root_side_did_unseen_is_taken_over_with_all_its_lanes(intended: bool) -> None:
    line = JournalLine(
        request_id="r1",
        generation=4,
        at=START,
        before=simple_route(A, B, C),
        after=APART,
        outcome="applied",
        verified=True,
        detail="Done.",
        actor="ada",
        reason="spam at gmail",
    )
    entry = JournalEntry(
        request_id="r1",
        at=START,
        kind=JournalKind.INTENDED,
        trigger=Trigger.MANUAL,
        actor="ada",
        reason="spam at gmail",
        from_route=(A, B, C),
        to_route=(B, C, A),
    )
    ((row, facts),) = outcomes(FakeStore(*([entry] if intended else [])), [line], START)
    assert (row.from_route, row.to_route) == ((A, B, C), (B, A, C))
    fact = facts[0]
    assert isinstance(fact, Notice)
    assert (fact.kind, fact.detail["receiver"], fact.detail["from"]) == (NoticeKind.SWITCHOVER, "gmail", A)
    assert [lane["receiver"] for lane in json.loads(fact.detail["lanes"])] == ["*", "gmail"]


# What the policy asks for and this Postfix cannot do.


@pytest.mark.parametrize(
    ("current", "shares", "lanes"),
    [
        (None, False, ()),
        (Current(route=None, generation=0), True, RECEIVERS),
        (Current(route=None, generation=0, shares_refused="no randmap"), False, RECEIVERS),
        (Current(route=None, generation=0, receivers_refused="one route"), True, ()),
    ],
)
def test_only_what_postfix_offers_is_decided(current: Current | None, shares: bool, lanes: tuple[str, ...]) -> None:
    policy = offered(LANES, current)
    assert (policy.shares, policy.lane_receivers) == (shares, lanes)
    assert offered(POLICY, current) == POLICY


def test_a_verdict_says_whose_mail_and_whether_only_shares() -> None:
    story = Story(policy=replace(LANES, warm_shares=((B, 2),))).warm()
    seen = Seen(now=story.now, state=story.state, policy=story.policy, route=story.route, problem="Postfix is stopped.")
    verdict = judge(seen)
    assert verdict.kind == "blocked"
    assert verdict.sentence.startswith("Would change the order or shares of mail behind mailgun (All mail goes through")
    shared = Lane(providers=(A, B, C), shares=(Share(provider=B, percent=2, kind=ShareKind.WARM),))
    assert verdict.move is not None
    assert verdict.move.route == Route(lanes=(shared,))
