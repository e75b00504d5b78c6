"""Where reading Mailgun's events goes on: sweeps over time that overlap, because events come late. Pure.

Mailgun stores events out of order; its documents ("Event polling") say to trust nothing younger than half an hour.
Waiting that long would make events useless, so they are read at once and again: each sweep begins two minutes before
the newest event seen, and every ten minutes one reaches back so far that what came half an hour late is not missed.
What comes twice has the same key.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from providers.untrusted import as_mapping, as_time

TRUSTED_AFTER = timedelta(minutes=30)
_OVERLAP = timedelta(minutes=2)
_WHOLE_EVERY = timedelta(minutes=10)
_REACH = TRUSTED_AFTER + _WHOLE_EVERY + timedelta(minutes=5)
_KEPT = timedelta(days=3)  # "at least 3 days"
_MAX_TOKEN_CHARACTERS = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCursor:
    """One place in one sweep."""

    begin: datetime  # this sweep's span
    end: datetime
    newest: datetime  # of all events seen, by Mailgun's clock
    whole_at: datetime  # when the last sweep that reached far back began, by ours
    page: str = ""  # Mailgun's token for the next page; empty: the first
    source: str = "events"  # of which call the token is
    restarted: bool = False  # this sweep was begun anew once, for Mailgun had forgotten its page

    @classmethod
    def first(cls, now: datetime, source: str) -> Self:
        """Return where to begin without having read anything."""
        begin = now - TRUSTED_AFTER
        return cls(begin=begin, end=now, newest=begin, whole_at=now, source=source)

    @classmethod
    def read(cls, text: str | None, now: datetime, source: str) -> Self:
        """Return the place that a stored text names; a text that is none of ours begins anew."""
        try:
            stored = as_mapping(json.loads(text or ""))
        except (ValueError, RecursionError):
            return cls.first(now, source)
        times = [as_time(stored.get(name)) for name in ("begin", "end", "newest", "whole_at")]
        begin, end, newest, whole_at = times
        page = stored.get("page")
        if begin is None or end is None or newest is None or whole_at is None or not isinstance(page, str):
            return cls.first(now, source)
        found = cls(
            begin=begin,
            end=end,
            newest=newest,
            whole_at=whole_at,
            page=page,
            source=source,
            restarted=stored.get("restarted") is True,
        )
        # a token of the other call means nothing to this one
        return found if stored.get("source") == source else replace(found, page="")

    def text(self) -> str:
        """Return the place as it is stored."""
        return json.dumps(
            {
                "begin": self.begin.isoformat(),
                "end": self.end.isoformat(),
                "newest": self.newest.isoformat(),
                "whole_at": self.whole_at.isoformat(),
                "page": self.page,
                "source": self.source,
                "restarted": self.restarted,
            },
            separators=(",", ":"),
        )

    def turned(self, page: str, newest: datetime | None) -> Self:
        """Return the next page of the same sweep, or its end when there is none."""
        turned = replace(self, page=page, newest=max(self.newest, newest or self.newest))
        return turned if 0 < len(page) <= _MAX_TOKEN_CHARACTERS and page != self.page else turned.swept()

    def swept(self) -> Self:
        """Return the end of this sweep; `begun` starts the next one."""
        return replace(self, page="", end=self.begin, restarted=False)

    def anew(self) -> Self:
        """Return the first page of this sweep again."""
        return replace(self, page="", restarted=True)

    def begun(self, now: datetime) -> Self:
        """Return the start of a new sweep, unless this one is under way."""
        if self.page or self.end > self.begin:
            return self
        newest = min(self.newest, now)  # our clock may have been set back
        whole = not now - _WHOLE_EVERY < self.whole_at <= now
        begin = max(newest - (_REACH if whole else _OVERLAP), now - _KEPT)
        return replace(self, begin=begin, end=now.astimezone(UTC), whole_at=now if whole else self.whole_at)
