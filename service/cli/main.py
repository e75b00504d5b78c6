"""The console entry points, `relaypilot` and `failover`."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from service.cli import (
    check,
    compare,
    config,
    explain,
    export,
    failover,
    history,
    override,
    plan,
    probe,
    processes,
    replay,
    status,
    suppressions,
    traffic,
)
from service.cli.boundary import exit_status_of
from service.cli.options import EPILOG, TOP_EPILOG
from service.errors import UsageError

# Each with its line in the list of commands; `--help` of the command itself says more.
_COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (status.status, "Route, health, overrides, problems, last events."),
    (explain.explain, "Why mail stays or moved."),
    (compare.compare, "The providers side by side."),
    (check.check, "Whether each provider could carry the mail."),
    (probe.probe, "One round of probes now."),
    (plan.plan, "What a failover would change."),
    (failover.failover, "Move mail to a provider now."),
    (override.pause, "Stop moving mail automatically."),
    (override.resume, "Move mail automatically again."),
    (override.pin, "Keep the route as it is for a while."),
    (override.unpin, "End the pin."),
    (override.drain, "Send a provider no mail for a while."),
    (override.undrain, "Let it carry mail again."),
    (override.ack, "Acknowledge an account fault, or release the brake."),
    (history.history, "Moves, detections and blocked moves."),
    (traffic.traffic, "What a Postfix log says about the mail."),
    (export.export, "Recorded facts as JSON lines."),
    (replay.replay, "What a policy makes of recorded facts."),
    (processes.run, "The daemon."),
    (processes.helper, "The root helper."),
)
_CONFIG_COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (config.check, "Show every mistake at once, or what probes will cost."),
    (config.describe, "Show every setting with its meaning and default."),
)
_SUPPRESSION_COMMANDS: tuple[tuple[Callable[..., None], str], ...] = (
    (suppressions.sync, "Copy suppressed addresses between providers."),
)
# Each group with its help, which is also its line in the list of commands.
_GROUPS = (
    ("config", "Check the configuration, or describe every setting.", _CONFIG_COMMANDS),
    ("suppressions", "Addresses that providers must not send to.", _SUPPRESSION_COMMANDS),
)


def main() -> None:
    """Run `relaypilot` with the process's arguments and end the process."""
    sys.exit(exit_status_of(relaypilot_app(), sys.argv[1:], "relaypilot"))


def failover_main() -> None:
    """Run `failover`, the same as `relaypilot failover`, and end the process."""
    app = _app()
    app.command(epilog=EPILOG)(failover.failover)
    sys.exit(exit_status_of(app, sys.argv[1:], "failover"))


def relaypilot_app() -> typer.Typer:
    """Return the application with every command."""
    app = _app()
    _add(app, _COMMANDS)
    app.callback(invoke_without_command=True, epilog=TOP_EPILOG)(_top)
    for name, text, commands in _GROUPS:
        group = _app(name=name, help=text)
        _add(group, commands)
        group.callback(invoke_without_command=True, epilog=EPILOG, help=text)(_help_when_alone)
        app.add_typer(group)
    return app


def _add(app: typer.Typer, commands: tuple[tuple[Callable[..., None], str], ...]) -> None:
    for command, summary in commands:
        app.command(epilog=EPILOG, short_help=summary)(command)


def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """Keeps mail on a relay provider that works, and says why."""  # noqa: D401 (the program's description)
    if version:
        from service.version import version as installed

        print(f"relaypilot {installed()}")
        raise typer.Exit
    _help_when_alone(context)


def _help_when_alone(context: typer.Context) -> None:
    """Show the commands of a group that is called without one."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(UsageError.exit_status)


def _app(**settings: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, **settings)
