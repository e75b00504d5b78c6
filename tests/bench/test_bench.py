"""The benchmarks run, and print every figure with its goal and conditions; how good a figure is, is not tested here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import BENCHMARKS
from tests.bench.figure import Figure, as_text

DECISIONS = ("all is well", "one is ill at one receiver", "all are ill at a receiver")
REPOSITORY = Path(__file__).parents[2]


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="a real Postfix needs root")
@pytest.mark.parametrize(
    ("name", "goals"),
    [
        ("decide", dict.fromkeys(map("decide: {}".format, DECISIONS), 1.0)),
        ("idle", {"idle memory": 100, "idle cpu": 1}),
        ("move", {"failover against bare commands": 1, "failover --to": None, "bare commands": None}),
        ("start", {"start of failover --help": None, "start of relaypilot status": None}),
        (
            "submission",
            {
                "submission": None,
                "submission with sessions used again": None,
                "submission memory": None,
                "classification of repeated replies": 10,
                "classification of distinct replies": None,
            },
        ),
    ],
)
def test_a_benchmark_prints_its_figures_with_goals_and_conditions(name, goals):
    done = bench(name, "--short", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {figure["name"]: figure["goal"] for figure in found["figures"]} == goals
    for figure in found["figures"]:
        assert figure["value"] > 0 or figure["name"] == "idle cpu"
        assert figure["conditions"]
        assert figure["verdict"] in (("no goal",) if figure["goal"] is None else ("met", "missed"))
    assert {"cores", "postfix", "python", "load_before"} <= set(found["machine"])


def test_a_figure_is_met_below_its_goal_and_missed_from_there_on():
    def figure(value, goal):
        return Figure(name="x", value=value, unit="MB", goal=goal, conditions="at rest")

    assert [figure(value, 100).verdict for value in (99.9, 100, 101)] == ["met", "missed", "missed"]
    text = as_text([figure(101.0, 100), figure(3.0, None)], {"cores": 2})
    assert text.splitlines() == [
        "machine: cores 2",
        "x: 101 MB, goal under 100: missed",
        "    at rest",
        "x: 3 MB: no goal",
        "    at rest",
    ]


def test_an_unknown_benchmark_is_refused_by_name():
    done = bench("speed")
    assert done.returncode == 2
    assert f"no such benchmark: speed; there are {', '.join(BENCHMARKS)}" in done.stderr
