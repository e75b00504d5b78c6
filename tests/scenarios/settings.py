"""What the scenarios set instead of an administrator's minutes and hours.

Rounds come 900 times as often as by default, so 52 false moves a year are a stricter demand than the default's one.
"""

import copy

QUICK = {
    "probes": {
        "session_interval": "1500ms",
        "stage_timeout": "1500ms",
        "total_timeout": "6s",
        "round_interval": "4s",
        "deadline": "4s",
        "late_after": "2s",
        "poll_intervals": ["400ms", "700ms", "1s"],
        "imap_timeout": "3s",
        "jitter": 0.0,
    },
    "policy": {
        "false_moves_per_year": 52,
        "tolerated_outage": "5s",
        "confirmation_spacing": "1s",
        "hold_down": "2s",
        "failback": "off",
        "failback_rounds": 2,
        "share_step": "1s",
        "moves_per_hour": 60,
    },
    "postfix": {"canary_wait": "6s", "connect_timeout": "1s"},
}


def quick(**tables):
    """Return the quick settings with these keys of a table ("top" for the top level) changed."""
    settings = copy.deepcopy(QUICK)
    for table, values in tables.items():
        settings.setdefault("" if table == "top" else table, {}).update(values)
    return settings
