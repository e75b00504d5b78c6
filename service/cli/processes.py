"""`relaypilot run` and `relaypilot helper`: the two processes."""

import os
from functools import partial

import typer

from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.errors import PermissionNeededError


def run(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:  # noqa: ARG001 (for its errors)
    """Run the daemon in the foreground: measure, judge, and move mail when it must."""
    from service import daemon

    raise typer.Exit(daemon.run(config))


def helper(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:  # noqa: ARG001 (for its errors)
    """Run the root helper in the foreground: the one process that changes Postfix."""
    if os.geteuid() != 0:
        raise PermissionNeededError("The root helper must be started by root: it changes Postfix's configuration.")
    from service.clock import SystemClock
    from service.log import configure_logging
    from service.postfix.helper import run_helper
    from service.postfix.root_config import load_installation
    from service.redaction import Redaction

    clock, redaction = SystemClock(), Redaction()
    configure_logging(clock, redaction, os.environ)
    raise typer.Exit(run_helper(config, clock=clock, load=partial(load_installation, learn=redaction.add)))
