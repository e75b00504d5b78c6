"""What the SMTP channel does on the wire, beyond what every adapter's contract asks."""

import socket
from contextlib import asynccontextmanager

import pytest

from providers.base import Message, SubmissionStatus
from providers.failure import Category, Stage
from providers.smtp_connect import Address, connect
from tests.providers.conftest import MESSAGE
from tests.providers.relay import HANG, Relay

pytestmark = pytest.mark.anyio


@pytest.fixture
def at_relay(world):
    @asynccontextmanager
    async def at(changes=None, /, **relay):
        async with Relay(**{"tls_context": world.server_context()} | relay).running() as running:
            yield running, world.provider("smtp", running.port, **changes or {})

    return at


def message(content=MESSAGE.content, **changes):
    fields = {"sender": MESSAGE.sender, "recipient": MESSAGE.recipient} | changes
    return Message(content=content, **fields)


async def test_implicit_tls_is_verified_against_the_server_name(at_relay):
    async with at_relay({"tls": "implicit"}, implicit=True) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert found.status is SubmissionStatus.ACCEPTED
    assert relay.verbs == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
    stages = list(found.stage_seconds)
    assert stages.index(Stage.TLS) < stages.index(Stage.BANNER)


@pytest.mark.parametrize(
    ("offer", "mechanism"),
    [
        ("AUTH PLAIN LOGIN", "PLAIN"),
        ("AUTH LOGIN PLAIN", "PLAIN"),
        ("AUTH=LOGIN", "LOGIN"),
        ("AUTH CRAM-MD5 LOGIN", "LOGIN"),
    ],
)
async def test_the_login_uses_what_is_offered(at_relay, offer, mechanism):
    async with at_relay(ehlo_tls=(offer,)) as (relay, provider):
        assert (await provider.submit(MESSAGE)).status is SubmissionStatus.ACCEPTED
    assert relay.logins == [(mechanism, True)]


@pytest.mark.parametrize("offer", [(), ("AUTH CRAM-MD5",)])
async def test_a_login_that_is_not_offered_is_an_auth_failure(at_relay, offer):
    async with at_relay(ehlo_tls=offer) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert (found.failure.category, found.failure.rule) == (Category.AUTH, "login-not-offered")
    assert relay.logins == []


async def test_one_refusal_of_the_password_is_enough(at_relay):
    async with at_relay({"password": "wrong"}) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure.category) == (SubmissionStatus.REJECTED, Category.AUTH)
    assert relay.logins == [("PLAIN", True)]


async def test_no_login_is_tried_without_a_username(at_relay):
    async with at_relay({"username": None, "password": None}) as (relay, provider):
        assert (await provider.submit(MESSAGE)).status is SubmissionStatus.ACCEPTED
    assert relay.logins == []


async def test_what_was_offered_in_clear_is_forgotten(at_relay):
    clear = ("STARTTLS", "AUTH PLAIN", "SIZE 10", "XINJECTED")
    async with at_relay(ehlo_clear=clear, ehlo_tls=("AUTH PLAIN",)) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert found.status is SubmissionStatus.ACCEPTED
    assert found.ehlo == ("AUTH PLAIN",)
    assert relay.commands[-4].startswith("MAIL")
    assert "SIZE" not in relay.commands[-4]


async def test_replies_injected_before_tls_are_not_read_after_it(at_relay):
    injected = "220 go ahead\r\n250-relay.example.org\r\n250 XINJECTED"
    async with at_relay(answers={"starttls": injected}) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert "XINJECTED" not in found.ehlo


async def test_a_message_over_the_relays_limit_is_not_sent(at_relay):
    async with at_relay(ehlo_tls=("AUTH PLAIN", "SIZE 100")) as (relay, provider):
        found = await provider.submit(message(b"x" * 101))
    assert (found.status, found.failure.category) == (SubmissionStatus.ERROR, Category.SIZE)
    assert "103 bytes, the relay takes 100" in found.text  # a last line end is sent, and counted
    assert "MAIL" not in relay.verbs


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE many"])
async def test_a_size_without_a_limit_limits_nothing(at_relay, size):
    async with at_relay(ehlo_tls=("AUTH PLAIN", size)) as (relay, provider):
        assert (await provider.submit(MESSAGE)).status is SubmissionStatus.ACCEPTED
    assert f"SIZE={len(MESSAGE.content)}" in relay.commands[-4]


async def test_a_provider_with_a_documented_limit_keeps_to_it(world):
    async with Relay(tls_context=world.server_context(), username="apikey").running() as relay:
        found = await world.provider("sendgrid", relay.port).submit(message(b"x" * 20_000_001))
    assert (found.failure.category, found.failure.rule) == (Category.SIZE, "size-limit")


async def test_eight_bit_content_is_declared_or_not_sent(at_relay):
    content = "Subject: x\r\n\r\nü\r\n".encode()
    async with at_relay() as (relay, provider):
        assert (await provider.submit(message(content))).status is SubmissionStatus.ACCEPTED
    assert relay.commands[-4].endswith("BODY=8BITMIME")
    async with at_relay(ehlo_tls=("AUTH PLAIN",)) as (relay, provider):
        found = await provider.submit(message(content))
    assert (found.failure.category, found.failure.rule) == (Category.CONTENT, "8bitmime-not-offered")


async def test_addresses_beyond_ascii_need_smtputf8(at_relay):
    async with at_relay() as (_, provider):
        by_sender = await provider.submit(message(sender="prüfung@example.org"))
        by_recipient = await provider.submit(message(recipient="empfänger@example.net"))
    assert (by_sender.failure.category, by_recipient.failure.category) == (Category.SENDER, Category.RECIPIENT)
    async with at_relay(ehlo_tls=("AUTH PLAIN", "SMTPUTF8")) as (relay, provider):
        found = await provider.submit(message(sender="prüfung@example.org", recipient="empfänger@example.net"))
    assert found.status is SubmissionStatus.ACCEPTED
    assert relay.commands[-4].endswith("SMTPUTF8")


async def test_a_header_beyond_ascii_needs_smtputf8_and_a_body_does_not(at_relay):
    header, body = "Subject: Grüße\r\n\r\nx\r\n".encode(), "Subject: x\r\n\r\nGrüße\r\n".encode()
    async with at_relay() as (relay, provider):
        found = await provider.submit(message(header))
        assert (await provider.submit(message(body))).status is SubmissionStatus.ACCEPTED
    assert (found.failure.category, found.failure.rule) == (Category.CONTENT, "smtputf8-not-offered")
    assert "encode the field" in found.text
    assert not [command for command in relay.commands if "SMTPUTF8" in command]
    async with at_relay(ehlo_tls=("AUTH PLAIN", "8BITMIME", "SMTPUTF8")) as (relay, provider):
        assert (await provider.submit(message(header))).status is SubmissionStatus.ACCEPTED
    assert relay.commands[-4].endswith("BODY=8BITMIME SMTPUTF8")


async def test_a_recipient_beyond_ascii_is_announced_with_the_sender(at_relay):
    async with at_relay(ehlo_tls=("AUTH PLAIN", "SMTPUTF8")) as (relay, provider):
        await provider.check_session("a@example.org", "empfänger@example.net")
    assert "MAIL FROM:<a@example.org> SMTPUTF8" in relay.commands


async def test_the_deadline_ends_a_hand_over_before_the_total_time_out(at_relay, world):
    async with at_relay(answers={"data": HANG}) as (_, provider):
        past = await provider.submit(MESSAGE, deadline=world.clock.monotonic() - 1)
        found = await provider.submit(MESSAGE, deadline=world.clock.monotonic() + 0.3)
    assert (found.failure.rule, found.failure.stage) == ("time-out", Stage.DATA)
    assert past.failure.rule == "time-out"


@pytest.mark.parametrize("address", ["a@b> BODY=7BIT", "a@b\r\nQUIT", "a b@c", "\ud800@b", "a\x00@b"])
async def test_an_address_cannot_carry_a_command(at_relay, address):
    async with at_relay() as (relay, provider):
        found = await provider.check_session(address, "seed@example.net")
        assert (found.failure.rule, found.failure.stage) == ("address", Stage.MAIL)
        found = await provider.check_session("probe@example.org", address)
        assert (found.failure.rule, found.failure.stage) == ("address", Stage.RCPT)
    assert all("b>" not in command for command in relay.commands)


async def test_the_null_sender_is_allowed(at_relay):
    async with at_relay() as (relay, provider):
        assert (await provider.check_session("", "seed@example.net")).status is SubmissionStatus.ACCEPTED
    assert "MAIL FROM:<>" in relay.commands


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"A: b\r\n\r\n.\r\n..\r\nend", b"A: b\r\n\r\n..\r\n...\r\nend\r\n"),
        (b"A: b\n\n.\nMAIL FROM:<x>\n", b"A: b\r\n\r\n..\r\nMAIL FROM:<x>\r\n"),
        (b"A: b\r\n\r\nx\r.\ry\r\n", b"A: b\r\n\r\nx\r\n..\r\ny\r\n"),
        (b"", b"\r\n"),
    ],
)
async def test_content_cannot_end_the_message(at_relay, content, sent):
    async with at_relay() as (relay, provider):
        assert (await provider.submit(message(content))).status is SubmissionStatus.ACCEPTED
    assert relay.messages == [sent]


async def test_the_relay_is_greeted_by_address_or_by_name(at_relay):
    async with at_relay() as (relay, provider):
        await provider.submit(MESSAGE)
    assert relay.commands[0] == "EHLO [127.0.0.1]"
    async with at_relay({"helo_name": "mail.example.org"}) as (relay, provider):
        await provider.submit(MESSAGE)
    assert relay.commands[0] == "EHLO mail.example.org"


async def test_plain_text_stays_on_this_machine(at_relay, world):
    bare = {"tls": "none", "username": None, "password": None}
    async with at_relay(bare) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.tls) == (SubmissionStatus.ACCEPTED, None)
    elsewhere = world.provider("smtp", 25, **bare | {"host": "192.0.2.1"})
    found = await elsewhere.submit(MESSAGE)
    assert (found.failure.category, found.failure.rule) == (Category.CONFIG, "plain-text-not-loopback")


@pytest.mark.parametrize("name", ["missing.pem", "no-certificate.pem"])
async def test_a_wrong_ca_file_is_our_configuration(at_relay, tmp_path, name):
    (tmp_path / "no-certificate.pem").write_text("hello")
    async with at_relay({"ca_file": str(tmp_path / name)}) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert (found.failure.category, found.failure.rule) == (Category.CONFIG, "ca-file")
    assert name in found.text


async def test_a_flood_without_line_end_is_garbage(at_relay):
    async with at_relay(answers={"banner": "220-" + "x" * 200_000}) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert found.failure.rule == "garbage"
    assert len(found.text) < 1000


async def test_a_name_with_several_addresses_is_tried_in_turn(at_relay, world):
    async with at_relay() as (relay, _):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            dead = Address(family=socket.AF_INET, sockaddr=closed.getsockname())
            alive = Address(family=socket.AF_INET, sockaddr=("127.0.0.1", relay.port))
            connection = await connect([dead, alive], clock=world.clock, limit_seconds=5)
            assert connection.getpeername()[1] == relay.port
            connection.close()
            with pytest.raises(ConnectionRefusedError):
                await connect([dead, dead], clock=world.clock, limit_seconds=5)


async def test_a_host_that_swallows_packets_is_a_time_out_at_connect(world):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(4):  # a full queue drops further SYNs, as a black hole does
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(full.getsockname())
            provider = world.provider("smtp", full.getsockname()[1], stage_timeout_seconds=0.3)
            found = await provider.submit(MESSAGE)
        finally:
            for each in waiting:
                each.close()
    assert (found.failure.category, found.failure.rule, found.failure.stage) == (
        Category.NETWORK,
        "time-out",
        Stage.CONNECT,
    )


async def test_a_large_message_goes_through(at_relay):
    content = b"Subject: big\r\n\r\n" + (b"y" * 70 + b"\r\n") * 20_000
    async with at_relay() as (relay, provider):
        assert (await provider.submit(message(content))).status is SubmissionStatus.ACCEPTED
    assert relay.messages == [content]
