"""Observation files, and the command line with or without a configuration."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from probes.fact_json import fact_from_json, fact_to_json
from probes.observation import Fact
from tests.cli.conftest import daemon, lonely_shell, shell
from tests.cli.shell import Shell
from tests.cli.test_config import PROVIDER, SEED, VALID
from tests.core.failed_over import failed_over
from tests.core.story import SEEDS, A, B, C

__all__ = ["daemon", "lonely_shell", "shell"]


@pytest.fixture(scope="session")
def story_facts() -> tuple[Fact, ...]:
    """Two healthy sweeps and a round, then mailgun refuses connections and mail moves to sendgrid."""
    return tuple(fact_from_json(fact_to_json(fact)) for fact in failed_over().facts)


@pytest.fixture
def fact_file(tmp_path: Path) -> Callable[..., Path]:
    def write(facts: Sequence[Fact] | str, name: str = "facts.jsonl") -> Path:
        text = facts if isinstance(facts, str) else "".join(f"{fact_to_json(fact)}\n" for fact in facts)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def configured(lonely_shell: Shell) -> Shell:
    """A configuration of the story's providers and seeds whose secrets cannot be read; no daemon runs."""
    directory = lonely_shell.config.parent
    tables = [f'state_dir = "{directory}/state"\nmode = "enforce"\n', lonely_shell.config.read_text(), VALID]
    tables += [PROVIDER.format(name=name) for name in (A, B, C)]
    tables += [SEED.format(name=name, receiver=receiver) for name, receiver in SEEDS]
    lonely_shell.config.write_text("".join(tables))
    return lonely_shell
