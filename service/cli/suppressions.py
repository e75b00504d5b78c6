"""`relaypilot suppressions sync`: make a standby know whom we must not write to."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import say, show_json
from service.cli.progress import Progress
from service.errors import DaemonNotRunningError

_PATIENCE_SECONDS = 3600.0  # long lists come in pages, and providers limit requests


def sync(
    source: Annotated[
        str | None, typer.Option("--from", metavar="PROVIDER", help="Only from this provider. Absent: from all.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", metavar="PROVIDER", help="Only to this provider. Absent: to all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be added.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Copy hard bounces, complaints and unsubscribes between providers, so that none writes to whom another must not.

    Nothing is ever removed, and a seed's address is never copied. What a provider suppresses already, for whatever
    reason, stays as it is.
    """
    done = _done(config, {"source": source, "target": target, "dry_run": dry_run})
    if as_json:
        show_json(done)
        return
    for line in _told(done):
        say(line)


def _done(config: Path, asked: dict[str, Any]) -> dict[str, Any]:
    with Progress("Reading suppression lists" if asked["dry_run"] else "Copying suppressions"):
        try:
            return cast(dict[str, Any], client_of(config).post("/v1/suppressions/sync", asked, _PATIENCE_SECONDS))
        except DaemonNotRunningError:
            print("The daemon is not running: asking directly.", file=sys.stderr)
        from service.direct_check import direct_copy
        from service.readiness.views import CopyRequest

        return direct_copy(config, CopyRequest(**asked)).model_dump(mode="json")


def _told(done: dict[str, Any]) -> Iterator[str]:
    for one in done["providers"]:
        lacking = sum(one["lacking"].values())
        sources = ", ".join(one["sources"])
        if not lacking:
            noun = "address" if one["known"] == 1 else "addresses"
            yield f"{one['to']} lacks nothing of {sources} ({one['known']} {noun} suppressed)."
            continue
        kinds = ", ".join(f"{count} {kind}" for kind, count in one["lacking"].items())
        verb = "would be added" if done["dry_run"] else "added"
        yield f"{one['to']}: {lacking} of {sources} {verb} ({kinds}) to {one['known']} that it suppresses already."
        if not done["dry_run"] and one["added"] < lacking:
            yield f"{one['to']} refused {lacking - one['added']} of them; they are tried again the next time."
