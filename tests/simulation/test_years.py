"""The simulated years in small: weeks that are the same in every run. The years themselves are a benchmark."""

import ast
import random
from pathlib import Path

import pytest

from tests.simulation import world
from tests.simulation.judge import Judge
from tests.simulation.world import DAY, HOUR, PROVIDERS, Fault, Noise, World
from tests.simulation.years import ill_year, noisy_year, upper_bound

QUIET = Noise(failing_ratio=0.0, late_ratio=0.0, missing_ratio=0.0, spam_ratios=(("one", 0.0), ("two", 0.0)))


def test_the_world_imports_nothing_of_what_judges_it() -> None:
    tree = ast.parse(Path(world.__file__).read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not [name for name in names if name.split(".")[0] in ("service", "probes", "providers", "tests")]


def test_weeks_of_noise_move_no_mail() -> None:
    outcome = noisy_year(2, days=28.0, observing_days=7.0)
    assert outcome.facts > 4000
    assert outcome.moves == ()


def test_weeks_of_faults_are_found_and_nobody_is_blamed_wrongly() -> None:
    outcome = ill_year(0, faults=8, days=28.0)
    assert outcome.detected
    assert all(delay is not None for _, delay in outcome.detected)
    assert outcome.wrong_moves == ()
    assert len(outcome.moves) >= len(outcome.detected) / 2


@pytest.mark.parametrize("kind", ["seed_suppressed", "seed_full", "local_net", "bad_recipient", "bad_content"])
def test_what_is_not_the_provider_s_moves_no_mail(kind: str) -> None:
    where = "gmail-1" if kind.startswith("seed") or kind == "bad_recipient" else ""
    fault = Fault(kind=kind, begins=2 * DAY, ends=6 * DAY, where=where)
    judge = Judge(World(random.Random(1), QUIET, (fault,))).run(8 * DAY)
    assert judge.moves == []
    assert judge.held_ill == []


@pytest.mark.parametrize("kind", ["down", "suspended", "partial", "drop", "spam", "late"])
def test_what_is_the_provider_s_is_found(kind: str) -> None:
    fault = Fault(kind=kind, begins=2 * DAY, ends=6 * DAY, where=PROVIDERS[0])
    judge = Judge(World(random.Random(1), QUIET, (fault,))).run(6 * DAY)
    move = judge.moves[0]
    assert (move.left, move.trigger) == (PROVIDERS[0], "automatic")
    assert 2 * DAY <= move.at < 4 * DAY
    if kind in ("down", "suspended"):
        assert move.at < 2 * DAY + 1.5 * HOUR


@pytest.mark.parametrize(("events", "bound"), [(0, 2.996), (1, 4.744), (10, 16.962), (100, 118.1)])
def test_the_upper_bound_is_that_of_the_tables(events: int, bound: float) -> None:
    assert upper_bound(events, 1.0) == pytest.approx(bound, rel=1e-3)
