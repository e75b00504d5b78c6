"""Configurations for tests that need no Postfix."""

from service.config import Config, PostfixTable, ProbesTable, SeedTable


def config_with_seeds(*seeds, canary_to=None):
    """Return a configuration with these (name, address) seeds."""
    return Config(
        probes=ProbesTable(sender="probe@sender.test"),
        postfix=PostfixTable(canary_to=canary_to),
        provider=(),
        seed=tuple(
            SeedTable(name=name, receiver="gmail", address=address, host="127.0.0.1", password="seed-secret")
            for name, address in seeds
        ),
    )
