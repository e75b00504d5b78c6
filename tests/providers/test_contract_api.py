"""What every adapter with an HTTP API makes of the same answers there. It is in this suite by being registered."""

import asyncio
import random
import socket
from contextlib import asynccontextmanager

import pytest

from providers.base import Channel, SubmissionStatus
from providers.errors import NotSupportedError
from providers.failure import Category, Stage
from providers.registry import known_kinds, load
from tests.providers.api_wordings import API_ANSWERS, API_SETTINGS, KEY
from tests.providers.conftest import MESSAGE
from tests.providers.http_server import http, serving

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("example_installed")]
A, D, R, E = (
    SubmissionStatus.ACCEPTED,
    SubmissionStatus.DEFERRED,
    SubmissionStatus.REJECTED,
    SubmissionStatus.ERROR,
)
ALL = sorted({*known_kinds(), "example"})


@pytest.fixture(params=sorted(API_ANSWERS))
def kind(request):
    return request.param


@pytest.fixture
def at_api(world, kind):
    """Return a context that gives an API that behaves so, and a provider that reaches it."""

    @asynccontextmanager
    async def at(behave, *, tls="right", **options):
        context = {"right": world.server_context, "stranger": world.stranger_context, "none": lambda _: None}[tls]
        context = context() if tls == "stranger" else context("127.0.0.1")
        async with serving(behave, ssl=context) as server:
            yield server, world.provider(kind, 2525, **API_SETTINGS[kind](server.url) | options)

    return at


async def submitted(provider):
    return await provider.submit(MESSAGE, Channel.API)


@pytest.mark.parametrize("name", ALL)
def test_an_adapter_with_an_api_stands_in_this_suite(name):
    assert (Channel.API in load(name).capabilities.channels) is (name in API_ANSWERS)
    if name in API_ANSWERS:
        assert API_ANSWERS[name].keys() == API_ANSWERS["mailgun"].keys()


async def test_a_message_is_accepted(at_api, kind):
    async with at_api(API_ANSWERS[kind]["accepted"]) as (server, provider):
        found = await submitted(provider)
    assert (found.status, found.failure, found.message_sent, found.channel) == (A, None, True, Channel.API)
    assert found.provider_message_id == "m-1@mg.example.org"
    assert [request.method for request in server.requests] == ["POST"]
    assert found.tls.version in {"TLSv1.2", "TLSv1.3"}
    assert list(found.stage_seconds) == [Stage.DNS, Stage.CONNECT, Stage.TLS, Stage.DATA, Stage.END_OF_DATA]
    assert sum(found.stage_seconds.values()) <= found.duration_seconds + 0.001 < 5


@pytest.mark.parametrize(
    ("answer", "status", "categories", "temporary"),
    [
        ("deferred", D, {Category.PROVIDER, Category.PROVIDER_TEMP}, True),
        ("rejected", R, {Category.CONTENT, Category.UNKNOWN, Category.PROTOCOL}, False),
        ("unauthorised", R, {Category.AUTH}, False),
        ("quota", None, {Category.QUOTA}, None),
        ("rate", D, {Category.RATE}, True),
        ("size", R, {Category.SIZE}, False),
        ("nonsense", None, {Category.CONFIG}, False),
    ],
)
async def test_an_answer_means_the_same_for_every_adapter(at_api, kind, answer, status, categories, temporary):
    async with at_api(API_ANSWERS[kind][answer]) as (server, provider):
        found = await submitted(provider)
    assert found.failure.category in categories
    assert found.status is status or (status is None and found.status is not A)
    assert temporary is None or found.failure.temporary is temporary
    assert len(server.requests) == 1  # no second try
    if answer == "rate":
        assert found.failure.retry_after_seconds == 120


async def hang(_request, _writer):
    await asyncio.Event().wait()


async def drip(_request, writer):
    while True:
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.02)


async def close(_request, writer):
    writer.close()


async def half(_request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    writer.write_eof() if writer.can_write_eof() else writer.close()


async def endless(_request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


@pytest.mark.parametrize(
    ("behave", "category", "rules"),
    [
        (hang, Category.NETWORK, {"time-out"}),
        (drip, Category.NETWORK, {"time-out"}),
        (close, Category.NETWORK, {"connection-lost"}),
        (half, Category.NETWORK, {"connection-lost"}),
        (b"\x00\xff\x16\x03 this is not HTTP\r\n\r\n", Category.PROVIDER, {"garbage"}),
        (endless, Category.PROVIDER, {"answer-too-large"}),
    ],
)
async def test_what_is_no_answer_is_noticed(at_api, behave, category, rules):
    slow = {"stage_timeout_seconds": 0.3, "total_timeout_seconds": 1.0} if behave in (hang, drip) else {}
    async with at_api(behave, **slow) as (_, provider):
        found = await submitted(provider)
    assert (found.status, found.failure.category) == (E, category)
    assert found.failure.rule in rules
    assert (found.failure.stage, found.failure.temporary) == (Stage.END_OF_DATA, True)
    assert found.duration_seconds < 5


async def test_the_deadline_of_a_call_is_kept(at_api, world):
    async with at_api(drip, stage_timeout_seconds=30, total_timeout_seconds=60) as (_, provider):
        found = await provider.submit(MESSAGE, Channel.API, world.clock.monotonic() + 0.3)
    assert (found.status, found.failure.rule) == (E, "time-out")
    assert found.duration_seconds < 10


async def test_a_redirect_is_not_followed_with_the_key(at_api):
    async with serving(http(200)) as elsewhere:
        moved = http(307, Location=f"{elsewhere.url}/v3/mail/send")
        async with at_api(moved) as (_, provider):
            found = await submitted(provider)
    assert found.status is not A
    assert elsewhere.requests == []


async def test_a_wrong_certificate_gets_no_key(at_api):
    async with at_api(http(200), tls="stranger") as (server, provider):
        found = await submitted(provider)
    assert (found.status, found.failure.category, found.failure.rule) == (E, Category.TLS, "certificate-untrusted")
    assert server.requests == []


async def test_nobody_listening_is_refused_at_connect(world, kind):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unused.getsockname()[1]}"
        found = await submitted(world.provider(kind, 2525, **API_SETTINGS[kind](url)))
    assert (found.status, found.failure.stage, found.failure.rule) == (E, Stage.CONNECT, "connection-refused")


async def test_a_name_that_is_not_found_fails_at_dns(world, kind):
    found = await submitted(world.provider(kind, 2525, **API_SETTINGS[kind]("https://api.invalid")))
    assert (found.status, found.failure.stage, found.failure.rule) == (E, Stage.DNS, "dns")


@pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 429, 500])
async def test_any_body_ends_in_a_submission(at_api, status):
    generator = random.Random(status)
    words = ('{"', "message", '":', "null", "[", "]", "}", "errors", '"x"', "1e999", "\\ud800", "\x00", "é", " ")
    bodies = ["".join(generator.choice(words) for _ in range(generator.randrange(12))) for _ in range(15)]
    async with at_api([http(status, body) for body in bodies]) as (_, provider):
        for _ in bodies:
            found = await submitted(provider)
            assert (found.failure is None) == (found.status is A)
            assert found.text.isprintable()


async def test_a_key_that_comes_back_is_told_nowhere(at_api, kind):
    key = API_SETTINGS[kind]("")["api_key"]
    async with at_api(http(401, f"no such key: {key}")) as (_, provider):
        found = await submitted(provider)
    assert "[redacted]" in found.text
    assert KEY not in repr(found)
    assert KEY not in repr(provider.__dict__)


async def test_without_a_key_the_api_is_not_offered(world, kind):
    provider = world.provider(kind, 2525)
    assert provider.capabilities.channels == (Channel.SMTP,)
    with pytest.raises(NotSupportedError, match=f'kind "{kind}" does not offer it, or the credential for it'):
        await submitted(provider)
