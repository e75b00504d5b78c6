"""Suppressions, statistics and pulled events, against a server that speaks in the official shapes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from providers.delivery_event import EventType, RejectReason
from providers.errors import CallError, NotSupportedError
from providers.failure import Category
from providers.provider_stats import Window
from providers.sendgrid_cursor import LogCursor
from providers.suppression import Suppression, SuppressionKind
from tests.providers.http_server import http, serving
from tests.providers.sendgrid_world import (
    NOW,
    FixedClock,
    answering,
    official_answer,
    official_examples,
    official_request,
    provider,
)

pytestmark = pytest.mark.anyio
K, T = SuppressionKind, EventType
LISTS = ("bounces", "spam_reports", "unsubscribes", "invalid_emails", "blocks")
AT = int(NOW.timestamp()) - 600
ENTRY = {
    "bounces": {"created": AT, "email": "a@example.net", "reason": "550 5.1.1 unknown", "status": "5.1.1"},
    "spam_reports": {"created": AT, "email": "a@example.net", "ip": "192.0.2.1"},
    "unsubscribes": {"created": AT, "email": "a@example.net"},
    "invalid_emails": {"created": AT, "email": "a@example.net", "reason": "Mail domain is unknown"},
    "blocks": {"created": AT, "email": "a@example.net", "reason": "no route to host", "status": "4.0.0"},
}


async def test_one_address_is_looked_up_in_every_list():
    table = {
        f"GET /v3/suppression/{name}/a+b@example.net": official_answer(
            "GET", f"/v3/suppression/{name}/x", [ENTRY[name]]
        )
        for name in LISTS
        if name != "unsubscribes"
    }
    table["GET /v3/asm/suppressions/global/a+b@example.net"] = {"recipient_email": "a+b@example.net"}
    async with serving(answering(table)) as server:
        found = await provider(server.url).suppressions("a+b@example.net")
    assert {item.kind for item in found} == set(K)
    assert {item.reason for item in found} >= {"550 5.1.1 unknown", ""}
    assert {item.at for item in found} == {datetime.fromtimestamp(AT, UTC), None}
    for request in server.requests:
        official_request(request)


async def test_an_address_on_no_list_is_free():
    empty = {f"GET /v3/suppression/{name}/a@example.net": [] for name in LISTS}
    async with serving(answering(empty | {"GET /v3/asm/suppressions/global/a@example.net": {}})) as server:
        assert await provider(server.url).suppressions("a@example.net") == ()
    async with serving(answering({})) as server:  # 404 says that the address is wrong, not that all is well
        with pytest.raises(CallError, match="answered 404"):
            await provider(server.url).suppressions("a@example.net")


async def test_a_list_that_cannot_be_read_is_an_error_and_tells_no_address():
    async with serving(http(403, '{"errors": []}')) as server:
        with pytest.raises(CallError, match="looking an address up in") as raised:
            await provider(server.url).suppressions("a@example.net")
    assert "example.net" not in str(raised.value)
    assert raised.value.failure.category is Category.AUTH


async def whole_list(one, clock, cursor=None):
    items, pages = [], 0
    while True:
        page = await one.suppression_list(cursor)
        items += page.items
        pages += 1
        clock.time += timedelta(seconds=10)  # what is added while it is read comes with the next reading
        if not page.more:
            return items, page.cursor, pages
        cursor = page.cursor


async def test_the_whole_list_is_read_page_by_page_and_then_what_came_since():
    many = [ENTRY["bounces"] | {"email": f"{n}@example.net"} for n in range(500)]
    table = {f"GET /v3/suppression/{name}": [(200, [ENTRY[name]]), (200, [])] for name in LISTS}
    table["GET /v3/suppression/bounces"] = [(200, many), (200, [ENTRY["bounces"]]), (200, [])]
    for name in LISTS:
        official_answer("GET", f"/v3/suppression/{name}", [ENTRY[name]])
    clock = FixedClock()
    async with serving(answering(table)) as server:
        one = provider(server.url, clock=clock)
        items, cursor, pages = await whole_list(one, clock)
        first = list(server.requests)
        clock.time += timedelta(days=1)
        again, _, _ = await whole_list(one, clock, cursor)
    assert (len(items), pages, again) == (505, 6, [])
    assert {item.kind for item in items} == set(K)
    for request in server.requests:
        official_request(request)
    assert [request.query["offset"] for request in first[:3]] == ["0", "500", "0"]
    assert {request.query["end_time"] for request in first} == {str(int(NOW.timestamp()))}
    assert all("start_time" not in request.query for request in first)
    since = {request.query["start_time"] for request in server.requests[6:]}
    assert since == {str(int(NOW.timestamp()) - 300)}


@pytest.mark.parametrize("cursor", ["", "{", "[]", "null", '{"v":1,"list":"tea","offset":-3,"until":"x"}', '{"v":9}'])
async def test_a_cursor_that_cannot_be_read_begins_anew(cursor):
    async with serving(http(200, "[]")) as server:
        page = await provider(server.url).suppression_list(cursor)
    assert (server.requests[0].path, server.requests[0].query["offset"]) == ("/v3/suppression/bounces", "0")
    assert page.more


async def test_hard_bounces_complaints_and_unsubscribes_are_added_as_global_unsubscribes():
    answer = official_answer("POST", "/v3/asm/suppressions/global", {"recipient_emails": []}, "201")
    items = [Suppression(address=f"{n}@example.net", kind=kind) for n in range(200) for kind in (K.HARD_BOUNCE,
             K.COMPLAINT, K.UNSUBSCRIBE, K.INVALID)]  # fmt: skip
    items += [Suppression(address=f"more-{n}@example.net", kind=K.COMPLAINT) for n in range(400)]
    async with serving(http(201, json.dumps(answer))) as server:
        await provider(server.url).suppress(items)
    sent = [official_request(request)["recipient_emails"] for request in server.requests]
    assert [len(part) for part in sent] == [500, 100]
    assert {address for part in sent for address in part} == {item.address for item in items}


async def test_a_block_cannot_be_added_and_nothing_is():
    async with serving(http(201, '{"recipient_emails": []}')) as server:
        with pytest.raises(NotSupportedError, match="leave blocks out"):
            await provider(server.url).suppress(
                [Suppression(address="a@b", kind=K.UNSUBSCRIBE), Suppression(address="c@d", kind=K.BLOCK)]
            )
        await provider(server.url).suppress([])
    assert server.requests == []


async def test_an_addition_that_fails_is_an_error():
    for answer in (http(403, "{}"), http(201, "{}"), http(201, "")):
        async with serving(answer) as server:
            with pytest.raises(CallError, match="adding global unsubscribes"):
                await provider(server.url).suppress([Suppression(address="a@b", kind=K.UNSUBSCRIBE)])


async def test_statistics_are_the_sum_of_whole_days():
    metrics = {"requests": 10, "delivered": 6, "deferred": 2, "bounces": 1, "blocks": 3, "spam_reports": 1,
               "bounce_drops": 1, "invalid_emails": 2, "spam_report_drops": 4, "unsubscribe_drops": 8}  # fmt: skip
    days = [{"date": f"2026-02-2{n}", "stats": [{"metrics": metrics}]} for n in (7, 8)]
    async with serving(http(200, json.dumps(official_answer("GET", "/v3/stats", days)))) as server:
        window = Window(since=datetime(2026, 2, 27, 13, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))
        found = await provider(server.url).stats(window)
    (request,) = server.requests
    official_request(request)
    assert (request.query["start_date"], request.query["end_date"]) == ("2026-02-27", "2026-02-28")
    assert found.window == Window(since=datetime(2026, 2, 27, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))
    counts = (found.accepted, found.delivered, found.deferred, found.bounced, found.blocked, found.rejected)
    assert (*counts, found.complained) == (20, 12, 4, 2, 6, 30, 2)


@pytest.mark.parametrize("body", ["[]", '[{"date": "x"}]', '[3, {"stats": [3, {"metrics": 3}]}]'])
async def test_what_is_not_counted_is_none(body):
    async with serving(http(200, body)) as server:
        found = await provider(server.url).stats(Window(since=NOW, until=NOW + timedelta(hours=1)))
    assert (found.accepted, found.delivered, found.rejected) == (None, None, None)


@pytest.mark.parametrize("example", official_examples("GET", "/v3/stats"))
async def test_the_official_example_of_statistics_is_understood(example):
    async with serving(http(200, json.dumps(example))) as server:
        assert (await provider(server.url).stats(Window(since=NOW, until=NOW))).accepted is not None


def line(identity, status, age=timedelta(minutes=5), **more):
    return {
        "from_email": "a@example.org",
        "sg_message_id": f"{identity}.recvd-1",
        "subject": "hello",
        "to_email": "b@example.net",
        "status": status,
        "sg_message_id_created_at": (NOW - age).isoformat(),
    } | more


def logs(*lines):
    return official_answer("POST", "/v3/logs", {"messages": list(lines)})


START = LogCursor(at=NOW - timedelta(hours=1)).text()


async def test_the_logs_give_each_messages_fate_oldest_first():
    answer = logs(
        line("m3", "blocked", timedelta(minutes=1), reason="421 4.7.0 not now"),
        line("m2", "dropped", timedelta(minutes=2), reason="Bounced Address"),
        line("m1", "delivered", timedelta(minutes=3)),
        line("m0", "bounced", timedelta(minutes=4), reason="550 5.1.1 unknown"),
    )
    async with serving(answering({"POST /v3/logs": answer})) as server:
        page = await provider(server.url).events(START)
    body = official_request(server.requests[0])
    assert body["limit"] == 1000
    assert 'sg_message_id_created_at >= TIMESTAMP "2026-03-01T11:00:00Z"' in body["query"]
    assert [event.message_id for event in page.events] == ["m0", "m1", "m2", "m3"]
    assert [event.type for event in page.events] == [T.BOUNCED, T.DELIVERED, T.REJECTED, T.BOUNCED]
    assert [event.reason for event in page.events][2:] == [RejectReason.BOUNCED, RejectReason.BLOCKED]
    assert [event.suppressed for event in page.events] == [False, False, True, False]
    assert (page.events[0].reply_code, page.events[0].enhanced_code) == (550, "5.1.1")
    assert page.events[0].occurred_at == NOW - timedelta(minutes=4)
    assert not page.more


async def test_a_changed_status_has_a_key_of_its_own():
    async with serving(
        answering({"POST /v3/logs": [(200, logs(line("m", s))) for s in ("deferred", "deferred", "delivered")]})
    ) as server:
        one, cursor, keys = provider(server.url), START, []
        for _ in range(3):
            page = await one.events(cursor)
            cursor = page.cursor
            keys += [event.key for event in page.events]
    assert keys == ["m.recvd-1/deferred", "m.recvd-1/deferred", "m.recvd-1/delivered"]


async def test_without_a_cursor_it_begins_a_day_back_and_comes_to_the_present():
    clock, cursor, more = FixedClock(), None, True
    async with serving(answering({"POST /v3/logs": logs()})) as server:
        one = provider(server.url, clock=clock)
        while more:
            page = await one.events(cursor)
            cursor, more = page.cursor, page.more
        clock.time += timedelta(minutes=1)
        await one.events(cursor)
    queries = [json.loads(request.body)["query"] for request in server.requests]
    assert 'TIMESTAMP "2026-02-28T12:00:00Z"' in queries[0]
    assert 'TIMESTAMP "2026-03-01T12:00:00Z"' in queries[-2]
    assert 'TIMESTAMP "2026-03-01T11:00:00Z"' in queries[-1]  # what is lately stored is looked at again
    assert len(queries) < 12


async def test_a_full_answer_is_asked_for_again_in_smaller_parts():
    full = logs(*(line(f"m{n}", "delivered") for n in range(1000)))
    async with serving(answering({"POST /v3/logs": [(200, full), (200, logs(line("m", "delivered")))]})) as server:
        one = provider(server.url)
        page = await one.events(START)
        assert (len(page.events), page.more) == (1000, True)
        await one.events(page.cursor)
    second = json.loads(server.requests[1].body)["query"]
    assert '>= TIMESTAMP "2026-03-01T11:00:00Z"' in second
    assert '< TIMESTAMP "2026-03-01T11:30:00Z"' in second


async def test_an_endless_second_does_not_hold_it_up():
    full = logs(*(line(f"m{n}", "delivered") for n in range(1000)))
    cursor = LogCursor(at=NOW - timedelta(hours=2), span_seconds=1).text()
    async with serving(answering({"POST /v3/logs": full})) as server:
        page = await provider(server.url).events(cursor)
    assert LogCursor.read(page.cursor, first=NOW).at == NOW - timedelta(hours=2) + timedelta(seconds=1)


async def test_an_undecided_message_is_asked_for_by_itself_when_the_others_are_past():
    fate = {"event": "bounce", "type": "bounce", "email": "b@example.net", "sg_message_id": "m.recvd-1",
            "sg_event_id": "e", "timestamp": AT, "reason": "550 5.1.1 gone", "status": "5.1.1"}  # fmt: skip
    log = line("m", "bounced") | {
        "api_key_id": "k",
        "client_ip": "192.0.2.1",
        "events": [fate | {"event": "open", "timestamp": AT + 5}, fate],
        "custom_args": {"relaypilot_probe": "p-1"},
    }
    official_answer("GET", "/v3/logs/m.recvd-1", {**log, "events": [fate]})
    table = {"POST /v3/logs": [(200, logs(line("m", "deferred"))), (200, logs())], "GET /v3/logs/m.recvd-1": log}
    clock = FixedClock()
    async with serving(answering(table)) as server:
        one = provider(server.url, clock=clock)
        page = await one.events(START)
        assert [request.path for request in server.requests] == ["/v3/logs"]
        clock.time += timedelta(hours=3)
        cursor = page.cursor
        found = []
        for _ in range(5):
            page = await one.events(cursor)
            cursor = page.cursor
            found += page.events
    official_request(next(request for request in server.requests if request.method == "GET"))
    (event,) = found
    assert (event.key, event.type, event.reply_code) == ("m.recvd-1/bounced", T.BOUNCED, 550)
    assert (event.occurred_at, event.probe_id) == (datetime.fromtimestamp(AT, UTC), "p-1")
    assert sum(request.method == "GET" for request in server.requests) == 1


async def test_a_clock_that_was_set_back_reads_nothing_twice_as_fast():
    ahead = LogCursor(at=NOW + timedelta(days=400)).text()
    async with serving(answering({"POST /v3/logs": logs()})) as server:
        page = await provider(server.url).events(ahead)
    assert not page.more
    assert LogCursor.read(page.cursor, first=NOW).at <= NOW


async def test_undecided_messages_are_bounded_and_given_up():
    cursor = LogCursor(at=NOW)
    many = {f"m{n}": True for n in range(500)}
    kept = cursor.noting(many, dict.fromkeys(many, NOW))
    assert list(kept.undecided) == [f"m{n}" for n in range(300, 500)]
    assert LogCursor.read(kept.text(), first=NOW) == kept
    old = LogCursor(at=NOW, undecided={"m": NOW - timedelta(hours=80)}).text()
    table = {"POST /v3/logs": logs(), "GET /v3/logs/m": line("m", "deferred")}
    async with serving(answering(table)) as server:
        page = await provider(server.url).events(old)
    assert page.events == ()
    assert LogCursor.read(page.cursor, first=NOW).undecided == {}


async def test_email_activity_is_read_where_it_was_bought():
    (example,) = official_examples("GET", "/v3/messages")
    async with serving(answering({"GET /v3/messages": official_answer("GET", "/v3/messages", example)})) as server:
        page = await provider(server.url, email_activity=True).events(START)
    official_request(server.requests[0])
    assert server.requests[0].query["query"].startswith('last_event_time BETWEEN TIMESTAMP "2026-03-01T11:00:00Z" AND')
    assert {event.type for event in page.events} == {T.QUEUED, T.DELIVERED, T.BOUNCED}
    assert {event.message_id for event in page.events} == {"abc123", "321befe", "434512dfg"}


@pytest.mark.parametrize("body", ["{}", "[]", '{"messages": 3}', "tea", ""])
async def test_an_answer_of_another_form_is_an_error(body):
    async with serving(http(200, body)) as server:
        for activity in (False, True):
            with pytest.raises(CallError):
                await provider(server.url, email_activity=activity).events()


async def test_odd_lines_do_not_hold_the_others_up():
    odd = [3, {}, {"status": 7, "sg_message_id": None}, line("m", "tea", sg_message_id_created_at="soon")]
    async with serving(http(200, json.dumps({"messages": [*odd, line("n", "delivered")]}))) as server:
        page = await provider(server.url).events(START)
    assert {event.type for event in page.events} == {T.OTHER, T.DELIVERED}
