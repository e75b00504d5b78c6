"""A Postfix with stock relayhost settings meets the relays: what goes through, falls over, waits or bounces."""

import pytest

from deploy.sandbox.ledger import Fate
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually


def settled(world: World, **message: str) -> Fate:
    sent = world.send(**message)
    return eventually(lambda: (f := world.ledger.fate(sent)).place not in {"queued", "underway"} and f, 20)


def carrier(world: World, fate: Fate) -> list[str]:
    line = eventually(lambda: world.postfix.deliveries(fate.sent.queue_id))[-1]  # logged just after delivery
    return [name for name in ("mailgun", "sendgrid", "acme") if f"]:{world.ports[name]}," in line]


def test_mail_goes_through_the_first_relay_over_verified_tls(world: World) -> None:
    world.use_stock_route("mailgun", "sendgrid")
    fate = settled(world, recipient="user-1@gmail.test")
    assert (fate.place, carrier(world, fate)) == ("inbox", ["mailgun"])
    assert world.auth_seen("mailgun")[-1]["tls"]


@pytest.mark.parametrize("fault", ["down", "greet421", "tempfail", "auth535", "tls_expired", "tls_stripped"])
def test_temporary_faults_make_the_next_relay_carry_the_same_message(world: World, fault: str) -> None:
    world.use_stock_route("mailgun", "sendgrid")
    world.fault("mailgun", fault)
    fate = settled(world)
    assert (fate.place, carrier(world, fate)) == ("inbox", ["sendgrid"])


def test_a_black_hole_costs_the_connect_time_out_and_then_falls_over(world: World) -> None:
    world.use_stock_route("acme", "sendgrid")
    world.postfix.set(smtp_connect_timeout="1s")
    world.fault("acme", "blackhole")
    fate = settled(world)
    assert (fate.place, carrier(world, fate)) == ("inbox", ["sendgrid"])
    assert fate.seconds is not None
    assert fate.seconds >= 1
    assert "Connection timed out" in world.postfix.log_text()


@pytest.mark.parametrize("relay", ["mailgun", "acme"])
def test_a_suspended_account_bounces_although_another_relay_would_take_it(world: World, relay: str) -> None:
    world.use_stock_route(relay, "sendgrid")
    world.fault(relay, "suspended")
    assert settled(world).place == "bounced"


def test_a_bounce_reaches_the_senders_own_mailbox(world: World) -> None:
    world.use_stock_route("mailgun")
    fate = settled(world, recipient="nosuch-person@gmail.test")
    assert fate.place == "bounced"
    bounce = eventually(
        lambda: [m for m in world.dovecot.messages("news@example.test") if fate.sent.id in m.path.read_text()]
    )
    assert bounce[0].path.read_text().startswith("Return-Path: <>")


def test_mail_without_a_route_waits_in_the_queue_and_goes_out_with_one(shared_world: World) -> None:
    world = shared_world
    world.postfix.set(relayhost="")
    sent = world.send()
    eventually(lambda: world.postfix.deliveries(sent.queue_id))
    assert world.ledger.fate(sent).place == "queued"
    world.use_stock_route("acme")
    eventually(lambda: world.postfix.flush() or world.ledger.fate(sent).place == "inbox", 20)
