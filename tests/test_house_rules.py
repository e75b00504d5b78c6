"""Rules of the house that a machine can hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.described_key import described_keys

ROOT = Path(__file__).parents[1]
PACKAGES = ("service", "providers", "probes", "deploy")
SOURCES = sorted(p for name in (*PACKAGES, "tests") for p in (ROOT / name).rglob("*.py"))
RELAYPILOT = Path(sys.executable).parent / "relaypilot"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_holds_two_ideas(path: Path):
    assert len(path.read_text().splitlines()) <= 400


def test_most_files_are_short():
    lengths = sorted(len(p.read_text().splitlines()) for p in SOURCES if "tests" not in p.parts)
    assert lengths[len(lengths) // 2] <= 150


def test_nothing_is_excluded_from_coverage_in_the_decision_core():
    found = [p for p in (ROOT / "service" / "decision").rglob("*.py") if "pragma: no cover" in p.read_text()]
    assert found == []


def test_our_own_modules_are_never_patched():
    own = re.compile(r"(mock\.patch|monkeypatch\.setattr)\(\s*[\"'f]*(service|providers|probes)\b")
    offenders = [p for p in (ROOT / "tests").rglob("*.py") if p != Path(__file__) and own.search(p.read_text())]
    assert offenders == []


def test_every_configuration_key_is_described():
    assert [key for key in described_keys() if not key.description] == []


def readme_commands() -> list[str]:
    """Return the commands of relaypilot that the README shows, without their arguments."""
    text = (ROOT / "README.md").read_text()
    found = re.findall(r"(?:^ {4}|\| `)relaypilot ([a-z]+(?: (?:check|describe))?)", text, re.MULTILINE)
    return sorted(set(found))


def test_the_readme_shows_commands():
    assert len(readme_commands()) >= 11


@pytest.mark.parametrize("command", readme_commands())
def test_commands_of_the_readme_exist(command: str):
    done = subprocess.run([RELAYPILOT, *command.split(), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", ["demo", "test", "setup", "check", "bench"])
def test_targets_of_the_readme_exist(target: str):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_documents_link_to_files_that_exist():
    broken = [
        f"{document.name}: {target}"
        for document in (*ROOT.glob("*.md"), *(ROOT / "deploy").glob("*.md"), *(ROOT / "providers").glob("*.md"))
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []
