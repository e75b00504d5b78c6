"""`relaypilot export`: recorded facts as an observation file."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from service.cli.client import Client, client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, seconds_of
from service.cli.page import show_json
from service.cli.progress import Progress
from service.clock import SystemClock
from service.errors import DaemonNotRunningError, UsageError

_PAGE_FACTS = 2000  # a larger page would keep the daemon from its own work
_LAST_SEQ = "Relaypilot-Last-Seq"


def export(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DURATION", help='Only facts of the last "7d". Absent: all.')
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider", metavar="PROVIDER", help="Observations of this provider only, and what concerns none."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write here, compressed if it ends in .gz. Absent: stdout."
        ),
    ] = None,
) -> None:
    """Write recorded facts as JSON lines, in recording order.

    Through the daemon when it runs, else straight from the store. FILE appears only when it is whole.
    """
    from service.cli.fact_file import STDIN, written

    start = None if since is None else _ago(seconds_of("--since", since))
    to_terminal = output is None and sys.stdout.isatty()
    target = None if output is None or str(output) == STDIN else output
    facts = matching = 0
    with nullcontext() if to_terminal else Progress("Exporting") as progress, written(target) as write:
        for line in _recorded(config, start):
            if provider is not None:
                of = json.loads(line).get("provider")
                if of not in (None, provider):
                    continue
                matching += of is not None
            write(f"{line}\n")
            facts += 1
            if progress is not None and facts % _PAGE_FACTS == 0:
                progress.count(f"{facts:,} facts")
        if provider is not None and not matching:
            raise UsageError(f'Exporting facts of "{provider}": none is recorded; `relaypilot status` has the names.')
    if target is None:
        return
    if as_json:
        show_json({"file": str(target), "facts": facts})
    else:
        print(f"{facts:,} facts written to {target}.")


def _ago(seconds: float) -> datetime | None:
    try:
        return SystemClock().now() - timedelta(seconds=seconds)
    except OverflowError:
        return None  # before the calendar began: everything


def _recorded(config: Path, since: datetime | None) -> Iterator[str]:
    client, after, known = client_of(config), 0, False
    while True:
        try:
            lines, after = _page(client, after, since)
        except DaemonNotRunningError:
            if known:
                raise
            break
        known = True
        yield from lines
        if len(lines) < _PAGE_FACTS:
            return
    print("The daemon is not running: reading the store.", file=sys.stderr)
    from service.stored_facts import stored_lines

    yield from stored_lines(config, since)


def _page(client: Client, after: int, since: datetime | None) -> tuple[list[str], int]:
    text, last = client.page(
        "/v1/observations",
        _LAST_SEQ,
        after=after,
        limit=_PAGE_FACTS,
        since=since.isoformat() if since is not None else None,
    )
    # Not splitlines(): a reply's text may hold characters that only Unicode takes for line ends.
    return [line for line in text.split("\n") if line], int(last or after)
