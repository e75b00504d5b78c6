"""Mailgun's [[provider]] table, and that nobody pays for an API who does not use it."""

import asyncio
import subprocess
import sys

import pytest
from mailgun.client import AsyncClient
from pydantic import ValidationError

from providers.base import Channel, Message
from providers.mailgun import MailgunSettings
from providers.mailgun_account import URLS, make_account
from tests.providers.http_server import http, serving
from tests.providers.mailgun_world import API_KEY, DOMAIN, FixedClock, multipart, provider

TABLE = {"name": "m", "kind": "mailgun", "username": f"postmaster@{DOMAIN}", "password": "hush"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_the_domain_is_that_of_the_login_unless_told():
    assert MailgunSettings(**TABLE).sending_domain() == DOMAIN
    assert MailgunSettings(**TABLE, domain="News.Example.org").sending_domain() == "news.example.org"


@pytest.mark.parametrize("region", ["us", "eu"])
def test_the_api_follows_the_region_and_knows_the_other(region):
    account = make_account(
        MailgunSettings(**TABLE, region=region, api_key=API_KEY, ca_file="/etc/relay.pem"),
        clock=FixedClock(),
        stage_timeout_seconds=1,
        total_timeout_seconds=1,
        max_message_bytes=1,
    )
    other = "us" if region == "eu" else "eu"
    assert account._api._reading.base_url == URLS[region]
    assert account._elsewhere._reading.base_url == URLS[other]
    assert account._api._reading._ca_file is None  # that one is the SMTP relay's


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"api_key": "\n"}, "control characters|empty"),
        ({"api_key": "a\nb"}, "control characters"),
        ({"api_url": "http://api.mailgun.net"}, "in clear"),
        ({"events_from": "both"}, "events_from"),
        ({"username": "postmaster", "api_key": "k"}, "add domain"),
        ({"domain": "-"}, "domain"),
        ({"test_mode": "yes"}, "test_mode"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_shown(changes, says):
    with pytest.raises(ValidationError, match=says) as refused:
        MailgunSettings(**(TABLE | {"sending_key": "sesame"} | changes))
    assert "sesame" not in str(refused.value)


def test_secrets_stay_out_of_representations_and_lose_their_line_end():
    settings = MailgunSettings(**TABLE, api_key=f"{API_KEY}\n", webhook_signing_key="sesame")
    assert settings.api_key.get_secret_value() == API_KEY
    assert API_KEY not in repr(settings)
    assert "sesame" not in repr(settings)


def test_the_http_library_is_not_loaded_before_the_api_is_used():
    code = (
        "import sys; from providers.mailgun import MailgunProvider as P, MailgunSettings as S\n"
        f"p = P(S(api_key='k', webhook_signing_key='s', **{TABLE!r}), clock=None, stage_timeout_seconds=1, "
        "total_timeout_seconds=1)\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('httpx2', 'httpcore2', 'h11')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"


@pytest.mark.anyio
async def test_mailguns_own_library_hands_over_the_same_request():
    content = b"From: <a@example.org>\r\nTo: <b@example.net>\r\n\r\nHello\r\n"
    async with serving(http(200, '{"id": "<x@y>", "message": "Queued. Thank you."}')) as server:
        message = Message(sender="a@example.org", recipient="b@example.net", content=content, probe_id="token-1")
        await provider(server.url).submit(message, Channel.API)
        options = {
            "to": "b@example.net",
            "o:tracking": "no",
            "o:tag": "relaypilot-probe",
            "v:relaypilot-probe": "token-1",
        }
        async with AsyncClient(auth=("api", API_KEY), api_url=server.url) as theirs:
            await asyncio.wait_for(
                theirs.mimemessage.create(data=options, files={"message": content}, domain=DOMAIN), timeout=20
            )
        ours, other = server.requests
    assert (ours.method, ours.path) == (other.method, other.path)
    assert ours.headers["authorization"] == other.headers["authorization"]
    assert raw(ours) == raw(other)


def raw(request):
    """Return the fields of a form; the upload's media type is left to each."""
    fields = multipart(request)
    return {
        name: [v.replace(b"\r\n", b"\n") if isinstance(v, bytes) else v for v in row] for name, row in fields.items()
    }
