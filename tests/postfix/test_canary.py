"""What the canary message decides: a relay that does not work undoes the move, one seed's fault does not."""

from dataclasses import replace

import pytest

from providers.failure import Category
from providers.text_rules import TextRule
from service.postfix.errors import CanaryFailedError
from service.postfix.installation import installation_of
from tests.postfix.configured import config_with_seeds
from tests.postfix.moving import move

SEED, SECOND = "seed@receiver.test", "second@receiver.test"
UNKNOWN_USER = "550 5.1.1 <seed@receiver.test>: Recipient address rejected: User unknown"
TOO_FULL = "452 4.2.2 The recipient's mailbox is full"


def with_seeds(routed, *seeds, **changes):
    return replace(routed.installation, canary_recipients=seeds, **changes)


@pytest.mark.parametrize("reply", [UNKNOWN_USER, TOO_FULL, "550 5.1.1 Recipient is on the suppression list"])
@pytest.mark.parametrize("others", [(), ("alfa", "carol")])
def test_a_refused_seed_leaves_the_move_in_force_unverified_and_is_named(routed, reply, others):
    routed.peers["bravo"].refused[SEED] = reply
    applied = move(routed, "bravo", *others)
    assert not applied.verified
    assert f"refused the seed {SEED}" in applied.sentence
    assert "look at that seed" in applied.sentence
    assert routed.carrier_of(routed.send()) == "bravo"
    assert "relaypilot-canary" not in routed.command("postqueue", "-c", str(routed.config_dir), "-p").stdout


@pytest.mark.parametrize("reply", [UNKNOWN_USER, TOO_FULL, "550 No", "451 Try later"])
def test_the_next_seed_decides_where_one_is_refused(routed, reply):
    routed.peers["bravo"].refused[SEED] = reply
    applied = move(routed, "bravo", "alfa", installation=with_seeds(routed, SEED, SECOND))
    assert applied.verified
    assert SEED in applied.sentence
    assert routed.peers["bravo"].received(SECOND)


def test_refused_content_says_nothing_against_the_relay(routed):
    routed.peers["bravo"].replies["DATA"] = "554 5.6.0 Message content rejected"
    applied = move(routed, "bravo", installation=with_seeds(routed, SEED, SECOND))
    assert not applied.verified
    assert SEED in applied.sentence
    assert SECOND in applied.sentence


@pytest.mark.parametrize("reply", ["550 No", "451 Try later"])
def test_a_relay_that_refuses_every_seed_without_a_reason_is_not_taken_for_a_working_one(routed, reply):
    routed.peers["bravo"].replies["RCPT"] = reply
    before = routed.snapshot()
    with pytest.raises(CanaryFailedError, match="not taken"):
        move(routed, "bravo", "alfa", installation=with_seeds(routed, SEED, SECOND))
    assert routed.snapshot() == before


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("MAIL", "550 5.7.1 Account suspended"),
        ("MAIL", "451 4.3.0 Try later"),
        ("AUTH", "535 5.7.8 Authentication failed"),
        ("RCPT", "550 5.7.1 Account suspended"),
    ],
)
def test_a_refusal_of_the_account_is_no_matter_of_the_seed(routed, command, reply):
    routed.peers["bravo"].replies[command] = reply
    before, tried = routed.snapshot(), len(routed.peers["alfa"].messages)
    with pytest.raises(CanaryFailedError, match="not taken"):
        move(routed, "bravo", "alfa", installation=with_seeds(routed, SEED, SECOND))
    assert routed.snapshot() == before
    assert len(routed.peers["alfa"].messages) == tried + 1  # the second seed was not troubled


def test_a_relay_that_cannot_be_reached_undoes_the_move_though_the_next_one_refuses_the_seed(routed):
    routed.peers["alfa"].refused[SEED] = TOO_FULL
    routed.peers["bravo"].stop()
    before = routed.snapshot()
    try:
        with pytest.raises(CanaryFailedError, match="Connection refused"):
            move(routed, "bravo", "alfa", "carol")
    finally:
        routed.peers["bravo"].start()
    assert routed.snapshot() == before


def test_a_refusal_is_read_by_the_providers_own_rules(routed):
    routed.peers["bravo"].refused[SEED] = "550 Not wanted here"
    rules = {"bravo": (TextRule(id="own", pattern="not wanted", category=Category.RECIPIENT),)}
    assert not move(routed, "bravo", "alfa", installation=with_seeds(routed, SEED, reply_rules=rules)).verified


def test_the_configured_seed_is_tried_first_and_each_address_once():
    config = config_with_seeds(("one", "a@x.test"), ("two", "b@x.test"), ("three", "a@x.test"), canary_to="two")
    assert installation_of(config, {}).canary_recipients == ("b@x.test", "a@x.test")
    assert installation_of(config_with_seeds(("one", "a@x.test")), {}).canary_recipients == ("a@x.test",)
