"""Durations as an administrator writes them. Pure, and cheap to import: the command line needs it too."""

import re
from datetime import timedelta
from typing import Any

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> Any:
    """Return a timedelta for "90s", "5m", "1h30m", "2d"; leave a timedelta as it is.

    Raises:
        ValueError: it is not a duration.
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('write a duration with its unit, such as "90s", "5m" or "2h"')
    if not value or _PART.sub("", value):
        raise ValueError(f'"{value}" is not a duration; write for example "90s", "5m", "1h30m" or "2d"')
    return timedelta(seconds=sum(float(n) * _UNIT_SECONDS[u] for n, u in _PART.findall(value)))
