"""`relaypilot traffic`: what a Postfix log says about the mail."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.options import JsonOption
from service.cli.page import show, show_json
from service.cli.progress import Progress

if TYPE_CHECKING:
    from probes.traffic_report import TrafficReport


def traffic(
    from_log: Annotated[
        str, typer.Option("--from-log", metavar="FILE", help='Postfix\'s log, plain or gzip; "-" for standard input.')
    ],
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="PATH", readable=False, help="Take [receivers] from this configuration."),
    ] = None,
    year: Annotated[
        int | None,
        typer.Option(
            "--year",
            metavar="YEAR",
            min=1970,
            max=9998,
            help="Year of the first line, for stamps without one; otherwise the file's date tells.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Count what became of the mail in a Postfix log: by relay, receiver, reason and hour.

    Needs no daemon and no configuration, and the same little memory for any length of log.
    """
    found = _read(from_log, config, year)
    if as_json:
        show_json(traffic_json(found))
    else:
        from service.cli.traffic_page import traffic_page

        show(traffic_page(found))


def _read(from_log: str, config: Path | None, year: int | None) -> "TrafficReport":
    from probes.traffic import Traffic
    from probes.traffic_hours import Hours
    from probes.traffic_summary import summary_of
    from service.cli.log_source import open_log
    from service.cli.receiver_domains import receiver_domains
    from service.clock import SystemClock

    receivers, now = receiver_domains(config), SystemClock().now()
    with open_log(from_log) as source, Progress(f"Reading {source.name}"):
        hours = Hours(end=source.written_at or now, first_year=year)
        counted = Traffic(receivers=receivers, hours=hours, now=now)
        for chunk in source.chunks():
            counted.feed(chunk)
        counted.finish()
        return summary_of(counted)


def traffic_json(report: "TrafficReport") -> dict[str, Any]:
    """Return the report as JSON has it: times in RFC 3339, UTC."""
    document: dict[str, Any] = _plain(asdict(report))
    return document


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case tuple():
            return [_plain(one) for one in value]
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case float():
            return round(value, 4)
    return value
