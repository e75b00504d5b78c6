"""Whatever SendGrid's address answers, callers get a value or a CallError, and a text that a terminal can show."""

import asyncio
import json
import re
from datetime import timedelta

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.errors import CallError
from providers.http import HttpApi
from providers.provider_stats import Window
from providers.sendgrid_api import SendgridApi
from providers.sendgrid_check import account_findings
from providers.sendgrid_domains import domain_auth
from providers.sendgrid_logs import pull_activity, pull_logs
from providers.sendgrid_stats import read_stats
from providers.sendgrid_suppressions import suppress, suppression_page, suppressions_of
from providers.suppression import Suppression, SuppressionKind
from tests.providers.sendgrid_world import NOW, SENDER, VECTOR_KEY, FixedClock

UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
DOMAIN = SENDER.partition("@")[2]
NAMES = st.sampled_from(
    [
        *("messages", "sg_message_id", "msg_id", "status", "sg_message_id_created_at", "last_event_time", "to_email"),
        *("events", "event", "timestamp", "custom_args", "reason", "response", "attempt", "email", "created"),
        *("recipient_email", "recipient_emails", "scopes", "remain", "total", "next_reset", "domain", "valid", "id"),
        *("dns", "type", "host", "data", "validation_results", "results", "from_email", "verified", "errors"),
        *("message", "stats", "metrics", "requests", "delivered", "webhooks", "public_key", "enabled", "url"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(
        [DOMAIN, SENDER, "processed", "mail.send", VECTOR_KEY, "https://[::1", "\ud800", "2026-03-01T09:00:00Z"]
    )
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=20
)
ANSWERS = st.tuples(st.sampled_from([200, 200, 200, 201, 400, 401, 404, 429, 500]), JSON)
SEED = Suppression(address="a@example.net", kind=SuppressionKind.HARD_BOUNCE)


async def all_pages(pull, api):
    cursor = None
    for _ in range(8):
        page = await pull(api, cursor)
        cursor = page.cursor
        if not page.more:
            return


READS = (
    lambda api: all_pages(pull_logs, api),
    lambda api: all_pages(pull_activity, api),
    lambda api: all_pages(suppression_page, api),
    lambda api: suppressions_of(api, "a@example.net"),
    lambda api: suppress(api, [SEED]),
    lambda api: domain_auth(api, DOMAIN),
    lambda api: read_stats(api, Window(since=NOW - timedelta(hours=1), until=NOW)),
)


def api_answering(status, content):
    def answer(request):
        return httpx2.Response(status, stream=httpx2.ByteStream(json.dumps(content).encode()))

    api = SendgridApi(
        "relay", "http://127.0.0.1:9", "SG.secret", clock=FixedClock(), stage_timeout_seconds=5, total_timeout_seconds=5
    )
    api._http = HttpApi(
        "relay",
        "http://127.0.0.1:9",
        {"authorization": "Bearer SG.secret"},
        clock=FixedClock(),
        stage_timeout_seconds=5,
        total_timeout_seconds=5,
        transport=httpx2.MockTransport(answer),
    )
    return api


async def read(ask, api):
    try:
        await ask(api)
    except CallError as error:
        assert not UNSHOWABLE.search(str(error))


@pytest.mark.parametrize("number", range(len(READS)))
@settings(deadline=None, max_examples=20)
@given(answer=ANSWERS)
def test_any_answer_is_a_value_or_a_call_error(number, answer):
    asyncio.run(read(READS[number], api_answering(*answer)))


@settings(deadline=None, max_examples=50)
@given(answer=ANSWERS)
def test_any_answer_gives_findings_that_can_be_shown(answer):
    for finding in asyncio.run(account_findings(api_answering(*answer), SENDER, public_key=VECTOR_KEY)):
        assert not UNSHOWABLE.search(finding.sentence + finding.remedy)


def test_half_a_character_in_an_id_or_a_record_stops_nothing():
    old = (NOW - timedelta(hours=2)).isoformat()
    lines = {"messages": [{"sg_message_id": "\ud800id", "status": "processed", "sg_message_id_created_at": old}]}
    asyncio.run(all_pages(pull_logs, api_answering(200, lines)))
    row = {"type": "cname", "host": "a\x1b[2J\ud800", "data": "b\n", "valid": False}
    told = asyncio.run(domain_auth(api_answering(200, [{"domain": DOMAIN, "dns": {"dkim1": row}}]), DOMAIN))
    assert [(found.name, found.value) for found in told.records] == [("a [2J", "b")]
