"""What a loaded configuration amounts to: policy, providers, seeds. Built at start and again at each reload."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probes.errors import ProbeError
from probes.seeds import Seed
from providers.base import Clock, Provider, TlsMode
from providers.dkim import DkimSigner
from providers.errors import ProviderError
from providers.registry import make_provider
from service.config import Config, ProbesTable, SeedTable
from service.config_file import policy_of
from service.decision.policy import Policy
from service.errors import RelaypilotError


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One configuration in force."""

    config: Config
    policy: Policy
    providers: Mapping[str, Provider]  # in order of preference
    seeds: tuple[Seed, ...]
    signer: DkimSigner | None = None  # of probes


def set_up(config: Config, clock: Clock) -> Setup:
    """Return providers, seeds and policy of a configuration; opens no connection.

    Raises:
        RelaypilotError: an adapter or a seed does not take its settings.
    """
    try:
        return _set_up(config, clock)
    except (ProviderError, ProbeError) as error:
        raise RelaypilotError(f"Setting up providers and seeds failed: {error}") from error


def _set_up(config: Config, clock: Clock) -> Setup:
    stage, total = config.probes.stage_timeout.total_seconds(), config.probes.total_timeout.total_seconds()
    providers = {
        settings.name: make_provider(settings, clock=clock, stage_timeout_seconds=stage, total_timeout_seconds=total)
        for settings in config.provider
    }
    return Setup(
        config=config,
        policy=policy_of(config),
        providers=providers,
        seeds=tuple(seed_of(table) for table in config.seed),
        signer=signer_of(config.probes),
    )


def signer_of(probes: ProbesTable) -> DkimSigner | None:
    """Return what signs probes; None: they go unsigned."""
    if probes.dkim_selector is None or probes.dkim_key is None:
        return None
    domain = probes.dkim_domain or probes.sender.rpartition("@")[2]
    return DkimSigner(domain=domain.lower(), selector=probes.dkim_selector, key=probes.dkim_key.get_secret_value())


def seed_of(table: SeedTable) -> Seed:
    """Return the seed that a [[seed]] table describes."""
    return Seed(
        name=table.name,
        receiver=table.receiver,
        address=table.address,
        host=table.host,
        port=table.port,
        tls=TlsMode(table.tls),
        server_name=table.server_name or table.host,
        ca_file=str(table.ca_file) if table.ca_file else None,
        username=table.username or table.address,
        password=table.password.get_secret_value(),
        junk=table.junk,
    )


def store_url(config: Config) -> str:
    """Return the store's SQLAlchemy URL: the configured one, else SQLite in the state directory."""
    return config.store.url or f"sqlite:///{Path(config.state_dir) / 'relaypilot.sqlite'}"
