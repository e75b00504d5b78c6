"""`relaypilot run` and `relaypilot helper`: the two processes."""

import typer

from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption


def run(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:  # noqa: ARG001 (errors only)
    """Run the daemon in the foreground: measure, judge, and move mail when it must."""
    from service import daemon

    raise typer.Exit(daemon.run(config))


def helper(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:  # noqa: ARG001 (errors only)
    """Run the root helper in the foreground: the one process that changes Postfix."""
    from service.postfix.helper import run_helper

    raise typer.Exit(run_helper(config) or 0)
