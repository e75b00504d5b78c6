"""The SendGrid adapter against the simulated SendGrid, which knows nothing of it: they agree on what SendGrid says."""

import asyncio
from datetime import timedelta

import pytest

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.people import PROBE_SENDER, SENDING_DOMAIN
from deploy.sandbox.world import World
from probes.message import build_probe
from providers.base import Channel, SubmissionStatus
from providers.checkup import Verdict
from providers.delivery_event import EventType
from providers.domain_auth import DomainState
from providers.failure import Category
from providers.provider_stats import Window
from providers.sendgrid import SendgridProvider, SendgridSettings
from providers.suppression import Suppression, SuppressionKind
from service.clock import SystemClock
from tests.providers.http_server import http, serving

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()
SEED = "seed-1@gmail.test"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def relay(world: World, request: pytest.FixtureRequest) -> SendgridProvider:
    keys = world.keys("sendgrid")
    settings = SendgridSettings(
        name="sendgrid",
        kind="sendgrid",
        host="127.0.0.1",
        port=world.ports["sendgrid"],
        server_name=DIALECTS["sendgrid"].server_name,
        ca_file=str(world.ca_file),
        password=world.password("sendgrid"),
        api_url=world.api_url("sendgrid"),
        api_key=keys["api_key"],
        webhook_public_key=keys["webhook_public_key"],
        **getattr(request, "param", {}),
    )
    return SendgridProvider(settings, clock=CLOCK, stage_timeout_seconds=5, total_timeout_seconds=10)


def probe(token: str, recipient: str = SEED):
    return build_probe(sender=PROBE_SENDER, recipient=recipient, token=token, round_id="r", now=CLOCK.now())


async def events_of(relay: SendgridProvider, message_id: str, wanted: EventType):
    """Read on from one cursor until the event is there."""
    cursor, seen = None, {}
    for _ in range(200):
        page = await relay.events(cursor)
        cursor = page.cursor
        seen |= {found.key: found for found in page.events if found.message_id == message_id}
        if wanted in {found.type for found in seen.values()}:
            return list(seen.values())
        if not page.more:
            await asyncio.sleep(0.03)
    raise AssertionError(f"no {wanted} among {list(seen.values())}")


@pytest.mark.parametrize("relay", [{}, {"email_activity": True}, {"smtpapi": True}], indirect=True)
@pytest.mark.parametrize("channel", [Channel.API, Channel.SMTP])
async def test_a_probe_is_handed_over_and_found_again_in_the_logs(relay: SendgridProvider, channel: Channel) -> None:
    submission = await relay.submit(probe("logged"), channel)
    assert submission.status is SubmissionStatus.ACCEPTED, submission
    assert submission.tls is not None
    found = await events_of(relay, submission.provider_message_id, EventType.DELIVERED)
    assert {event.type for event in found} <= {EventType.QUEUED, EventType.DELIVERED}
    assert {event.recipient for event in found} == {SEED}


@pytest.mark.parametrize(
    ("fault", "arguments", "status", "category"),
    [
        ("auth535", (), SubmissionStatus.REJECTED, Category.AUTH),
        ("key_limited", (), SubmissionStatus.REJECTED, Category.AUTH),
        ("quota", (), SubmissionStatus.REJECTED, Category.QUOTA),
        ("suspended", (), SubmissionStatus.REJECTED, Category.ACCOUNT),
        ("sender_unverified", (), SubmissionStatus.REJECTED, Category.SENDER),
        ("tempfail", (), SubmissionStatus.DEFERRED, Category.PROVIDER_TEMP),
        ("ratelimit", (0,), SubmissionStatus.DEFERRED, Category.RATE),
        ("wrong_region", (), SubmissionStatus.REJECTED, Category.CONFIG),
        ("down", (), SubmissionStatus.ERROR, Category.NETWORK),
    ],
)
async def test_every_fault_of_the_account_is_named(
    world: World, relay: SendgridProvider, fault: str, arguments: tuple[object, ...], status, category
) -> None:
    world.fault("sendgrid", fault, *arguments)
    submission = await relay.submit(probe("fault"), Channel.API)
    assert (submission.status, submission.failure.category) == (status, category), submission
    assert (submission.failure.retry_after_seconds is not None) is (category is Category.RATE)


@pytest.mark.parametrize("relay", [{"sandbox": True}], indirect=True)
async def test_in_sandbox_mode_nothing_is_sent(relay: SendgridProvider) -> None:
    window = Window(since=CLOCK.now() - timedelta(hours=1), until=CLOCK.now())
    before = await relay.stats(window)
    submission = await relay.submit(probe("checked"), Channel.API)
    assert (submission.status, submission.message_sent) == (SubmissionStatus.ACCEPTED, False)
    assert (await relay.stats(window)).accepted == before.accepted


async def test_a_good_account_passes_the_check(relay: SendgridProvider) -> None:
    checkup = await relay.check(PROBE_SENDER)
    found = {finding.code: finding for finding in checkup.findings}
    assert [*found][-3:] == ["scope", "quota", "webhook"]
    assert "No event webhook" in found.pop("webhook").sentence  # none is set
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}, checkup
    assert (await relay.domain_auth(SENDING_DOMAIN)).state is DomainState.ACTIVE
    assert (await relay.domain_auth("unknown.test")).state is DomainState.UNKNOWN


async def test_used_up_credits_and_a_stranger_fail_the_check(world: World, relay: SendgridProvider) -> None:
    found = {finding.code: finding for finding in (await relay.check("someone@unknown.test")).findings}
    assert found["sender"].verdict is Verdict.FAILED
    world.fault("sendgrid", "quota")
    found = {finding.code: finding for finding in (await relay.check(PROBE_SENDER)).findings}
    assert found["quota"].verdict is Verdict.FAILED


async def test_suppressions_are_added_found_listed_and_in_force(relay: SendgridProvider) -> None:
    addresses = {f"user+sg-{kind}@gmail.test": kind for kind in SuppressionKind if kind is not SuppressionKind.BLOCK}
    assert await relay.suppressions("user+sg-hard-bounce@gmail.test") == ()
    await relay.suppress([Suppression(address=address, kind=kind) for address, kind in addresses.items()])
    for address in addresses:
        assert [row.kind for row in await relay.suppressions(address)] == [SuppressionKind.UNSUBSCRIBE]
    listed, cursor, more = set(), None, True
    while more:
        page = await relay.suppression_list(cursor)
        listed |= {row.address for row in page.items}
        cursor, more = page.cursor, page.more
    assert set(addresses) <= listed
    submission = await relay.submit(probe("suppressed", "user+sg-hard-bounce@gmail.test"), Channel.API)
    found = await events_of(relay, submission.provider_message_id, EventType.REJECTED)
    assert [event.suppressed for event in found if event.type is EventType.REJECTED] == [True]


async def test_what_it_counted_is_what_was_sent(relay: SendgridProvider) -> None:
    window = Window(since=CLOCK.now() - timedelta(hours=1), until=CLOCK.now())
    before = await relay.stats(window)
    submission = await relay.submit(probe("counted"), Channel.API)
    await events_of(relay, submission.provider_message_id, EventType.DELIVERED)
    after = await relay.stats(window)
    assert after.accepted == (before.accepted or 0) + 1
    assert after.delivered == (before.delivered or 0) + 1


@pytest.mark.parametrize("relay", [{"smtpapi": True}], indirect=True)
@pytest.mark.parametrize("channel", [Channel.API, Channel.SMTP])
async def test_its_webhooks_are_taken(world: World, relay: SendgridProvider, channel: Channel) -> None:
    async with serving(http(200, "{}")) as ours:
        world.post_webhooks("sendgrid", f"{ours.url}/webhook")
        try:
            submission = await relay.submit(probe("hooked"), channel)
            types: set[EventType] = set()
            for _ in range(300):
                requests, ours.requests = ours.requests, []
                for request in requests:
                    for event in relay.parse_webhook(request.headers, request.body, CLOCK.now()):
                        if event.message_id == submission.provider_message_id:
                            assert event.probe_id == "hooked"
                            types.add(event.type)
                if EventType.DELIVERED in types:
                    return
                await asyncio.sleep(0.03)
            raise AssertionError(types)
        finally:
            world.post_webhooks("sendgrid", "")
