from datetime import UTC, datetime, timedelta, timezone

import pytest

from probes.traffic_hours import Hours

END = datetime(2026, 1, 2, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "offset", "start"),
    [
        (b"Jan  2 05", None, datetime(2026, 1, 2, 5, tzinfo=UTC)),
        (b"Dec 31 23", None, datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (b"Jan 3 01", None, datetime(2026, 1, 3, 1, tzinfo=UTC)),  # of another zone than the file's date
        (b"Jan  4 01", None, datetime(2025, 1, 4, 1, tzinfo=UTC)),
        (b"Feb 29 01", None, datetime(2024, 2, 29, 1, tzinfo=UTC)),
        (b"Feb 30 01", None, None),
        (b"Foo  1 01", None, None),
        (b"Jan  1 24", None, None),
        (b"2020-02-29T19", b"Z", datetime(2020, 2, 29, 19, tzinfo=UTC)),
        (b"2020-02-29T19", b"+05:30", datetime(2020, 2, 29, 13, 30, tzinfo=UTC)),
        (b"2020-02-29T19", b"-0800", datetime(2020, 3, 1, 3, tzinfo=UTC)),
        (b"2020-02-29T19", None, datetime(2020, 2, 29, 19, tzinfo=UTC)),
        (b"2020-02-29T19", b"+99:00", None),
        (b"0001-01-01T00", b"+23:00", None),
    ],
)
def test_when_an_hour_began(hour, offset, start):
    assert Hours(end=END, zone=UTC).start(hour, offset) == start


def test_a_given_first_year_goes_on_over_the_turn_and_bears_late_lines():
    hours = Hours(end=END, first_year=2019, zone=UTC)
    found = [hours.start(one, None) for one in (b"Nov 30 01", b"Dec 31 23", b"Jan  1 00", b"Dec 31 23", b"Jan  1 01")]
    assert [one.year for one in found] == [2019, 2019, 2020, 2019, 2020]


def test_stamps_without_zone_are_those_of_the_zone_given():
    hours = Hours(end=END, zone=timezone(timedelta(hours=2)))
    assert hours.start(b"Jan  1 01", None) == datetime(2025, 12, 31, 23, tzinfo=UTC)
