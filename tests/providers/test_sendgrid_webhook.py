"""Only what SendGrid signed is taken, once, bounded in memory; and others who verify it agree."""

import base64
import json
import tracemalloc
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from sendgrid.helpers.eventwebhook import EventWebhook as OfficialWebhook

from providers.delivery_event import EventType, RejectReason
from providers.errors import NotSupportedError, WebhookRejectedError
from providers.sendgrid_webhook import MAX_BODY_BYTES, MAX_EVENTS
from tests.providers.sendgrid_world import (
    NOW,
    VECTOR_BODY,
    VECTOR_KEY,
    VECTOR_SIGNATURE,
    VECTOR_TIMESTAMP,
    WebhookKey,
    provider,
)

VECTOR_HEADERS = {
    "X-Twilio-Email-Event-Webhook-Signature": VECTOR_SIGNATURE,
    "X-Twilio-Email-Event-Webhook-Timestamp": VECTOR_TIMESTAMP,
}
VECTOR_TIME = datetime.fromtimestamp(int(VECTOR_TIMESTAMP), UTC)
ONE = b'[{"event":"delivered","sg_event_id":"e-1","email":"a@example.net","timestamp":1772366400}]\r\n'


@pytest.fixture(scope="module")
def key():
    return WebhookKey()


@pytest.fixture
def at(key):
    return provider(webhook_public_key=key.public)


def test_the_known_answer_is_taken_with_its_trailing_crlf_and_refused_without():
    one = provider(webhook_public_key=VECTOR_KEY)
    with pytest.raises(WebhookRejectedError, match="was changed"):
        one.parse_webhook(VECTOR_HEADERS, VECTOR_BODY.removesuffix(b"\r\n"), VECTOR_TIME)
    (event,) = one.parse_webhook(VECTOR_HEADERS, VECTOR_BODY, VECTOR_TIME)
    assert (event.type, event.reason, event.suppressed) == (EventType.REJECTED, RejectReason.BOUNCED, True)
    assert event.key == "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA"
    assert event.message_id == "LRzXl_NHStOGhQ4kofSm_A"
    assert event.occurred_at == datetime.fromtimestamp(1600112492, UTC)
    assert (event.recipient, event.provider, event.probe_id) == ("hello@world.com", "relay", None)


def test_header_names_are_compared_without_regard_to_case(at, key):
    headers = {name.upper(): value for name, value in key.headers(ONE).items()}
    assert len(at.parse_webhook(headers, ONE, NOW)) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"delivered", b"delivereD"),
        lambda body: body[:-1],
        lambda body: body[: len(body) // 2],
        lambda body: b"",
        lambda body: body + b" ",
        lambda body: json.dumps(json.loads(body)).encode(),
    ],
)
def test_a_tampered_or_truncated_body_is_refused(at, key, change):
    with pytest.raises(WebhookRejectedError, match="not signed by the key"):
        at.parse_webhook(key.headers(ONE), change(ONE), NOW)


@pytest.mark.parametrize("name", ["Signature", "Timestamp"])
@pytest.mark.parametrize("value", ["", "AAAA", "é", "not base64!", "1772366401", "9" * 200, "9" * 300, None])
def test_a_wrong_header_is_refused(at, key, name, value):
    headers = key.headers(ONE)
    headers[f"X-Twilio-Email-Event-Webhook-{name}"] = value
    if value is None:
        del headers[f"X-Twilio-Email-Event-Webhook-{name}"]
    with pytest.raises(WebhookRejectedError):
        at.parse_webhook(headers, ONE, NOW)


def test_the_signature_of_another_key_is_refused(at):
    with pytest.raises(WebhookRejectedError):
        at.parse_webhook(WebhookKey().headers(ONE), ONE, NOW)


def test_the_same_request_is_taken_once_even_with_its_signature_made_anew(at, key):
    assert len(at.parse_webhook(key.headers(ONE), ONE, NOW)) == 1
    for _ in range(2):  # ECDSA signatures differ each time
        with pytest.raises(WebhookRejectedError, match="taken before"):
            at.parse_webhook(key.headers(ONE), ONE, NOW)


def test_a_blank_moved_from_the_body_to_the_timestamp_makes_no_new_request(at, key):
    body, headers = b" " + ONE, key.headers(b" " + ONE)
    at.parse_webhook(headers, body, NOW)
    moved = {name: f"{value} " if "timestamp" in name.lower() else value for name, value in headers.items()}
    with pytest.raises(WebhookRejectedError, match="taken before"):
        at.parse_webhook(moved, ONE, NOW)


def test_a_repeat_that_is_signed_anew_gives_the_same_keys(at, key):
    later = NOW + timedelta(minutes=10)
    first = at.parse_webhook(key.headers(ONE), ONE, NOW)
    again = at.parse_webhook(key.headers(ONE, later), ONE, later)
    assert [event.key for event in first] == [event.key for event in again]


def test_a_refused_request_is_not_remembered_as_taken(at, key):
    with pytest.raises(WebhookRejectedError):
        at.parse_webhook(key.headers(ONE), ONE, NOW + timedelta(days=3))
    assert at.parse_webhook(key.headers(ONE), ONE, NOW)


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        (timedelta(hours=23), True),  # SendGrid repeats for 24 hours, perhaps with the first signature
        (timedelta(hours=25), False),
        (-timedelta(minutes=4), True),
        (-timedelta(minutes=6), False),
    ],
)
def test_age_refuses_only_what_no_repeat_can_be(at, key, age, taken):
    headers = key.headers(ONE, NOW - age)
    if taken:
        assert at.parse_webhook(headers, ONE, NOW)
    else:
        with pytest.raises(WebhookRejectedError, match="check the clock"):
            at.parse_webhook(headers, ONE, NOW)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[", b"[{}", b"[{},]", b"[{}]x", b"[1]", b"[{} {}]", b"null", b"\xff", b"[" * 50_000,
     b"[{\"a\":" + b"[" * 50_000 + b"]", b"[{\"a\":" + b"9" * 5000 + b"}]"],
)  # fmt: skip
def test_what_is_signed_but_no_list_of_events_is_refused(at, key, body):
    with pytest.raises(WebhookRejectedError, match="no list of events"):
        at.parse_webhook(key.headers(body), body, NOW)


def test_an_empty_list_is_no_event(at, key):
    assert at.parse_webhook(key.headers(b" [ ] \r\n"), b" [ ] \r\n", NOW) == ()


def test_ten_thousand_events_in_one_body_stay_bounded(at, key):
    rows = [
        {
            "event": "delivered",
            "sg_event_id": f"event-{number}",
            "sg_message_id": f"m{number}.recvd-1",
            "email": f"someone-{number}@example.net",
            "timestamp": 1772366400 + number,
            "response": "250 2.0.0 OK " + "x" * 200,
            "category": ["a", "b"],
        }
        for number in range(10_000)
    ]
    body = json.dumps(rows).encode() + b"\r\n"
    headers = key.headers(body)
    at.parse_webhook(key.headers(ONE), ONE, NOW)  # loads what is loaded once
    tracemalloc.start()
    events = at.parse_webhook(headers, body, NOW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len({event.key for event in events}) == 10_000
    whole = len(body)
    assert peak < 6 * whole  # the events themselves, and never the decoded list beside them


def test_an_oversized_body_is_refused_before_anything_is_read(at):
    with pytest.raises(WebhookRejectedError, match="more than"):
        at.parse_webhook({}, b"[" * (MAX_BODY_BYTES + 1), NOW)


def test_more_events_than_anyone_sends_are_refused(at, key):
    body = b"[" + b",".join([b"{}"] * (MAX_EVENTS + 1)) + b"]"
    with pytest.raises(WebhookRejectedError):
        at.parse_webhook(key.headers(body), body, NOW)


def test_without_a_key_there_is_no_webhook(key):
    assert not provider().capabilities.webhook
    assert provider(webhook_public_key=key.public).capabilities.webhook
    with pytest.raises(NotSupportedError, match="webhooks"):
        provider().parse_webhook(key.headers(ONE), ONE, NOW)


VARIANTS = [
    VECTOR_BODY,
    VECTOR_BODY.removesuffix(b"\r\n"),
    VECTOR_BODY.replace(b"dropped", b"bounced"),
    VECTOR_BODY.replace(b"\r\n", b"\n"),
]


@pytest.mark.parametrize("body", VARIANTS)
def test_the_official_library_agrees_on_every_body(body):
    official = OfficialWebhook(VECTOR_KEY).verify_signature(body.decode(), VECTOR_SIGNATURE, VECTOR_TIMESTAMP)
    assert taken(provider(webhook_public_key=VECTOR_KEY), VECTOR_HEADERS, body, VECTOR_TIME) is official


def taken(one, headers, body, now):
    try:
        return bool(one.parse_webhook(headers, body, now))
    except WebhookRejectedError:
        return False


@pytest.fixture(scope="module")
def anymail_view():
    """Return a function that makes django-anymail's view of SendGrid's webhook for a key."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(ANYMAIL={}, ALLOWED_HOSTS=["*"], DEFAULT_CHARSET="utf-8")
    with warnings.catch_warnings():
        # newer Django says of older anymail, and anymail of SendGrid, that support ends; neither is the matter here
        warnings.simplefilter("ignore")
        from anymail.exceptions import AnymailNotSupportedWarning
        from anymail.webhooks.sendgrid import SendGridTrackingWebhookView

    def make(public_key):
        with pytest.warns(AnymailNotSupportedWarning, match="dropped official support"):
            return SendGridTrackingWebhookView(tracking_webhook_verification_key=public_key)

    return make


def anymail_request(headers, body):
    from django.test import RequestFactory

    return RequestFactory().post("/", data=body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("body", VARIANTS)
def test_anymail_agrees_on_every_body(anymail_view, body):
    from anymail.exceptions import AnymailWebhookValidationFailure

    try:
        anymail_view(VECTOR_KEY).validate_request(anymail_request(VECTOR_HEADERS, body))
        theirs = True
    except AnymailWebhookValidationFailure:
        theirs = False
    assert taken(provider(webhook_public_key=VECTOR_KEY), VECTOR_HEADERS, body, VECTOR_TIME) is theirs


SAME_EVENTS = [
    {"event": "processed", "smtp-id": "<a@b>"},
    {"event": "deferred", "response": "451 4.7.1 later", "attempt": "3"},
    {"event": "delivered", "response": "250 OK"},
    {"event": "bounce", "type": "bounce", "reason": "550 5.1.1 no such user", "status": "5.1.1"},
    {"event": "bounce", "type": "blocked", "reason": "421 4.7.0 not now", "status": "4.7.0"},
    {"event": "dropped", "reason": "Bounced Address"},
    {"event": "dropped", "reason": "Unsubscribed Address"},
    {"event": "dropped", "reason": "Invalid"},
    {"event": "spamreport"},
    {"event": "unsubscribe"},
    {"event": "group_unsubscribe", "asm_group_id": 3},
]
SAME_TYPES = {"sent": "queued"}  # their name for what an API took; SendGrid never says it


def test_anymail_reads_the_same_events_as_we_do(at, key, anymail_view):
    rows = [
        {"email": "a@example.net", "sg_event_id": f"e{n}", "sg_message_id": "m.1", "timestamp": 1772366400 + n}
        | {"relaypilot_probe": "p-1", "category": "x" if n % 2 else ["x"]}
        | row
        for n, row in enumerate(SAME_EVENTS)
    ]
    body = json.dumps(rows).encode() + b"\r\n"
    view = anymail_view(key.public)
    request = anymail_request(key.headers(body), body)
    view.validate_request(request)
    theirs = view.parse_events(request)
    ours = at.parse_webhook(key.headers(body), body, NOW)
    assert [e.type.value for e in ours] == [SAME_TYPES.get(e.event_type, e.event_type) for e in theirs]
    assert [e.key for e in ours] == [e.event_id for e in theirs]
    assert [e.occurred_at for e in ours] == [e.timestamp for e in theirs]
    assert [e.recipient for e in ours] == [e.recipient for e in theirs]
    assert [e.probe_id for e in ours] == [e.metadata["relaypilot_probe"] for e in theirs]
    dropped = [(o.reason.value, t.reject_reason) for o, t in zip(ours, theirs, strict=True) if t.reject_reason]
    assert len(dropped) == 3
    assert all(mine == other for mine, other in dropped)
    replies = [(o.text, t.mta_response) for o, t in zip(ours, theirs, strict=True) if t.mta_response]
    assert len(replies) == 4
    assert all(mine == other for mine, other in replies)


def test_the_key_may_come_in_pem_and_must_be_whole(key):
    pem = f"-----BEGIN PUBLIC KEY-----\n{key.public[:64]}\n{key.public[64:]}\n-----END PUBLIC KEY-----\n"
    assert provider(webhook_public_key=pem).parse_webhook(key.headers(ONE), ONE, NOW)
    der = bytearray(base64.b64decode(key.public))
    der[-1] ^= 1
    for wrong in ("", "!", key.public[:-4], base64.b64encode(der).decode(), "AAAA"):
        with pytest.raises(ValueError, match="copy the verification key again"):
            provider(webhook_public_key=wrong)
