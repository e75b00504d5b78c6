from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.maillog import Delivery, SoftFailure, parse_line

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LOG = (Path(__file__).parent / "postfix-3.7.log").read_text(encoding="utf-8").splitlines()
HEAD = "Nov 23 19:00:54 mx1 postfix/relay-alpha/smtp[16555]: "


def read(message: str, head: str = HEAD) -> Delivery | SoftFailure | None:
    return parse_line(head + message, now=NOW, zone=UTC)


def test_a_real_delivery_row_is_read_in_full() -> None:
    row = read(
        "CBB0720CAB0: to=<bob@OK.test>, relay=smtp.a.test[192.0.2.1]:587, conn_use=3, delay=0.07, "
        "delays=0.01/0.01/0.04/120, tls=may:none, dsn=2.0.0, status=sent (250 2.0.0 queued as 1)"
    )
    assert row == Delivery(
        at=datetime(2026, 11, 23, 19, 0, 54, tzinfo=UTC),
        service="postfix/relay-alpha/smtp",
        pid=16555,
        queue_id="CBB0720CAB0",
        recipient_domain="ok.test",
        relay="smtp.a.test[192.0.2.1]:587",
        relay_host="smtp.a.test",
        relay_address="192.0.2.1",
        relay_port=587,
        conn_use=3,
        delays_seconds=(0.01, 0.01, 0.04, 120.0),
        dsn="2.0.0",
        status="sent",
        reason="250 2.0.0 queued as 1",
    )


def test_every_row_of_a_real_log_is_read_and_nothing_else() -> None:
    entries = [(line, parse_line(line, now=NOW, zone=UTC)) for line in LOG]
    rows = [line for line, entry in entries if isinstance(entry, Delivery)]
    soft = [line for line, entry in entries if isinstance(entry, SoftFailure)]
    assert rows == [line for line in LOG if "/smtp[" in line and "]: connect" not in line and ": to=<" in line]
    said = ("host ", "lost connection", "conversation", "SASL auth", "TLS is", "connect to")
    assert soft == [line for line in LOG if "/smtp[" in line and ": to=" not in line]
    assert all(any(word in line for word in said) for line in soft)
    assert len(soft) == 16


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ('<"al, ice"@x.test>', "x.test"),
        ('<"x>, relay=evil[192.0.2.9]:25, delay=1, delays=0/0/0/0, dsn=2.0.0, status=sent (a"@x.test>', "x.test"),
        (r'<"q\"uo\\te"@x.test>', "x.test"),
        ("bob@x.test", "x.test"),
        ("<bob>", None),
        ("<bob@a.test>, orig_to=<root@b.test>", "a.test"),
    ],
)
def test_hostile_recipients_do_not_move_the_fields(address: str, domain: str | None) -> None:
    row = read(
        f"4cXyZ12Bq9z: to={address}, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to "
        "a[192.0.2.1]:25: Connection timed out)"
    )
    assert isinstance(row, Delivery)
    assert row.recipient_domain == domain
    assert (row.relay_host, row.status, row.dsn) == (None, "deferred", "4.4.1")
    assert row.reason == "connect to a[192.0.2.1]:25: Connection timed out"


def test_text_of_the_relay_is_not_searched() -> None:
    row = read(
        "AAAAAA: to=<a@b.test>, relay=a[192.0.2.1]:25, delay=1, delays=0/0/1/0, dsn=5.0.0, status=bounced "
        "(host a[192.0.2.1] said: 550 x, relay=evil[192.0.2.9]:25, dsn=2.0.0, status=sent (250 ok))"
    )
    assert (row.status, row.relay_host, row.dsn) == ("bounced", "a", "5.0.0")
    assert row.reason.endswith("status=sent (250 ok)")


@pytest.mark.parametrize(
    ("head", "at"),
    [
        ("2026-11-23T20:00:54.5+02:00 mx1 postfix/smtp[1]: ", datetime(2026, 11, 23, 18, 0, 54, 500000, tzinfo=UTC)),
        ("2026-11-23T18:00:54Z mx1 postfix-out/relay/smtp[1]: ", datetime(2026, 11, 23, 18, 0, 54, tzinfo=UTC)),
        ("Dec 31 23:59:59 mx1 postfix-10.0.0.1/smtp[1]: ", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Feb 29 10:00:00 mx1 postfix/smtp[1]: ", datetime(2024, 2, 29, 10, 0, tzinfo=UTC)),
        ("Nov  3 01:02:03 mx1 postfix/smtp[1]: ", datetime(2026, 11, 3, 1, 2, 3, tzinfo=UTC)),
    ],
)
def test_stamps_of_both_kinds_are_read(head: str, at: datetime) -> None:
    row = read("AAAAAA: to=<a@b.test>, relay=none, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (ok)", head)
    assert row.at == at


def test_stamps_without_zone_are_local_time() -> None:
    zone = timezone(timedelta(hours=5))
    line = HEAD + "AAAAAA: to=<a@b.test>, relay=none, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (ok)"
    assert parse_line(line, now=NOW, zone=zone).at == datetime(2026, 11, 23, 14, 0, 54, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 19:00:54 mx1 postfix/smtpd[1]: AAAAAA: to=<a@b.test>, relay=none, delay=1, dsn=2.0.0, status=sent (ok)",
        "Nov 23 19:00:54 mx1 postfix/smtp[1]: warning: host a[192.0.2.1] said: 450 no",
        "Nov 23 19:00:54 mx1 postfix/smtp[1]: AAAAAA: to=<a@b.test>, relay=none",
        "Nov 23 19:00:54 mx1 postfix/error[1]: AAAAAA: to=<a@b.test>, relay=none, delay=1, delays=0/0/0/0, dsn=4.3.0, "
        "status=deferred (delivery temporarily suspended: connect to a[192.0.2.1]:25: Connection refused)",
        "Nov 31 19:00:54 mx1 postfix/smtp[1]: AAAAAA: to=<a@b.test>, relay=none, status=sent (ok)",
        "",
    ],
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert parse_line(line, now=NOW, zone=UTC) is None


def test_a_row_cut_by_the_system_log_is_still_read() -> None:
    row = read(
        "AAAAAA: to=<a@b.test>, relay=a[192.0.2.1]:25, delay=1, delays=0/0/1/0, dsn=4.0.0, status=deferred (host a"
    )
    assert row.reason == "host a"


@given(st.text(max_size=400))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parse_line(text, now=NOW, zone=UTC)
    read(text)
    read(f"AAAAAA: {text}")
    read(f"AAAAAA: to={text}, relay=none, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent ({text})")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=300))
def test_whatever_a_relay_says_the_fields_before_it_stand(said: str) -> None:
    row = read(
        "AAAAAA: to=<a@b.test>, relay=a.test[192.0.2.1]:25, delay=1, delays=0/0/1/0, dsn=4.0.0, "
        f"status=deferred (host a.test[192.0.2.1] said: {said})"
    )
    assert (row.relay_host, row.relay_port, row.status, row.dsn) == ("a.test", 25, "deferred", "4.0.0")
    assert row.reason == f"host a.test[192.0.2.1] said: {said}"
