"""`relaypilot explain`: why mail stays or moved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Block, Cell, Heading, Page, show, show_json
from service.cli.words import judged, status_cell

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
    """Return the sentence, the rule behind it, what blocks, what would change it, the last move, and the evidence."""
    page: list[Block] = [Cell(explanation.sentence, "bold"), Cell(f"Rule: {explanation.rule}", "dim")]
    for title, lines in (
        ("Blocked by", explanation.blocked_by),
        ("What would change it", explanation.would_change),
        ("Route", explanation.route),
        ("Last move", (explanation.last_move,) if explanation.last_move else ()),
        ("Evidence", explanation.evidence),
    ):
        if lines:
            page += [Heading(title), *(Cell(f"- {line}", hang=2) for line in lines)]
    if telling := _telling(explanation.providers):
        page += [Heading("Health"), *map(_judged, telling)]
    return page


def _telling(healths: "Sequence[HealthView]") -> "list[HealthView]":
    """Return every provider once, and a receiver where it is not healthy for a reason of its own."""
    overall = {health.provider: health for health in healths if health.receiver == "*"}
    known: set[tuple[str, str]] = {(name, health.reason) for name, health in overall.items()}
    telling = []
    for health in healths:
        own = health.receiver != "*" and health.status != "healthy" and (health.provider, health.reason) not in known
        if own or health.receiver == "*":
            known.add((health.provider, health.reason))
            telling.append(health)
    return telling


def _judged(health: "HealthView") -> Cell:
    return Cell(f"- {judged(health)}", status_cell(health.status).style, 2)
