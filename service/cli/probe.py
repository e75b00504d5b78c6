"""`relaypilot probe`: one round now, each result as it comes."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from service.cli.client import ProblemAnsweredError, client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.progress import Progress

_STYLES = {"good": typer.colors.GREEN, "bad": typer.colors.RED}


def probe(
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="Only this provider. Absent: all.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    seed: Annotated[str | None, typer.Option("--seed", metavar="SEED", help="Only to this seed.")] = None,
) -> None:
    """Send one round of probes now and show each result as it becomes known.

    With --json one JSON line each.
    """
    count = 0
    for line in _results(config, {"provider": provider, "seed": seed}):
        count += 1
        if as_json:
            print(json.dumps(line), flush=True)
        else:
            _show(line)
    if not as_json:
        print(f"{count} results." if count else "The round had no result.", flush=True)


def _results(config: Any, asked: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    """Yield results; a clock runs on a terminal while the next one is awaited.

    Raises:
        ProblemAnsweredError: the round was refused, or failed halfway.
    """
    lines = client_of(config).lines("POST", "/v1/probes", asked)
    while True:
        with Progress("Waiting for the next result"):
            line = next(lines, None)
        if line is None:
            return
        found = json.loads(line)
        if "signal" not in found:  # a problem document ends a round that failed halfway
            raise ProblemAnsweredError(found)
        yield found


def _show(result: dict[str, Any]) -> None:
    at = datetime.fromisoformat(result["at"]).astimezone()
    outcome = f"{result['outcome']:<7}"
    if sys.stdout.isatty():
        outcome = typer.style(outcome, fg=_STYLES.get(result["outcome"]))
    print(f"{at:%H:%M:%S}  {outcome}  {result['signal']:<14}  {result['sentence']}", flush=True)
