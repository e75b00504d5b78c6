"""What the configuration declares of each provider, as values of the core. Pure."""

from collections.abc import Mapping

from providers.declared import DeclaredKeys
from service.config import Config
from service.decision.cost import Declared, Tariff


def declared_of(config: Config) -> Mapping[str, Declared]:
    """Return prices and declared attributes by provider; an adapter whose settings have no such keys has none."""
    named = [(str(settings.name), settings) for settings in config.provider]
    return {name: _declared(settings) for name, settings in named if isinstance(settings, DeclaredKeys)}


def _declared(settings: DeclaredKeys) -> Declared:
    prices = settings.price_per_thousand
    return Declared(
        tariff=Tariff(tiers=prices, currency=settings.currency) if prices else None,
        data_region=settings.data_region,
        retention=settings.retention,
        certifications=settings.certifications,
        support=settings.support,
    )
