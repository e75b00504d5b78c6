"""Hand-over by Mailgun's API: what is sent, and what every answer means."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest

from providers.base import Channel, Message, SubmissionStatus
from providers.errors import NotSupportedError
from providers.failure import Category, Stage
from tests.providers.http_server import http, serving
from tests.providers.mailgun_world import (
    API_KEY,
    DOMAIN,
    NOW,
    SENDING_KEY,
    FixedClock,
    examples,
    official_request,
    provider,
)

pytestmark = pytest.mark.anyio
CONTENT = (
    b"From: <probe@example.org>\r\nTo: <seed@example.net>\r\nMessage-ID: <t@e.org>\r\n\r\n.dot \xc3\xa9\r\n--x\r\n"
)
PROBE = Message(sender="probe@example.org", recipient="seed@example.net", content=CONTENT, probe_id="token-1")
QUEUED = http(200, json.dumps({"id": f"<20260301.1@{DOMAIN}>", "message": "Queued. Thank you."}))


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def submit(answer, message=PROBE, **changes):
    async with serving(answer) as server:
        return server, await provider(server.url, **changes).submit(message, Channel.API)


async def test_a_probe_is_handed_over_as_it_is_marked_beside_its_content_and_not_tracked():
    server, submission = await submit(QUEUED)
    (request,) = server.requests
    sent = official_request(request)
    assert (request.method, request.path) == ("POST", f"/v3/{DOMAIN}/messages.mime")
    assert sent == {
        "to": ["seed@example.net"],
        "message": CONTENT,
        "o:tracking": "no",
        "o:tag": ["relaypilot-probe"],
        "v:relaypilot-probe": "token-1",
    }
    assert submission.status is SubmissionStatus.ACCEPTED
    assert submission.failure is None
    assert submission.channel is Channel.API
    assert submission.provider_message_id == f"20260301.1@{DOMAIN}"
    assert (submission.reply_code, submission.text, submission.started_at) == (200, "Queued. Thank you.", NOW)
    assert Stage.END_OF_DATA in submission.stage_seconds


async def test_test_mode_is_said_and_mail_that_is_no_probe_carries_no_mark():
    server, _ = await submit(QUEUED, Message(sender="a@b.c", recipient="d@e.f", content=CONTENT), test_mode=True)
    assert official_request(server.requests[0]) == {
        "to": ["d@e.f"],
        "message": CONTENT,
        "o:tracking": "no",
        "o:testmode": "yes",
    }


@pytest.mark.parametrize(
    ("keys", "used"),
    [
        ({}, API_KEY),
        ({"sending_key": SENDING_KEY}, SENDING_KEY),
        ({"sending_key": SENDING_KEY, "api_key": None}, SENDING_KEY),
    ],
)
async def test_the_domain_sending_key_hands_over_when_there_is_one(keys, used):
    server, submission = await submit(QUEUED, **keys)
    login = base64.b64decode(server.requests[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert login == f"api:{used}"
    assert submission.failure is None


async def test_without_a_key_there_is_no_api_channel():
    relay = provider(None, api_key=None, webhook_signing_key=None)
    assert relay.capabilities.channels == (Channel.SMTP,)
    assert not any(
        getattr(relay.capabilities, name)
        for name in ("events", "webhook", "stats", "domain_auth", "suppressions", "suppress")
    )
    with pytest.raises(NotSupportedError, match="api"):
        await relay.submit(PROBE, Channel.API)


LIMIT = (
    f"Domain {DOMAIN} is not allowed to send: recipient limit exceeded, try again after Sun, 01 Mar 2026 12:30:00 UTC"
)
BUSY = f"Domain {DOMAIN} is not allowed to send: account-requests-per-sec limit exceeded, try again after 120 seconds"
SENTENCE = "The domain is unverified and requires DNS configuration. Log in to your control panel."
ACCEPTED, DEFERRED, REJECTED, ERROR = SubmissionStatus


def told(text):
    return json.dumps({"message": text})


EPOCH = f"{(NOW + timedelta(seconds=77)).timestamp():.1f}"
ROWS = [
    # status, headers, body, what became of it, category, temporary, rule, wait
    (200, {}, "Mailgun Magnificent API", ERROR, Category.CONFIG, False, "mailgun-wrong-address", None),
    (200, {}, told("Mailgun Magnificent API"), ERROR, Category.CONFIG, False, "mailgun-wrong-address", None),
    (200, {}, told("Queued. Thank you."), ERROR, Category.CONFIG, False, "mailgun-no-id", None),
    (200, {}, json.dumps({"id": "<a@b>", "message": "Hello"}), ERROR, Category.CONFIG, False, "mailgun-no-id", None),
    (200, {}, "", ERROR, Category.CONFIG, False, "mailgun-no-id", None),
    (202, {}, "{}", ERROR, Category.PROVIDER, True, "answer-not-understood", None),
    (
        400,
        {},
        told("to parameter is not a valid address. please check documentation"),
        *(REJECTED, Category.RECIPIENT, False, "mailgun-recipient", None),
    ),
    (400, {}, told("from parameter is missing"), REJECTED, Category.CONTENT, False, "mailgun-message", None),
    (
        400,
        {},
        told("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"),
        *(REJECTED, Category.CONTENT, False, "mailgun-message", None),
    ),
    (
        400,
        {},
        told("Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total"),
        *(REJECTED, Category.PROTOCOL, False, "mailgun-options", None),
    ),
    (400, {}, told("something nobody has seen"), REJECTED, Category.UNKNOWN, False, "mailgun-bad-request", None),
    (401, {}, "Forbidden", REJECTED, Category.AUTH, False, "mailgun-key", None),
    (401, {}, '"Forbidden"', REJECTED, Category.AUTH, False, "mailgun-key", None),
    (401, {}, told("Invalid private key"), REJECTED, Category.AUTH, False, "mailgun-key", None),
    (
        402,
        {},
        told("Parameters were valid but request failed"),
        REJECTED,
        *(Category.ACCOUNT, False, "mailgun-payment", None),
    ),
    (403, {}, told("Access denied"), REJECTED, Category.AUTH, False, "mailgun-key", None),
    (403, {}, told("Your account has been disabled"), REJECTED, Category.ACCOUNT, False, "mailgun-account-ended", None),
    (
        403,
        {},
        told(f"Domain {DOMAIN} is not allowed to send: {SENTENCE}"),
        *(REJECTED, Category.SENDER, False, "mailgun-domain-unverified", None),
    ),
    (
        403,
        {},
        told(f"Domain {DOMAIN} is not allowed to send: Account disabled"),
        *(REJECTED, Category.ACCOUNT, False, "mailgun-not-allowed", None),
    ),
    (
        403,
        {},
        told(
            f"Domain {DOMAIN} is not allowed to send: Please activate your Mailgun account. Check your inbox or log in "
            "to your control panel to resend the activation email."
        ),
        *(REJECTED, Category.ACCOUNT, False, "mailgun-not-activated", None),
    ),
    (
        403,
        {},
        told(
            "Domain sandbox1.mailgun.org is not allowed to send: Sandbox subdomains are for test purposes only. Please "
            "add your own domain or add the address to authorized recipients in Account Settings."
        ),
        *(REJECTED, Category.CONFIG, False, "mailgun-test-only", None),
    ),
    (404, {}, told("Domain not found"), REJECTED, Category.CONFIG, False, "mailgun-domain-not-found", None),
    (404, {}, "404 page not found", REJECTED, Category.CONFIG, False, "mailgun-address", None),
    (413, {}, "Request Entity Too Large", REJECTED, Category.SIZE, False, "mailgun-size", None),
    (420, {}, told(LIMIT), DEFERRED, Category.QUOTA, True, "mailgun-recipient-limit", 1800.0),
    (420, {}, told("enough for today"), DEFERRED, Category.QUOTA, True, "mailgun-quota", None),
    (429, {}, told(BUSY), DEFERRED, Category.RATE, True, "mailgun-request-rate", 120.0),
    (429, {"X_RateLimit_Reset": EPOCH}, told(BUSY), DEFERRED, Category.RATE, True, "mailgun-request-rate", 77.0),
    (
        429,
        {"Retry_After": "5", "X_RateLimit_Reset": EPOCH},
        told(BUSY),
        *(DEFERRED, Category.RATE, True, "mailgun-request-rate", 5.0),
    ),
    (429, {}, "slow down", DEFERRED, Category.RATE, True, "mailgun-rate", None),
    (500, {}, told("Internal Server Error"), DEFERRED, Category.PROVIDER_TEMP, True, "http-500", None),
    (502, {}, "<html>Bad gateway</html>", DEFERRED, Category.PROVIDER_TEMP, True, "http-502", None),
    (
        503,
        {"Retry_After": "Sun, 01 Mar 2026 12:01:00 GMT"},
        "",
        DEFERRED,
        Category.PROVIDER_TEMP,
        *(True, "http-503", 60.0),
    ),
    (301, {"Location": "https://elsewhere.example.org/"}, "", ERROR, Category.CONFIG, False, "http-redirect", None),
    (418, {}, "teapot", REJECTED, Category.UNKNOWN, False, "http-418", None),
]


@pytest.mark.parametrize(("status", "headers", "body", "became", "category", "temporary", "rule", "wait"), ROWS)
async def test_every_answer_has_its_meaning(status, headers, body, became, category, temporary, rule, wait):
    _, submission = await submit(http(status, body, **headers))
    failure = submission.failure
    assert (failure.rule, failure.category, failure.temporary) == (rule, category, temporary)
    assert failure.retry_after_seconds == wait
    assert failure.stage is (Stage.AUTH if category is Category.AUTH else Stage.END_OF_DATA)
    assert submission.status is became
    assert submission.reply_code == status
    assert submission.provider_message_id is None


@pytest.mark.parametrize("status", ["400", "401", "429", "500"])
async def test_the_official_examples_of_refusals_are_understood(status):
    for example in examples("post", "/v3/{domain_name}/messages.mime", status).values():
        _, submission = await submit(http(int(status), json.dumps(example)))
        assert submission.failure is not None
        assert not submission.failure.rule.startswith("http-4")


async def test_the_official_example_of_success_is_success():
    for example in examples("post", "/v3/{domain_name}/messages.mime").values():
        _, submission = await submit(http(200, json.dumps(example)))
        assert submission.provider_message_id == example["id"]


async def test_no_answer_never_raises_and_says_why():
    async def hang(_request, writer):
        await asyncio.sleep(60)

    for answer, rule in ((b"", "connection-lost"), (b"\x00\r\n\r\n", "garbage"), (hang, "time-out")):
        _, submission = await submit(answer, stage=0.2)
        assert (submission.status, submission.failure.rule) == (SubmissionStatus.ERROR, rule)
        assert submission.failure.stage is Stage.END_OF_DATA
        assert submission.reply_code is None
        assert "/messages.mime" in submission.text


async def test_a_key_in_the_answer_is_struck_out():
    _, submission = await submit(http(401, f"the key {API_KEY} is wrong, and so is correct horse"))
    assert submission.text == "the key [redacted] is wrong, and so is [redacted]"
    relay = provider("http://127.0.0.1:1")
    assert API_KEY not in repr(vars(relay))


async def test_a_message_over_the_limit_is_not_sent():
    server, submission = await submit(QUEUED, Message(sender="a@b", recipient="c@d", content=bytes(25_000_001)))
    assert (submission.failure.category, submission.failure.rule) == (Category.SIZE, "size-limit")
    assert server.requests == []


async def test_the_deadline_is_kept():
    clock = FixedClock()
    clock.seconds = 10.0
    async with serving(QUEUED) as server:
        submission = await provider(server.url, clock=clock).submit(PROBE, Channel.API, deadline=9.0)
        assert submission.failure.rule == "time-out"
        assert (await provider(server.url, clock=clock).submit(PROBE, Channel.API, deadline=15.0)).failure is None
