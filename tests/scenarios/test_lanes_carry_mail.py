"""Lanes of receivers on a real Postfix, by the root helper: each receiver's mail takes its own way, and no other."""

from collections import Counter

import pytest

from service.decision.route import simple_route
from service.postfix.errors import RouteRefusedError
from tests.scenarios.routed import A, B, C, Routed, lane, within_chance

RECEIVERS = ("gmail", "microsoft", "yahoo")


@pytest.fixture(scope="module")
def routed():
    with Routed.temporary("transport") as routed:
        yield routed


@pytest.fixture(autouse=True)
def healed(routed):
    yield
    routed.world.heal()


def carried(routed, count=6):
    """Return {receiver: providers} of fresh mail to every receiver."""
    sent = {receiver: routed.send(count, receiver) for receiver in RECEIVERS}
    return {receiver: set(routed.carriers(messages)) for receiver, messages in sent.items()}


def test_the_mail_of_every_receiver_takes_its_lane_and_all_other_mail_the_default(routed):
    routed.apply(lane(C, A))
    applied = routed.apply(lane(A, B), lane(B, A, receiver="gmail"), lane(C, A, receiver="yahoo"))
    assert applied.verified, applied.sentence  # by the seeds at gmail and yahoo; none is elsewhere
    assert "all other mail: no seed receives such mail" in applied.sentence
    wanted = {"gmail": {B}, "microsoft": {A}, "yahoo": {C}}
    assert carried(routed) == wanted
    routed.world.postfix.reload()
    assert carried(routed) == wanted
    assert routed.helper.current().route.lanes[1:] == (lane(B, A, receiver="gmail"), lane(C, A, receiver="yahoo"))


def test_one_receivers_lane_moves_without_the_others(routed):
    routed.apply(lane(A, B), lane(B, A, receiver="gmail"), lane(C, A, receiver="yahoo"))
    routed.apply(lane(A, B), lane(C, A, receiver="gmail"), lane(C, A, receiver="yahoo"))
    assert carried(routed) == {"gmail": {C}, "microsoft": {A}, "yahoo": {C}}
    routed.apply(lane(A, B), lane(C, A, receiver="yahoo"))
    assert carried(routed) == {"gmail": {A}, "microsoft": {A}, "yahoo": {C}}


def test_a_share_within_a_lane_draws_from_that_receivers_mail_alone(routed):
    routed.apply(lane(A, B), lane(B, C, receiver="gmail", **{C: 50}))
    gmail, yahoo = routed.send(40, "gmail"), routed.send(10, "yahoo")
    counts = Counter(routed.carriers(gmail))
    assert counts.keys() == {B, C}
    assert within_chance(counts[C], 40, 50), counts
    assert set(routed.carriers(yahoo)) == {A}


def test_a_lane_whose_first_choice_refuses_falls_to_its_own_next_one(routed):
    routed.apply(lane(A, B), lane(B, C, receiver="gmail"))
    routed.world.fault(B, "suspended")
    assert carried(routed, 3) == {"gmail": {C}, "microsoft": {A}, "yahoo": {A}}


def test_deferred_mail_of_a_receiver_follows_its_lane(routed):
    routed.apply(lane(A), lane(B, receiver="gmail"))
    routed.world.fault(B, "tempfail")
    messages = routed.send(5, "gmail")
    routed.until(
        lambda: [e["queue_name"] for e in routed.world.postfix.queue()] == ["deferred"] * 5, "all of it is deferred"
    )
    routed.apply(lane(A), lane(C, receiver="gmail"))
    routed.helper.flush()
    assert set(routed.carriers(messages)) == {C}


def test_with_routing_by_relayhost_a_lane_is_refused_and_the_present_ones_end_with_the_next_move(routed):
    routed.apply(lane(A), lane(B, receiver="gmail"))
    config = routed.world.config_path
    text = config.read_text()
    config.write_text(text.replace('routing = "transport"', 'routing = "relayhost"'))
    try:
        assert 'routing = "transport"' in routed.helper.current().receivers_refused
        with pytest.raises(RouteRefusedError, match="exactly one lane"):
            routed.apply(lane(A), lane(C, receiver="gmail"))
        assert carried(routed, 2)["gmail"] == {B}  # until something is applied, all stays as it is
        routed.apply(lane(A, B))
        assert carried(routed, 2) == {receiver: {A} for receiver in RECEIVERS}
        assert routed.world.postfix.postconf("transport_maps") == ""
        assert routed.helper.current().route == simple_route(A, B)
    finally:
        config.write_text(text)
