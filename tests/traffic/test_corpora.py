"""Hand-written logs of several versions of Postfix, counted by hand."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes.traffic_report import Counts
from tests.traffic.reading import corpus, part, report

REAL_LOG = Path(__file__).parents[1] / "probes" / "postfix-3.7.log"


def test_postfix_2_11_over_the_turn_of_the_year():
    found = corpus("2.11")
    assert found.totals == Counts(sent=5, deferred=1, suspended=1, expired=1, forwarded=1)
    assert (found.unreadable, found.messages.count, found.held_messages.count) == (0, 8, 2)
    assert [hour.at for hour in found.hours] == [
        datetime(2025, 12, 31, 23, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    ]
    assert part(found.relays, "mx.dead.example:25").counts == Counts(deferred=1, suspended=1)
    assert {one.name for one in found.relays} == {
        "smtp.mailgun.org:587",
        "mx.dead.example:25",
        "local",
        "virtual",
        "dovecot",
    }
    assert found.notifications == {"non-delivery": 1}


def test_two_recipients_of_one_transaction_are_one_measurement_of_the_relay_and_one_of_each_receiver():
    found = corpus("2.11")
    assert part(found.relays, "smtp.mailgun.org:587").delays.n == 1
    assert found.delays.n == 1
    assert [part(found.receivers, name).delays.n for name in ("gmail", "yahoo")] == [1, 1]
    assert part(found.receivers, "gmail").delays.p50_seconds == pytest.approx(1.0, rel=0.011)


def test_postfix_3_4_in_several_instances_with_names_of_their_own():
    found = corpus("3.4")
    assert found.totals == Counts(sent=4, deferred=1, bounced=1, failed_over=2)
    assert found.unreadable == 1  # the row that the system log cut before its status
    assert found.taken_by_another_relay == 2
    assert part(found.relays, "smtp.sendgrid.net:587").counts == Counts(sent=1, deferred=1, bounced=1, failed_over=2)
    assert part(found.relays, "private/dovecot-lmtp").counts == Counts(sent=1)
    assert part(found.receivers, "microsoft").counts == Counts(sent=2)
    assert part(found.receivers, "(local)").counts == Counts(sent=1)
    assert part(found.classes, "quota").counts == Counts(failed_over=1)
    assert part(found.classes, "recipient").counts == Counts(bounced=1)
    assert "evil" not in repr(found)


def test_postfix_3_11_tells_of_encryption():
    found = corpus("3.11")
    assert found.totals == Counts(sent=1, deferred=1, expired=2, verified=1)
    assert found.unreadable == 0
    assert found.notifications == {"delay": 1, "postmaster non-delivery": 1}
    assert part(found.relays, "smtp.mailgun.org:587").counts == Counts(sent=1, deferred=1)
    assert [(hour.at.hour, hour.counts.expired) for hour in found.hours] == [(20, 0), (21, 2)]
    assert part(found.classes, "rate").counts == Counts(deferred=1)


def test_what_journalctl_writes():
    found = corpus("journal")
    assert found.totals == Counts(sent=3, bounced=1, failed_over=1)
    assert (found.taken_by_another_relay, found.taken_at_another_try) == (0, 1)
    assert found.hours[0].at == datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
    assert part(found.relays, "discard").counts == Counts(sent=1)
    assert part(found.statuses, "5.4.4").counts == Counts(bounced=1)


def test_a_real_log_of_postfix_3_7():
    found = report(REAL_LOG.read_bytes())
    assert found.totals == Counts(sent=20, deferred=24, bounced=16, failed_over=13)
    assert (found.unreadable, found.held_messages.count, found.notifications) == (0, 12, {"non-delivery": 8})
