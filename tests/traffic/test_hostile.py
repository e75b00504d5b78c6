"""Lines that mean ill: nothing raises, nothing reaches fields that are not its own, nothing grows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.delay_histogram import DelayHistogram, bucket_of
from probes.maillog import Delivery, parse_line
from probes.traffic_line import ROW
from probes.traffic_names import printable, relay_name
from probes.traffic_report import Counts
from tests.traffic.reading import NOW, count, part, report, row, said

LINE_TEXT = st.text(alphabet=st.characters(exclude_characters="\n"), max_size=200)
HEAD = "2026-11-23T19:00:00Z mx1 postfix/smtp[1]: "
PIECES = st.lists(
    st.sampled_from(
        (
            *(
                HEAD,
                "Nov 23 19:00:00 mx1 postfix/error[1]: ",
                "AAAAAA: ",
                "to=<a@b.test>",
                ', to=<"x>, y"@b.test>',
                "to=<",
            ),
            *(", orig_to=<r>", ", relay=a.test[192.0.2.1]:25", ", relay=none", ", conn_use=2", ", delay=1", "\r", "\n"),
            *(
                ", delays=0/0/1/0.5",
                ", delays=1e9/x/-/0",
                ", tls=may",
                ", dsn=2.0.0",
                ", status=sent",
                ", status=bounced (",
            ),
            *(
                "(ok)",
                "host a[192.0.2.1] said: 451 x",
                "connect to a[192.0.2.1]:25: no",
                ", status=expired",
                "\x1b[2J",
                "\0",
            ),
        )
    )
    | st.text(max_size=8),
    max_size=16,
).map("".join)


@given(st.binary(max_size=500) | PIECES.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_nothing_makes_counting_raise(log):
    report(log)
    report(HEAD.encode() + log)
    report(f"{HEAD}AAAAAA: to=".encode() + log)


@given(PIECES, st.integers(1, 50))
def test_where_the_file_is_cut_into_parts_does_not_matter(text, size):
    log = text.encode("utf-8", "surrogatepass")
    assert report(log, chunk=size) == report(log)


@given(PIECES)
def test_the_quick_reading_of_a_row_is_that_of_the_parser(text):
    line = f"{HEAD}AAAAAA: to=<a@b.test>{text}".partition("\n")[0]
    quick = ROW.match(line.encode("utf-8", "surrogateescape" if line.isprintable() else "replace"))
    if quick is not None:
        slow = parse_line(line, now=NOW)
        assert isinstance(slow, Delivery)
        assert (slow.queue_id, slow.recipient_domain) == (quick[4].decode(), quick[5].decode().lower())
        assert (slow.relay, slow.dsn, slow.status) == (quick[6].decode(), quick[9].decode(), quick[10].decode())
        assert slow.delays_seconds[2:] == tuple(float(one) for one in quick[8].decode().split("/"))


@given(LINE_TEXT)
def test_whatever_a_relay_says_nothing_but_its_own_row_is_counted(text):
    found = report(row("a.test[192.0.2.1]:25", f"deferred (host a.test[192.0.2.1] said: 451 {text})"))
    assert found.totals == Counts(deferred=1)
    assert [one.name for one in found.relays] == ["a.test:25"]


@given(LINE_TEXT)
def test_whatever_a_relay_says_on_the_way_is_a_failure_on_the_way(text):
    found = report(said(f"host a.test[192.0.2.1] said: 451 {text}"))
    assert (found.totals, found.unreadable) == (Counts(failed_over=1), 0)


@given(st.binary(max_size=300))
def test_names_can_be_shown_on_a_terminal(name):
    for shown in (printable(name), relay_name(name)):
        assert shown.isprintable()
        assert len(shown) <= 100


def test_escape_sequences_of_a_host_are_not_shown():
    found = report(row("\x1b[31mred\x1b[0m[192.0.2.1]:25"))
    assert found.totals == Counts(sent=1)
    assert all(one.name.isprintable() for one in found.relays)


def test_a_line_that_never_ends_is_one_unreadable_line():
    found = report(b"x" * 1_000_000 + b"\n" + row().encode(), chunk=1000)
    assert (found.lines, found.unreadable, found.totals) == (2, 1, Counts(sent=1))


def test_a_last_line_without_end_counts():
    assert report(row().rstrip("\n")).totals == Counts(sent=1)


def test_lines_with_carriage_returns_count():
    assert report(row().replace("\n", "\r\n")).totals == Counts(sent=1)


def test_more_relays_than_are_remembered_share_one_row():
    log = "".join(row(f"mx{number}.test[192.0.2.1]:25", qid=f"AAAA{number}") for number in range(2000))
    found = report(log)
    assert len(found.relays) == 501
    assert part(found.relays, "(others)").counts.sent == 1500
    assert sum(one.counts.sent for one in found.relays) == found.totals.sent == 2000


def test_more_hours_than_are_remembered_still_count():
    start = NOW.replace(year=1990)
    log = "".join(
        row().replace("2026-11-23T19:00:00Z", f"{start + timedelta(hours=n):%Y-%m-%dT%H:%M:%SZ}") for n in range(10000)
    )
    found = report(log)
    assert len(found.hours) == 9600
    assert found.totals.sent == 10000


def test_nothing_that_is_remembered_grows_without_bound():
    log = "".join(
        said(f"host h{n}.test[192.0.2.1] said: 451 {'w' * (n % 50)} {n} x", qid=f"Q{n:06}", pid=n)
        + row(f"h[192.0.2.{n}]:25", f"deferred (host h[1] said: 45{n % 10} {n:x}y)", qid=f"Q{n:06}", pid=n)
        + row(f"h[192.0.2.{n}]:25", qid=f"R{n:06}", pid=n).replace("0.5/0.5", f"0.{n}/{n}").replace("2.0.0", f"2.0.{n}")
        for n in range(20000)
    )
    traffic = count(log)
    tables = (
        traffic._last_rows,
        traffic._buckets,
        traffic._relay_tallies,
        traffic._status_tallies,
        traffic._hour_tallies,
    )
    assert max(map(len, tables)) <= 8192
    assert len(traffic._attempts.by_process) <= 2000
    assert len(traffic._reasons._classes) <= 4096
    assert len(traffic.statuses.tallies) <= 200
    assert not traffic._batches


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=50), st.sampled_from((50, 90, 95, 99)))
def test_percentiles_are_within_one_percent(delays, percent):
    histogram = DelayHistogram((bucket_of(one), 1) for one in delays)
    exact = sorted(delays)[max(1, -(-len(delays) * percent // 100)) - 1]
    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.0101)


@pytest.mark.parametrize("number", [10, 16384, 40000, 150000])
def test_different_messages_are_counted_exactly_or_nearly(number):
    from probes.distinct import Distinct

    distinct = Distinct()
    for n in range(number):
        distinct.add(b"%011X" % (0x4A0B1 + n * 7))
    assert distinct.exact == (number <= 16384)
    assert distinct.count == (number if distinct.exact else pytest.approx(number, rel=0.025))
