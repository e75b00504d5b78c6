"""Mailgun's webhooks: taken when signed, young and new; refused otherwise; and read as others read them."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailgun.security import SecurityGuard

from providers.delivery_event import EventType, RejectReason
from providers.errors import NotSupportedError, WebhookRejectedError
from providers.mailgun_webhook import MAX_AGE_SECONDS, MAX_BODY_BYTES, MailgunWebhook
from tests.providers.mailgun_world import NOW, SIGNING_KEY, examples, provider

# public test data of Symfony's Mailgun bridge (MIT)
VECTORS = [
    (
        "1661590666",
        "fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b",
        "a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f",
    ),
    (
        "1661621361",
        "fafa24ab7699395ccfce2847b87dce8a29f6696a79127ee77c",
        "4328a8ea0818dcb218382cf70ccee285c45a8755f5f5616be90b887b67d84593",
    ),
]
EVENT = {"event": "delivered", "id": "id1", "timestamp": NOW.timestamp(), "recipient": "seed@example.net"}


def sign(event=EVENT, *, at=NOW, token="a" * 50, key=SIGNING_KEY):
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    return {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event}


def body(**changes):
    return json.dumps(sign(**changes)).encode()


def webhook(**options):
    return MailgunWebhook("relay", SIGNING_KEY, **options)


@pytest.mark.parametrize(("timestamp", "token", "signature"), VECTORS)
def test_known_signatures_are_taken_and_others_refused(timestamp, token, signature):
    now = datetime.fromtimestamp(int(timestamp), UTC)
    signed = {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": EVENT}
    (found,) = webhook().parse(json.dumps(signed).encode(), now)
    assert found.type is EventType.DELIVERED
    for name, value in (
        ("timestamp", str(int(timestamp) + 1)),
        ("token", token[:-1] + "0"),
        ("signature", signature[:-1] + "0"),
        ("signature", signature.upper()),
        ("signature", signature[:-1]),
        ("signature", ""),
    ):
        forged = json.dumps(signed | {"signature": signed["signature"] | {name: value}}).encode()
        with pytest.raises(WebhookRejectedError):
            webhook().parse(forged, now)
    with pytest.raises(WebhookRejectedError, match="not of our webhook signing key"):
        MailgunWebhook("relay", "another key").parse(json.dumps(signed).encode(), now)


def test_a_provider_takes_webhooks_when_it_has_the_key():
    relay = provider(None)
    (found,) = relay.parse_webhook({"Content-Type": "application/json"}, body(), NOW)
    assert (found.provider, found.key, found.recipient) == ("relay", "20260301-id1", "seed@example.net")
    with pytest.raises(NotSupportedError):
        provider(None, webhook_signing_key=None).parse_webhook({}, body(), NOW)


def test_the_same_request_counts_once():
    taking = webhook()
    taking.parse(body(), NOW)
    with pytest.raises(WebhookRejectedError, match="taken before"):
        taking.parse(body(), NOW + timedelta(seconds=5))
    with pytest.raises(WebhookRejectedError, match="taken before"):
        taking.parse(body(event=EVENT | {"id": "other"}), NOW)  # a new body on an old signature
    assert taking.parse(body(token="b" * 50), NOW)


def test_a_request_that_was_refused_may_come_again_in_good_order():
    taking = webhook()
    with pytest.raises(WebhookRejectedError, match="no event"):
        taking.parse(body(event={}), NOW)
    assert taking.parse(body(), NOW)


@pytest.mark.parametrize("seconds", [-MAX_AGE_SECONDS - 1, MAX_AGE_SECONDS + 1, -86_400 * 365])
def test_old_and_future_requests_are_refused(seconds):
    with pytest.raises(WebhookRejectedError, match="set this machine's clock"):
        webhook().parse(body(at=NOW + timedelta(seconds=seconds)), NOW)
    assert webhook().parse(body(at=NOW - timedelta(seconds=MAX_AGE_SECONDS - 1)), NOW)


def test_what_is_remembered_is_bounded_and_nothing_forgotten_counts_again():
    taking = webhook(max_tokens=10)
    bodies = [body(token=f"t{n}", at=NOW + timedelta(seconds=n)) for n in range(100)]
    for one in bodies:
        taking.parse(one, NOW + timedelta(seconds=50))
    assert len(taking._taken) <= 10
    for one in bodies:
        with pytest.raises(WebhookRejectedError, match="taken before"):
            taking.parse(one, NOW + timedelta(seconds=50))
    later = NOW + timedelta(seconds=5 * MAX_AGE_SECONDS)
    taking.parse(body(token="new", at=later), later)
    assert len(taking._taken) == 1


@pytest.mark.parametrize("cut", [1, 10, 100, 200])
def test_truncated_requests_are_refused(cut):
    with pytest.raises(WebhookRejectedError):
        webhook().parse(body()[:-cut], NOW)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"signature": 5}',
        b'{"signature": {"timestamp": [], "token": {}, "signature": 1}}',
        b'{"signature": {"timestamp": "9999999999999999999", "token": "a", "signature": "b"}}',
        json.dumps(sign() | {"signature": {"timestamp": "\u0661", "token": "a", "signature": "\u00e9" * 64}}).encode(),
        json.dumps(sign() | {"signature": {"timestamp": "1", "token": "\u00e9", "signature": "0" * 64}}).encode(),
        b"x" * (MAX_BODY_BYTES + 1),
    ],
    ids=lambda raw: raw[:20],
)
def test_what_is_no_webhook_is_refused(raw):
    with pytest.raises(WebhookRejectedError) as refused:
        webhook().parse(raw, NOW)
    assert SIGNING_KEY not in str(refused.value)
    assert SIGNING_KEY not in repr(refused.value)


def test_an_oversized_request_is_refused_even_when_signed():
    with pytest.raises(WebhookRejectedError, match="larger"):
        webhook().parse(body(event=EVENT | {"x": "y" * MAX_BODY_BYTES}), NOW)


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_refused(raw):
    with pytest.raises(WebhookRejectedError):
        webhook().parse(raw, NOW)


def test_mailguns_own_library_takes_and_refuses_the_same_signatures():
    at = datetime.now(UTC)
    cases = [
        sign(at=at),
        sign(at=at, key="another"),
        sign(at=at - timedelta(seconds=MAX_AGE_SECONDS - 60)),
        sign(at=at - timedelta(seconds=MAX_AGE_SECONDS + 60)),
        sign(at=at + timedelta(seconds=MAX_AGE_SECONDS + 60)),
    ]
    for case in cases:
        signature = case["signature"]
        theirs = SecurityGuard.verify_webhook(SIGNING_KEY, **signature)
        try:
            ours = bool(webhook().parse(json.dumps(case).encode(), at))
        except WebhookRejectedError:
            ours = False
        assert ours is theirs


# django-anymail wants settings before it is imported, so it reads in a process of its own
ANYMAIL = """
import json, sys
import django
from django.conf import settings
settings.configure(ANYMAIL={"MAILGUN_WEBHOOK_SIGNING_KEY": sys.argv[1]}, DEFAULT_CHARSET="utf-8", ALLOWED_HOSTS=["*"])
django.setup()
from django.test import RequestFactory
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
view = MailgunTrackingWebhookView()
for line in sys.stdin:
    request = RequestFactory().post("/", data=json.loads(line), content_type="application/json")
    try:
        view.validate_request(request)
    except AnymailWebhookValidationFailure:
        print("null")
        continue
    (event,) = view.parse_events(request)
    print(json.dumps([event.event_type, event.message_id, event.recipient, event.reject_reason, event.mta_response,
                      event.timestamp.isoformat()]))
"""
SAME_TYPES = {
    "queued": {EventType.QUEUED},
    "rejected": {EventType.REJECTED},
    "delivered": {EventType.DELIVERED},
    "deferred": {EventType.DEFERRED},
    # ours tells apart what was never tried, for the recipient was suppressed
    "bounced": {EventType.BOUNCED, EventType.REJECTED},
    "complained": {EventType.COMPLAINED},
    "unsubscribed": {EventType.UNSUBSCRIBED},
    "opened": {EventType.OTHER},
    "clicked": {EventType.OTHER},
    "unknown": {EventType.OTHER},
}
SAME_REASONS = {"bounced": {RejectReason.BOUNCED}}  # "other" is theirs for all that they do not know


def test_django_anymail_reads_the_same_events():
    payloads = [row for example in examples("get", "/v3/{domain_name}/events").values() for row in example["items"]]
    failed = EVENT | {"event": "failed", "message": {"headers": {"message-id": "m@e.org", "to": "x@y.z"}}}
    payloads += [
        failed | {"severity": severity, "reason": reason, "delivery-status": {"code": code, "message": f"{code} no"}}
        for severity in ("temporary", "permanent")
        for reason, code in (("bounce", 550), ("generic", 451), ("espblock", 554))
    ]
    payloads.append(failed | {"severity": "permanent", "reason": "suppress-bounce", "delivery-status": {"code": 605}})
    cases = [sign(row, token=f"t{n}") for n, row in enumerate(payloads)] + [sign(key="another", token="z")]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ANYMAIL, SIGNING_KEY],
        input="\n".join(json.dumps(json.dumps(case)) for case in cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"]},
    )
    theirs = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(theirs) == len(cases)
    assert theirs[-1] is None
    with pytest.raises(WebhookRejectedError):
        webhook().parse(json.dumps(cases[-1]).encode(), NOW)
    taking = webhook()
    for case, (type_, message_id, recipient, reason, said, at) in zip(cases[:-1], theirs[:-1], strict=True):
        (ours,) = taking.parse(json.dumps(case).encode(), NOW)
        assert ours.type in SAME_TYPES[type_], case
        assert (ours.type is EventType.REJECTED) is (type_ == "rejected" or ours.suppressed)
        assert ours.message_id == message_id.strip("<>")
        if recipient:  # theirs has none for "stored", which is about mail coming in
            assert ours.recipient == recipient
        assert ours.occurred_at == datetime.fromisoformat(at)
        if reason in SAME_REASONS:
            assert ours.reason in SAME_REASONS[reason]
        if said:
            assert ours.text == said
