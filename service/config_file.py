"""Read relaypilot.toml: either a whole configuration, or every mistake in it at once."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, create_model

from probes.well_known_receivers import WELL_KNOWN
from providers import registry
from providers.errors import ProviderError
from service.config import Config, SeedTable, Table
from service.config_draft import Draft, Entry
from service.config_problem import Report, Rule
from service.config_rules import check_rules
from service.config_table import Surroundings, add_unknown_key, check_table, model_in, shown
from service.decision.policy import Policy
from service.errors import ConfigError, PermissionNeededError

_LISTS = ("provider", "seed")


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Return the configuration, with secrets read from files beside it or from `environ`.

    Raises:
        ConfigError: `problems` lists every mistake, each with file, key, what was seen and the remedy.
    """
    report = Report(str(path))
    raw = _read(path, report)
    config = (
        _check(raw, Surroundings(directory=path.parent, environ=environ, report=report)) if raw is not None else None
    )
    if config is None:
        raise ConfigError(report.problems)
    return config


def read_settings(path: Path, base: Path | None = None) -> Config:
    """Return the configuration as its text shows it, without reading the secrets and certificates it names.

    With `base`, `path` may hold only what differs from that configuration.

    Raises:
        ConfigError: `problems` lists every mistake.
    """
    below: dict[str, Any] | None = {}
    if base is not None:
        base_report = Report(str(base))
        below = _read(base, base_report)
        if below is None:
            raise ConfigError(base_report.problems)
    report = Report(str(path))
    raw = _read(path, report)
    around = Surroundings(directory=path.parent, environ={}, report=report, reads_files=False)
    config = _check(_over(below or {}, raw), around) if raw is not None else None
    if config is None:
        raise ConfigError(report.problems)
    return config


def _over(below: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """Return one configuration laid over another: tables key by key, lists of tables as a whole."""
    merged = {**below, **raw}
    for key, table in raw.items():
        if isinstance(table, dict) and isinstance(under := below.get(key), dict):
            merged[key] = {**under, **table}
    return merged


def _read(path: Path, report: Report) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise PermissionNeededError(f"This user may not read {path}: run this as root.") from error
    except OSError as error:
        remedy = f"name another with --config, or write one: relaypilot config describe > {path}"
        report.add(Rule.NO_FILE, "", error.strerror or "unreadable", remedy)
    except UnicodeDecodeError:
        report.add(Rule.NOT_TOML, "", "not UTF-8 text", "save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        report.add(Rule.NOT_TOML, "", f"not TOML: {error}", "correct that line; https://toml.io describes the format")
    return None


def _check(raw: dict[str, Any], around: Surroundings) -> Config | None:
    """Return the configuration, or none; the report knows why."""
    report = around.report
    for key in sorted(raw.keys() - Config.model_fields.keys()):
        add_unknown_key(report, key, list(Config.model_fields))
    plain = check_table(_plain_model(), {key: raw[key] for key in raw.keys() & _plain_keys()}, "", around)
    tables: dict[str, Any] = {}
    for key, field in Config.model_fields.items():
        if key not in _LISTS and (model := model_in(field)) is not None:
            tables[key] = check_table(model, raw.get(key, {}), key, around)
    providers = _entries(raw, "provider", None, around)
    seeds = _entries(raw, "seed", SeedTable, around)
    draft = Draft(receivers=getattr(plain, "receivers", {}), providers=providers, seeds=seeds, **tables)
    check_rules(draft, report, reads_files=around.reads_files)
    if report.problems or plain is None:
        return None
    return Config(
        **dict(plain),
        **tables,
        provider=tuple(entry.table for entry in providers),
        seed=tuple(entry.table for entry in seeds if entry.table),
    )


def _plain_keys() -> set[str]:
    """Return the keys of the file that are no tables with a model."""
    return {key for key, field in Config.model_fields.items() if key not in _LISTS and model_in(field) is None}


def _plain_model() -> type[BaseModel]:
    """Return a model of those keys, so that a mistake in one table hides none in another."""
    fields: dict[str, Any] = {
        key: (Config.model_fields[key].annotation, Config.model_fields[key]) for key in _plain_keys()
    }
    return create_model("Plain", __base__=Table, **fields)


def _entries(raw: dict[str, Any], key: str, model: type[BaseModel] | None, around: Surroundings) -> list[Entry[Any]]:
    """Return the tables of a list; without `model` each names its kind, and the kind brings its own."""
    found = raw.get(key, [])
    if not isinstance(found, list):
        around.report.add(Rule.WRONG_TYPE, key, f"{shown(found)} where a list of tables belongs", f"write [[{key}]]")
        return []
    entries = []
    for place, table in enumerate(found, start=1):
        where = f"{key}[{place}]"
        name = table.get("name") if isinstance(table, dict) and isinstance(table.get("name"), str) else None
        own = model or _settings_model(table, where, around.report, name)
        checked = None if own is None else check_table(own, table, where, around, name)
        entries.append(Entry(key=where, name=name, table=checked))
    return entries


def _settings_model(table: Any, where: str, report: Report, name: str | None) -> type[BaseModel] | None:
    """Return the settings model of the kind that a [[provider]] table names."""
    if not isinstance(table, dict):
        report.add(Rule.WRONG_TYPE, where, f"{shown(table)} where a table belongs", "write [[provider]]")
        return None
    kinds, kind = list(registry.known_kinds()), table.get("kind")
    if kind is None:
        report.add(Rule.MISSING_KEY, f"{where}.kind", "missing", f"add it; known are {', '.join(kinds)}", name=name)
        return None
    if kind not in kinds:
        close = get_close_matches(str(kind), kinds, n=1)
        remedy = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(kinds)}"
        report.add(Rule.UNKNOWN_KIND, f"{where}.kind", f"no provider kind {shown(kind)}", remedy, name=name)
        return None
    try:
        return registry.load(kind).settings_model
    except ProviderError as error:
        report.add(Rule.UNKNOWN_KIND, f"{where}.kind", str(error), "install it again, or remove the table", name=name)
        return None


def policy_of(config: Config) -> Policy:
    """Return what the decision core needs of the configuration."""
    probes, policy = config.probes, config.policy
    return Policy(
        providers=tuple(settings.name for settings in config.provider),
        seeds=tuple((seed.name, seed.receiver) for seed in config.seed),
        mode=config.mode,
        failback=policy.failback,
        false_moves_per_year=policy.false_moves_per_year,
        tolerated_outage_seconds=policy.tolerated_outage.total_seconds(),
        session_interval_seconds=probes.session_interval.total_seconds(),
        round_interval_seconds=probes.round_interval.total_seconds(),
        round_deadline_seconds=probes.deadline.total_seconds(),
        late_seconds=probes.late_after.total_seconds(),
        confirmations=policy.confirmations,
        confirmation_spacing_seconds=policy.confirmation_spacing.total_seconds(),
        evidence_lifetime_seconds=policy.evidence_lifetime.total_seconds(),
        hold_down_seconds=policy.hold_down.total_seconds(),
        failback_rounds=policy.failback_rounds,
        moves_per_hour=policy.moves_per_hour,
        manual_pin_seconds=policy.manual_pin.total_seconds(),
        shares=policy.shares,
        lane_receivers=_lane_receivers(config),
        failback_shares=policy.failback_shares,
        ramp_shares=policy.ramp_shares,
        share_step_seconds=policy.share_step.total_seconds(),
        least_affected_ratio=policy.least_affected,
        warm_shares=tuple((s.name, share) for s in config.provider if (share := getattr(s, "warm_share", 0))),
        hourly_caps=tuple((s.name, cap) for s in config.provider if (cap := getattr(s, "max_per_hour", None))),
    )


def _lane_receivers(config: Config) -> tuple[str, ...]:
    """Return the receivers whose recipient domains are known, those with seeds first; none with one route for all."""
    if config.routing != "transport":
        return ()
    domains = {**WELL_KNOWN, **config.receivers}
    names = dict.fromkeys((*(seed.receiver for seed in config.seed), *config.receivers, *WELL_KNOWN))
    return tuple(name for name in names if domains.get(name))


def secrets_of(config: Config) -> Iterator[str]:
    """Yield every secret in use, for redaction."""
    tables: list[Any] = [config]
    while tables:
        found = tables.pop()
        if isinstance(found, SecretStr):
            yield found.get_secret_value()
        elif isinstance(found, BaseModel):
            tables += [value for _, value in found]
        elif isinstance(found, list | tuple):
            tables += found
