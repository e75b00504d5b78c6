"""Every row of what SendGrid's HTTP API says instead of success; the SMTP rows stand in test_classify.py."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.failure import Category, Failure, Stage
from providers.http_answer import HttpAnswer, classify_http
from providers.sendgrid_answers import ANSWERS
from providers.sendgrid_api import words
from tests.providers.sendgrid_world import NOW

C = Category
UNVERIFIED = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved."
)
ROWS = [
    (400, "The content value must be a string at least one character in length.", "content.0.value", C.CONTENT, False),
    (400, "Bad Request", None, C.CONTENT, False),  # a custom argument that is no text
    (400, "The from object must be provided for every email send.", "from.email", C.SENDER, False),
    (400, "Does not contain a valid address.", "from", C.SENDER, False),
    (400, "Does not contain a valid address.", "personalizations.0.to.0.email", C.RECIPIENT, False),
    (401, "authorization required", None, C.AUTH, False),
    (401, "The provided authorization grant is invalid, expired, or revoked", None, C.AUTH, False),
    (401, "Maximum credits exceeded", None, C.QUOTA, False),
    (401, "You've exceeded your messaging limits", None, C.QUOTA, False),
    (401, "Authentication failed: account disabled", None, C.ACCOUNT, False),
    (403, "Your account has been suspended.", None, C.ACCOUNT, False),
    (403, UNVERIFIED, "from", C.SENDER, False),
    (403, "access forbidden", None, C.AUTH, False),
    (403, "Too many bad requests. Temporary block", None, C.RATE, True),
    (404, "Not Found", None, C.CONFIG, False),
    (405, "method not allowed", None, C.CONFIG, False),
    (406, "The requested media type is not supported", None, C.CONFIG, False),
    (413, "Payload too large", None, C.SIZE, False),
    (429, "too many requests", None, C.RATE, True),
    (451, "the requested resource is not available in this region", None, C.CONFIG, False),
    (451, "Authentication failed: Maximum credits exceeded", None, C.QUOTA, False),
    (500, "Internal server error", None, C.PROVIDER_TEMP, True),
    (501, "not implemented", None, C.PROVIDER, True),
    (502, "bad gateway", None, C.PROVIDER_TEMP, True),
    (503, "service unavailable", None, C.PROVIDER_TEMP, True),
    (418, "never heard of it", None, C.UNKNOWN, False),
]


def answer(status, message="", field=None, **headers):
    body = json.dumps({"errors": [{"message": message, "field": field, "help": None}]}).encode()
    return HttpAnswer(status=status, headers=headers, body=body)


@pytest.mark.parametrize(("status", "message", "field", "category", "temporary"), ROWS)
def test_an_answer_has_one_meaning(status, message, field, category, temporary):
    found = classify_http(answer(status, message, field), ANSWERS, NOW)
    assert (found.category, found.temporary) == (category, temporary)
    assert found.stage is (Stage.AUTH if category is C.AUTH else Stage.END_OF_DATA)


def test_the_wait_is_read_from_the_reset_time():
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 42)}
    assert classify_http(answer(429, "too many requests", **headers), ANSWERS, NOW).retry_after_seconds == 42


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'{"errors": 3}', b'{"errors": [3, {"message": 4}]}'])
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_nothing_but_the_status_is_needed(status, body):
    found = HttpAnswer(status=status, headers={}, body=body)
    assert classify_http(found, ANSWERS, NOW).category in {C.CONTENT, C.AUTH, C.PROVIDER_TEMP}
    assert isinstance(words(found), str)


def test_the_words_are_the_messages_alone():
    found = HttpAnswer(status=400, headers={}, body=b'{"errors":[{"message":"a","field":null},{"message":"b"}]}')
    assert words(found) == "a; b"


def test_rules_have_names_of_their_own():
    assert len({rule.id for rule in ANSWERS}) == len(ANSWERS)


@given(st.integers(100, 999), st.binary(max_size=200))
def test_any_answer_is_classified(status, body):
    assert isinstance(classify_http(HttpAnswer(status=status, headers={}, body=body), ANSWERS, NOW), Failure)
