"""Access tokens: fetched once, kept until shortly before they expire, never shown; refusals told with a remedy."""

import asyncio
import dataclasses
from datetime import UTC, datetime

import pytest

from providers.errors import CallError
from providers.failure import Category
from providers.oauth import OAuthTokens
from providers.oauth_grant import OAuthGrant
from service.clock import SystemClock
from tests.providers.token_server import TokenServer

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that goes on when told."""

    def __init__(self):
        self.seconds = 1000.0

    def now(self):
        return datetime(2026, 11, 23, tzinfo=UTC)

    def monotonic(self):
        return self.seconds


def source(server, clock=None, *, stage_timeout_seconds=5.0, **changes):
    grant = OAuthGrant(
        token_url=server.url, client_id="client", client_secret="hush-client", refresh_token="hush-refresh"
    )
    return OAuthTokens(
        "relay",
        dataclasses.replace(grant, **changes),
        clock=clock or Clock(),
        stage_timeout_seconds=stage_timeout_seconds,
        total_timeout_seconds=20,
    )


@pytest.mark.parametrize(
    ("expires_in", "kept_seconds"),
    [(3600, 3540), ("3600", 3540), (60, 30), (None, 240), ("soon", 240), (-5, 240), (float("inf"), 240)],
)
async def test_a_token_is_kept_until_shortly_before_it_expires(expires_in, kept_seconds):
    async with TokenServer(expires_in=expires_in).running() as server:
        clock = Clock()
        tokens = source(server, clock)
        assert await tokens.token(clock.seconds + 5) == server.token
        clock.seconds += kept_seconds - 1
        await tokens.token(clock.seconds + 5)
        assert len(server.forms) == 1
        clock.seconds += 2
        await tokens.token(clock.seconds + 5)
        assert len(server.forms) == 2


async def test_many_at_once_ask_once():
    async with TokenServer().running() as server:
        tokens = source(server)
        found = await asyncio.gather(*(tokens.token(1005) for _ in range(20)))
    assert set(found) == {server.token}
    assert (len(server.forms), server.most_at_once) == (1, 1)


async def test_one_that_gives_up_waiting_leaves_the_asking_to_the_next():
    async with TokenServer(hang=True).running() as server:
        tokens = source(server)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await tokens.token(1005)
        server.hang = False
        assert await tokens.token(1005) == server.token


async def test_a_new_refresh_token_replaces_the_old_one():
    async with TokenServer(refresh_token="hush-newer").running() as server:
        tokens = source(server)
        tokens.forget(await tokens.token(1005))
        await tokens.token(1005)
    assert [form["refresh_token"] for form in server.forms] == ["hush-refresh", "hush-newer"]


async def test_a_client_may_ask_for_itself_and_for_a_scope():
    async with TokenServer().running() as server:
        await source(server, refresh_token=None, scope="https://mail.example.net/").token(1005)
    assert server.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": "hush-client",
            "scope": "https://mail.example.net/",
        }
    ]


async def test_forgetting_another_token_changes_nothing():
    async with TokenServer().running() as server:
        tokens = source(server)
        await tokens.token(1005)
        tokens.forget("another")
        await tokens.token(1005)
    assert len(server.forms) == 1


@pytest.mark.parametrize(
    ("status", "body", "rule", "temporary", "words"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "hush-refresh"},
            "oauth-refused",
            False,
            "make a new one",
        ),
        (401, {"error": "invalid_client"}, "oauth-refused", False, "check oauth_client_id"),
        (400, {"error": "invalid_scope"}, "oauth-refused", False, "correct oauth_scope"),
        (400, {"error": "hush-client hush-refresh"}, "oauth-refused", False, "no reason that OAuth knows"),
        (403, "<html>hush-client", "oauth-refused", False, "check the oauth_ settings"),
        (302, {}, "oauth-refused", False, "answered 302"),
        (503, {}, "oauth-unavailable", True, "asked again at the next login"),
        (429, {"error": "slow_down"}, "oauth-unavailable", True, "slow_down"),
        (200, "not JSON", "oauth-refused", False, "answered 200"),
        (200, {}, "oauth-answer", False, "holds no bearer token"),
        (200, {"access_token": 7}, "oauth-answer", False, "check oauth_token_url"),
        (200, {"access_token": "a b\r\nQUIT"}, "oauth-answer", False, "holds no bearer token"),
        (200, {"access_token": "x" * 9000}, "oauth-answer", False, "holds no bearer token"),
        (200, {"access_token": "x", "token_type": "mac"}, "oauth-answer", False, "holds no bearer token"),
    ],
)
async def test_a_refusal_is_told_without_any_secret(status, body, rule, temporary, words):
    async with TokenServer(status=status, body=body).running() as server:
        with pytest.raises(CallError, match=words) as caught:
            await source(server).token(1005)
    failure = caught.value.failure
    assert (failure.category, failure.rule, failure.temporary) == (Category.AUTH, rule, temporary)
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "hush" not in str(caught.value) + repr(caught.value)


async def test_nobody_there_and_no_answer_are_temporary():
    server = TokenServer()
    async with server.running():
        pass
    with pytest.raises(CallError) as refused:
        await source(server).token(1005)
    async with TokenServer(hang=True).running() as silent:
        clock = SystemClock()
        with pytest.raises(CallError) as late:
            await source(silent, clock).token(clock.monotonic() + 0.2)
    for caught in (refused, late):
        assert (caught.value.failure.rule, caught.value.failure.temporary) == ("oauth-unreachable", True)
