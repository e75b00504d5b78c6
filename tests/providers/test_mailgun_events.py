"""Mailgun's events: what each means, and how they are pulled without losing those that come late."""

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.delivery_event import EventType, RejectReason
from providers.errors import CallError
from providers.failure import Category
from providers.mailgun_events import parse_event
from tests.providers.http_server import http, serving
from tests.providers.mailgun_world import DOMAIN, NOW, FixedClock, examples, official_request, provider

pytestmark = pytest.mark.anyio
EVENTS = f"/v3/{DOMAIN}/events"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def event(number=1, *, seconds_ago=60.0, now=NOW, **changes):
    return {
        "event": "delivered",
        "id": f"id{number}",
        "timestamp": (now - timedelta(seconds=seconds_ago)).timestamp(),
        "recipient": "seed@example.net",
        "message": {"headers": {"message-id": "t@example.org", "from": "a@b", "to": "seed@example.net"}},
    } | changes


def failed(severity="permanent", reason="generic", **status):
    return event(event="failed", severity=severity, reason=reason, **{"delivery-status": status})


@pytest.mark.parametrize(
    ("raw", "type_", "reason", "suppressed"),
    [
        (event(event="accepted"), EventType.QUEUED, None, False),
        (event(), EventType.DELIVERED, None, False),
        (failed("temporary", "generic", code=421), EventType.DEFERRED, RejectReason.OTHER, False),
        (failed("temporary", "greylisted", code=451), EventType.DEFERRED, RejectReason.OTHER, False),
        (failed("temporary", "espblock", code=421), EventType.DEFERRED, RejectReason.BLOCKED, False),
        (failed("permanent", "bounce", code=550), EventType.BOUNCED, RejectReason.BOUNCED, False),
        (failed("permanent", "delayed-bounce", code=550), EventType.BOUNCED, RejectReason.BOUNCED, False),
        (failed("permanent", "espblock", code=554), EventType.BOUNCED, RejectReason.BLOCKED, False),
        (failed("permanent", "generic", code=498), EventType.BOUNCED, RejectReason.INVALID, False),
        (failed("permanent", "generic", code=499), EventType.BOUNCED, RejectReason.TIMED_OUT, False),
        (failed("permanent", "never seen", code=680), EventType.BOUNCED, RejectReason.OTHER, False),
        # given up after its whole lifetime, and called temporary all the same
        (failed("temporary", "old", code=602), EventType.BOUNCED, RejectReason.TIMED_OUT, False),
        (failed("permanent", "suppress-bounce", code=605), EventType.REJECTED, RejectReason.BOUNCED, True),
        (failed("permanent", "suppress-unsubscribe", code=606), EventType.REJECTED, RejectReason.UNSUBSCRIBED, True),
        (failed("permanent", "suppress-complaint", code=607), EventType.REJECTED, RejectReason.SPAM, True),
        (failed("permanent", "generic", code=605), EventType.REJECTED, RejectReason.BOUNCED, True),
        (failed("permanent", "generic", code=625), EventType.REJECTED, RejectReason.OTHER, True),
        (event(event="rejected", reject={"reason": "no"}), EventType.REJECTED, RejectReason.OTHER, False),
        (event(event="complained"), EventType.COMPLAINED, RejectReason.SPAM, False),
        (event(event="unsubscribed"), EventType.UNSUBSCRIBED, RejectReason.UNSUBSCRIBED, False),
        (event(event="opened"), EventType.OTHER, None, False),
        (event(event="list_uploaded"), EventType.OTHER, None, False),
    ],
)
def test_every_event_has_its_meaning(raw, type_, reason, suppressed):
    found = parse_event("relay", raw)
    assert (found.type, found.reason, found.suppressed) == (type_, reason, suppressed)
    assert found.reply_code is None or found.reply_code < 600  # Mailgun's own codes are no replies
    assert found.reply_code not in (498, 499)


def test_what_the_receiver_said_is_kept():
    status = {
        "code": 550,
        "enhanced-code": "5.1.1",
        "message": "550 5.1.1\r\n no such user",
        "mx-host": "mx.example.net",
        "attempt-no": 3,
    }
    found = parse_event("relay", failed("permanent", "bounce", **status) | {"flags": {"is-test-mode": True}})
    assert (found.reply_code, found.enhanced_code, found.text) == (550, "5.1.1", "550 5.1.1 no such user")
    assert (found.mx_host, found.attempt, found.test) == ("mx.example.net", 3, True)
    assert (found.message_id, found.recipient) == ("t@example.org", "seed@example.net")
    assert found.key == "20260301-id1"  # ids are unique within a day


def test_a_probe_is_known_by_the_variable_it_was_sent_with():
    variables = {"relaypilot-probe": "token-1", "other": "x"}
    for given_as in (variables, json.dumps(variables)):
        assert parse_event("relay", event(**{"user-variables": given_as})).probe_id == "token-1"
    for nothing in ({}, "{", "[]", None, {"relaypilot-probe": 5}, "[" * 100_000):
        assert parse_event("relay", event(**{"user-variables": nothing})).probe_id is None


def test_the_official_examples_are_understood():
    rows = [
        (name, row)
        for call in (("get", "/v3/{domain_name}/events"), ("post", "/v1/analytics/logs"))
        for name, example in examples(*call).items()
        for row in example["items"]
    ]
    assert len(rows) == 10
    found = {name: parse_event("relay", row) for name, row in rows}
    assert {name: row.type for name, row in found.items()} == {
        "Rejected": EventType.REJECTED,
        "Stored": EventType.OTHER,
        "Complained": EventType.COMPLAINED,
        "Unsubscribed": EventType.UNSUBSCRIBED,
        "Clicked": EventType.OTHER,
        "Opened": EventType.OTHER,
        "Failed": EventType.REJECTED,
        "Delivered": EventType.DELIVERED,
        "Accepted": EventType.QUEUED,
        "Example": EventType.BOUNCED,
    }
    assert found["Rejected"].recipient == "joan@example.org"
    assert found["Example"].occurred_at.isoformat() == "2024-07-08T16:30:18.530000+00:00"
    assert found["Failed"].suppressed


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("event", "id", "timestamp", "@timestamp", "severity", "reason", "recipient", "user-variables", "flags")
INNER = ("delivery-status", "message", "reject")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*NAMES, *INNER), JSON)), JSON)
def test_whatever_stands_there_is_an_event_or_none(raw, other):
    parse_event("relay", other)
    found = parse_event("relay", raw)
    assert found is None or found.occurred_at.tzinfo is not None
    parse_event("relay", event() | {"delivery-status": other, "message": other, "flags": other, "reject": other})


class Mailgun:
    """Stored events, answered in pages as Mailgun does: `next` is always there, and the empty page is the last."""

    def __init__(self, clock, page=2):
        self.clock, self.page, self.stored, self.tokens = clock, page, [], {}

    async def __call__(self, request, writer):
        if request.path == "/v1/analytics/logs":
            return writer.write(self.logs(official_request(request)))
        if request.path == EVENTS:
            official_request(request)
            assert request.query["ascending"] == "yes"
            span = float(request.query["begin"]), float(request.query["end"])
            found, after = self.span(*span), 0
        else:
            token = unquote(request.path).removeprefix(f"{EVENTS}/")
            if token not in self.tokens:
                return writer.write(http(400, json.dumps({"message": "Invalid page token"})))
            found, after = self.tokens[token]
        token = f"T{len(self.tokens)}=/"
        self.tokens[token] = found, after + self.page
        address = f"https://elsewhere.example.org/v3/x/events/{quote(token, safe='')}"
        paging = {"next": address, "previous": "https://y/z"}
        return writer.write(http(200, json.dumps({"items": found[after : after + self.page], "paging": paging})))

    def span(self, begin, end):
        return sorted((e for e in self.stored if begin <= e["timestamp"] <= end), key=lambda e: e["timestamp"])

    def logs(self, question):
        assert question["filter"]["AND"][0]["values"] == [{"label": DOMAIN, "value": DOMAIN}]
        begin, end = (parsedate_to_datetime(question[name]).timestamp() for name in ("start", "end"))
        after = int(question["pagination"].get("token", "0"))
        items = []
        for found in self.span(begin, end)[after : after + self.page]:
            at = NOW.fromtimestamp(found["timestamp"], NOW.tzinfo).isoformat().replace("+00:00", "Z")
            items.append({name: value for name, value in found.items() if name != "timestamp"} | {"@timestamp": at})
        pagination = {"next": str(after + self.page), "previous": "", "first": "0", "last": "9"}
        return http(200, json.dumps({"start": "", "end": "", "items": items, "pagination": pagination}))


async def sweep(relay, cursor=None):
    """Read until there is no more; every cursor survives a restart, being text."""
    keys = []
    for _ in range(50):
        page = await relay.events(cursor)
        keys += [found.key.partition("-")[2] for found in page.events]
        cursor = json.loads(json.dumps(page.cursor))
        if not page.more:
            return keys, cursor
    raise AssertionError("no end")


@pytest.mark.parametrize("source", ["events", "logs"])
async def test_a_sweep_reads_all_pages_in_order_and_the_next_one_what_is_new(source):
    clock = FixedClock()
    mailgun = Mailgun(clock)
    mailgun.stored = [event(n, seconds_ago=1500 - n * 100) for n in range(5)]
    async with serving(mailgun) as server:
        relay = provider(server.url, clock=clock, events_from=source)
        keys, cursor = await sweep(relay)
        assert keys == ["id0", "id1", "id2", "id3", "id4"]
        clock.time += timedelta(seconds=30)
        mailgun.stored.append(event(9, seconds_ago=10))
        again = provider(server.url, clock=clock, events_from=source)  # a restart
        keys, cursor = await sweep(again, cursor)
        assert "id9" in keys
        assert set(keys) <= {"id3", "id4", "id9"}  # the overlap of two minutes, not everything
    assert all(request.headers["host"].startswith("127.0.0.1") for request in server.requests)
    assert all(urlsplit(request.target).netloc == "" for request in server.requests)


async def test_an_event_stored_half_an_hour_late_is_found_within_ten_minutes():
    clock = FixedClock()
    mailgun = Mailgun(clock)
    async with serving(mailgun) as server:
        relay = provider(server.url, clock=clock)
        mailgun.stored = [event(1, seconds_ago=5)]
        keys, cursor = await sweep(relay)
        mailgun.stored.append(event(2, seconds_ago=25 * 60))  # late
        seen = set()
        for _ in range(11):
            clock.time += timedelta(minutes=1)
            mailgun.stored.append(event(len(mailgun.stored) + 10, now=clock.time, seconds_ago=30))
            keys, cursor = await sweep(relay, cursor)
            seen |= set(keys)
        assert "id2" in seen
        assert {f"id{n}" for n in range(12, 23)} <= seen


async def test_a_forgotten_page_begins_the_sweep_anew():
    clock = FixedClock()
    mailgun = Mailgun(clock)
    mailgun.stored = [event(n, seconds_ago=50 - n) for n in range(5)]
    async with serving(mailgun) as server:
        relay = provider(server.url, clock=clock)
        page = await relay.events()
        mailgun.tokens.clear()
        keys, _ = await sweep(relay, page.cursor)
        assert keys[-5:] == [f"id{n}" for n in range(5)]


async def test_pages_that_are_always_forgotten_are_an_error_and_no_endless_reading():
    clock = FixedClock()
    mailgun = Mailgun(clock)
    mailgun.stored = [event(n, seconds_ago=50 - n) for n in range(5)]
    async with serving(mailgun) as server:
        relay = provider(server.url, clock=clock)
        cursor = (await relay.events()).cursor
        mailgun.tokens.clear()
        cursor = (await relay.events(cursor)).cursor
        mailgun.tokens.clear()
        with pytest.raises(CallError, match="Invalid page token"):
            await relay.events(cursor)


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(hours=-5)])
async def test_a_clock_that_jumps_loses_nothing_that_is_stored_after_it_is_right_again(jump):
    clock = FixedClock()
    mailgun = Mailgun(clock)
    async with serving(mailgun) as server:
        relay = provider(server.url, clock=clock)
        mailgun.stored = [event(1, seconds_ago=5)]
        _, cursor = await sweep(relay)
        clock.time += jump
        _, cursor = await sweep(relay, cursor)
        clock.time = NOW + timedelta(minutes=1)
        mailgun.stored.append(event(2, now=clock.time, seconds_ago=5))
        keys, _ = await sweep(relay, cursor)
        assert "id2" in keys


@pytest.mark.parametrize(
    "cursor",
    ["", "garbage", "[" * 9999, '{"begin": "x"}', "null", '{"begin":1,"end":1,"newest":1,"whole_at":1,"page":7}'],
)
async def test_a_cursor_that_is_none_of_ours_begins_anew(cursor):
    clock = FixedClock()
    mailgun = Mailgun(clock)
    mailgun.stored = [event(1)]
    async with serving(mailgun) as server:
        assert (await sweep(provider(server.url, clock=clock), cursor))[0] == ["id1"]


async def test_the_other_call_goes_on_where_the_first_one_was():
    clock = FixedClock()
    mailgun = Mailgun(clock)
    mailgun.stored = [event(n, seconds_ago=50 - n) for n in range(5)]
    async with serving(mailgun) as server:
        page = await provider(server.url, clock=clock).events()
        keys, _ = await sweep(provider(server.url, clock=clock, events_from="logs"), page.cursor)
        assert {"id2", "id3", "id4"} <= set(keys)


async def test_one_bad_event_spoils_nothing():
    items = [None, 5, {}, {"event": "delivered"}, event(1), {"event": "failed", "id": "x", "timestamp": 1e300}]
    answer = http(200, json.dumps({"items": items, "paging": {"next": 7}}))
    async with serving(answer) as server:
        page = await provider(server.url).events()
    assert [found.key for found in page.events] == ["20260301-id1"]
    assert not page.more


async def test_a_page_that_names_itself_is_the_last():
    answer = http(200, json.dumps({"items": [event(1)], "paging": {"next": "https://x/y/same"}}))
    async with serving(answer) as server:
        keys, _ = await sweep(provider(server.url))
    assert set(keys) == {"id1"}
    assert len(server.requests) <= 3


@pytest.mark.parametrize(
    ("answer", "category", "says"),
    [
        (http(401, "Forbidden"), Category.AUTH, "check api_key"),
        (http(404, json.dumps({"message": "Domain not found"})), Category.CONFIG, "check domain, region"),
        (http(429, "slow"), Category.RATE, "ask less often"),
        (http(200, "Mailgun Magnificent API"), Category.CONFIG, "Magnificent"),
        (http(200, "[]"), Category.PROVIDER, "answered 200"),
        (b"", Category.NETWORK, "closed"),
    ],
)
async def test_a_failed_pull_says_why(answer, category, says):
    async with serving(answer) as server:
        with pytest.raises(CallError, match=says) as raised:
            await provider(server.url).events()
    assert raised.value.failure.category is category
