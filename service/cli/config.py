"""`relaypilot config check` and `relaypilot config describe`."""

import os

from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Cell, Heading, show, show_json


def check(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Read the configuration and show every mistake at once; with none, what it amounts to and what probes cost."""
    from service.cli.config_summary import summary_of
    from service.config_file import load_config

    summary = summary_of(load_config(config, os.environ))
    if as_json:
        show_json(summary.as_json())
        return
    page: list[Cell | Heading] = [Cell(f"{config} is in order.", "green"), *(Cell(line) for line in summary.lines())]
    page += [Cell(f"! {warning}", "yellow") for warning in summary.warnings]
    show(page)


def describe(as_json: JsonOption = False) -> None:
    """Show every setting with its meaning and default."""
    from service.describe import describe_config

    show_json(describe_config())
