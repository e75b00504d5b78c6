"""`relaypilot explain`: why mail stays or moved."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Cell, Grid, Heading, Page, show, show_json
from service.cli.words import everywhere, status_cell

if TYPE_CHECKING:
    from service.views import ExplainView, HealthView


def explain(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    budget: Annotated[
        bool,
        typer.Option(
            "--budget", help="Show each test that can move mail and its share of false_moves_per_year instead."
        ),
    ] = False,
) -> None:
    """Say why mail is not moving, or why it moved, with the evidence, and what would change that.

    With --budget, which needs the configuration only: every sequential test that can move mail, where it alarms,
    and after how many results on average it would alarm though nothing is wrong (ARL0).
    """
    if budget:
        from service.cli.budget import show_budget

        show_budget(config, as_json=as_json)
        return
    found = client_of(config).get("/v1/explain")
    if as_json:
        show_json(found)
    else:
        from service.views import ExplainView

        show(explain_page(ExplainView.model_validate(found)))


def explain_page(explanation: "ExplainView") -> Page:
    """Return the sentence, the rule behind it, what blocks, what would change it, and the evidence."""
    page: list[Cell | Heading | Grid] = [Cell(explanation.sentence, "bold"), Cell(f"Rule: {explanation.rule}", "dim")]
    for title, lines in (
        ("Blocked by", explanation.blocked_by),
        ("What would change it", explanation.would_change),
        ("Evidence", explanation.evidence),
    ):
        if lines:
            page += [Heading(title), *(Cell(f"- {line}") for line in lines)]
    # Every provider once, and every receiver where one is not healthy; `status` has the rest.
    telling = [health for health in explanation.providers if health.receiver == "*" or health.status != "healthy"]
    if telling:
        page += [Heading("Health"), Grid(("PROVIDER", "RECEIVER", "HEALTH", "REASON"), tuple(map(_row, telling)))]
    return page


def _row(health: "HealthView") -> tuple[Cell, ...]:
    return (
        Cell(health.provider, "bold"),
        Cell(everywhere(health.receiver)),
        status_cell(health.status),
        Cell(health.reason),
    )
