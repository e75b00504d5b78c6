"""How an account stands: what `check` and `domain_auth` say, in sentences with their remedies."""

import json

import pytest

from providers.checkup import Verdict
from providers.domain_auth import DomainState
from providers.errors import CallError
from tests.providers.http_server import http, serving
from tests.providers.relay import Relay
from tests.providers.sendgrid_world import (
    API_KEY,
    SENDER,
    FixedClock,
    WebhookKey,
    answering,
    official_answer,
    official_examples,
    official_request,
    provider,
)

pytestmark = pytest.mark.anyio
V = Verdict
SCOPES = official_answer("GET", "/v3/scopes", {"scopes": ["mail.send", "user.credits.read"]})
CREDITS = official_answer(
    "GET",
    "/v3/user/credits",
    {"remain": 150, "total": 200, "overage": 0, "used": 50, "last_reset": "2026-02-01", "next_reset": "2026-03-01",
     "reset_frequency": "monthly"},
)  # fmt: skip


def record(host, valid, kind="cname", data="x.sendgrid.net"):
    return {"host": host, "type": kind, "data": data, "valid": valid}


def domain(name="example.org", *, valid=True, dns=None):
    shown = {"mail_cname": record(f"em1.{name}", valid), "dkim1": record(f"s1._domainkey.{name}", valid),
             "dkim2": record(f"s2._domainkey.{name}", True)}  # fmt: skip
    settings = {"custom_spf": False, "default": True, "legacy": False, "automatic_security": True}
    names = {"id": 7, "user_id": 8, "subdomain": "em1", "domain": name, "username": "u", "ips": []}
    return {**names, **settings, "valid": valid, "dns": dns or shown}


def senders(*entries):
    return official_answer("GET", "/v3/verified_senders", {"results": list(entries)})


def single(address=SENDER, *, verified=True, identity=1):
    return {"id": identity, "from_email": address, "verified": verified}


GOOD = {
    "GET /v3/scopes": SCOPES,
    "GET /v3/user/credits": CREDITS,
    "GET /v3/whitelabel/domains": official_answer("GET", "/v3/whitelabel/domains", [domain()]),
}
UNKNOWN_DOMAIN = {**GOOD, "GET /v3/whitelabel/domains": [], "GET /v3/verified_senders": senders()}


async def account(table, **changes):
    """Return the findings on the account by their code, after those of the session, and what was asked."""
    async with serving(answering(table)) as server:
        one = provider(server.url, **changes)
        of_session = len(await one.session_findings(SENDER))
        found = await one.check(SENDER)
    findings = {finding.code: finding for finding in found.findings[of_session:]}
    for request in server.requests:
        official_request(request)
    assert all(API_KEY not in finding.sentence + finding.remedy for finding in found.findings)
    assert all(bool(f.remedy) is (f.verdict in {V.FAILED, V.WARNING}) or f.verdict is V.UNKNOWN
               for f in findings.values())  # fmt: skip
    return findings


async def test_a_good_account_is_told_in_plain_sentences():
    found = await account(GOOD)
    assert {code: finding.verdict for code, finding in found.items()} == dict.fromkeys(
        ("api-key", "scope", "quota", "sender"), V.OK
    )
    assert found["quota"].sentence == "150 of 200 credits are left, renewed on 2026-03-01."
    assert found["sender"].sentence == "probe@example.org may send: SendGrid has authenticated the domain example.org."


async def test_what_the_session_shows_comes_first(world):
    async with (
        Relay(tls_context=world.server_context(), username="apikey").running() as relay,
        serving(answering(GOOD), ssl=world.server_context("127.0.0.1")) as server,
    ):
        found = await world.provider("sendgrid", relay.port, api_url=server.url).check(SENDER)
    assert found.worst is V.OK
    assert [f.code for f in found.findings][-4:] == ["api-key", "scope", "quota", "sender"]
    assert len(found.findings) > 4
    assert relay.messages == []


async def test_without_the_api_the_session_alone_speaks(world):
    async with Relay(tls_context=world.server_context(), username="apikey").running() as relay:
        found = await world.provider("sendgrid", relay.port).check(SENDER)
    assert found.findings
    assert "scope" not in {finding.code for finding in found.findings}


async def test_a_key_that_may_not_send_fails():
    found = await account({**GOOD, "GET /v3/scopes": {"scopes": ["alerts.read"]}})
    assert found["scope"].verdict is V.FAILED
    assert "Mail Send" in found["scope"].remedy


@pytest.mark.parametrize(
    ("status", "message", "code", "verdict"),
    [
        (401, "authorization required", "api-key", V.FAILED),
        (401, "Maximum credits exceeded", "quota", V.FAILED),
        (403, "access forbidden", "api-key", V.FAILED),
        (451, "not available in this region", "api-key", V.FAILED),
        (429, "too many requests", "api-key", V.UNKNOWN),
        (503, "service unavailable", "api-key", V.UNKNOWN),
    ],
)
async def test_a_refused_key_is_told_from_used_up_credits_and_from_trouble(status, message, code, verdict):
    found = await account({"GET /v3/scopes": (status, {"errors": [{"message": message, "field": None}]})})
    assert {key: finding.verdict for key, finding in found.items()} == {code: verdict}
    assert message in found[code].sentence
    assert found[code].remedy


async def test_an_api_that_does_not_answer_is_unknown():
    one = provider("http://127.0.0.1:1")
    found = await one.check(SENDER)
    assert found.findings[-1].verdict is V.UNKNOWN
    assert "could not be asked" in found.findings[-1].sentence


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({"remain": 0}, V.FAILED, "SendGrid refuses all mail"),
        ({"remain": 19}, V.WARNING, "19 of 200 credits are left"),
        ({"remain": 20}, V.OK, "20 of 200"),
        ({"remain": None}, V.UNKNOWN, "not told"),
        ({"total": 10**400}, V.UNKNOWN, "not told"),
    ],
)
async def test_credits_are_told_before_they_are_gone(change, verdict, words):
    found = await account({**GOOD, "GET /v3/user/credits": CREDITS | change})
    assert found["quota"].verdict is verdict
    assert words in found["quota"].sentence


async def test_what_a_key_may_not_read_is_unknown_and_names_the_permission():
    table = {"GET /v3/scopes": SCOPES}
    forbidden = (403, {"errors": [{"message": "access forbidden", "field": None}]})
    for call in ("user/credits", "whitelabel/domains", "verified_senders"):
        table[f"GET /v3/{call}"] = forbidden
    found = await account(table)
    assert (found["quota"].verdict, found["sender"].verdict) == (V.UNKNOWN, V.UNKNOWN)
    assert "user.credits.read" in found["quota"].remedy
    assert "whitelabel.read" in found["sender"].remedy
    found = await account({**UNKNOWN_DOMAIN, "GET /v3/verified_senders": forbidden})
    assert found["sender"].verdict is V.UNKNOWN


async def test_a_sender_that_nobody_verified_fails():
    found = await account(UNKNOWN_DOMAIN)
    assert found["sender"].verdict is V.FAILED
    assert "neither the domain example.org nor the address" in found["sender"].sentence
    assert found["sender"].remedy.startswith("Authenticate example.org at SendGrid")


async def test_a_single_verified_sender_may_send_but_fails_dmarc():
    found = await account({**UNKNOWN_DOMAIN, "GET /v3/verified_senders": senders(single("PROBE@example.org"))})
    assert found["sender"].verdict is V.WARNING
    assert "DMARC" in found["sender"].sentence


async def test_a_sender_that_waits_for_verification_is_told():
    found = await account({**UNKNOWN_DOMAIN, "GET /v3/verified_senders": senders(single(verified=False))})
    assert found["sender"].verdict is V.FAILED
    assert "waits" in found["sender"].sentence


async def test_verified_senders_are_read_to_the_last_page():
    many = senders(*(single(f"{n}@example.net", identity=n + 1) for n in range(100)))
    table = {**UNKNOWN_DOMAIN, "GET /v3/verified_senders": [(200, many), (200, senders(single(identity=101)))]}
    assert (await account(table))["sender"].verdict is V.WARNING
    endless = {**UNKNOWN_DOMAIN, "GET /v3/verified_senders": many}
    assert (await account(endless))["sender"].verdict is V.FAILED


async def test_the_records_to_add_are_named():
    table = {**UNKNOWN_DOMAIN, "GET /v3/whitelabel/domains": [domain(valid=False)]}
    remedy = (await account(table))["sender"].remedy
    assert "CNAME em1.example.org x.sendgrid.net" in remedy
    assert "s1._domainkey.example.org" in remedy
    assert "s2._domainkey" not in remedy  # that one is valid


async def states(*answers):
    table = {"GET /v3/whitelabel/domains": answers[0]}
    if len(answers) > 1:
        table["POST /v3/whitelabel/domains/7/validate"] = answers[1]
    async with serving(answering(table)) as server:
        found = await provider(server.url, clock=FixedClock()).domain_auth("Example.org.")
    for request in server.requests:
        official_request(request)
    return found, [request.method for request in server.requests]


async def test_a_valid_domain_is_not_looked_at_anew():
    found, asked = await states([domain()])
    assert (found.state, found.domain, asked) == (DomainState.ACTIVE, "example.org", ["GET"])
    assert [(r.type, r.name, r.purpose, r.valid) for r in found.records] == [
        ("CNAME", "em1.example.org", "return-path", True),
        ("CNAME", "s1._domainkey.example.org", "dkim", True),
        ("CNAME", "s2._domainkey.example.org", "dkim", True),
    ]


async def test_an_invalid_domain_is_validated_and_says_why():
    validation = {"id": 7, "valid": False, "validation_results": {
        "mail_cname": {"valid": False, "reason": "Expected CNAME for em1.example.org"},
        "dkim1": {"valid": True, "reason": None}, "dkim2": {"valid": True, "reason": None}}}  # fmt: skip
    official_answer("POST", "/v3/whitelabel/domains/7/validate", validation)
    found, asked = await states([domain(valid=False)], validation)
    assert (found.state, asked) == (DomainState.UNVERIFIED, ["GET", "POST"])
    assert [r.valid for r in found.records] == [False, True, True]
    assert found.reason == "Expected CNAME for em1.example.org"
    found, _ = await states([domain(valid=False)], validation | {"valid": True})
    assert found.state is DomainState.ACTIVE


async def test_a_validation_that_fails_changes_nothing():
    for answer in ((500, {"errors": [{"message": "internal error getting TXT"}]}), (403, {}), [], {"valid": "yes"}):
        found, _ = await states([domain(valid=False)], answer)
        assert (found.state, [r.valid for r in found.records]) == (DomainState.UNVERIFIED, [False, False, True])


async def test_records_without_automatic_security_are_told_by_purpose():
    dns = {"mail_server": record("m.example.org", False, "mx"), "subdomain_spf": record("m.example.org", False, "txt"),
           "domain_spf": record("example.org", True, "txt"),
           "dkim": record("k._domainkey.example.org", True, "txt")}  # fmt: skip
    validation = {"valid": False, "validation_results": {"spf": {"valid": True}}}
    found, _ = await states([domain(valid=False, dns=dns)], validation)
    assert [(r.type, r.purpose, r.valid) for r in found.records] == [
        ("MX", "mx", False),
        ("TXT", "spf", True),
        ("TXT", "spf", True),
        ("TXT", "dkim", True),
    ]


async def test_only_the_domain_itself_counts_and_the_valid_one_of_two():
    found, _ = await states([domain("mail.example.org"), domain("notexample.org")])
    assert found.state is DomainState.UNKNOWN
    found, asked = await states([domain(valid=False), domain()])
    assert (found.state, asked) == (DomainState.ACTIVE, ["GET"])


@pytest.mark.parametrize("example", official_examples("GET", "/v3/whitelabel/domains"))
async def test_the_official_example_of_domains_is_understood(example):
    async with serving(http(200, json.dumps(example))) as server:
        found = await provider(server.url).domain_auth(example[0]["domain"])
    assert found.state is not DomainState.UNKNOWN
    assert found.records


async def test_domains_of_another_form_are_an_error():
    async with serving(http(200, '{"result": 1}')) as server:
        with pytest.raises(CallError, match=r"reading how the domain example\.org is authenticated"):
            await provider(server.url).domain_auth("example.org")
    async with serving(http(200, '[3, {"domain": "example.org", "dns": [1]}]')) as server:
        assert (await provider(server.url).domain_auth("example.org")).records == ()


KEY = WebhookKey().public
HOOK = dict.fromkeys(("processed", "delivered", "deferred", "bounce", "dropped", "spam_report", "enabled"), True) | {
    "url": "https://user:word@mail.example.org/hook",
    "public_key": KEY,
}


@pytest.mark.parametrize(
    ("hooks", "verdict", "words"),
    [
        ([HOOK], V.OK, "posts signed events to mail.example.org,"),
        ([{}, HOOK | {"enabled": False}, HOOK], V.OK, "posts signed events"),
        ([HOOK | {"enabled": False}], V.WARNING, "switched off"),
        ([HOOK | {"dropped": False, "bounce": None}], V.WARNING, "does not tell: bounce, dropped."),
        ([HOOK | {"public_key": "other"}], V.WARNING, "No event webhook of the account is signed"),
        ([{}], V.WARNING, "No event webhook"),
        ([3, None], V.WARNING, "No event webhook"),
    ],
)
async def test_the_webhook_is_compared_with_the_key_that_is_known(hooks, verdict, words):
    found = await account(
        {**GOOD, "GET /v3/user/webhooks/event/settings/all": {"max_allowed": 5, "webhooks": hooks}},
        webhook_public_key=KEY,
    )
    assert (found["webhook"].verdict, words in found["webhook"].sentence) == (verdict, True)
    assert "word" not in found["webhook"].sentence


async def test_a_webhook_that_may_not_be_read_is_unknown():
    found = await account({**GOOD, "GET /v3/user/webhooks/event/settings/all": (403, {})}, webhook_public_key=KEY)
    assert found["webhook"].verdict is V.UNKNOWN
