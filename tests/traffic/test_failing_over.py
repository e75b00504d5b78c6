"""Servers that failed before another one took the message."""

from probes.traffic_report import Counts
from tests.traffic.reading import part, report, row, said

FIRST = "first.test[192.0.2.1]"


def test_a_second_relay_that_takes_the_message_is_seen():
    found = report(said(f"host {FIRST} said: 451 4.3.0 no") + row("second.test[192.0.2.2]:587"))
    assert (found.totals.sent, found.totals.failed_over, found.taken_by_another_relay) == (1, 1, 1)


def test_another_message_in_between_belongs_to_nobody_else():
    found = report(said(f"host {FIRST} said: 451 4.3.0 no") + row("second.test[192.0.2.2]:587", qid="BBBBBB"))
    assert (found.totals.failed_over, found.taken_by_another_relay) == (1, 0)


def test_another_process_is_another_attempt():
    found = report(said(f"host {FIRST} said: 451 4.3.0 no", pid=7) + row("second.test[192.0.2.2]:587", pid=8))
    assert found.taken_by_another_relay == 0


def test_the_last_server_out_of_reach_is_told_by_its_row_alone():
    refused = f"connect to {FIRST}:25: Connection refused"
    log = f"2026-11-23T19:00:00Z mx1 postfix/smtp[1]: {refused}\n" + row("none", f"deferred ({refused})") * 2
    found = report(log)
    assert found.totals == Counts(deferred=2)
    assert part(found.relays, "first.test:25").counts == Counts(deferred=2)


def test_two_recipients_refused_by_the_first_are_one_failure_and_two_saved():
    no = said(f"host {FIRST} said: 450 4.2.1 <a@b.test>: slow down") + said(
        f"host {FIRST} said: 450 4.2.1 <c@b.test>: slow down"
    )
    found = report(no + row("second.test[192.0.2.2]:587") + row("second.test[192.0.2.2]:587", to="<c@b.test>"))
    assert (found.totals.failed_over, found.taken_by_another_relay) == (1, 2)


def test_a_failure_named_without_port_counts_for_the_relay_with_the_only_one():
    found = report(row(f"{FIRST}:587") + said(f"host {FIRST} said: 451 4.3.0 no", qid="BBBBBB"))
    assert [(one.name, one.counts) for one in found.relays] == [("first.test:587", Counts(sent=1, failed_over=1))]


def test_tls_lines_are_no_failures():
    made = (
        "2026-11-23T19:00:00Z mx1 postfix/smtp[1]: Untrusted TLS connection established to a[192.0.2.1]:25: TLSv1.3\n"
    )
    found = report(made + row())
    assert (found.totals, found.unreadable) == (Counts(sent=1), 0)
