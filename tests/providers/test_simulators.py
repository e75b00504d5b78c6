"""The adapters and the simulated APIs, each written from the official descriptions alone, understand one another."""

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import anyio
import httpx2
import pytest

from deploy.sandbox.http_message import Request
from deploy.sandbox.people import PROBE_SENDER, SENDING_DOMAIN
from deploy.sandbox.world import World
from providers.base import Channel, Message, SubmissionStatus
from providers.domain_auth import DomainState
from providers.failure import Category
from tests.corpus.official import official
from tests.providers.api_tour import CONTENT, PERSON, SEED, Tour, adapter
from tests.providers.prism import prism
from tests.sandbox.clients import eventually
from tests.sandbox.webhook_receiver import receiving

KINDS = ["mailgun", "sendgrid"]


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.temporary(apis=True) as world:
        yield world


@pytest.fixture
def world(running: World) -> Iterator[World]:
    yield running
    running.heal()


def provider(world, kind, url=None, **changes):
    keys = world.keys(kind)
    return adapter(kind, url or world.api_url(kind), keys, ca_file=str(world.ca_file), **changes)


def test_the_worlds_configuration_with_both_apis_is_accepted(world):
    done = world.command("config", "check")
    assert done.returncode == 0, done.stderr


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_the_adapter_reads_from_the_simulator_what_happened(world, kind):
    begun, before = time.time(), len(world.accepted(kind))
    tour = await Tour().take(provider(world, kind))
    assert tour.submission.status is SubmissionStatus.ACCEPTED, tour.submission
    assert (tour.domain_auth.state, {r.valid for r in tour.domain_auth.records}) == (DomainState.ACTIVE, {True})
    assert [(s.address, s.kind) for s in tour.suppressions] == [(PERSON, "unsubscribe")]
    assert PERSON in {s.address for s in tour.listed}
    eventually(lambda: world.accepted(kind)[-1]["fate"] == "delivered")
    assert [r["recipient"] for r in world.accepted(kind)[before:]] == [SEED]
    calls = [call for call in world.api_calls(kind) if call["at"] >= begun]
    faults = [
        f"{call['method']} {call['target']}: {fault}"
        for call in calls
        if not is_a_test_of_the_key(call)
        for fault in request_faults(kind, call)
    ]
    assert faults == []
    assert len(calls) > 8


def is_a_test_of_the_key(call):
    """Return whether this is Mailgun's checkup asking to send nothing, so that only the key decides the answer."""
    return call["target"].endswith("/messages.mime") and call["status"] == 400


def request_faults(kind, call):
    """Return what the official description has against one of our requests."""
    body, headers = base64.b64decode(call["body"]), call["headers"]
    request = Request(method=call["method"], target=call["target"], headers=headers, body=body)
    form = request.form() if headers.get("content-type", "").startswith("multipart/") else {}
    return official(kind).request_faults(request.method, request.target, headers, body, form)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "fault", "category"),
    [
        ("mailgun", "auth535", Category.AUTH),
        ("mailgun", "quota", Category.QUOTA),
        ("mailgun", "suspended", Category.ACCOUNT),
        ("mailgun", "sender_unverified", Category.SENDER),
        ("mailgun", "ratelimit 0", Category.RATE),
        ("mailgun", "tempfail", Category.PROVIDER_TEMP),
        ("mailgun", "wrong_region", Category.CONFIG),
        ("mailgun", "key_limited", Category.AUTH),
        ("mailgun", "tls_expired", Category.TLS),
        ("mailgun", "down", Category.NETWORK),
        ("sendgrid", "auth535", Category.AUTH),
        ("sendgrid", "quota", Category.QUOTA),
        ("sendgrid", "suspended", Category.ACCOUNT),
        ("sendgrid", "sender_unverified", Category.SENDER),
        ("sendgrid", "ratelimit 0", Category.RATE),
        ("sendgrid", "tempfail", Category.PROVIDER_TEMP),
        ("sendgrid", "wrong_region", Category.CONFIG),
        ("sendgrid", "key_limited", Category.AUTH),
        ("sendgrid", "tls_expired", Category.TLS),
        ("sendgrid", "down", Category.NETWORK),
    ],
)
async def test_a_refusal_in_the_providers_words_is_classified(world, kind, fault, category):
    name, *args = fault.split()
    world.fault(kind, name, *args)
    asked = provider(world, kind)
    submission = await asked.submit(Message(sender=PROBE_SENDER, recipient=SEED, content=CONTENT), Channel.API)
    await asked.aclose()
    assert submission.failure is not None
    assert submission.failure.category is category


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_what_became_of_a_probe_comes_by_webhook_and_by_asking(world, kind):
    keys = {
        name: key for name, key in world.keys(kind).items() if name in {"webhook_signing_key", "webhook_public_key"}
    }
    asked = provider(world, kind, **keys)
    with receiving() as receiver:
        world.post_webhooks(kind, receiver.url)
        message = Message(sender=PROBE_SENDER, recipient=SEED, content=CONTENT, probe_id="told-1")
        submission = await asked.submit(message, Channel.API)

        def told():
            return [
                (event.type, event.probe_id, event.recipient)
                for headers, body in receiver.posts
                for event in asked.parse_webhook(headers, body, datetime.now(UTC))
            ]

        eventually(lambda: sum(body.count(b"told-1") for _, body in receiver.posts) == 2)
        world.post_webhooks(kind, "")
        assert set(told()) == {("queued", "told-1", SEED), ("delivered", "told-1", SEED)}
    found, cursor = set(), None
    with anyio.fail_after(10):
        while "delivered" not in found:
            page = await asked.events(cursor)
            cursor = page.cursor
            told = [e for e in page.events if (e.message_id or "").startswith(submission.provider_message_id)]
            found |= {e.type for e in told}
            await anyio.sleep(0.05)
    await asked.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_prism_between_adapter_and_simulator_finds_nothing_wrong(world, kind, tmp_path):
    begun = time.time()
    with prism(kind, tmp_path, upstream=world.api_url(kind), ca_file=str(world.ca_file)) as proxy:
        # Mailgun's checkup asks to send nothing on purpose, which Prism rightly refuses to pass on
        tour = await Tour().take(provider(world, kind, proxy.url), check=kind != "mailgun")
        assert tour.submission.status is SubmissionStatus.ACCEPTED, tour.submission
        assert sum(call["at"] >= begun for call in world.api_calls(kind)) > 8
        assert proxy.violations() == []
        # its word counts only if it objects to what is wrong: in a request, and in an answer
        wrong, right = {
            "mailgun": ("/v3/x/messages", f"/v4/domains/{SENDING_DOMAIN}"),
            "sendgrid": ("/v3/mail/send", "/v3/scopes"),
        }[kind]
        world.fault(kind, "api_down")
        key = world.keys(kind)["api_key"]
        login = ("api", key) if kind == "mailgun" else None
        headers = {"Authorization": f"Bearer {key}"} if kind == "sendgrid" else {}
        async with httpx2.AsyncClient(base_url=proxy.url, auth=login, headers=headers, trust_env=False) as client:
            assert (await client.post(wrong, json={})).status_code >= 400
            assert (await client.get(right)).status_code >= 500
    found = proxy.violations()
    assert any("Invalid request" in text for text in found), found
    assert any(text.startswith("response ") for text in found), found
