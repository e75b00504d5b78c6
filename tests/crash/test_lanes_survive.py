"""The root helper dies by SIGKILL while a route with shares and lanes of receivers is replaced by another."""

import contextlib
import signal
import sys
from pathlib import Path

import pytest

from deploy.sandbox.processes import start_process
from deploy.sandbox.world import World
from service.decision.route import Route
from service.postfix.errors import HelperError
from tests.scenarios.routed import A, B, C, Routed, lane
from tests.scenarios.settings import quick

REPOSITORY = Path(__file__).parents[2]
OLD = (lane(A, B, **{B: 50}), lane(B, A, receiver="gmail"), lane(C, A, receiver="yahoo"))
NEW = (lane(B, C, **{C: 10}), lane(C, B, receiver="gmail", **{B: 50}), lane(A, C, receiver="microsoft"))
# A step and what it ends in: the route is the new one from the moment that main.cf is.
POINTS = [
    ("commit-files", "after", OLD),
    ("commit-services", "after", OLD),
    ("commit-settings", "after", NEW),
    ("canary", "before", NEW),
    ("record", "after", NEW),
]


class Doomed(Routed):
    """A world whose helper kills itself at the step that a file names."""

    def start(self):
        directory = self.world.directory
        self._doom = directory / "helper.doom"
        files = (self.world.config_path, directory / "helper.trace", self._doom)
        command = [sys.executable, str(Path(__file__).parent / "doomed.py"), "helper", *map(str, files)]
        environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        self.process = start_process(self.world.layout, "helper", command, environment=environment)
        self.until(self.answers, "the helper answers")

    def dies_at(self, step, when, lanes):
        self._doom.write_text(f"{step} {when}")
        with contextlib.suppress(HelperError):
            self.apply(*lanes)
        assert self.process.popen.wait(30) == -signal.SIGKILL
        self._doom.unlink()


@pytest.fixture(scope="module")
def routed():
    settings = quick(top={"routing": "transport"})
    with World.temporary(seeds=["gmail-1", "yahoo-1"], settings=settings) as world:
        routed = Doomed(world)
        routed.start()
        yield routed
        routed.process.stop()


@pytest.mark.parametrize(("step", "when", "ends_in"), POINTS, ids=[f"{when}-{step}" for step, when, _ in POINTS])
def test_mail_keeps_its_lanes_old_or_new_and_the_next_start_settles_which(routed, step, when, ends_in):
    routed.apply(*OLD)
    before = routed.helper.current()
    routed.dies_at(step, when, NEW)
    mail = {receiver: routed.send(3, receiver) for receiver in ("gmail", "yahoo", "microsoft")}
    carried = {receiver: set(routed.carriers(messages)) for receiver, messages in mail.items()}
    assert carried["gmail"] <= {B, C}
    assert carried["yahoo"] <= {C, B}
    assert carried["microsoft"] <= {A, B}
    routed.start()
    current = routed.helper.current()
    assert current.route == Route(lanes=ends_in)
    assert (current.drift, current.outdated, current.interrupted) == ((), (), False)
    lines = routed.helper.journal(before.generation - 1)
    assert [line.after for line in lines if line.outcome == "applied"][-1] == Route(lanes=ends_in)
    config_dir = routed.world.postfix.config_dir
    assert not list(config_dir.rglob("*.relaypilot-*"))
    assert len([path for path in config_dir.glob("relaypilot/*") if path.name.startswith("lanes-")]) == 1
