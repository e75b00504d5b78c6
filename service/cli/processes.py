"""`relaypilot run` and `relaypilot helper`: the two processes."""

import os

import typer

from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption


def run(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:  # noqa: ARG001 (for its errors)
    """Run the daemon in the foreground: measure, judge, and move mail when it must."""
    from service import daemon

    raise typer.Exit(daemon.run(config))


def helper(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:  # noqa: ARG001 (for its errors)
    """Run the root helper in the foreground: the one process that changes Postfix."""
    from service.clock import SystemClock
    from service.config_file import load_config, secrets_of
    from service.log import configure_logging
    from service.postfix.helper import run_helper
    from service.redaction import Redaction

    clock = SystemClock()
    configure_logging(clock, Redaction(secrets_of(load_config(config, os.environ))), os.environ)
    raise typer.Exit(run_helper(config, clock=clock))
