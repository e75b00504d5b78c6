"""Runs a command and turns whatever ends it into one sentence and an exit status."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from service.cli.client import ProblemAnsweredError
from service.cli.page import say
from service.errors import ConfigError, RelaypilotError, UsageError

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_BROKEN_PIPE = 1  # as typer ends when it meets one first


def exit_status_of(command: Callable[..., Any], arguments: Sequence[str], name: str) -> int:
    """Run a command line; return its exit status. Expected errors are reported, never as a traceback."""
    as_json = "--json" in arguments
    try:
        status = command(args=list(arguments), prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except RelaypilotError as error:
        return _report(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes standard output once more at its end; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except typer.TyperException as error:
        return _report(UsageError(error.format_message()), as_json)
    return status if isinstance(status, int) else 0


def _report(error: RelaypilotError, as_json: bool) -> int:
    """Print the error on standard error; with --json as a problem document on standard output instead."""
    document = error.document if isinstance(error, ProblemAnsweredError) else None
    status = error.exit_status if document is None else int(document.get("exit_status", 1))
    if as_json:
        if document is None:
            from service.api.problem import problem_of

            document = {key: value for key, value in problem_of(error).items() if key != "status"}  # HTTP's
        print(json.dumps(document, ensure_ascii=False), flush=True)
    else:
        say(f"relaypilot: {_sentence(error)}", sys.stderr)
    return status


def _sentence(error: RelaypilotError) -> str:
    """Return the error as one sentence; the mistakes of a configuration one a line below their file."""
    if not isinstance(error, ConfigError) or len(error.problems) == 1:
        return str(error)
    lines, file = [], None
    for one in error.problems:
        if one.file != file:
            file = one.file
            count = sum(other.file == file for other in error.problems)
            lines.append(f"{file} has {count} mistakes:")
        lines.append("  " + str(one).removeprefix(f"{file}: "))
    return "\n".join(lines)
