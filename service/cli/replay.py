"""`relaypilot replay`: what a policy makes of recorded facts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import DEFAULT_CONFIG, JsonOption


def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help='Observation file, plain or .gz; "-": standard input.')],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="RELAYPILOT_CONFIG",
            metavar="PATH",
            readable=False,
            help=f"The configuration whose policy is replayed. Absent: {DEFAULT_CONFIG}, else guessed from the file.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="PATH",
            readable=False,
            help="Compare with the policy of this configuration, or of what it changes.",
        ),
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Guess the policy from the file though there is a configuration.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what today's policy would have done with recorded facts: each health transition and each move.

    JSON lines, or a table on a terminal. Ends with 0 whatever it would have done, with 1 when FILE holds something
    that is no fact, with 2 when there is no such file.
    """
    from service.cli.replaying import replay_alone, replay_beside

    base = None if guess else config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    as_table = sys.stdout.isatty() and not as_json
    if against is None:
        replay_alone(file, base, as_table=as_table)
    else:
        replay_beside(file, base, against, as_table=as_table)
