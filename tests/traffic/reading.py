"""Counts a log in memory."""

from datetime import UTC, datetime
from pathlib import Path

from probes.traffic import Traffic
from probes.traffic_hours import Hours
from probes.traffic_report import TrafficReport
from probes.traffic_summary import summary_of
from probes.well_known_receivers import WELL_KNOWN

CORPUS = Path(__file__).parents[1] / "corpus" / "postfix"
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def count(log: bytes | str, *, chunk: int = 1 << 18, end: datetime = NOW, receivers=WELL_KNOWN) -> Traffic:
    data = log if isinstance(log, bytes) else _bytes_of(log)
    traffic = Traffic(receivers=receivers, hours=Hours(end=end, zone=UTC), now=NOW)
    for start in range(0, len(data), chunk):
        traffic.feed(data[start : start + chunk])
    traffic.finish()
    return traffic


def report(log: bytes | str, **options) -> TrafficReport:
    return summary_of(count(log, **options))


def corpus(name: str) -> TrafficReport:
    return report((CORPUS / f"{name}.log").read_bytes())


def part(parts, name):
    return next(one for one in parts if one.name == name)


def row(relay="a.test[192.0.2.1]:25", status="sent (ok)", *, agent="smtp", qid="AAAAAA", to="<a@b.test>", pid=1) -> str:
    return (
        f"2026-11-23T19:00:00Z mx1 postfix/{agent}[{pid}]: {qid}: to={to}, relay={relay}, delay=1, "
        f"delays=0.1/0/0.5/0.5, dsn=2.0.0, status={status}\n"
    )


def said(text: str, *, qid="AAAAAA", pid=1) -> str:
    return f"2026-11-23T19:00:00Z mx1 postfix/smtp[{pid}]: {qid}: {text}\n"


def _bytes_of(log: str) -> bytes:
    try:
        return log.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair that stands for no byte
        return log.encode("utf-8", "surrogatepass")
