"""What a check by SMTP tells a person: credentials, sender, TLS, size, each with a remedy where one is needed."""

import base64
from datetime import timedelta

import pytest

from providers.checkup import Verdict
from tests.providers.relay import CLOSE, HANG, Relay

pytestmark = pytest.mark.anyio
SENDER = "probe@example.org"


async def check(world, *, tls=None, provider=None, **relay):
    context = world.server_context(**(tls or {}))
    async with Relay(**{"tls_context": context} | relay).running() as running:
        checkup = await world.provider("smtp", running.port, **{"stage_timeout_seconds": 0.5} | (provider or {})).check(
            SENDER
        )
    assert checkup.provider == "relay"
    for finding in checkup.findings:
        assert finding.sentence.endswith(".")
        assert bool(finding.remedy) == (finding.verdict is not Verdict.OK)
        assert finding.remedy[-1:] in ("", ".")
    return running, {finding.code: finding for finding in checkup.findings}


async def test_a_good_account_is_ok_in_every_point_and_nothing_is_sent(world):
    relay, found = await check(world)
    assert {code: finding.verdict for code, finding in found.items()} == dict.fromkeys(
        ("credentials", "sender", "tls", "size"), Verdict.OK
    )
    assert found["credentials"].sentence == "The relay took the login postmaster@mg.example.org."
    assert "TLSv1.3" in found["tls"].sentence
    assert "52.43 MB" in found["size"].sentence
    assert relay.verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RSET", "QUIT"]
    assert relay.messages == []


@pytest.mark.parametrize(
    ("answers", "code", "verdict", "words"),
    [
        ({"auth": "535 5.7.8 no such key"}, "credentials", Verdict.FAILED, "The relay refused the login: 535"),
        ({"auth": "535 Authentication failed: Account disabled"}, "account", Verdict.FAILED, "Account disabled"),
        ({"auth": "451 Authentication failed: Maximum credits exceeded"}, "quota", Verdict.FAILED, "credits exceeded"),
        ({"mail": "550 5.7.1 Sender not verified"}, "sender", Verdict.FAILED, f"refused the sender {SENDER}"),
        ({"mail": "421 Too many connections, try again after 90 seconds"}, "rate", Verdict.WARNING, "to wait 90 s"),
        ({"mail": "451 4.3.0 away"}, "session", Verdict.WARNING, "451 away"),
        ({"starttls": "454 4.7.0 no"}, "tls", Verdict.FAILED, "The relay refused at tls"),
        ({"ehlo": CLOSE}, "reachable", Verdict.FAILED, "The session failed at "),
        ({"banner": HANG}, "reachable", Verdict.FAILED, "no answer from 127.0.0.1"),
        ({"mail": "530 5.7.0 Must issue a STARTTLS command first"}, "settings", Verdict.FAILED, "530"),
    ],
)
async def test_a_refusal_is_the_first_finding(world, answers, code, verdict, words):
    _, found = await check(world, answers=answers)
    first = next(iter(found.values()))
    assert (first.code, first.verdict) == (code, verdict)
    assert words in first.sentence
    assert {finding.verdict for finding in list(found.values())[1:]} <= {Verdict.OK, Verdict.UNKNOWN}


async def test_what_the_session_did_not_reach_is_unknown(world):
    _, found = await check(world, answers={"banner": HANG})
    assert [f.verdict for c, f in found.items() if c != "reachable"] == [Verdict.UNKNOWN] * 4
    _, found = await check(world, answers={"mail": "550 5.7.1 Sender not verified"})
    assert (found["credentials"].verdict, found["tls"].verdict, found["size"].verdict) == (Verdict.OK,) * 3


@pytest.mark.parametrize(
    ("days", "verdict", "words"),
    [(90, Verdict.OK, "valid until"), (13.5, Verdict.WARNING, "13 days left"), (1.5, Verdict.WARNING, "1 day left")],
)
async def test_a_certificate_that_ends_soon_is_a_warning(world, days, verdict, words):
    _, found = await check(world, tls={"not_after": world.clock.now() + timedelta(days=days)})
    assert found["tls"].verdict is verdict
    assert words in found["tls"].sentence


@pytest.mark.parametrize(
    ("provider", "words"),
    [({"tls": "none"}, ("tls", "is not encrypted")), ({}, ("credentials", "No login is configured"))],
)
async def test_a_relay_without_login_or_tls_is_told(world, provider, words):
    bare = {"username": None, "password": None} | provider
    _, found = await check(world, provider=bare)
    assert words[1] in found[words[0]].sentence


@pytest.mark.parametrize(
    ("size", "words"),
    [((), "names no size limit"), (("SIZE 0",), "names no size limit"), (("SIZE 900",), "up to 900 bytes")],
)
async def test_the_size_limit_is_read_from_ehlo(world, size, words):
    _, found = await check(world, ehlo_tls=("AUTH PLAIN", *size))
    assert words in found["size"].sentence


async def test_a_documented_limit_below_the_offered_one_counts(world):
    _, found = await check(world, provider={"preset": "mailjet"})
    assert "up to 15 MB are taken, as the provider documents; the relay offers 52.43 MB" in found["size"].sentence


async def test_a_password_told_back_is_in_no_finding(world):
    _, found = await check(world, provider={"password": "0815 secret"})
    shown = repr(found)
    assert "redacted" in shown
    assert not [word for word in ("0815", base64.b64encode(b"0815 secret").decode()) if word in shown]
