"""By which way a session goes: IPv6, the source address, client certificates, and secrets that come back."""

import base64
import socket

import pytest

from providers.base import SubmissionStatus
from providers.failure import Category, Stage
from providers.smtp_connect import resolve
from providers.tls import make_context
from tests.providers.conftest import MESSAGE
from tests.providers.relay import Relay
from tests.providers.token_server import TokenServer

pytestmark = pytest.mark.anyio


def has_ipv6():
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
        return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_an_ipv6_literal_is_reached_and_greeted_by_it(world):
    async with Relay(tls_context=world.server_context(), address="::1").running() as relay:
        provider = world.provider("smtp", relay.port, host="::1", source_address="::1")
        found = await provider.submit(MESSAGE)
    assert found.status is SubmissionStatus.ACCEPTED
    assert relay.commands[0] == "EHLO [IPv6:::1]"
    assert provider.relay_endpoint().nexthop == f"[::1]:{relay.port}"


async def test_a_literal_asks_no_resolver():
    ((v6,), (v4,)) = await resolve("2001:db8::1", 25), await resolve("192.0.2.1", 25)
    assert (v6.family, v6.sockaddr) == (socket.AF_INET6, ("2001:db8::1", 25))
    assert (v4.family, v4.sockaddr) == (socket.AF_INET, ("192.0.2.1", 25))


async def test_the_session_comes_from_the_source_address(world):
    async with Relay(tls_context=world.server_context()).running() as relay:
        found = await world.provider("smtp", relay.port, source_address="127.0.0.9").submit(MESSAGE)
    assert found.status is SubmissionStatus.ACCEPTED
    assert relay.peers == ["127.0.0.9"]
    assert relay.commands[0] == "EHLO [127.0.0.9]"


@pytest.mark.parametrize(
    ("address", "words"), [("192.0.2.77", "source_address 192.0.2.77 cannot be used"), ("::1", "of the same kind as")]
)
async def test_a_source_address_that_cannot_serve_is_our_configuration(world, address, words):
    async with Relay(tls_context=world.server_context()).running() as relay:
        found = await world.provider("smtp", relay.port, source_address=address).submit(MESSAGE)
    assert (found.failure.category, found.failure.stage) == (Category.CONFIG, Stage.CONNECT)
    assert found.failure.rule == "source-address"
    assert words in found.text
    assert relay.peers == []


async def test_a_name_that_is_this_machine_has_its_addresses_tried_in_turn(world):
    async with Relay(tls_context=world.server_context()).running() as relay:  # on IPv4 alone
        found = await world.provider("smtp", relay.port, host="localhost").submit(MESSAGE)
    assert found.status is SubmissionStatus.ACCEPTED


@pytest.mark.parametrize("method", ["plain", "login", "cram-md5"])
async def test_what_was_sent_to_log_in_is_shown_nowhere(world, method):
    offer = ("AUTH PLAIN LOGIN CRAM-MD5",)
    async with Relay(tls_context=world.server_context(), ehlo_tls=offer, password="another").running() as relay:
        found = await world.provider("smtp", relay.port, auth=method, password="pass-0815").submit(MESSAGE)
    assert (found.failure.category, found.reply_code) == (Category.AUTH, 535)
    assert relay.logins == [(method.upper(), True)]
    assert "[redacted]" in found.text
    assert "0815" not in repr(found)
    assert base64.b64encode(b"pass-0815").decode() not in repr(found)


async def test_a_token_that_the_relay_tells_back_is_shown_nowhere(world):
    async with (
        TokenServer(token="ya29.hush").running() as tokens,
        Relay(tls_context=world.server_context(), ehlo_tls=("AUTH XOAUTH2",)).running() as relay,
    ):
        provider = world.provider(
            "smtp",
            relay.port,
            auth="xoauth2",
            password=None,
            oauth_token_url=tokens.url,
            oauth_client_id="client",
            oauth_client_secret="hush-client",
        )
        found = await provider.submit(MESSAGE)
    assert (found.failure.category, found.reply_code) == (Category.AUTH, 535)
    assert "[redacted]" in found.text
    assert not [word for word in ("hush", base64.b64encode(b"ya29.hush").decode()) if word in repr(found)]


async def test_no_token_is_an_auth_failure_and_nothing_is_said_to_the_relay(world):
    async with (
        TokenServer(status=400, body={"error": "invalid_grant"}).running() as tokens,
        Relay(tls_context=world.server_context(), ehlo_tls=("AUTH XOAUTH2",)).running() as relay,
    ):
        oauth = {"oauth_token_url": tokens.url, "oauth_client_id": "c", "oauth_refresh_token": "hush"}
        found = await world.provider("smtp", relay.port, auth="xoauth2", password=None, **oauth).submit(MESSAGE)
    assert (found.failure.category, found.failure.stage) == (Category.AUTH, Stage.AUTH)
    assert (found.failure.rule, found.failure.temporary) == ("oauth-refused", False)
    assert "make a new one" in found.text
    assert relay.logins == []


@pytest.mark.parametrize("method", ["cram-md5", "xoauth2"])
async def test_a_method_that_was_asked_for_is_not_replaced_by_another(world, method):
    oauth = {"oauth_token_url": "http://127.0.0.1:9/", "oauth_client_id": "c", "oauth_client_secret": "s"}
    options = oauth | {"password": None} if method == "xoauth2" else {}
    async with Relay(tls_context=world.server_context()).running() as relay:
        found = await world.provider("smtp", relay.port, auth=method, **options).submit(MESSAGE)
    assert found.failure.rule == "login-not-offered"
    assert f"AUTH {method.upper()}" in found.text
    assert relay.logins == []


async def test_who_shows_the_same_certificate_shares_a_context_and_others_do_not(world, tmp_path):
    own, key = tmp_path / "own.pem", tmp_path / "own.key"
    certificate = world.authority.issue_cert("mail.example.org")
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(own)
    shown = make_context(world.ca_file, None, str(own), str(key))
    assert make_context(world.ca_file, None, str(own), str(key)) is shown
    assert make_context(world.ca_file) is not shown
    key.touch()
    own.write_bytes(own.read_bytes() + b"\n")  # renewed
    assert make_context(world.ca_file, None, str(own), str(key)) is not shown
