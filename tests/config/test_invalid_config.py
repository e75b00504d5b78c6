"""Each file in tests/invalid_config is whole but for one kind of mistake; its first lines say what must be answered."""

import shutil
from pathlib import Path

import pytest

from service.config_file import load_config
from service.config_problem import Rule
from service.errors import ConfigError

FOLDER = Path(__file__).parents[1] / "invalid_config"
FILES = sorted(FOLDER.glob("*.toml"))
ENVIRON = {"RELAY_PASSWORD": "relay-secret", "SEED_PASSWORD": "seed-secret", "API_TOKEN": "token-secret"}
WITHOUT_FILE = {Rule.NO_FILE}


def problems_of(name: str, directory: Path) -> list[tuple[str, str]]:
    """Return rule and sentence of each problem of a copy of the file; secrets are closed except `open`."""
    shutil.copytree(FOLDER, directory, dirs_exist_ok=True)
    for secret in (directory / "secrets").iterdir():
        secret.chmod(0o644 if secret.name == "open" else 0o640)
    file = directory / name
    file.write_text(file.read_text().replace("{directory}", str(directory)))
    with pytest.raises(ConfigError) as caught:
        load_config(file, ENVIRON)
    said = str(caught.value)
    assert not any(secret in said for secret in (*ENVIRON.values(), "hunter2"))
    return [(problem.rule, str(problem).replace(f"{directory}/", "")) for problem in caught.value.problems]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_mistake_is_listed_with_its_remedy(file: Path, tmp_path: Path) -> None:
    expected = [line.removeprefix("# ") for line in file.read_text().splitlines() if line.startswith("# ")]
    assert [f"{rule}: {sentence}" for rule, sentence in problems_of(file.name, tmp_path)] == expected


def test_every_rule_has_a_file_that_breaks_it() -> None:
    broken = {line.removeprefix("# ").split(":")[0] for file in FILES for line in file.read_text().splitlines()}
    assert {rule for rule in Rule if rule.value not in broken} == WITHOUT_FILE
    stems = {file.stem for file in FILES}
    assert {rule.value for rule in Rule} - stems == {rule.value for rule in WITHOUT_FILE}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nosuch\.toml: No such file .* write one: relaypilot config describe > /"):
        load_config(tmp_path / "nosuch.toml", {})
