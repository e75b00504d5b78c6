"""`relaypilot compare`: the providers side by side."""

from typing import Annotated

import typer

from service.cli.client import client_of
from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, length_of
from service.cli.page import show, show_json
from service.cli.progress import Progress


def compare(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    window: Annotated[
        str, typer.Option("--window", metavar="DURATION", help='How far back, in whole hours, such as "24h".')
    ] = "7d",
    receiver: Annotated[str | None, typer.Option("--receiver", metavar="RECEIVER", help="Only this receiver.")] = None,
) -> None:
    """Show what each provider did with mail, how reliable and how dear it is, and which differences are real."""
    length_of("--window", window)
    with Progress("Comparing"):
        found = client_of(config).get("/v1/compare", window=window, receiver=receiver)
    if as_json:
        show_json(found)
    else:
        from service.cli.compare_page import compare_page
        from service.views import CompareView

        show(compare_page(CompareView.model_validate(found)))
