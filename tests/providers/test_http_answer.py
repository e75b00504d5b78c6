"""What an HTTP answer means before any provider's own words: the wait it asks for, and its status."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.failure import Category, Stage
from providers.http_answer import HttpAnswer, HttpRule, classify_http, retry_after
from providers.http_url import check_base_url, segment
from providers.mailgun_replies import HTTP_RULES

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def answer(status=429, body=b"", **headers):
    return HttpAnswer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


def epoch(seconds):
    return str((NOW + timedelta(seconds=seconds)).timestamp())


@pytest.mark.parametrize(
    ("given_answer", "seconds"),
    [
        (answer(retry_after="120"), 120),
        (answer(retry_after="1.5"), 1.5),
        (answer(retry_after="Sun, 01 Mar 2026 12:01:00 GMT"), 60),
        (answer(retry_after="Sun, 01 Mar 2026 11:00:00 GMT"), 0),
        (answer(retry_after="-5"), None),
        (answer(retry_after="soon"), None),
        (answer(retry_after="99999999"), 31 * 86400),
        (answer(retry_after="9" * 400), None),
        (answer(x_ratelimit_reset=epoch(30)), 30),
        (answer(x_ratelimit_reset=epoch(30.5)), 30.5),
        (answer(x_ratelimit_reset=epoch(-30)), 0),
        (answer(x_ratelimit_reset="5"), None),  # no time of this age: seconds, or garbage
        (answer(x_ratelimit_reset="nan"), None),
        (answer(500, x_ratelimit_reset=epoch(30)), None),  # sent with every answer, means nothing here
        (answer(200, retry_after="5"), None),
        (answer(retry_after="7", x_ratelimit_reset=epoch(30)), 7),
        (answer(x_ratelimit_reset=epoch(30), body=b"try again after 9 seconds"), 30),
        (answer(420, b"try again after Sun, 01 Mar 2026 12:00:31 UTC"), 31),
        (answer(503, b"come back later"), None),
    ],
)
def test_the_wait_is_read_from_headers_first_and_words_last(given_answer, seconds):
    assert retry_after(given_answer, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "category", "temporary"),
    [
        (200, Category.PROVIDER, True),
        (302, Category.CONFIG, False),
        (401, Category.AUTH, False),
        (404, Category.CONFIG, False),
        (408, Category.PROVIDER_TEMP, True),
        (413, Category.SIZE, False),
        (429, Category.RATE, True),
        (451, Category.UNKNOWN, False),
        (500, Category.PROVIDER_TEMP, True),
        (501, Category.CONFIG, False),
        (503, Category.PROVIDER_TEMP, True),
        (999, Category.UNKNOWN, False),
    ],
)
def test_a_status_that_no_rule_knows_says_what_it_says_to_everybody(status, category, temporary):
    failure = classify_http(answer(status), (), NOW)
    assert (failure.category, failure.temporary) == (category, temporary)
    assert failure.stage is (Stage.AUTH if category is Category.AUTH else Stage.END_OF_DATA)


def test_a_providers_words_come_before_the_status_and_the_first_rule_wins():
    rules = (
        HttpRule(id="credits", category=Category.QUOTA, temporary=False, statuses=frozenset({401}), pattern="credits"),
        HttpRule(id="any", category=Category.POLICY, temporary=True, pattern="."),
    )
    assert classify_http(answer(401, b"Maximum CREDITS exceeded"), rules, NOW).rule == "credits"
    assert classify_http(answer(500, b"x"), rules, NOW).rule == "any"
    assert classify_http(answer(500, b""), rules, NOW).rule == "http-500"


@given(
    st.integers(min_value=100, max_value=999),
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset"]), st.text(max_size=40)),
)
def test_any_answer_is_classified_and_asks_for_a_bounded_wait(status, body, headers):
    given_answer = HttpAnswer(status=status, headers=headers, body=body)
    failure = classify_http(given_answer, HTTP_RULES, NOW)
    assert failure.rule
    assert failure.retry_after_seconds is None or 0 <= failure.retry_after_seconds <= 31 * 86400
    assert not set("\n\r\t\x00\x1b\x9b\u2028").intersection(given_answer.text())
    given_answer.json()


@given(st.integers(min_value=400, max_value=599).filter(lambda n: n not in (401, 402, 403, 404, 413, 420, 429)))
def test_unknown_words_are_never_certain(status):
    failure = classify_http(answer(status, b"words that nobody has seen"), HTTP_RULES, NOW)
    assert failure.category not in (
        Category.AUTH,
        Category.ACCOUNT,
        Category.QUOTA,
        Category.SENDER,
        Category.RECIPIENT,
    )


@pytest.mark.parametrize("url", ["https://api.mailgun.net", "https://x.example.org/base/", "http://127.0.0.1:8080"])
def test_an_address_of_an_api_is_taken_without_its_last_slash(url):
    assert check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.mailgun.net",
        "ftp://api.mailgun.net",
        "api.mailgun.net",
        "https://",
        "https://user:secret@api.mailgun.net",
        "https://api.mailgun.net?x=1",
        "https://api.mailgun.net#x",
        "https://api.mailgun.net:99999",
        "https://[::1",
        "https://api mailgun.net",
        "",
    ],
)
def test_an_address_that_would_show_a_key_or_cannot_be_read_is_refused(url):
    with pytest.raises(ValueError, match=";") as refused:
        check_base_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a@b.c", "a@b.c"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("a+b", "a%2Bb"),
        ("..", "%2E%2E"),
        ("é", "%C3%A9"),
        ("a\ud800", "a%3F"),
    ],
)
def test_a_value_stays_one_segment_of_a_path(value, written):
    assert segment(value) == written
