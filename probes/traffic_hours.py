"""Stamps of log lines as hours: which year and zone those without one mean. Pure."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_OFFSET = re.compile(rb"([+-])(\d\d):?(\d\d)")
_HALF_YEAR_MONTHS = 6
_FEBRUARY_29_YEARS = 9  # the longest wait for one, over a century that is no leap year


class Hours:
    """Tells when an hour of a log began.

    A stamp as RFC 3164 has it lacks the year. With `first_year` that is the year of the first line, and the
    turn of the year shows as a jump of months. Otherwise it is the last one in which the stamp was not
    later than `end`, when the log was written last. A log of a year or more needs RFC 3339 stamps.
    """

    def __init__(self, *, end: datetime, first_year: int | None = None, zone: tzinfo | None = None) -> None:
        """Take `zone` for stamps without one; none means this machine's, with its summer time."""
        self._end = end + timedelta(days=1)  # clocks and zones differ
        self._year = first_year
        self._month: int | None = None
        self._zone = zone

    def start(self, hour: bytes, offset: bytes | None) -> datetime | None:
        """Return when this hour ("Nov  3 01" or "2026-11-23T19") began, in UTC; none if there was no such hour."""
        try:
            if hour[3:4] != b" ":
                year, month, day = int(hour[:4]), int(hour[5:7]), int(hour[8:10])
                return self._moment(year, month, day, int(hour[11:13]), _zone(offset))
            name, day_of_month, hours = hour.split()
            return self._without_year(_MONTHS.index(name) + 1, int(day_of_month), int(hours))
        except (ValueError, OverflowError):
            return None

    def _without_year(self, month: int, day: int, hour: int) -> datetime | None:
        if self._year is not None:
            if self._month is not None and abs(month - self._month) > _HALF_YEAR_MONTHS:
                self._year += 1 if month < self._month else -1
            self._month = month
            return self._moment(self._year, month, day, hour, None)
        for year in range(self._end.year, self._end.year - _FEBRUARY_29_YEARS, -1):
            try:
                start = self._moment(year, month, day, hour, None)
            except ValueError:
                continue  # 29 February
            if start <= self._end:
                return start
        return None

    def _moment(self, year: int, month: int, day: int, hour: int, zone: tzinfo | None) -> datetime:
        zone = zone or self._zone
        if zone is None:
            return datetime(year, month, day, hour).astimezone(UTC)  # the machine's own zone
        return datetime(year, month, day, hour, tzinfo=zone).astimezone(UTC)


def _zone(offset: bytes | None) -> tzinfo | None:
    if offset is None:
        return None
    found = _OFFSET.fullmatch(offset)
    if found is None:  # Z
        return UTC
    from_utc = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-from_utc if found[1] == b"-" else from_utc)
