"""What SendGrid's events mean, row by row, and that nothing in one ever raises."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.delivery_event import EventType, RejectReason
from providers.reply import one_line
from providers.sendgrid_events import event_time, message_id, parse_event
from tests.providers.sendgrid_world import NOW, validate

T, R = EventType, RejectReason


def parsed(**item):
    return parse_event("relay", {"sg_event_id": "e", "timestamp": 1772366400} | item, received_at=NOW)


MEANINGS = [
    ({"event": "processed"}, T.QUEUED, None, False),
    ({"event": "deferred"}, T.DEFERRED, None, False),
    ({"event": "delivered"}, T.DELIVERED, None, False),
    ({"event": "bounce", "type": "bounce"}, T.BOUNCED, R.BOUNCED, False),
    ({"event": "bounce"}, T.BOUNCED, R.BOUNCED, False),
    ({"event": "bounce", "type": "blocked"}, T.BOUNCED, R.BLOCKED, False),
    ({"event": "bounce", "type": "blocked", "bounce_classification": "Content"}, T.BOUNCED, R.BLOCKED, False),
    ({"event": "bounce", "type": "expired"}, T.BOUNCED, R.TIMED_OUT, False),
    ({"event": "bounce", "bounce_classification": "Invalid Address"}, T.BOUNCED, R.INVALID, False),
    ({"event": "bounce", "bounce_classification": "Reputation"}, T.BOUNCED, R.BLOCKED, False),
    ({"event": "bounce", "bounce_classification": "Frequency or Volume Too High"}, T.BOUNCED, R.BLOCKED, False),
    ({"event": "bounce", "bounce_classification": "Content"}, T.BOUNCED, R.SPAM, False),
    ({"event": "bounce", "bounce_classification": "Mailbox Unavailable"}, T.BOUNCED, R.BOUNCED, False),
    ({"event": "bounce", "bounce_classification": "Technical"}, T.BOUNCED, R.BOUNCED, False),
    ({"event": "bounce", "bounce_classification": "Unclassified"}, T.BOUNCED, R.BOUNCED, False),
    ({"event": "dropped", "reason": "Bounced Address"}, T.REJECTED, R.BOUNCED, True),
    ({"event": "dropped", "reason": "Unsubscribed Address"}, T.REJECTED, R.UNSUBSCRIBED, True),
    ({"event": "dropped", "reason": "Spam Reporting Address"}, T.REJECTED, R.SPAM, True),
    ({"event": "dropped", "reason": "Invalid"}, T.REJECTED, R.INVALID, True),
    ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, T.REJECTED, R.OTHER, False),
    ({"event": "dropped", "reason": "Spam Content"}, T.REJECTED, R.SPAM, False),
    ({"event": "dropped", "reason": "Recipient List over Package Quota"}, T.REJECTED, R.OTHER, False),
    ({"event": "dropped", "email": ""}, T.REJECTED, R.OTHER, False),
    ({"event": "cancel_drop", "reason": "whatever"}, T.REJECTED, R.OTHER, False),
    ({"event": "spamreport"}, T.COMPLAINED, R.SPAM, False),
    ({"event": "unsubscribe"}, T.UNSUBSCRIBED, None, False),
    ({"event": "group_unsubscribe"}, T.UNSUBSCRIBED, None, False),
    *(({"event": name}, T.OTHER, None, False) for name in
      ("group_resubscribe", "open", "click", "account_status_change", "received", "", "tea")),
]  # fmt: skip


@pytest.mark.parametrize(("item", "kind", "reason", "suppressed"), MEANINGS)
def test_an_event_has_one_meaning(item, kind, reason, suppressed):
    found = parsed(**item)
    assert (found.type, found.reason, found.suppressed) == (kind, reason, suppressed)


@pytest.mark.parametrize(
    ("item", "code", "enhanced"),
    [
        ({"response": "250 2.0.0 OK 1755 - gsmtp\n"}, 250, "2.0.0"),
        ({"response": "250 OK"}, 250, None),
        ({"reason": "550 5.1.1 no such user", "status": "5.1.1"}, 550, "5.1.1"),
        ({"reason": "error dialing remote address", "status": "4.0.0"}, None, "4.0.0"),
        ({"reason": "unable to get mx info", "status": "550"}, 550, None),
        ({"status": "tea"}, None, None),
        ({"reason": "Bounced Address"}, None, None),
    ],
)
def test_the_receivers_codes_are_found(item, code, enhanced):
    found = parsed(event="bounce", **item)
    assert (found.reply_code, found.enhanced_code) == (code, enhanced)


@pytest.mark.parametrize(
    ("value", "second"),
    [
        (1772366400, 0),
        (1772366400123, 0.123),
        ("1772366400", 0),
        (1772366400.5, 0.5),
        ("1772366400123", 0.123),
    ],
)
def test_times_are_seconds_or_milliseconds(value, second):
    assert event_time(value) == datetime.fromtimestamp(1772366400 + second, UTC)


@pytest.mark.parametrize("value", [None, True, "", "soon", [], {}, float("nan"), float("inf"), 10**400, -(10**30), -5])
def test_what_is_no_time_is_none_and_the_receipt_stands_in(value):
    assert event_time(value) is None
    assert parsed(event="open", timestamp=value).occurred_at == NOW


@pytest.mark.parametrize("where", [{"relaypilot_probe": "p-1"}, {"custom_args": {"relaypilot_probe": "p-1"}}])
def test_the_probe_is_found_where_webhook_and_logs_put_it(where):
    assert parsed(event="delivered", **where).probe_id == "p-1"


def test_a_category_may_be_a_text_or_a_list():
    assert parsed(event="delivered", category="a") == parsed(event="delivered", category=["a"])


def test_the_attempt_may_be_a_text():
    assert (parsed(event="deferred", attempt="3").attempt, parsed(event="deferred", attempt=3).attempt) == (3, 3)
    assert parsed(event="deferred", attempt="many").attempt is None


def test_the_id_of_the_hand_over_is_the_part_before_the_first_dot():
    assert message_id("Xj5LmNkWSOqRbdvOpR34BA.recvd-85abf8d92c-3qfgp-2-7890E356-43C.1") == "Xj5LmNkWSOqRbdvOpR34BA"
    assert message_id("") is None


def test_an_event_without_id_is_keyed_by_its_content():
    one, same, other = (parsed(event="open", sg_event_id=None, email=e) for e in ("a", "a", "b"))
    assert one.key == same.key != other.key


def test_an_event_tells_no_address_when_shown():
    shown = repr(parsed(event="bounce", email="someone@example.net", reason="550 someone@example.net unknown"))
    assert "someone" not in shown


OFFICIAL = {
    "BounceEvent": {"event": "bounce", "type": "blocked", "status": "4.7.1", "smtp-id": "<a@b>",
                    "reason": "421 4.7.1 later", "bounce_classification": "Reputation"},
    "DeliveredEvent": {"event": "delivered", "smtp-id": "<a@b>", "response": "250 OK", "tls": 1,
                       "ip": "192.0.2.1"},
    "DeferredEvent": {"event": "deferred", "smtp-id": "<a@b>", "response": "451 later", "attempt": "2"},
    "DroppedEvent": {"event": "dropped", "smtp-id": "<a@b>", "reason": "Bounced Address"},
    "ProcessedEvent": {"event": "processed", "smtp-id": "<a@b>"},
    "SpamReportEvent": {"event": "spamreport"},
    "UnsubscribeEvent": {"event": "unsubscribe", "date": "2026-03-01"},
    "GroupUnsubscribeEvent": {"event": "group_unsubscribe", "asm_group_id": 1},
    "GroupResubscribeEvent": {"event": "group_resubscribe", "asm_group_id": 1},
    "OpenEvent": {"event": "open"},
    "ClickEvent": {"event": "click", "url": "https://example.net/"},
}  # fmt: skip


@pytest.mark.parametrize("name", OFFICIAL)
def test_events_of_the_official_shapes_are_understood(name):
    item = {
        "email": "a@example.net",
        "sg_message_id": "m.recvd-1",
        "sg_event_id": "e",
        "timestamp": 1772366400,
        "custom_args": {"relaypilot_probe": "p-1"},
        **OFFICIAL[name],
    }
    validate(item, f"/components/schemas/{name}")
    found = parse_event("relay", item, received_at=NOW)
    assert (found.key, found.message_id, found.probe_id, found.recipient) == ("e", "m", "p-1", "a@example.net")
    engagement = name in {"OpenEvent", "ClickEvent", "GroupResubscribeEvent"}
    assert (found.type is EventType.OTHER) is engagement


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("event", "sg_event_id", "sg_message_id", "timestamp", "email", "reason", "response", "status", "type"),
        *("attempt", "custom_args", "relaypilot_probe", "bounce_classification", "category", "smtp-id"),
    ]
)


@given(st.dictionaries(NAMES, JSON | st.sampled_from(["bounce", "dropped", "delivered"]), max_size=8))
def test_any_object_is_an_event(item):
    found = parse_event("relay", item, received_at=NOW)
    assert found.occurred_at.tzinfo is not None
    assert found.key
    assert len(found.text) <= 2000
    assert one_line(found.text) == found.text
