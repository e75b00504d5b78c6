"""Hand-over by SendGrid's HTTP API, and by SMTP with its own header field. What all adapters share stands elsewhere."""

import json

import pytest

from providers.base import Channel, Message, SubmissionStatus
from providers.errors import NotSupportedError
from providers.failure import Category, Stage
from providers.sendgrid import SendgridProvider
from tests.providers.http_server import http, serving
from tests.providers.relay import Relay
from tests.providers.sendgrid_world import API_KEY, PASSWORD, official_request, provider
from tests.providers.test_sendgrid_mail import PROBE, TOKEN, message

pytestmark = pytest.mark.anyio
A, R, E = SubmissionStatus.ACCEPTED, SubmissionStatus.REJECTED, SubmissionStatus.ERROR


async def submitted(answer, *, what=PROBE, **changes):
    async with serving(answer) as server:
        found = await provider(server.url, **changes).submit(what, Channel.API)
    return found, server.requests


async def test_a_probe_is_handed_over_as_described_officially():
    found, (request,) = await submitted(http(202, "", X_Message_Id="Xj5LmNkWSOqRbdvOpR34BA"))
    assert (found.status, found.failure, found.channel, found.message_sent) == (A, None, Channel.API, True)
    assert (found.reply_code, found.provider_message_id) == (202, "Xj5LmNkWSOqRbdvOpR34BA")
    body = official_request(request)
    assert body["personalizations"][0]["custom_args"] == {"relaypilot_probe": TOKEN}
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["accept"] == "application/json"


async def test_an_id_is_not_promised():
    found, _ = await submitted(http(202))
    assert (found.status, found.provider_message_id) == (A, None)


async def test_in_sandbox_mode_a_message_is_checked_and_not_sent():
    found, (request,) = await submitted(http(200), sandbox=True)
    assert (found.status, found.message_sent, found.provider_message_id) == (A, False, None)
    assert official_request(request)["mail_settings"] == {"sandbox_mode": {"enable": True}}


@pytest.mark.parametrize(("sandbox", "status"), [(False, 200), (True, 202), (False, 204)])
async def test_the_success_that_was_not_asked_for_is_none(sandbox, status):
    found, _ = await submitted(http(status), sandbox=sandbox)
    assert found.status is E
    assert found.failure.category in {Category.CONFIG, Category.PROVIDER}


async def test_without_a_key_for_the_api_the_password_is_one():
    _, (request,) = await submitted(http(202), api_key=None)
    assert request.headers["authorization"] == f"Bearer {PASSWORD}"


async def test_a_refusal_tells_what_was_said_and_no_key():
    said = {"errors": [{"message": f"no {API_KEY} and no {PASSWORD}", "field": None}]}
    found, _ = await submitted(http(401, json.dumps(said)))
    assert (found.status, found.reply_code, found.text) == (R, 401, "no [redacted] and no [redacted]")


async def test_what_the_api_cannot_say_is_not_sent():
    found, requests = await submitted(http(202), what=message("Subject: x\n\nhi"))
    assert (found.status, found.failure.category, found.failure.stage) == (E, Category.CONTENT, Stage.DATA)
    assert requests == []


async def test_a_message_that_is_too_large_is_not_sent():
    large = Message(sender="a@example.org", recipient="b@example.net", content=b"x" * 20_000_001)
    found, requests = await submitted(http(202), what=large)
    assert (found.status, found.failure.category) == (E, Category.SIZE)
    assert requests == []


def test_what_is_configured_is_what_it_can_do():
    everything = SendgridProvider.capabilities
    assert everything.channels == (Channel.SMTP, Channel.API)
    here = provider("http://127.0.0.1:1").capabilities
    assert (here.channels, here.webhook, here.events, here.suppress) == (everything.channels, False, True, True)
    none = provider().capabilities
    assert (none.channels, none.events, none.stats, none.domain_auth) == ((Channel.SMTP,), False, False, False)
    assert (none.suppressions, none.suppress, none.webhook) == (False, False, False)
    assert none.max_message_bytes == everything.max_message_bytes


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"host": None}, "https://api.sendgrid.com"),
        ({"host": None, "region": "eu"}, "https://api.eu.sendgrid.com"),
        ({"host": "smtp.eu.sendgrid.net"}, None),  # not the host of this region
        ({"host": "relay.example.net"}, None),
        ({"host": "relay.example.net", "api_url": "https://api.example.net/"}, "https://api.example.net"),
    ],
)
def test_the_key_goes_to_sendgrid_or_where_it_is_told_to(changes, url):
    assert provider(**changes)._settings.api() == url


@pytest.mark.parametrize("url", ["http://api.sendgrid.com", "ftp://x", "https://u:p@x", "https://x/?a", ""])
def test_an_address_that_would_show_the_key_is_refused(url):
    with pytest.raises(ValueError, match="api_url"):
        provider(url)


async def test_what_needs_the_api_is_refused_without_one():
    one = provider()
    for asked in (one.submit(PROBE, Channel.API), one.events(), one.domain_auth("a"), one.suppressions("a@b")):
        with pytest.raises(NotSupportedError, match="does not offer it, or the credential"):
            await asked
    for asked in (one.suppression_list(), one.suppress([]), one.stats(None)):
        with pytest.raises(NotSupportedError):
            await asked


@pytest.mark.parametrize(("smtpapi", "probe"), [(False, True), (True, True), (True, False)])
async def test_by_smtp_only_a_probe_and_only_on_request_gets_the_header_field(world, smtpapi, probe):
    what = PROBE if probe else message("Subject: x\n\nhi\n")
    async with Relay(tls_context=world.server_context(), username="apikey").running() as relay:
        found = await world.provider("sendgrid", relay.port, smtpapi=smtpapi).submit(what)
    assert found.status is A
    (content,) = relay.messages
    if smtpapi and probe:
        field, _, rest = content.partition(b"Date:")
        told = json.loads(field.replace(b"\r\n", b"").removeprefix(b"X-SMTPAPI: "))
        assert told["unique_args"] == {"relaypilot_probe": TOKEN}
        assert told["filters"]["clicktrack"]["settings"] == {"enable": 0}
        assert b"Date:" + rest == PROBE.content
    else:
        assert content == what.content


async def test_importing_the_adapter_brings_no_http_library_and_no_cryptography():
    import subprocess
    import sys

    code = "import sys, providers.sendgrid; print(sorted({'httpx2', 'httpcore2', 'cryptography'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
