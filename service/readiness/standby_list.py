"""Whether a standby knows the addresses that the preferred provider must not send to. Pure.

A standby that lacks them would send to people who have unsubscribed or complained, and to addresses that
bounce: on the day it is needed most, it would look like a spammer.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from providers.checkup import Finding, Verdict
from providers.suppression import Suppression
from service.readiness.suppressed_addresses import COPIED

TOLERATED = timedelta(days=1)


def standby_finding(
    primary: str,
    standby: str,
    lists: Mapping[str, Mapping[str, Suppression]],
    now: datetime,
    *,
    can_be_added: bool,
    seeds: Collection[str] = (),
) -> Finding:
    """Return whether the standby's list lags behind the primary's by more than a day; seeds are never copied."""
    spared = {address.lower() for address in seeds}
    lacking = [
        item
        for address, item in lists[primary].items()
        if item.kind in COPIED
        and address not in lists[standby]
        and address not in spared
        and (item.at is None or now - item.at > TOLERATED)
    ]
    if not lacking:
        sentence = f"{standby} suppresses whatever {primary} has suppressed for more than a day."
        return Finding(code="suppressions", verdict=Verdict.OK, sentence=sentence)
    oldest = min((item.at for item in lacking if item.at is not None), default=None)
    since = f", the oldest since {oldest:%Y-%m-%d}" if oldest else ""
    noun = "address" if len(lacking) == 1 else "addresses"
    return Finding(
        code="suppressions",
        verdict=Verdict.WARNING,
        sentence=f"{standby} does not suppress {len(lacking)} {noun} that {primary} suppresses{since}.",
        remedy=f"relaypilot suppressions sync --from {primary} --to {standby}"
        if can_be_added
        else f"Import them at {standby} by hand; it takes none through its API.",
    )
