"""`relaypilot check`: whether each provider could carry the mail, before it has to."""

import sys
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Below, Cell, Heading, Page, show, show_json
from service.cli.progress import Progress
from service.errors import DaemonNotRunningError

if TYPE_CHECKING:
    from service.readiness.views import CheckView

_PATIENCE_SECONDS = 300.0
_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "dim"}
_FAILED = 1
_COLUMN = 8  # where sentences begin


def check(
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="Only this provider. Absent: all.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    send: Annotated[
        bool,
        typer.Option("--send", help="Also send one test message through each provider, to the first seed."),
    ] = False,
) -> None:
    """Find out whether each provider could carry the mail now: login, TLS, limits, quota, domain, sender, suppressions.

    Sends nothing unless --send is given. Ends with status 1 when a provider could not carry the mail.
    """
    found = _found(config, {"provider": provider, "send": send})
    if as_json:
        show_json(found)
    else:
        from service.readiness.views import CheckView

        show(check_page(CheckView.model_validate(found)))
    if any(one["verdict"] == "failed" for one in found["providers"]):
        raise typer.Exit(_FAILED)


def _found(config: Path, asked: dict[str, Any]) -> dict[str, Any]:
    with Progress("Asking the providers"):
        try:
            return cast(dict[str, Any], client_of(config).post("/v1/check", asked, _PATIENCE_SECONDS))
        except DaemonNotRunningError:
            print("The daemon is not running: asking directly.", file=sys.stderr)
        from service.direct_check import direct_check
        from service.readiness.views import CheckRequest

        return direct_check(config, CheckRequest(**asked)).model_dump(mode="json")


def check_page(view: "CheckView") -> Page:
    """Return what `check` shows: a heading for each provider, what is wrong first, each with its remedy."""
    page: list[Cell | Below | Heading] = []
    for one in view.providers:
        page.append(Heading(f"{one.provider}: {_summary(one.verdict)}"))
        for finding, following in zip_longest(one.findings, one.findings[1:]):
            page.append(Cell(f"{finding.verdict:<{_COLUMN}}{finding.sentence}", _STYLES[finding.verdict], _COLUMN))
            same = following is not None and (following.verdict, following.remedy) == (finding.verdict, finding.remedy)
            if finding.remedy and not same:  # what a session did not reach has one remedy
                page.append(Below(finding.remedy, indent=_COLUMN))
    return page


def _summary(verdict: str) -> str:
    return {
        "ok": "could carry the mail",
        "warning": "could carry the mail, with warnings",
        "failed": "could not carry the mail",
        "unknown": "not everything could be found out",
    }[verdict]
