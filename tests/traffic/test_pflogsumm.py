"""Totals beside those of pflogsumm, which Debian ships, on the same logs."""

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traffic.made_log import FORMATS, made_log
from tests.traffic.reading import report


def pflogsumm_totals(log, name):
    """Return (sent, forwarded, messages deferred, rows deferred, bounced)."""
    done = subprocess.run(
        ["pflogsumm", f"--syslog-name={name}", "-h", "0", "-u", "0"],
        input=log,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    sent, forwarded, held, rows, bounced = (
        re.search(pattern, done.stdout)
        for pattern in (
            r"(\d+)   delivered",
            r"(\d+)   forwarded",
            r"(\d+)   deferred",
            r"\((\d+)  deferrals\)",
            r"(\d+)   bounced",
        )
    )
    return tuple(int(one[1]) if one else 0 for one in (sent, forwarded, held, rows, bounced))


def our_totals(log):
    found = report(log)
    assert found.unreadable == 0
    totals = found.totals
    # pflogsumm takes the queue manager's back-off for deferrals.
    return totals.sent, totals.forwarded, found.held_messages.count, totals.deferred + totals.suspended, totals.bounced


# pflogsumm 1.1.5 reads neither `tls=` of Postfix 3.11 nor journalctl's offset without a colon.
SPOKEN = {
    "3.11": lambda log: re.sub(r", tls=[^,]*", "", log),
    "journal": lambda log: log.replace("+0000 mx1", "+00:00 mx1"),
}


@pytest.mark.parametrize("version", FORMATS)
def test_totals_are_those_of_pflogsumm(version):
    log = "\n".join(made_log(FORMATS[version], seed=7, messages=1500)) + "\n"
    theirs = pflogsumm_totals(SPOKEN.get(version, str)(log), FORMATS[version].name)
    assert our_totals(log) == theirs
    assert min(theirs) > 0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(FORMATS)), st.integers(0, 40))
def test_totals_are_those_of_pflogsumm_whatever_the_log(seed, version, messages):
    log = "".join(f"{line}\n" for line in made_log(FORMATS[version], seed=seed, messages=messages))
    assert our_totals(log) == pflogsumm_totals(SPOKEN.get(version, str)(log), FORMATS[version].name)
