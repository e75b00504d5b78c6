"""What Mailgun's API tells of an account: domain, records, queue, limit, counts, suppressions."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import jsonschema
import pytest

from providers.checkup import Verdict
from providers.domain_auth import DomainState
from providers.errors import CallError, NotSupportedError
from providers.http import HttpApi
from providers.mailgun_api import MailgunApi
from providers.mailgun_checkup import check_account
from providers.provider_stats import Window
from providers.suppression import Suppression, SuppressionKind
from tests.providers.http_server import Request, http, serving
from tests.providers.mailgun_world import (
    DOMAIN,
    NOW,
    SIGNING_KEY,
    FixedClock,
    examples,
    official_request,
    provider,
)

pytestmark = pytest.mark.anyio
DOMAIN_PATH = f"/v4/domains/{DOMAIN}"
SENDER = "probe@example.org"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def record(**changes):
    return {
        "is_active": True,
        "cached": [],
        "record_type": "TXT",
        "name": DOMAIN,
        "valid": "valid",
        "value": "v=spf1 include:mailgun.org ~all",
    } | changes


def domain(state="active", records=None, **changes):
    rows = records if records is not None else [record(), record(name=f"pic._domainkey.{DOMAIN}", value="k=rsa; p=MII")]
    return {"domain": {"name": DOMAIN, "state": state, "is_disabled": False} | changes, "sending_dns_records": rows}


class Account:
    """Answers by path; every request is held to the official description."""

    def __init__(self, **answers):
        self.answers = {
            ("GET", DOMAIN_PATH): (200, domain()),
            ("GET", f"/v3/domains/{DOMAIN}/sending_queues"): (
                200,
                {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}},
            ),
            ("GET", "/v5/accounts/limit/custom/monthly"): (200, {"limit": 1000, "current": 10, "period": "1m"}),
            ("GET", "/v5/accounts/http_signing_key"): (200, {"http_signing_key": SIGNING_KEY}),
            ("POST", f"/v3/{DOMAIN}/messages.mime"): (400, {"message": "to parameter is missing"}),
        }

    def set(self, method, path, status, body):
        self.answers[method, path] = (status, body)
        return self

    async def __call__(self, request, writer):
        try:
            official_request(request)
        except jsonschema.ValidationError:
            assert request.path.endswith("/messages.mime")  # a hand-over of nothing is meant to be wrong
        status, body = self.answers.get((request.method, unquote(request.path)), (404, {"message": "Domain not found"}))
        writer.write(http(status, body if isinstance(body, str) else json.dumps(body)))


async def findings(account, **changes):
    async with serving(account) as server:
        checkup = await provider(server.url, **changes).check(SENDER)
    api = [
        finding
        for finding in checkup.findings
        if finding.code not in ("reachable", "credentials", "sender", "tls", "size")
    ]
    for finding in api:
        assert finding.sentence.endswith("."), finding
        assert (finding.verdict is Verdict.OK) is (finding.remedy == "") or finding.verdict is Verdict.UNKNOWN, finding
    return {finding.code: finding for finding in api}


async def test_a_good_account_is_found_good_and_nothing_is_sent():
    account = Account()
    async with serving(account) as server:
        checkup = await provider(server.url).check(SENDER)
    found = {finding.code: finding.verdict for finding in checkup.findings}
    assert [found[code] for code in ("sending-key", "api-key", "domain", "queue", "quota", "webhook")] == [
        Verdict.OK
    ] * 6
    assert "reachable" in found  # the session by SMTP comes first
    assert [r.method for r in server.requests].count("POST") == 1
    assert b"message/rfc822" not in server.requests[0].body


FORBIDDEN = (401, "Forbidden")
QUEUES = f"/v3/domains/{DOMAIN}/sending_queues"
LIMIT = "/v5/accounts/limit/custom/monthly"
UNVERIFIED = domain(
    "unverified", [record(valid="unknown"), record(record_type="CNAME", name=f"email.{DOMAIN}", value="mailgun.org")]
)


@pytest.mark.parametrize(
    ("path", "answer", "code", "verdict", "says"),
    [
        (DOMAIN_PATH, (401, {"message": "Invalid private key"}), "api-key", Verdict.FAILED, "is a domain sending key"),
        (DOMAIN_PATH, (200, UNVERIFIED), "domain", Verdict.FAILED, f'Add to DNS: TXT {DOMAIN} "v=spf1 include'),
        (
            DOMAIN_PATH,
            (200, domain(is_disabled=True, disabled={"code": "X", "reason": "Spam", "permanently": True, "note": ""})),
            *("domain", Verdict.FAILED, "disabled mg.example.org (Spam, X)"),
        ),
        (DOMAIN_PATH, (200, domain(records=[record(valid="invalid")])), "domain-records", Verdict.WARNING, "v=spf1"),
        (DOMAIN_PATH, (404, {"message": "Domain not found"}), "domain", Verdict.FAILED, "no domain mg.example.org"),
        (DOMAIN_PATH, (200, domain("thinking")), "domain", Verdict.UNKNOWN, "not known here"),
        (DOMAIN_PATH, (500, {"message": "Internal Server Error"}), "api-key", Verdict.UNKNOWN, "answered 500"),
        (
            QUEUES,
            (
                200,
                {
                    "regular": {"is_disabled": True, "disabled": {"until": "Mon, 02 Mar 2026", "reason": "too many"}},
                    "scheduled": {"is_disabled": False},
                },
            ),
            *("queue", Verdict.FAILED, "until Mon, 02 Mar 2026: too many"),
        ),
        (QUEUES, (429, "slow"), "rate", Verdict.WARNING, "ask less often"),
        (QUEUES, (403, "no"), "queue", Verdict.UNKNOWN, "answered 403"),
        (LIMIT, (200, {"limit": 100, "current": 95, "period": "1m"}), "quota", Verdict.WARNING, "95 of 100"),
        (LIMIT, (200, {"limit": 100, "current": 100, "period": "1d"}), "quota", Verdict.FAILED, "this day's limit"),
        (LIMIT, (404, {"message": "No threshold for account"}), "quota", Verdict.OK, "No sending limit"),
        (LIMIT, (200, {"limit": "x"}), "quota", Verdict.UNKNOWN, "no sending limit"),
        (
            "/v5/accounts/http_signing_key",
            (200, {"http_signing_key": "k"}),
            "webhook",
            Verdict.WARNING,
            "not the account",
        ),
        ("/v5/accounts/http_signing_key", (200, {}), "webhook", Verdict.UNKNOWN, "does not tell"),
    ],
)
async def test_what_is_wrong_is_said_with_a_remedy(path, answer, code, verdict, says):
    finding = (await findings(Account().set("GET", path, *answer)))[code]
    assert finding.verdict is verdict
    assert says in f"{finding.sentence} {finding.remedy}"


@pytest.mark.parametrize(
    ("answer", "code", "verdict", "says"),
    [
        (FORBIDDEN, "sending-key", Verdict.FAILED, "Correct sending_key"),
        ((404, {"message": "Domain not found"}), "settings", Verdict.FAILED, "domain, region"),
        ((200, "Mailgun Magnificent API"), "settings", Verdict.FAILED, "api_url"),
        ((403, {"message": "Your account is disabled"}), "account", Verdict.FAILED, "is disabled"),
        ((420, {"message": "enough"}), "quota", Verdict.FAILED, "420 enough"),
        ((429, "slow"), "rate", Verdict.WARNING, "429"),
        ((500, ""), "sending-key", Verdict.UNKNOWN, "500"),
    ],
)
async def test_the_sending_key_is_judged_by_a_hand_over_of_nothing(answer, code, verdict, says):
    account = Account().set("POST", f"/v3/{DOMAIN}/messages.mime", *answer)
    async with serving(account) as server:
        checkup = await provider(server.url, sending_key="sending-1").check(SENDER)
    finding = next(finding for finding in checkup.findings if finding.code == code)
    assert finding.verdict is verdict
    assert says in f"{finding.sentence} {finding.remedy}"


async def test_a_wrong_key_is_told_from_a_sending_key():
    account = Account().set("GET", DOMAIN_PATH, *FORBIDDEN).set("POST", f"/v3/{DOMAIN}/messages.mime", *FORBIDDEN)
    found = await findings(account)
    assert (found["api-key"].verdict, "control panel" in found["api-key"].remedy) == (Verdict.FAILED, True)


async def test_without_keys_it_is_said_that_the_account_was_not_asked():
    found = await findings(Account(), api_key=None)
    assert found["scope"].verdict is Verdict.UNKNOWN
    assert "api_key" in found["scope"].remedy


async def test_a_dead_api_is_a_finding_and_no_error():
    checkup = await provider("http://127.0.0.1:1").check(SENDER)
    assert {f.code: f.verdict for f in checkup.findings}["api-key"] is Verdict.UNKNOWN


async def test_a_sender_of_another_organisation_is_warned_of():
    async with serving(Account()) as server:
        checkup = await provider(server.url).check("anna@example.com")
    assert {f.code: f.verdict for f in checkup.findings}["alignment"] is Verdict.WARNING


async def test_the_wrong_region_is_named():
    def api(url):
        http_api = HttpApi(
            "relay", url, ("api", "k"), clock=FixedClock(), stage_timeout_seconds=5, total_timeout_seconds=5
        )
        return MailgunApi("relay", DOMAIN, reading=http_api, sending=None, clock=FixedClock(), max_message_bytes=1000)

    here = Account().set("GET", DOMAIN_PATH, 404, {"message": "Domain not found"})
    async with serving(here) as us, serving(Account()) as eu:
        found = await check_account(api(us.url), SENDER, elsewhere=api(eu.url), webhook_signing_key=None)
        assert "other region" in found[-1].sentence
        assert "Correct region" in found[-1].remedy
        found = await check_account(api(us.url), SENDER, elsewhere=api(us.url), webhook_signing_key=None)
        assert "no domain" in found[-1].sentence


async def test_the_domain_and_its_records_are_read():
    mx = record(record_type="MX", value="mxa.mailgun.org", priority="10", name="")
    told = domain("unverified", [record(valid="unknown"), record(name=f"s1._domainkey.{DOMAIN}", value="k=rsa; p=M")])
    told["receiving_dns_records"] = [mx, None, {"record_type": 5}]
    async with serving(Account().set("GET", DOMAIN_PATH, 200, told)) as server:
        relay = provider(server.url)
        found = await relay.domain_auth(DOMAIN)
        assert found.state is DomainState.UNVERIFIED
        assert [(r.purpose, r.type, r.name, r.value, r.valid) for r in found.records] == [
            ("spf", "TXT", DOMAIN, "v=spf1 include:mailgun.org ~all", None),
            ("dkim", "TXT", f"s1._domainkey.{DOMAIN}", "k=rsa; p=M", True),
            ("mx", "MX", DOMAIN, "10 mxa.mailgun.org", True),
        ]
        # mail of example.org goes out as mg.example.org; that of a stranger does not
        assert (await relay.domain_auth("example.org")).domain == DOMAIN
        stranger = await relay.domain_auth("example.com")
        assert (stranger.domain, stranger.state) == ("example.com", DomainState.UNKNOWN)


async def test_the_official_examples_are_understood():
    (told,) = examples("get", "/v4/domains/{name}").values()
    (queue,) = examples("get", "/v3/domains/{name}/sending_queues").values()
    account = Account().set("GET", DOMAIN_PATH, 200, told).set("GET", QUEUES, 200, queue)
    for path in ("/v5/accounts/http_signing_key", LIMIT):
        (example,) = examples("get", path).values()
        account.set("GET", path, 200, example)
    found = await findings(account)
    assert {code: finding.verdict for code, finding in found.items()} == {
        "sending-key": Verdict.OK,
        "api-key": Verdict.OK,
        "domain": Verdict.OK,
        "queue": Verdict.FAILED,
        "quota": Verdict.OK,
        "webhook": Verdict.WARNING,
    }
    assert "too many messages in queue" in found["queue"].sentence
    (metrics,) = examples("post", "/v1/analytics/metrics").values()
    async with serving(http(200, json.dumps(metrics))) as server:
        stats = await provider(server.url).stats(Window(since=NOW - timedelta(days=40), until=NOW))
    assert (stats.accepted, stats.delivered, stats.bounced) == (60, 80, None)
    assert stats.window.since == datetime(2023, 11, 14, 2, 56, 50, tzinfo=UTC)


async def test_counts_are_asked_for_whole_hours_and_summed():
    rows = [
        {
            "dimensions": [],
            "metrics": {
                "accepted_outgoing_count": 5,
                "delivered_smtp_count": "4",
                "delivered_rate": "0.8000",
                "suppressed_bounces_count": 1,
                "suppressed_complaints_count": 2,
                "bounced_count": None,
            },
        },
        "nonsense",
    ]
    window = Window(since=NOW + timedelta(minutes=10), until=NOW + timedelta(minutes=70))
    async with serving(http(200, json.dumps({"items": rows}))) as server:
        stats = await provider(server.url).stats(window)
        asked = official_request(server.requests[0])
    assert (asked["start"], asked["end"]) == ("Sun, 01 Mar 2026 12:00:00 +0000", "Sun, 01 Mar 2026 14:00:00 +0000")
    assert (stats.accepted, stats.delivered, stats.rejected, stats.bounced) == (5, 4, 3, None)
    assert stats.window == Window(since=NOW, until=NOW + timedelta(hours=2))
    async with serving(http(200, json.dumps({"items": []}))) as server:
        assert (await provider(server.url).stats(window)).accepted == 0


LISTS = ("bounces", "complaints", "unsubscribes")


async def test_an_address_is_looked_up_on_all_three_lists():
    absent = {
        "bounces": "Address not found in bounces table",
        "complaints": "No spam complaints found for this address",
        "unsubscribes": "Address not found in unsubscribers table",
    }
    account = Account()
    for name in LISTS:
        account.set("GET", f"/v3/{DOMAIN}/{name}/a+b@example.net", 404, {"message": absent[name]})
    async with serving(account) as server:
        relay = provider(server.url)
        assert await relay.suppressions("a+b@example.net") == ()
        (example,) = examples("get", "/v3/{domain_name}/bounces/{address}").values()
        account.answers["GET", f"/v3/{DOMAIN}/bounces/a+b@example.net"] = (200, example)
        (found,) = await relay.suppressions("a+b@example.net")
        assert (found.kind, found.reason) == (SuppressionKind.HARD_BOUNCE, "550 No such mailbox")
        assert found.at == datetime(2025, 12, 11, 1, 49, 40, tzinfo=UTC)
        assert "example.net" not in repr(found)
        with pytest.raises(CallError) as lost:
            await relay.suppressions("jane@example.net")  # "Domain not found" is no "not suppressed"
        assert "jane" not in str(lost.value)


async def test_the_whole_list_is_read_page_by_page_and_no_address_is_followed_elsewhere():
    stored = {
        name: [f"{name}{n}@example.net" for n in range(count)] for name, count in zip(LISTS, (5, 0, 2), strict=True)
    }

    async def lists(request: Request, writer):
        name = request.path.rpartition("/")[2]
        assert request.path == f"/v3/{DOMAIN}/{name}"
        assert request.query["limit"] == "1000"
        rows, after = stored[name], request.query.get("address", "")
        begin = rows.index(after) + 1 if after else 0
        items = [
            {"address": a, "code": "550", "error": "no", "created_at": "Thu, 11 Dec 2025 01:49:40 UTC"}
            for a in rows[begin : begin + 2]
        ]
        last = items[-1]["address"] if items else after
        link = f"https://elsewhere.example.org/v3/x/{name}?page=next&address={last}&limit=2&evil=1"
        writer.write(
            http(200, json.dumps({"items": items, "paging": {"next": link, "previous": "", "first": "", "last": ""}}))
        )

    found, cursor = [], None
    async with serving(lists) as server:
        for _ in range(20):
            page = await provider(server.url).suppression_list(cursor)  # a restart before each page
            found += page.items
            cursor = page.cursor
            if not page.more:
                break
        assert [item.address for item in found] == [address for name in LISTS for address in stored[name]]
        assert {item.kind for item in found} == {SuppressionKind.HARD_BOUNCE, SuppressionKind.UNSUBSCRIBE}
        for begins_anew in (cursor, "garbage", "5", '{"list": [], "page": 5}'):
            page = await provider(server.url).suppression_list(begins_anew)
            assert page.items[0].address == "bounces0@example.net"


async def test_addresses_are_added_to_the_lists_of_their_kinds():
    at = datetime(2025, 12, 11, 1, 49, 40, tzinfo=UTC)
    rows = [Suppression(address=f"{n}@e.net", kind=SuppressionKind.HARD_BOUNCE, at=at, reason="no") for n in range(501)]
    rows += [Suppression(address="c@e.net", kind=SuppressionKind.COMPLAINT)]
    rows += [Suppression(address="u@e.net", kind=SuppressionKind.UNSUBSCRIBE)]
    rows += [Suppression(address="i@e.net", kind=SuppressionKind.INVALID)]
    rows += [Suppression(address="b@e.net", kind=SuppressionKind.BLOCK)]
    async with serving(http(200, json.dumps({"message": "added"}))) as server:
        await provider(server.url).suppress(rows)
        await provider(server.url).suppress(rows[-1:])
    sent = [(r.path.rpartition("/")[2], official_request(r)) for r in server.requests]
    assert [(name, len(entries)) for name, entries in sent] == [
        ("bounces", 500),
        ("bounces", 2),
        ("complaints", 1),
        ("unsubscribes", 1),
    ]
    assert sent[0][1][0] == {
        "address": "0@e.net",
        "created_at": "Thu, 11 Dec 2025 01:49:40 +0000",
        "code": "550",
        "error": "no",
    }
    assert sent[3][1] == [{"address": "u@e.net", "created_at": "Sun, 01 Mar 2026 12:00:00 +0000", "tags": ["*"]}]


async def test_what_needs_a_key_is_refused_without_it():
    relay = provider(None, api_key=None, sending_key="sending-1")
    for call in (
        relay.events(),
        relay.stats(Window(since=NOW, until=NOW)),
        relay.domain_auth(DOMAIN),
        relay.suppressions("a@b"),
        relay.suppression_list(),
        relay.suppress([]),
    ):
        with pytest.raises(NotSupportedError):
            await call


async def test_a_request_that_is_not_official_is_noticed():
    wrong = Request("POST", "/v1/analytics/metrics", {"content-type": "application/json"}, b'{"dimensions": ["mood"]}')
    with pytest.raises(jsonschema.ValidationError):
        official_request(wrong)
    with pytest.raises(AssertionError, match="no GET /v3/nothing"):
        official_request(Request("GET", "/v3/nothing", {}, b""))
