"""Rows of the tables that relaypilot writes. Pure."""


def table_rows(text: str) -> dict[str, str]:
    """Return the rows of a table written by relaypilot."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
