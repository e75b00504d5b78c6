from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.retry_after import retry_after_seconds

NOW = datetime(2025, 8, 25, 7, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("recipient limit exceeded, try again after Mon, 25 Aug 2025 07:00:31 UTC", 31),
        ("try again after Mon, 25 Aug 2025 07:00:31 GMT", 31),
        ("try again after Mon, 25 Aug 2025 09:00:31 +0200", 31),
        ("try again after Mon, 25 Aug 2025 06:00:00 UTC", 0),  # in the past: now
        ("account-requests-per-sec limit exceeded, try again after 120 seconds", 120),
        ("please retry in 5 minutes", 300),
        ("wait for at least 2 hours", 7200),
        ("try again in 90s", 90),
        ("Try again after 1 second", 1),
        ("try again later", None),
        ("blocked for 300 seconds", None),  # says nothing about trying again
        ("try again after Mon, 99 Aug 2025 07:00:31 UTC", None),
        ("try again after Mon, 25 Xxx 2025 07:00:31 UTC", None),
        ("try again after 99:99", None),
        ("", None),
    ],
)
def test_the_wait_is_read_from_the_text(text, seconds):
    assert retry_after_seconds(text, NOW) == seconds


@given(st.text() | st.from_regex(r"try again after (Mon, )?[0-9A-Za-z ,:+-]{0,30}"))
def test_any_text_is_read_without_error(text):
    found = retry_after_seconds(text, NOW)
    assert found is None or found >= 0
