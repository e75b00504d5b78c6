"""What Mailgun's API tells of a domain and its mail: records, counts, suppressions."""

import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from providers.domain_auth import DomainState
from providers.errors import CallError, NotSupportedError
from providers.provider_stats import Window
from providers.suppression import Suppression, SuppressionKind
from tests.providers.http_server import Request, http, serving
from tests.providers.mailgun_world import (
    DOMAIN,
    DOMAIN_PATH,
    NOW,
    Account,
    domain,
    examples,
    official_request,
    provider,
    record,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


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


async def test_the_official_example_of_counts_is_understood():
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


async def test_an_unsubscribe_from_one_tag_is_none_from_all_mail():
    tagged = {"tag@e.net": ["newsletter"], "all@e.net": ["newsletter", "*"], "none@e.net": [], "odd@e.net": 5}
    rows = [{"address": address, "tags": tags} for address, tags in tagged.items()]
    account = Account()
    account.set("GET", f"/v3/{DOMAIN}/unsubscribes", 200, {"items": [*rows, {"address": "bare@e.net"}], "paging": {}})
    account.set("GET", f"/v3/{DOMAIN}/unsubscribes/tag@e.net", 200, rows[0])
    for name in LISTS[:2]:
        account.set("GET", f"/v3/{DOMAIN}/{name}/tag@e.net", 404, {"message": "No such address"})
    async with serving(account) as server:
        relay = provider(server.url)
        page = await relay.suppression_list('{"list": "unsubscribes", "page": []}')
        assert [item.address for item in page.items] == ["all@e.net", "none@e.net", "odd@e.net", "bare@e.net"]
        assert await relay.suppressions("tag@e.net") == ()


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
