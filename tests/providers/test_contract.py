"""What every adapter makes of the same answers. A new adapter is in this suite by being registered."""

import asyncio
import random
import socket
from contextlib import asynccontextmanager

import pytest

from providers.base import Channel, SubmissionStatus, TlsMode
from providers.failure import Category, Stage
from providers.registry import known_kinds, load
from tests.providers.conftest import MESSAGE
from tests.providers.relay import CLOSE, DRIP, GARBAGE, HALF_CLOSE, HANG, NOT_TLS, PARTIAL, Relay

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("example_installed")]
KINDS = sorted({*known_kinds(), "example"})  # every adapter that is installed, and one from outside
A, D, R, E = (
    SubmissionStatus.ACCEPTED,
    SubmissionStatus.DEFERRED,
    SubmissionStatus.REJECTED,
    SubmissionStatus.ERROR,
)
# Where the relay misbehaves, and the stage at which that must be noticed.
STAGES = {
    "banner": Stage.BANNER,
    "ehlo": Stage.EHLO,
    "starttls": Stage.TLS,
    "handshake": Stage.TLS,
    "ehlo-tls": Stage.EHLO,
    "auth": Stage.AUTH,
    "mail": Stage.MAIL,
    "rcpt": Stage.RCPT,
    "data": Stage.DATA,
    "end-of-data": Stage.END_OF_DATA,
}
IN_SESSION_CHECK = tuple(stage for stage in STAGES if stage not in {"data", "end-of-data"})


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def at_relay(world, kind):
    """Return a context that gives a relay with these answers and a provider that reaches it."""

    @asynccontextmanager
    async def at(answers=None, *, relay=None, **options):
        name = "apikey" if kind == "sendgrid" else "postmaster@mg.example.org"
        relay_options = {"tls_context": world.server_context(), "username": name, "answers": answers or {}}
        async with Relay(**relay_options | (relay or {})).running() as running:
            yield running, world.provider(kind, running.port, **options)

    return at


async def test_a_message_is_accepted(at_relay):
    async with at_relay() as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure, found.message_sent) == (A, None, True)
    assert (found.reply_code, found.provider_message_id) == (250, "Zm9vYmFy-1")
    assert relay.messages == [MESSAGE.content.replace(b"\r\n.dot", b"\r\n..dot")]
    assert list(found.stage_seconds) == [Stage.DNS, Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.TLS, Stage.AUTH,
                                         Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END_OF_DATA]  # fmt: skip
    assert sum(found.stage_seconds.values()) <= found.duration_seconds < 5
    assert found.tls.version in {"TLSv1.2", "TLSv1.3"}
    assert found.tls.not_after > found.started_at
    assert found.ehlo == ("SIZE 52428800", "8BITMIME", "AUTH PLAIN LOGIN")


async def test_a_session_check_passes_and_sends_nothing(at_relay):
    async with at_relay() as (relay, provider):
        found = await provider.check_session("probe@example.org", "seed@example.net")
    assert (found.status, found.failure, found.message_sent) == (A, None, False)
    assert relay.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"]
    assert relay.messages == []


@pytest.mark.parametrize(
    ("stage", "answer", "status", "category", "temporary"),
    [
        ("end-of-data", "451 4.3.0 try later", D, Category.PROVIDER_TEMP, True),
        ("banner", "421 4.3.2 closing", D, Category.PROVIDER_TEMP, True),
        ("banner", "554 no service here", R, Category.PROVIDER, False),
        ("rcpt", "550 5.1.1 User unknown", R, Category.RECIPIENT, False),
        ("end-of-data", "550 5.7.1 never heard of it", R, Category.POLICY, False),
        ("end-of-data", "554 gibberish", R, Category.UNKNOWN, False),
        ("auth", "535 5.7.8 Authentication failed", R, Category.AUTH, False),
        ("auth", "451 4.7.0 password server away", D, Category.PROVIDER_TEMP, True),
        ("mail", "550 Unauthenticated senders not allowed", R, Category.AUTH, False),
        ("mail", "550 5.7.1 Account suspended", R, Category.ACCOUNT, False),
        ("end-of-data", "550 You have exceeded your daily sending limit", R, Category.QUOTA, False),
        ("mail", "452 4.7.28 rate limit exceeded", D, Category.RATE, True),
        ("mail", "552 5.3.4 message too large", R, Category.SIZE, False),
        ("end-of-data", "250-strange\r\n421-4.3.2 in the\r\n421 4.3.2 middle", D, Category.PROVIDER_TEMP, True),
        ("starttls", "454 4.7.0 TLS not available", D, Category.TLS, True),
        ("data", "250 what?", E, Category.PROVIDER, True),
        ("mail", "354 go on", E, Category.PROVIDER, True),
    ],
)
async def test_an_answer_means_the_same_for_every_adapter(at_relay, stage, answer, status, category, temporary):
    async with at_relay({stage: answer}) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure.category, found.failure.temporary) == (status, category, temporary)
    assert found.failure.stage is STAGES[stage]
    assert found.reply_code == int(answer.splitlines()[-1][:3])
    assert relay.messages == []


@pytest.mark.parametrize("stage", STAGES)
async def test_a_silent_relay_is_a_time_out_at_that_stage(at_relay, stage):
    async with at_relay({stage: HANG}, stage_timeout_seconds=0.2) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert found.status is E
    assert (found.failure.category, found.failure.rule) == (Category.NETWORK, "time-out")
    assert (found.failure.stage, found.failure.temporary) == (STAGES[stage], True)
    assert found.duration_seconds < 5


@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"handshake"}))
async def test_a_relay_that_drips_is_a_time_out_at_that_stage(at_relay, stage):
    async with at_relay({stage: DRIP}, stage_timeout_seconds=0.2) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure.rule, found.failure.stage) == (E, "time-out", STAGES[stage])


@pytest.mark.parametrize("how", [CLOSE, HALF_CLOSE, PARTIAL])
@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"handshake"}))
async def test_a_closed_connection_is_noticed_at_that_stage(at_relay, stage, how):
    async with at_relay({stage: how}) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert found.status is E
    assert (found.failure.category, found.failure.rule) == (Category.NETWORK, "connection-lost")
    assert found.failure.stage is STAGES[stage]


@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"handshake"}))
async def test_garbage_is_the_providers_trouble(at_relay, stage):
    async with at_relay({stage: GARBAGE}) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert found.status is E
    assert (found.failure.category, found.failure.rule, found.failure.stage) == (
        Category.PROVIDER,
        "garbage",
        STAGES[stage],
    )
    assert found.text.isprintable()


@pytest.mark.parametrize(("how", "category"), [(NOT_TLS, Category.TLS), (CLOSE, Category.NETWORK)])
async def test_a_broken_handshake_is_noticed_at_tls(at_relay, how, category):
    async with at_relay({"handshake": how}) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure.stage, found.failure.category) == (E, Stage.TLS, category)


@pytest.mark.parametrize("stage", IN_SESSION_CHECK)
async def test_a_session_check_sees_refusals_too(at_relay, stage):
    answer = NOT_TLS if stage == "handshake" else "451 4.3.0 not now"
    async with at_relay({stage: answer}) as (_, provider):
        found = await provider.check_session("probe@example.org", "seed@example.net")
    assert (found.failure.stage, found.message_sent) == (STAGES[stage], False)


@pytest.mark.parametrize("stage", ["rset", "quit"])
@pytest.mark.parametrize("answer", [CLOSE, "421 bye", GARBAGE, HANG])
async def test_what_follows_consent_does_not_matter(at_relay, stage, answer):
    async with at_relay({stage: answer}, stage_timeout_seconds=0.3) as (_, provider):
        assert (await provider.check_session("probe@example.org", "seed@example.net")).status is A
        assert (await provider.submit(MESSAGE)).status is A


async def test_the_whole_hand_over_has_a_limit_of_its_own(at_relay):
    async with at_relay({"end-of-data": HANG}, stage_timeout_seconds=30, total_timeout_seconds=0.5) as (_, provider):
        found = await provider.submit(MESSAGE)
    assert (found.failure.rule, found.failure.stage) == ("time-out", Stage.END_OF_DATA)
    assert found.duration_seconds < 10


async def test_nobody_listening_is_refused_at_connect(world, kind):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = await world.provider(kind, unused.getsockname()[1]).submit(MESSAGE)
    assert (found.status, found.failure.stage) == (E, Stage.CONNECT)
    assert (found.failure.category, found.failure.rule) == (Category.NETWORK, "connection-refused")


async def test_a_name_that_is_not_found_fails_at_dns(world, kind):
    found = await world.provider(kind, 2525, host="relay.invalid", tls="starttls").submit(MESSAGE)
    assert (found.status, found.failure.stage, found.failure.rule) == (E, Stage.DNS, "dns")


async def test_a_name_that_cannot_be_one_is_our_configuration(world, kind):
    for host in ("a..example.org", "x" * 64 + ".example.org"):
        found = await world.provider(kind, 2525, host=host).submit(MESSAGE)
        assert (found.status, found.failure.category, found.failure.rule) == (E, Category.CONFIG, "host-name")


@pytest.mark.parametrize("stage", STAGES)
async def test_any_bytes_at_any_stage_end_in_a_submission(at_relay, stage):
    generator = random.Random(stage)
    alphabet = "\r\n -0123456789\x00\x16\xff.AZ"

    async def one():
        noise = "".join(generator.choice(alphabet) for _ in range(generator.randrange(1, 40)))
        async with at_relay({stage: noise}, stage_timeout_seconds=0.3) as (_, provider):
            return await provider.submit(MESSAGE)

    for found in await asyncio.gather(*(one() for _ in range(20))):
        assert (found.failure is None) == (found.status is A)
        assert found.text.isprintable()


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"name": "other.example.org"}, "certificate-name"),
        ({"not_after": "expired"}, "certificate-expired"),
        ({"ca": "stranger"}, "certificate-untrusted"),
    ],
)
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
async def test_a_wrong_certificate_gets_no_password(world, kind, at_relay, options, rule, tls):
    context = wrong_context(world, options)
    relay_options = {"tls_context": context, "implicit": tls is TlsMode.IMPLICIT}
    async with at_relay(relay=relay_options, tls=tls) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure.stage, found.failure.category) == (E, Stage.TLS, Category.TLS)
    assert found.failure.rule == rule
    assert not found.failure.temporary
    assert relay.logins == []


def wrong_context(world, options):
    if "ca" in options:
        return world.stranger_context()
    if "not_after" in options:
        return world.server_context(not_after=world.clock.now().replace(year=2020))
    return world.server_context(**options)


async def test_no_password_without_tls(at_relay):
    async with at_relay(relay={"ehlo_clear": ("AUTH PLAIN LOGIN",)}) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert (found.status, found.failure.category) == (E, Category.TLS)
    assert (found.failure.stage, found.failure.rule) == (Stage.TLS, "starttls-not-offered")
    assert relay.verbs == ["EHLO"]
    assert relay.logins == []


async def test_a_refused_password_is_told_nowhere(at_relay):
    secret = "pass wörd-0815"
    async with at_relay({}, password=secret) as (relay, provider):
        found = await provider.submit(MESSAGE)
    assert found.failure.category is Category.AUTH
    assert "[redacted]" in found.text
    for word in (secret, "0815", relay.commands[-2].split(" ")[-1]):
        assert word not in repr(found)
        assert word not in found.text
        assert word not in repr(provider.relay_endpoint())
        assert word not in repr(provider)


async def test_cancelling_closes_the_connection(at_relay):
    async with at_relay({"mail": HANG}) as (relay, provider):
        task = asyncio.create_task(provider.submit(MESSAGE))
        while "MAIL" not in relay.verbs:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while relay.open_connections:
            await asyncio.sleep(0.01)


async def test_hand_overs_may_run_side_by_side(at_relay):
    async with at_relay() as (relay, provider):
        found = await asyncio.gather(*(provider.submit(MESSAGE) for _ in range(10)))
    assert {submission.status for submission in found} == {A}
    assert len(relay.messages) == 10


async def test_the_endpoint_is_the_path_that_is_measured(at_relay, kind):
    async with at_relay() as (relay, provider):
        endpoint = provider.relay_endpoint()
    assert endpoint.nexthop == f"[127.0.0.1]:{relay.port}"
    assert (endpoint.username, endpoint.password) == (relay.username, relay.password)
    assert provider.name == "relay"
    assert Channel.SMTP in load(kind).capabilities.channels


async def test_closing_a_provider_twice_is_harmless(at_relay):
    async with at_relay() as (_, provider):
        await provider.aclose()
        await provider.aclose()
