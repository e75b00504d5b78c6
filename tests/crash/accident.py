"""A world in which daemon and helper are killed, and what must be true afterwards."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.processes import start_process
from deploy.sandbox.world import World
from service.clock import SystemClock
from service.decision.state import state_from_json
from service.store.store import open_store

REPOSITORY = Path(__file__).parents[2]
PROVIDERS = tuple(DIALECTS)
SETTINGS = {
    "probes": {
        "stage_timeout": "2s",
        "total_timeout": "5s",
        "deadline": "6s",
        "late_after": "4s",
        "poll_intervals": ["300ms", "500ms", "1s"],
    },
    "policy": {"failback": "off"},
    "postfix": {"canary_wait": "5s"},
}


class Connection(http.client.HTTPConnection):
    """HTTP over the daemon's socket."""

    def __init__(self, path, timeout_seconds=60):
        super().__init__("relaypilot", timeout=timeout_seconds)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Accident:
    """One world; daemon and helper are started anew as often as they die."""

    def __init__(self, world):
        self.world = world
        self.daemon = None
        self.helper = None
        self._checked = set()
        self._nexthops = {f"[127.0.0.1]:{world.ports[name]}": name for name in PROVIDERS}
        self._ports = {str(world.ports[name]): name for name in PROVIDERS}

    @classmethod
    @contextlib.contextmanager
    def temporary(cls):
        with World.temporary(
            seeds=["gmail-1"], session_interval="3s", round_interval="900s", settings=SETTINGS
        ) as world:
            accident = cls(world)
            try:
                accident.both_run()
                accident.failover(PROVIDERS[0])
                yield accident
            finally:
                accident.stop()

    # Starting, killing.

    def start_helper(self):
        self.helper = self._start("helper", self.world.directory / "helper.sock")

    def start_daemon(self):
        self.daemon = self._start("daemon", self.world.directory / "api.sock")

    def both_run(self):
        """Start what is dead."""
        for part, start in (("helper", self.start_helper), ("daemon", self.start_daemon)):
            if getattr(self, part) is None or getattr(self, part).poll() is not None:
                start()

    def stop(self):
        for process in (self.daemon, self.helper):
            if process is not None:
                process.stop()

    def doom(self, part, step, when, *pids):
        """Have a part kill itself when it next comes to this step, and these processes with it."""
        self._doom(part).write_text(f"{step} {when} {' '.join(map(str, pids))}")

    def died(self, part, within=30):
        """Assert that a doomed part has died by SIGKILL; what is started next is not doomed."""
        process = getattr(self, part)
        try:
            code = process.popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"the {part} did not come to its step in {self.steps(part)}\n{self.report()}"
            ) from None
        assert code == -signal.SIGKILL, f"the {part} ended with {code}\n{self.report()}"
        self._doom(part).unlink(missing_ok=True)

    def start_dying(self, part, step, when):
        """Start a part that dies at this step of its start."""
        self.doom(part, step, when)
        setattr(self, part, self._spawn(part))
        self.died(part)

    def steps(self, part):
        """Return the steps that a part went through since its start, as (step, when)."""
        return [tuple(line.split()) for line in self._trace(part).read_text().splitlines()]

    def _start(self, part, path):
        process = self._spawn(part)

        def answers():
            assert process.poll() is None, f"the {part} ended\n{self.report()}"
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                return True

        self.until(answers, 30, f"the {part} listens")
        return process

    def _spawn(self, part):
        self._trace(part).write_text("")
        program = Path(__file__).parent / "doomed.py"
        files = (self.world.config_path, self._trace(part), self._doom(part))
        return start_process(
            self.world.layout,
            part,
            [sys.executable, str(program), part, *map(str, files)],
            environment={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )

    def _trace(self, part):
        return self.world.directory / f"{part}.trace"

    def _doom(self, part):
        return self.world.directory / f"{part}.doom"

    # Asking.

    def ask(self, method, path, body=None, timeout_seconds=60):
        """Return (status, answer) of one call of the API."""
        connection = Connection(self.world.directory / "api.sock", timeout_seconds)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.headers["Content-Type"].endswith("json"), f"{answer.status} {content}\n{self.report()}"
            return answer.status, json.loads(content)
        finally:
            connection.close()

    def status(self):
        code, answer = self.ask("GET", "/v1/status")
        assert code == 200, answer
        return answer

    def failover(self, to):
        self.all_work()
        code, answer = self.ask("POST", "/v1/failover", {"to": to, "for_seconds": 0, "actor": "tester"})
        assert code == 200, f"{answer}\n{self.report()}"
        assert answer["outcome"] == "applied"
        return answer

    def failover_cut_short(self, to):
        """Ask for a move during which a part dies; return the daemon's status code, or None when it died itself."""
        self.all_work()
        try:
            return self.ask("POST", "/v1/failover", {"to": to, "for_seconds": 0, "actor": "tester"})[0]
        except (OSError, http.client.HTTPException):
            return None

    def all_work(self):
        def healthy():
            if self.ask("GET", "/readyz")[0] != 200:  # what it held before it was killed is not yet judged anew
                return False
            return all(p["health"]["status"] == "healthy" for p in self.status()["providers"])

        self.until(healthy, 30, "every provider is healthy")

    def route(self):
        """Return the providers of relayhost, first choice first."""
        return tuple(self._nexthops[hop.strip()] for hop in self.world.postfix.postconf("relayhost").split(","))

    def carrier(self):
        """Send one message and return which relay took it."""
        sent = self.world.send()

        def took():
            for line in self.world.postfix.deliveries(sent.queue_id):
                if "status=sent" in line:
                    return self._ports[line.partition("relay=")[2].partition(",")[0].rpartition(":")[2]]
            return None

        return self.until(took, 20, f"message {sent.queue_id} is taken by a relay")

    def journal(self):
        """Return {request: kinds} of the daemon's journal, intentions and outcomes of moves only."""
        with self._store() as store:
            found = {}
            for entry in reversed(store.journal.history(limit=10_000)):
                if str(entry.kind) != "detected":
                    found.setdefault(entry.request_id, []).append(str(entry.kind))
            return found

    def folded_route(self):
        """Return the providers of the route that the stored state holds; none before the first."""
        with self._store() as store:
            route = state_from_json(store.snapshot().state).context.route
        return () if route is None else route.providers

    @contextlib.contextmanager
    def _store(self):
        store = open_store(f"sqlite:///{self.world.directory}/state/relaypilot.sqlite", SystemClock())
        try:
            yield store
        finally:
            store.close()

    # What must be true.

    def postfix_is_sound(self, *routes):
        """Assert that Postfix has one of these routes, whole, and that mail takes the first relay of one of them."""
        assert self.route() in routes, self.report()
        self._postfix_check()
        assert self.world.postfix.running()
        assert self.carrier() in {route[0] for route in routes}

    def _postfix_check(self):
        """Assert that `postfix check` finds nothing; it takes half a second, so not twice with the same files."""
        directory = self.world.postfix.config_dir
        paths = [*directory.glob("*"), *directory.glob("relaypilot/*")]
        files = frozenset((p.name, p.stat().st_mode, p.stat().st_uid, p.read_bytes()) for p in paths if p.is_file())
        if files not in self._checked:
            command = ["postfix", "-c", str(directory), "check"]
            check = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            assert (check.returncode, check.stderr) == (0, ""), check
            self._checked.add(files)

    def agrees(self, within=20):
        """Assert that journal, folded state, status and Postfix agree, and that nothing is left of a move cut short."""
        self.until(self._in_agreement, within, "journal, state, status and Postfix agree")
        self._journals_tell_the_same()
        directory = self.world.directory
        assert [*directory.glob("pf/**/*.relaypilot-*"), *directory.glob("helper/*.relaypilot-*")] == []
        assert {path.name for path in (directory / "helper").iterdir()} == {
            "journal.jsonl",
            "lock",
            "original",
            "state.json",
        }
        assert self.carrier() == self.route()[0]

    def _in_agreement(self):
        status, route = self.status()["route"], self.route()
        return (
            all(len(kinds) == (2 if "intended" in kinds else 1) for kinds in self.journal().values())
            and tuple(status["reported"] or ()) == tuple(status["assigned"] or ()) == route
            and status["problem"] is None
            and self.folded_route() == route
        )

    def _journals_tell_the_same(self):
        ours, theirs = self.journal(), {}
        for line in (self.world.directory / "helper/journal.jsonl").read_text().splitlines():
            values = json.loads(line)
            theirs.setdefault(values["request_id"], []).append(values["outcome"])
        for request, outcomes in theirs.items():
            told = [kind.replace("imported", "applied") for kind in ours[request] if kind != "intended"]
            assert outcomes == told, f"{request}: {told} in the daemon's journal, {outcomes} in the root side's"
        never_begun = {kind for request, kinds in ours.items() if request not in theirs for kind in kinds}
        assert never_begun <= {"intended", "failed"}

    def still_moves(self):
        """Assert that another failover works, and keeps everything in agreement."""
        other = next(name for name in PROVIDERS if name != self.route()[0])
        self.failover(other)
        assert self.route()[0] == other
        assert self._in_agreement(), self.report()

    def until(self, true, within, what):
        end, seen = time.monotonic() + within, None
        while True:
            try:
                if seen := true():
                    return seen
            except (OSError, http.client.HTTPException) as error:
                seen = error
            assert time.monotonic() < end, f"not within {within} s: {what}; seen last: {seen!r}\n{self.report()}"
            time.sleep(0.03)

    def report(self):
        parts = []
        with contextlib.suppress(Exception):
            parts.append(json.dumps(self.status()["route"]))
            parts += [event["sentence"] for event in self.status()["events"][:10]]
        with contextlib.suppress(Exception):
            parts += [f"relayhost: {self.route()}", f"folded: {self.folded_route()}", f"journal: {self.journal()}"]
        for name in ("daemon.log", "helper.log", "helper/journal.jsonl"):
            with contextlib.suppress(OSError):
                parts.append(f"--- {name}\n" + (self.world.directory / name).read_text(errors="replace")[-2000:])
        return "\n".join(parts)
