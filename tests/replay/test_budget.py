"""`relaypilot explain --budget` needs a configuration and nothing else."""

import re

import pytest

from tests.cli.shell import Shell


def test_every_test_with_its_threshold_and_share(configured: Shell) -> None:
    done = configured("explain", "--budget", "--json")
    assert done.status == 0, done.err
    found = done.json
    assert found["in_use"] == pytest.approx(sum(test["false_moves_per_year"] for test in found["tests"]))
    assert 0 < found["in_use"] <= found["false_moves_per_year"] == 1.0
    assert {test["signal"] for test in found["tests"]} >= {"session", "placement", "live"}
    assert {test["receiver"] for test in found["tests"]} == {"*", "gmail", "microsoft", "yahoo"}
    assert all(test["threshold"] > 0 and test["run_length"] > 1 for test in found["tests"])


def test_a_table_for_people(configured: Shell) -> None:
    out = configured("explain", "--budget").out
    assert out.startswith("false_moves_per_year = 1; the 31 tests use 0.")
    assert re.search(r"session +all +12% failing +[\d.]+ +[\d,]+ +[\d,.]+ years +0\.\d+ +\d\.\d%", out)
    assert re.search(r"session +all +3 in a row +3 +[\d,]+ +[\d,.]+ years +0\.\d+ +\d+\.\d%", out)
