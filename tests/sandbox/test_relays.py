"""What the relays say when nothing is wrong."""

import hashlib
import smtplib
import socket
import ssl

import pytest

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.world import World
from tests.sandbox.clients import eventually, login_reply, session, submit

RELAYS = tuple(DIALECTS)


@pytest.mark.parametrize("relay", RELAYS)
def test_a_relay_takes_a_message_and_the_seed_gets_it_with_authentication_results(world: World, relay: str) -> None:
    with session(world, relay) as smtp:
        assert submit(smtp, "seed-1@gmail.test", headers=f"X-Test: {relay}\r\n")[0] == 250
    copies = eventually(
        lambda: [m for m in world.dovecot.messages("seed-1@gmail.test") if f"X-Test: {relay}" in m.path.read_text()]
    )
    text = copies[0].path.read_text()
    assert copies[0].folder is None
    assert text.startswith("Return-Path: <probe@example.test>\n")
    assert f"Received: from {DIALECTS[relay].server_name} (127.0.0.1) by mx.gmail.test" in text
    assert "Authentication-Results: mx.gmail.test; dkim=pass" in text
    assert "dmarc=pass" in text


def test_each_relay_greets_and_offers_what_the_real_one_does(world: World) -> None:
    seen = {}
    for relay in RELAYS:
        with session(world, relay) as smtp:
            seen[relay] = (smtp.greeting[1].decode(), set(smtp.esmtp_features), smtp.esmtp_features["size"])
    assert seen["mailgun"] == (
        "Mailgun Influx ready",
        {"auth", "size", "8bitmime", "smtputf8", "pipelining"},
        "52428800",
    )
    assert seen["sendgrid"][0].startswith("SG ESMTP service ready at ")
    assert seen["sendgrid"][1:] == ({"auth", "size", "8bitmime", "pipelining"}, "31457280")
    assert "enhancedstatuscodes" in seen["acme"][1]


def test_users_are_a_full_address_at_mailgun_and_a_literal_word_at_sendgrid() -> None:
    assert DIALECTS["mailgun"].username == "postmaster@example.test"
    assert DIALECTS["sendgrid"].username == "apikey"


def test_certificates_carry_the_relays_own_name_only(world: World) -> None:
    context = ssl.create_default_context(cafile=str(world.ca_file))
    with smtplib.SMTP("127.0.0.1", world.ports["mailgun"], timeout=5) as smtp:
        smtp._host = "smtp.sendgrid.test"
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            smtp.starttls(context=context)
        smtp.close()


@pytest.mark.parametrize(("relay", "reply"), [("mailgun", "550 5.7.1"), ("sendgrid", "550 "), ("acme", "530 5.7.0")])
def test_nobody_sends_without_logging_in(world: World, relay: str, reply: str) -> None:
    with session(world, relay, login=False) as smtp:
        code, text = submit(smtp, "seed-1@gmail.test")
    assert f"{code} {text}".startswith(reply)


def test_acme_wants_tls_before_a_password(world: World) -> None:
    with smtplib.SMTP("127.0.0.1", world.ports["acme"], timeout=5) as smtp:
        assert "auth" not in (smtp.ehlo() and smtp.esmtp_features)
        assert smtp.docmd("AUTH", "PLAIN AGEAYg==")[0] == 530


def test_every_login_attempt_is_recorded_with_its_password(world: World) -> None:
    before = len(world.auth_seen("sendgrid"))
    with session(world, "sendgrid", login=False) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login("apikey", "somebody else's secret")
    assert login_reply(world, "sendgrid")[0] == 235
    seen = world.auth_seen("sendgrid")[before:]
    assert {(a["username"], a["password"], a["accepted"], a["tls"]) for a in seen} == {
        ("apikey", "somebody else's secret", False, True),
        ("apikey", world.password("sendgrid"), True, True),
    }


def test_login_mechanism_works_too(world: World) -> None:
    with session(world, "acme", login=False) as smtp:
        smtp.user, smtp.password = DIALECTS["acme"].username, world.password("acme")
        assert smtp.auth("LOGIN", smtp.auth_login)[0] == 235


def test_every_accepted_message_is_recorded(world: World) -> None:
    before = len(world.accepted("acme"))
    content = b"Subject: x\r\nX-Sandbox-Id: abcd\r\n\r\n.. dots\r\n"
    with session(world, "acme") as smtp:
        smtp.mail("a@example.test")
        smtp.rcpt("user-1@yahoo.test")
        smtp.rcpt("user-2@yahoo.test")
        code, text = smtp.data(content)
    records = eventually(lambda: [r for r in world.accepted("acme")[before:] if r["fate"] == "delivered"])
    records = world.accepted("acme")[before:]
    assert code == 250
    assert [r["recipient"] for r in records] == ["user-1@yahoo.test", "user-2@yahoo.test"]
    assert {r["id"] for r in records} == {text.decode().rpartition(" ")[2]}
    assert records[0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert records[0]["sandbox_id"] == "abcd"


def test_a_message_over_the_size_is_refused_at_mail(world: World) -> None:
    with session(world, "acme") as smtp:
        assert smtp.docmd("MAIL", "FROM:<a@example.test> SIZE=26214401")[0] == 552


def test_big_messages_get_through_unchanged(world: World) -> None:
    content = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 60 + b"\r\n"
    content += (b"x" * 900 + b"\r\n") * 5000
    with session(world, "mailgun", timeout=30) as smtp:
        smtp.mail("a@example.test")
        smtp.rcpt("user-3@yahoo.test")
        assert smtp.data(content)[0] == 250
    assert world.accepted("mailgun")[-1]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("relay", RELAYS)
def test_an_unknown_recipient_and_bad_content_are_refused_for_what_they_are(world: World, relay: str) -> None:
    with session(world, relay) as smtp:
        code, text = submit(smtp, "nosuch-person@gmail.test")
        assert (code, text[:5]) == (550, "5.1.1")
        code, text = submit(smtp, "user-1@gmail.test", headers="X-Sandbox-Content: bad\r\n")
        assert (code, text[:5]) == (554, "5.6.0")
        assert submit(smtp, "user-1@gmail.test")[0] == 250


def test_commands_out_of_order_and_garbage_get_a_reply(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.ports["acme"]), timeout=5) as raw, raw.makefile("rb") as lines:
        for command, code in ((None, b"220"), (b"MAIL FROM:<a@b>", b"503"), (b"\xff\xfe", b"502"), (b"DATA", b"503")):
            if command is not None:
                raw.sendall(command + b"\r\n")
            assert lines.readline()[:3] == code


def test_what_was_sent_before_tls_does_not_count(world: World) -> None:
    context = ssl.create_default_context(cafile=str(world.ca_file))
    with socket.create_connection(("127.0.0.1", world.ports["acme"]), timeout=5) as raw:
        raw.sendall(b"EHLO me\r\n")
        while b"250 " not in raw.recv(4096):
            pass
        raw.sendall(b"STARTTLS\r\nNOOP\r\n")
        assert raw.recv(4096).startswith(b"220")
        with context.wrap_socket(raw, server_hostname="smtp.acme.test") as tls:
            tls.sendall(b"QUIT\r\n")
            assert tls.recv(4096).startswith(b"221")
