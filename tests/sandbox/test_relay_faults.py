"""Each fault of a relay does what its name says, for new sessions at once and for kept ones at their next command."""

import smtplib
import ssl
import time

import pytest

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.errors import UnknownFaultError
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually, login_reply, session, submit

SEED = "seed-1@gmail.test"


def test_down_refuses_connections_ends_sessions_and_comes_back_on_the_same_port(world: World) -> None:
    with session(world, "mailgun") as smtp:
        world.fault("mailgun", "down")
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            smtp.noop()
    with pytest.raises(ConnectionRefusedError), session(world, "mailgun"):
        pass
    world.heal("mailgun")
    assert login_reply(world, "mailgun")[0] == 235


def test_blackhole_times_out_on_connect_and_freezes_sessions_until_healed(world: World) -> None:
    with session(world, "acme") as smtp:
        world.fault("acme", "blackhole")
        smtp.sock.settimeout(0.5)
        smtp.putcmd("NOOP")
        with pytest.raises(TimeoutError):
            smtp.sock.recv(100)
        for _ in range(3):
            with pytest.raises(TimeoutError), session(world, "acme", timeout=0.5):
                pass
        world.heal("acme")
        smtp.sock.settimeout(5)
        assert smtp.sock.recv(100).startswith(b"250")
    assert login_reply(world, "acme")[0] == 235


def test_greet421_greets_with_421_and_ends_kept_sessions(world: World) -> None:
    with session(world, "sendgrid") as kept:
        world.fault("sendgrid", "greet421")
        assert kept.noop()[0] == 421
    with session(world, "sendgrid") as smtp:
        assert smtp.greeting[0] == 421


def test_tarpit_delays_every_reply(world: World) -> None:
    with session(world, "mailgun") as smtp:
        world.fault("mailgun", "tarpit", 0.3)
        begun = time.monotonic()
        smtp.noop()
        smtp.noop()
        assert time.monotonic() - begun >= 0.6


def test_hang_data_never_answers_and_a_client_that_leaves_takes_its_message_along(world: World) -> None:
    before = len(world.accepted("mailgun"))
    world.fault("mailgun", "hang_data")
    with session(world, "mailgun") as smtp:
        smtp.sock.settimeout(0.5)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            submit(smtp, SEED)
    world.heal("mailgun")
    with session(world, "mailgun") as smtp:
        submit(smtp, "user-9@gmail.test")
    assert [r["recipient"] for r in world.accepted("mailgun")[before:]] == ["user-9@gmail.test"]


def test_hang_data_for_a_time_takes_the_message_although_the_client_has_gone(world: World) -> None:
    before = len(world.accepted("mailgun"))
    world.fault("mailgun", "hang_data", 0.6)
    with session(world, "mailgun") as smtp:
        smtp.sock.settimeout(0.2)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            submit(smtp, SEED)
    assert eventually(lambda: world.accepted("mailgun")[before:])[0]["recipient"] == SEED


@pytest.mark.parametrize(("relay", "text"), [("mailgun", "Mailgun"), ("sendgrid", "authorization grant"), ("acme", "")])
def test_auth535_refuses_the_right_password(world: World, relay: str, text: str) -> None:
    with session(world, relay) as kept:
        world.fault(relay, "auth535")
        code, reply = login_reply(world, relay)
        assert code == 535
        assert text in reply
        assert kept.mail("a@example.test")[0] == 421  # a kept session has to log in again


@pytest.mark.parametrize(
    ("relay", "fault", "code", "text"),
    [
        ("mailgun", "quota", 421, "recipient limit exceeded, try again after"),
        ("mailgun", "suspended", 550, "5.7.1 Domain example.test is not allowed to send: your account is suspended"),
        ("mailgun", "sender_unverified", 550, "the domain is unverified"),
        ("mailgun", "tempfail", 451, ""),
        ("sendgrid", "sender_unverified", 550, "does not match a verified Sender Identity"),
        ("sendgrid", "tempfail", 451, ""),
        ("acme", "quota", 550, "5.4.5 Daily sending quota exceeded"),
        ("acme", "suspended", 550, "5.7.1 Account suspended"),
        ("acme", "sender_unverified", 550, "5.7.1"),
        ("acme", "tempfail", 451, "4.3.0"),
    ],
)
def test_refusals_after_login_are_in_the_relays_own_words(
    world: World, relay: str, fault: str, code: int, text: str
) -> None:
    with session(world, relay) as kept:
        world.fault(relay, fault)
        seen, reply = submit(kept, SEED)  # a session opened before the fault meets it as well
        assert seen == code
        assert text in reply
    with session(world, relay) as smtp:
        assert submit(smtp, SEED)[0] == code
    world.heal(relay)
    with session(world, relay) as smtp:
        assert submit(smtp, SEED)[0] == 250


@pytest.mark.parametrize(
    ("fault", "code", "text"), [("quota", 451, "Maximum credits exceeded"), ("suspended", 535, "account disabled")]
)
def test_sendgrid_says_account_faults_at_login(world: World, fault: str, code: int, text: str) -> None:
    with session(world, "sendgrid") as kept:
        world.fault("sendgrid", fault)
        assert login_reply(world, "sendgrid") == (code, f"Authentication failed: {text}")
        assert kept.mail("a@example.test")[0] == 421


def test_sender_unverified_can_be_limited_to_some_senders(world: World) -> None:
    world.fault("acme", "sender_unverified", "@forged.test")
    with session(world, "acme") as smtp:
        assert submit(smtp, SEED, sender="a@forged.test")[0] == 550
        assert submit(smtp, SEED)[0] == 250


def test_partial_refuses_its_share_of_messages(world: World) -> None:
    world.fault("mailgun", "partial", 0.3)
    with session(world, "mailgun") as smtp:
        codes = [submit(smtp, "user-8@gmail.test")[0] for _ in range(40)]
    assert (codes.count(451), codes.count(250)) == (12, 28)


def test_any_fault_can_strike_a_share(world: World) -> None:
    world.fault("acme", "suspended", share=0.5)
    with session(world, "acme") as smtp:
        codes = [submit(smtp, "user-8@gmail.test")[0] for _ in range(20)]
    assert sorted(codes) == [250] * 10 + [550] * 10


def test_down_for_a_share_lets_the_other_connections_through(world: World) -> None:
    world.fault("acme", "down", share=0.5)
    ended = 0
    for _ in range(20):
        try:
            with session(world, "acme"):
                pass
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            ended += 1
    assert ended == 10


@pytest.mark.parametrize(("relay", "code"), [("mailgun", 421), ("sendgrid", 450), ("acme", 450)])
def test_ratelimit_lets_the_first_ones_of_a_minute_through(world: World, relay: str, code: int) -> None:
    world.fault(relay, "ratelimit", 3)
    codes = []
    for _ in range(5):
        with session(world, relay) as smtp:
            codes.append(submit(smtp, "user-8@gmail.test")[0])
    assert codes == [250, 250, 250, code, code]


def test_tls_expired_shows_a_certificate_that_has_ended(world: World) -> None:
    with session(world, "sendgrid") as kept:
        world.fault("sendgrid", "tls_expired")
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"), session(world, "sendgrid"):
            pass
        assert kept.noop()[0] == 421


def test_tls_stripped_offers_no_starttls(world: World) -> None:
    world.fault("mailgun", "tls_stripped")
    with smtplib.SMTP("127.0.0.1", world.ports["mailgun"], timeout=5) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("starttls")
        assert smtp.docmd("STARTTLS")[0] == 502


def test_flap_switches_another_fault_on_and_off(world: World) -> None:
    world.fault("acme", "flap", "down", 0.3, 0.3)

    def reachable() -> bool:
        try:
            return login_reply(world, "acme")[0] == 235
        except (OSError, smtplib.SMTPException):
            return False

    for wanted in (False, True, False, True):
        eventually(lambda wanted=wanted: reachable() is wanted)
    world.heal("acme")
    assert world.status()["relays"][2]["faults"] == []
    assert reachable()


def test_faults_add_up_and_heal_one_by_one(world: World) -> None:
    world.fault("all", "spam")
    world.fault("mailgun", "tempfail")
    world.heal("mailgun", "tempfail")
    assert [r["faults"] for r in world.status()["relays"]] == [["spam"]] * 3
    world.heal()
    assert [r["faults"] for r in world.status()["relays"]] == [[]] * 3


@pytest.mark.parametrize(
    ("target", "fault", "says"),
    [
        ("nobody", "down", 'no provider or seed "nobody"'),
        ("mailgun", "sleepy", 'no fault "sleepy"'),
        ("mailgun", "seed_down", "a fault of a seed"),
        ("gmail-1", "down", "a fault of a relay"),
        ("mailgun", "local_net", "the faults of host are"),
    ],
)
def test_a_wrong_name_is_refused_in_one_sentence(world: World, target: str, fault: str, says: str) -> None:
    with pytest.raises(UnknownFaultError, match=says):
        world.fault(target, fault)


def test_every_relay_has_words_for_the_same_refusals() -> None:
    assert len({frozenset(d.refusals) for d in DIALECTS.values()}) == 1
