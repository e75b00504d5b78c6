"""relaypilot as the sandbox uses it: a configuration file, and two commands to start."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.dovecot import SERVER_NAME
from deploy.sandbox.layout import Layout
from deploy.sandbox.people import PROBE_SENDER, RECEIVERS, SEED_RECEIVERS, SEEDS

Settings = Mapping[str, Mapping[str, Any]]

# Short, so that a demo of minutes shows what takes hours in production.
SHORT_TIMES: Settings = {
    "": {"mode": "enforce"},
    "postfix": {"connect_timeout": "2s", "canary_wait": "5s"},
    "probes": {
        "session_interval": "2s",
        "round_interval": "6s",
        "stage_timeout": "2s",
        "total_timeout": "10s",
        "late_after": "4s",
        "deadline": "6s",
        "poll_intervals": ["300ms", "500ms", "1s", "2s"],
        "imap_timeout": "3s",
    },
    "policy": {
        "tolerated_outage": "5s",
        "confirmation_spacing": "1s",
        "hold_down": "10s",
        "failback_rounds": 3,
        "share_step": "3s",
        "moves_per_hour": 60,
    },
}


def write_config(
    layout: Layout,
    ports: Mapping[str, int],
    providers: Sequence[str],
    seeds: Sequence[str],
    settings: Settings,
    more: Settings,
) -> None:
    """Write relaypilot.toml for the given providers (in order of preference) and seeds; `settings` win.

    `more` has further keys for the tables of providers, by their names.
    """
    directory = layout.directory
    tables: dict[str, dict[str, Any]] = {
        "": {"state_dir": f"{directory}/state"},
        "api": {"socket": f"{directory}/api.sock"},
        "postfix": {
            "config_dir": str(layout.postfix),
            "log_file": str(layout.mail_log),
            "helper_socket": f"{directory}/helper.sock",
            "helper_dir": f"{directory}/helper",
            "helper_user": "root",
        },
        "probes": {"sender": PROBE_SENDER},
        "dns": {"server": f"127.0.0.1:{ports['dns']}"},
        "policy": {},
    }
    for source in (SHORT_TIMES, settings):
        for table, values in source.items():
            tables.setdefault(table, {}).update(values)
    tables["receivers"] = {name: [RECEIVERS[name].domain] for name in SEED_RECEIVERS}
    text = [_table(f"[{name}]" if name else "", values) for name, values in tables.items()]
    for name in providers:
        dialect = DIALECTS[name]
        provider = {
            "name": name,
            "kind": dialect.kind,
            "host": "127.0.0.1",
            "port": ports[name],
            "tls": "starttls",
            "server_name": dialect.server_name,
            "ca_file": str(layout.ca_file),
            "username": dialect.username,
            "password": {"file": str(layout.secrets / name)},
            **more.get(name, {}),
        }
        text.append(_table("[[provider]]", provider))
    for name in seeds:
        seed = {
            "name": name,
            "receiver": SEEDS[name].receiver,
            "address": SEEDS[name].address,
            "host": "127.0.0.1",
            "port": ports["imap"],
            "server_name": SERVER_NAME,
            "ca_file": str(layout.ca_file),
            "password": {"file": str(layout.secrets / name)},
        }
        text.append(_table("[[seed]]", seed))
    layout.product_config.write_text("\n".join(text))
    layout.product_config.chmod(0o600)


def _table(header: str, values: Mapping[str, Any]) -> str:
    lines = [header] if header else []
    return "\n".join([*lines, *(f"{key} = {_value(value)}" for key, value in values.items()), ""])


def _value(value: object) -> str:
    """Return a TOML value; strings and lists of them are spelled as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
