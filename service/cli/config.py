"""`relaypilot config check` and `relaypilot config describe`."""

import os
from dataclasses import asdict

from service.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from service.cli.page import Cell, Page, show, show_json
from service.errors import RelaypilotError


def check(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Read the configuration and show every mistake at once; with none, what it amounts to and what probes cost."""
    from service.cli.config_summary import summary_of
    from service.config_file import load_config

    summary = summary_of(load_config(config, os.environ))
    if as_json:
        show_json(asdict(summary))
        return
    page: Page = [
        Cell(f"{config} is in order.", "green"),
        *(Cell(line) for line in summary.lines()),
        *(Cell(f"! {warning}", "yellow") for warning in summary.warnings),
    ]
    show(page)


def describe(as_json: JsonOption = False) -> None:
    """Show every setting with its meaning and default, as a configuration that loads as it is."""
    from providers.errors import ProviderError
    from service.describe import describe_config
    from service.described_key import described_keys

    try:
        if as_json:
            show_json([asdict(key) for key in described_keys()])
        else:
            print(describe_config(), end="", flush=True)
    except ProviderError as error:  # another distribution's adapter
        raise RelaypilotError(f"Describing the settings failed: {error}") from error
