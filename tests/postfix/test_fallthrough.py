"""What becomes of one message when the first relay does not take it. Real Postfix, real TLS and logins."""

import ssl
from dataclasses import replace
from itertools import permutations

import pytest
import trustme

from service.postfix.flush import flush
from tests.postfix.moving import move
from tests.postfix.world import CLOCK, NAMES, wait_for


@pytest.mark.parametrize("order", list(permutations(NAMES)))
def test_no_credential_reaches_another_provider_in_any_order_of_fallback(world, order):
    world.heal()
    move(world, *order)
    first, second, third = (world.peers[name] for name in order)
    assert world.carrier_of(world.send()) == first.name
    first.replies["MAIL"] = "550 5.7.1 Account suspended"
    assert world.carrier_of(world.send()) == second.name
    second.replies["AUTH"] = "535 5.7.8 Authentication failed"
    assert world.carrier_of(world.send()) == third.name
    for name, peer in world.peers.items():
        assert set(peer.logins) == {(f"{name}-user", f"{name}-secret")}
        for recipient, _ in peer.messages:
            assert recipient


ACCOUNT_REFUSALS = [
    ("AUTH", "535 Authentication failed: Maximum credits exceeded"),
    ("AUTH", "451 Authentication failed: Maximum credits exceeded"),
    ("MAIL", "550 5.7.1 Account suspended"),
    ("MAIL", "550 Account suspended"),
    ("MAIL", "530 5.7.0 Authentication required"),
    ("RCPT", "550 5.7.1 Relaying denied"),
    ("RCPT", "552 Your account has been suspended. Please contact us to reactivate"),
    ("DATA", "554 Message rejected: Sending paused for this account."),
    ("DATA", "550 5.4.5 Daily SMTP relay limit exceeded for customer. - gsmtp"),
    ("MAIL", "550-5.7.1 We are sorry.\r\n550 5.7.1 Account suspended"),
]


@pytest.mark.parametrize(("stage", "reply"), ACCOUNT_REFUSALS)
def test_a_message_goes_to_the_next_provider_at_once_when_the_account_is_refused(routed, stage, reply):
    routed.peers["alfa"].replies[stage] = reply
    recipient = routed.send()
    assert routed.carrier_of(recipient) == "bravo"
    assert "status=sent" in routed.line_of(recipient)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_multi_line_refusal_with_an_unremarkable_last_line_defers_and_does_not_bounce(routed, stage):
    routed.peers["alfa"].replies[stage] = "550-5.7.1 Account suspended\r\n550 5.7.1 Write to support@alfa.test"
    recipient = routed.send()
    line = routed.line_of(recipient)
    assert "status=deferred" in line
    assert "Account suspended" in line
    routed.heal()
    wait_for(lambda: flush(routed.installation, CLOCK).deferred > 0, what="the message to be in the deferred queue")
    assert routed.carrier_of(recipient) == "alfa"


KEPT = [
    ("RCPT", "550 5.1.1 <nobody@receiver.test>: Recipient address rejected: User unknown"),
    ("RCPT", "550 User unknown"),
    ("RCPT", "550-5.1.1 The email account that you tried to reach does not exist.\r\n550 5.1.1 Try again"),
    ("MAIL", "553 5.1.8 Sender address rejected: Domain not found"),
    ("DATA", "554 5.7.1 Message contains spam"),
    ("DATA", "552 5.3.4 Message too big"),
]


@pytest.mark.parametrize(("stage", "reply"), KEPT)
def test_a_refusal_of_recipient_sender_or_content_bounces_and_tries_nobody_else(routed, stage, reply):
    routed.peers["alfa"].replies[stage] = reply
    recipient = routed.send(sender="")  # the null sender: no bounce message to wait for
    assert "status=bounced" in routed.line_of(recipient)
    assert not any(peer.received(recipient) for peer in routed.peers.values())


def test_the_third_nexthop_is_tried_after_two_sessions_were_refused(routed):
    routed.peers["alfa"].replies["MAIL"] = "421 4.3.2 Service not available"
    routed.peers["bravo"].replies["RCPT"] = "451 4.3.0 Try later"
    assert routed.carrier_of(routed.send()) == "carol"


def test_a_stopped_relay_is_passed_over(routed):
    routed.peers["alfa"].stop()
    try:
        assert routed.carrier_of(routed.send()) == "bravo"
    finally:
        routed.peers["alfa"].start()


def test_a_relay_whose_certificate_has_another_name_gets_neither_mail_nor_password(routed):
    providers = dict(routed.installation.providers)
    providers["alfa"] = replace(providers["alfa"], server_name="smtp.other.test")
    installation = replace(routed.installation, providers=providers, canary_recipients=())
    routed.peers["alfa"].logins.clear()
    move(routed, *NAMES[::-1])
    move(routed, *NAMES, installation=installation)
    assert routed.carrier_of(routed.send()) == "bravo"
    assert routed.peers["alfa"].logins == []
    move(routed, *NAMES)
    assert routed.carrier_of(routed.send()) == "alfa"


def test_one_providers_authority_vouches_for_no_other(routed):
    authorities = {**routed.installation.authorities, "alfa": routed.installation.authorities["bravo"]}
    installation = replace(routed.installation, authorities=authorities, canary_recipients=())
    routed.peers["alfa"].logins.clear()
    move(routed, *NAMES, installation=installation)
    assert routed.carrier_of(routed.send()) == "bravo"
    assert routed.peers["alfa"].logins == []
    move(routed, *NAMES)


@pytest.fixture
def asks_for_certificates(routed):
    """Alfa's relay lets in only clients with a certificate of its authority; yields the paths of one and its key."""
    authority, peer = trustme.CA(), routed.peers["alfa"]
    one = authority.issue_cert("client.sender.test")
    certificate, key = routed.root / "client.pem", routed.root / "client.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in one.cert_chain_pems))
    key.write_bytes(one.private_key_pem.bytes())
    key.chmod(0o600)
    context = peer.context
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    yield str(certificate), str(key)
    context.verify_mode = ssl.CERT_NONE
    move(routed, *NAMES)


def test_a_relay_that_asks_for_a_client_certificate_is_shown_it_by_every_service(routed, asks_for_certificates):
    certificate, key = asks_for_certificates
    without = replace(routed.installation, canary_recipients=())
    move(routed, *NAMES, installation=without)
    assert routed.carrier_of(routed.send()) == "bravo"
    providers = dict(routed.installation.providers)
    providers["alfa"] = replace(providers["alfa"], client_certificate_file=certificate, client_key_file=key)
    at = replace(routed.installation, providers=providers)
    assert move(routed, *NAMES, installation=at).verified
    assert routed.carrier_of(routed.send()) == "alfa"
    move(routed, "bravo", "alfa", installation=at)
    routed.peers["bravo"].replies["MAIL"] = "451 4.3.0 Try later"
    assert routed.carrier_of(routed.send()) == "alfa"  # by bravo's service
    routed.heal()


@pytest.mark.parametrize("advertised", [True, False])
def test_a_message_too_big_for_one_relay_takes_another_where_one_takes_all(routed, advertised):
    alfa = routed.peers["alfa"]
    if advertised:
        alfa.stop()
        alfa.size_limit = 2000
        alfa.start()
    else:
        alfa.replies["DATA"] = "552 5.3.4 Message size exceeds fixed limit"
    too_big = routed.send(sender="", lines=100)
    assert "status=bounced" in routed.line_of(too_big)
    limits = {"alfa": 2000, "bravo": 50_000_000}
    alfa.replies.pop("DATA", None)
    move(routed, *NAMES, installation=replace(routed.installation, size_limits=limits))
    if not advertised:
        alfa.replies["DATA"] = "552 5.3.4 Message size exceeds fixed limit"
    assert routed.carrier_of(routed.send(lines=100)) == "bravo"
    alfa.stop()
    alfa.size_limit = 33_554_432
    alfa.start()
    routed.heal()
    move(routed, *NAMES)


def test_a_message_waits_in_the_queue_when_every_account_is_suspended(routed):
    for peer in routed.peers.values():
        peer.replies["MAIL"] = "550 5.7.1 Account suspended"
    recipient = routed.send()
    assert "status=deferred" in routed.line_of(recipient)
    routed.heal()
    wait_for(lambda: flush(routed.installation, CLOCK).deferred > 0, what="the message to be in the deferred queue")
    routed.carrier_of(recipient)
