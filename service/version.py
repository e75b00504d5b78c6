"""The version of relaypilot that is installed."""


def version() -> str:
    """Return the installed version, such as "0.1.0"."""
    from importlib import metadata  # noqa: PLC0415 (20 ms that only this answer needs)

    return metadata.version("relaypilot")
