"""A configuration as far as it could be read: what the rules between its tables look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from service.config import ApiTable, DnsTable, PolicyTable, PostfixTable, ProbesTable, SeedTable, StoreTable

Table = TypeVar("Table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[Table]):
    """One table of a list."""

    key: str  # "seed[1]"
    name: str | None  # as written, whether or not the rest is right
    table: Table | None  # none: values are missing or wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Each table, or none where its values are wrong; rules skip what they cannot see."""

    api: ApiTable | None
    postfix: PostfixTable | None
    probes: ProbesTable | None
    dns: DnsTable | None
    policy: PolicyTable | None
    store: StoreTable | None
    receivers: dict[str, tuple[str, ...]]
    providers: Sequence[Entry[Any]]
    seeds: Sequence[Entry[SeedTable]]
