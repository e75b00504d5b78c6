"""`relaypilot plan`: what a failover would change, and whether it may."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, ReceiverOption
from service.cli.page import Cell, Heading, Page, show, show_json
from service.cli.progress import Progress
from service.errors import UnsafePlanError

if TYPE_CHECKING:
    from service.views import PlanView

_A_SCREEN_LINES = 20


def plan(
    to: Annotated[str, typer.Option("--to", metavar="PROVIDER", help="The provider to move to.")],
    receiver: ReceiverOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show the exact diff of a failover and the safety verdict; change nothing.

    Ends with status 7 when a safety rule stands against it.
    """
    with Progress(f"Planning a move to {to}"):
        about = {"to": to} if receiver is None else {"to": to, "receiver": receiver}
        found = client_of(config).get("/v1/plan", **about)
    if as_json:
        show_json(found)
    else:
        from service.views import PlanView

        show(plan_page(PlanView.model_validate(found)))
    if found["refusals"]:
        raise typer.Exit(UnsafePlanError.exit_status)


def plan_page(plan: "PlanView") -> Page:
    """Return what `plan` shows: routes, verdict, changes, diff."""
    page: list[Cell | Heading] = [
        Cell(f"Route now:  {', '.join(plan.current) if plan.current else 'not one of relaypilot'}"),
        Cell(f"Route then: {', '.join(plan.wanted)}", "bold"),
    ]
    if plan.receiver is not None:
        page.insert(0, Cell(f"Only mail to {plan.receiver} would move."))
    if plan.capacity is not None:
        page.append(Cell(plan.capacity))
    page += [Cell(f"! {warning}", "yellow", 2) for warning in plan.warnings]
    verdict = _verdict(plan)
    page += verdict
    if plan.changes:
        page += [Heading("Changes"), *(Cell(f"- {change}", hang=2) for change in plan.changes)]
    if plan.diff:
        page += [Heading("Diff"), *(Cell(line, _diff_style(line)) for line in plan.diff.splitlines())]
        if (lines := len(plan.diff.splitlines())) > _A_SCREEN_LINES:  # the verdict above has gone out of sight
            page += [Heading(f"{lines} lines of diff; nothing was changed"), *verdict]
    else:
        page.append(Cell("Postfix's configuration would stay as it is."))
    return page


def _verdict(plan: "PlanView") -> list[Cell]:
    remedies = {True: "--force moves all the same", False: "--force does not help"}
    refused = [
        Cell(f"! Refused by {refusal.rule}: {refusal.sentence} ({remedies[refusal.forceable]})", "red", 2)
        for refusal in plan.refusals
    ]
    return refused or [Cell("No safety rule stands against it.", "green")]


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return "dim"
    return {"+": "green", "-": "red"}.get(line[:1], "")
