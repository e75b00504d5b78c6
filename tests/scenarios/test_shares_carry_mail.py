"""Shares on a real Postfix, by the root helper: the percents are kept, and no message pays for a canary's fault."""

import threading
import time
from collections import Counter

import pytest

from service.decision.route import Lane, Route, Share, ShareKind
from tests.scenarios.routed import A, B, C, Routed, lane, within_chance


@pytest.fixture(scope="module", params=["relayhost", "transport"])
def routed(request):
    with Routed.temporary(request.param) as routed:
        yield routed


@pytest.fixture(autouse=True)
def healed(routed):
    yield
    routed.world.heal()


def test_each_provider_carries_its_share_and_goes_on_after_a_reload(routed):
    shares = (
        Share(provider=B, percent=25, kind=ShareKind.CANARY),
        Share(provider=C, percent=10, kind=ShareKind.WARM),
    )
    applied = routed.apply(Lane(providers=(A, B, C), shares=shares))
    assert applied.verified, applied.sentence  # the canary message is not drawn: it shows the first choice
    first = routed.send(80)
    carried = Counter(routed.carriers(first))
    routed.world.postfix.reload()
    second = routed.send(80)
    again = Counter(routed.carriers(second))
    for counts in (carried, again):
        for name, percent in ((A, 65), (B, 25), (C, 10)):
            assert within_chance(counts[name], 80, percent), counts
    current = routed.helper.current()
    assert current.route == Route(lanes=(Lane(providers=(A, B, C), shares=shares),))
    assert (current.drift, current.outdated, current.shares_refused) == ((), (), None)


@pytest.mark.parametrize("fault", ["suspended", "tempfail", "down"])
def test_what_is_drawn_for_a_canary_that_refuses_goes_to_the_stable_one_at_once(routed, fault):
    routed.apply(lane(A, B, C, **{B: 50}))
    routed.world.fault(B, fault)
    messages = routed.send(30)
    assert set(routed.carriers(messages)) == {A}
    drawn = routed.tagged(B, messages)
    assert within_chance(drawn, len(messages), 50)
    assert routed.world.postfix.queue() == []


def test_deferred_mail_is_drawn_anew_when_it_is_tried_again(routed):
    routed.apply(lane(A, B))
    for name in (A, B):
        routed.world.fault(name, "tempfail")
    messages = routed.send(30)
    routed.until(lambda: len(routed.world.postfix.queue()) >= len(messages), "all of it is deferred")
    routed.until(
        lambda: all(entry["queue_name"] == "deferred" for entry in routed.world.postfix.queue()), "none is underway"
    )
    routed.world.heal()
    routed.apply(lane(B, C, **{C: 50}))
    routed.helper.flush()
    counts = Counter(routed.carriers(messages))
    assert counts[A] == 0
    assert within_chance(counts[C], len(messages), 50), counts


def test_mail_in_flight_while_shares_change_is_neither_lost_nor_sent_astray(routed):
    routed.apply(lane(A, B, **{B: 10}))
    done = threading.Event()
    sent = []

    def keep_sending():
        while not done.is_set():
            sent.extend(routed.send(1))
            time.sleep(0.02)

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        for percent in (50, 99):
            routed.apply(lane(A, B, **{B: percent}))
        routed.apply(lane(B, A))
    finally:
        done.set()
        sender.join()
    after = routed.send(10)
    assert set(routed.carriers(sent)) <= {A, B}
    assert set(routed.carriers(after)) == {B}
    copies = [len(fate.copies) for fate in routed.world.ledger.fates() if fate.sent in sent]
    assert copies == [1] * len(sent)
