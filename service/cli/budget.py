"""`relaypilot explain --budget`: how the tolerated false moves are shared among the tests."""

from dataclasses import asdict
from pathlib import Path

from service.cli.page import Cell, Grid, Page, show, show_json
from service.cli.words import everywhere
from service.config_file import policy_of, read_settings
from service.decision.calibration import Share, budget
from service.decision.policy import Policy

_HEADERS = ("SIGNAL", "RECEIVER", "AGAINST", "THRESHOLD", "ARL0", "ONE FALSE ALARM IN", "A YEAR", "SHARE")


def show_budget(config: Path, *, as_json: bool) -> None:
    """Print the budget of a configuration's policy.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    policy = policy_of(read_settings(config))
    shares = budget(policy)
    if as_json:
        show_json(
            {
                "false_moves_per_year": policy.false_moves_per_year,
                "in_use": sum(share.false_moves_per_year for share in shares),
                "tests": [asdict(share) | {"share_ratio": _ratio(share, policy)} for share in shares],
            }
        )
    else:
        show(budget_page(shares, policy))


def budget_page(shares: tuple[Share, ...], policy: Policy) -> Page:
    """Return each test with its part of the budget."""
    rows = tuple(
        (
            Cell(str(share.signal), "bold"),
            Cell(everywhere(share.receiver)),
            Cell(f"{share.in_a_row} in a row" if share.in_a_row else f"{share.tested_rate:.0%} failing"),
            Cell(f"{share.threshold:.0f}" if share.in_a_row else f"{share.threshold:.2f}"),
            Cell(f"{share.run_length:,.0f}"),
            Cell(f"{1 / share.false_moves_per_year:,.1f} years"),
            Cell(f"{share.false_moves_per_year:.4f}"),
            Cell(f"{_ratio(share, policy):.1%}"),
        )
        for share in shares
    )
    in_use = sum(share.false_moves_per_year for share in shares)
    return [
        Cell(
            f"false_moves_per_year = {policy.false_moves_per_year:g}; the {len(shares)} tests use {in_use:.3f} of it."
        ),
        Cell("A threshold is a log-likelihood ratio; ARL0 counts results until a false alarm, on average.", "dim"),
        Cell("Failures in a row confirm a hard fault; a provider whose failures come in bursts needs more.", "dim"),
        Grid(_HEADERS, rows),
    ]


def _ratio(share: Share, policy: Policy) -> float:
    return share.false_moves_per_year / policy.false_moves_per_year
