"""Whatever Mailgun's address answers, callers get a value or a CallError, never a crash and never an endless list."""

import asyncio
import json
from datetime import timedelta

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.checkup import Finding
from providers.errors import CallError
from providers.http import HttpApi
from providers.mailgun_api import MailgunApi
from providers.mailgun_checkup import check_account
from providers.mailgun_domain import read_domain, read_queue
from providers.mailgun_lists import find_suppressions, list_suppressions
from providers.mailgun_metrics import read_stats
from providers.mailgun_pull import pull_events
from providers.provider_stats import Window
from providers.untrusted import as_int, as_text, as_time
from tests.providers.mailgun_world import DOMAIN, NOW, FixedClock

NAMES = st.sampled_from(
    [
        "items",
        "paging",
        "pagination",
        "next",
        "domain",
        "state",
        "is_disabled",
        "disabled",
        "reason",
        "until",
        "sending_dns_records",
        "record_type",
        "name",
        "value",
        "valid",
        "regular",
        "metrics",
        "accepted_outgoing_count",
        "address",
        "created_at",
        "code",
        "error",
        "limit",
        "current",
        "period",
        "start",
        "end",
        "http_signing_key",
        "message",
        "id",
        "event",
        "timestamp",
    ]
)
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20) | st.just("https://[::1")
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=20
)
ANSWERS = st.tuples(st.sampled_from([200, 200, 200, 201, 400, 401, 404, 429, 500]), JSON)
READS = (
    lambda api: pull_events(api, "events", None),
    lambda api: pull_events(api, "logs", None),
    lambda api: read_domain(api, DOMAIN),
    read_queue,
    lambda api: find_suppressions(api, "a@example.net"),
    lambda api: list_suppressions(api, None),
    lambda api: read_stats(api, Window(since=NOW - timedelta(hours=1), until=NOW)),
)


def api_answering(status, content):
    def answer(request):
        return httpx2.Response(status, stream=httpx2.ByteStream(json.dumps(content).encode()))

    reading = HttpApi(
        "relay",
        "https://api.example.org",
        ("api", "sesame-1"),
        clock=FixedClock(),
        stage_timeout_seconds=5,
        total_timeout_seconds=5,
        transport=httpx2.MockTransport(answer),
    )
    return MailgunApi("relay", DOMAIN, reading=reading, sending=reading, clock=FixedClock(), max_message_bytes=1000)


@settings(deadline=None, max_examples=60)
@given(ANSWERS)
def test_any_json_is_a_value_or_a_call_error(answer):
    async def read_all():
        for read in READS:
            try:
                await read(api_answering(*answer))
            except CallError as error:
                assert "sesame-1" not in str(error)

    asyncio.run(read_all())


@settings(deadline=None, max_examples=60)
@given(ANSWERS)
def test_a_check_never_raises(answer):
    found = asyncio.run(
        check_account(api_answering(*answer), "probe@example.org", elsewhere=None, webhook_signing_key="k")
    )
    assert found
    assert all(isinstance(finding, Finding) and finding.sentence for finding in found)


@given(JSON)
def test_any_value_is_read_as_what_it_is_or_as_absent(value):
    number, time, text = as_int(value), as_time(value), as_text(value)
    assert number is None or type(number) is int
    assert time is None or time.utcoffset() == timedelta(0)
    assert len(text) <= 2000
    assert "\n" not in text


def test_numbers_are_read_however_they_are_written():
    assert [as_int(value) for value in (5, "5", 5.0, True, "x", "9" * 50, float("inf"), "\u0665")] == [
        *(5, 5, 5),
        *(None,) * 5,
    ]
    assert [as_int(value) for value in (10**15, -(10**15), 1e300, 10**400, 10**15 - 1)] == [*(None,) * 4, 10**15 - 1]


def test_a_limit_of_hundreds_of_digits_is_none():
    told = {"limit": 10**400, "current": 10**400, "domain": {"state": "active"}}
    found = asyncio.run(check_account(api_answering(200, told), "a@b", elsewhere=None, webhook_signing_key=None))
    assert "names no sending limit" in found[-1].sentence


def test_times_are_read_however_they_are_written():
    at = NOW.timestamp()
    assert [as_time(value) for value in (at, "2026-03-01T12:00:00Z", "Sun, 01 Mar 2026 12:00:00 +0000")] == [NOW] * 3
    assert as_time("2026-03-01T12:00:00") == NOW
    assert [as_time(value) for value in (0, True, at * 1e9, "yesterday", "2026-99", float("nan"))] == [None] * 6
