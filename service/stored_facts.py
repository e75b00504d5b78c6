"""Recorded facts straight from the store, for when no daemon answers; nothing is written."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from probes.fact_json import fact_to_json
from service.clock import SystemClock
from service.config_file import read_settings
from service.setup import store_url
from service.store.store import open_store_for_reading


def stored_lines(config_path: Path, since: datetime | None) -> Iterator[str]:
    """Yield recorded facts as lines of an observation file, in recording order.

    Raises:
        ConfigError: the configuration cannot be read.
        StoreError: the store cannot be read, or there is none.
    """
    store = open_store_for_reading(store_url(read_settings(config_path)), SystemClock())
    try:
        for _, fact in store.facts(since=since):
            yield fact_to_json(fact)
    finally:
        store.close()
