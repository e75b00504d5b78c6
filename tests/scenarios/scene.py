"""One world with relaypilot at work in it, and the words in which scenarios are told."""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import time
from datetime import datetime

from deploy.sandbox.dialect import DIALECTS
from deploy.sandbox.world import World
from tests.scenarios.look_old import look_old
from tests.scenarios.settings import quick

ALL = tuple(DIALECTS)  # mailgun, sendgrid, acme: the order of preference


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout_seconds=60.0):
        super().__init__("relaypilot", timeout=timeout_seconds)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Scene:
    """A world whose daemon and helper run; every question goes through the API, every wait has an end."""

    def __init__(self, world):
        self.world = world
        self.helper = None
        self.daemon = None
        self._config = world.config_path.read_text()
        self._postfix = {path: path.read_text() for path in world.postfix.config_dir.glob("*.cf")}

    # Setting it.

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, *, started=True, taken_over=True, **options):
        options.setdefault("settings", quick())
        with World.temporary(**options) as world:
            scene = cls(world)
            if started:
                scene.start_helper()
                scene.start_daemon()
            if started and taken_over:
                scene.take_over()
            yield scene

    def start_helper(self):
        self.helper = self.world.start_helper()

    def start_daemon(self):
        self.daemon = self.world.start_daemon()

    def reset(self):
        """Have everything as if the world had just been started; what was mailed and logged stays."""
        self.daemon.stop()
        self.world.heal()
        directory, postfix = self.world.directory, self.world.postfix
        for path in (directory / "state", postfix.config_dir / "relaypilot"):
            shutil.rmtree(path, ignore_errors=True)
        for path in (directory / "helper").iterdir():  # the helper remembers nothing but what is there
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (directory / "daemon.log").unlink()
        self.world.config_path.write_text(self._config)
        for path, text in self._postfix.items():
            path.write_text(text)
            look_old(path)
        subprocess.run(["postsuper", "-c", postfix.config_dir, "-d", "ALL"], capture_output=True, check=True)
        postfix.reload()
        if self.helper.poll() is not None:
            self.start_helper()
        self.start_daemon()
        self.take_over()

    def take_over(self):
        """Given that every provider works, make the first one active."""
        self.all_work(within=40)
        first = self.status()["providers"][0]["name"]
        self.move_to(first)

    def on(self, provider):
        """Given healthy providers, put mail on this one."""
        if self.active() != provider:
            self.move_to(provider)

    # Asking.

    def ask(self, method, path, body=None):
        """Return (status, content) of one API call."""
        connection = UnixConnection(self.world.directory / "api.sock")
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, content = self.ask("GET", path)
        assert status == 200, f"GET {path}: {status} {content}"
        return json.loads(content)

    def post(self, path, body):
        status, content = self.ask("POST", path, body)
        assert status == 200, f"POST {path}: {status} {content}"
        return json.loads(content)

    def status(self):
        return self.get("/v1/status")

    def names(self):
        return [p["name"] for p in self.status()["providers"]]

    def sentence(self):
        return self.status()["sentence"]

    def route(self):
        return tuple(self.status()["route"]["reported"] or ())

    def active(self):
        return (self.route() or (None,))[0]

    def health(self, provider, receiver="*"):
        found = next(p for p in self.status()["providers"] if p["name"] == provider)
        if receiver == "*":
            return found["health"]
        return next(h for h in found["receivers"] if h["receiver"] == receiver)

    def history(self, limit=500):
        """Return the journal, oldest first."""
        return self.get(f"/v1/history?limit={limit}")[::-1]

    def moves(self, kind="applied"):
        return [row for row in self.history() if row["kind"] == kind]

    def facts(self, after=0):
        """Return every recorded fact after this number, oldest first, each with `at` as seconds."""
        found = []
        while True:
            connection = UnixConnection(self.world.directory / "api.sock")
            connection.request("GET", f"/v1/observations?after={after}&limit=10000")
            answer = connection.getresponse()
            lines, after = answer.read().decode().splitlines(), int(answer.headers["Relaypilot-Last-Seq"])
            connection.close()
            if not lines:
                return found
            found += [json.loads(line) for line in lines]
            for fact in found[-len(lines) :]:
                fact["at"] = seconds_of(fact["at"])

    def last_seq(self):
        after = 0
        while True:
            connection = UnixConnection(self.world.directory / "api.sock")
            connection.request("GET", f"/v1/observations?after={after}&limit=10000")
            answer = connection.getresponse()
            answer.read()
            last = int(answer.headers["Relaypilot-Last-Seq"])
            connection.close()
            if last == after:
                return last
            after = last

    def rounds_since(self, after, *, confirmations=True):
        """Return the message rounds of which an acceptance was recorded after this number, oldest first."""
        rounds = dict.fromkeys(
            f["round"]
            for f in self.facts(after)
            if f.get("signal") == "acceptance" and (confirmations or not f.get("confirmation"))
        )
        return list(rounds)

    def last_move(self):
        """Return the journal row of the latest change of the active provider."""
        return [row for row in self.moves() if row["rule"] != "standby-order"][-1]

    def log(self):
        """Return what the daemon has logged so far."""
        return (self.world.directory / "daemon.log").read_text(errors="replace")

    # Acting.

    def order(self, verb, provider=None, **more):
        body = {"verb": verb, "actor": "scenario", **more}
        if provider:
            body["provider"] = provider
        return self.post("/v1/overrides", body)

    def move_to(self, provider, **more):
        """Move by hand, without a pin."""
        return self.post("/v1/failover", {"to": provider, "for_seconds": 0, "actor": "scenario", **more})

    def hang_up(self):
        """Have the daemon read its configuration again."""
        self.daemon.signal(1)

    def change_config(self, old, new):
        """Replace a piece of relaypilot.toml that is there exactly once."""
        text = self.world.config_path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the configuration"
        self.world.config_path.write_text(text.replace(old, new))

    # Waiting.

    def until(self, true, within, what, every=0.15):
        """Return what `true` returns, as soon as it is true; fail with all that is known after `within` seconds."""
        end = time.monotonic() + within
        seen = None
        while True:
            try:
                if seen := true():
                    return seen
            except (OSError, http.client.HTTPException) as error:
                seen = error
            if time.monotonic() >= end:
                raise AssertionError(f"not within {within} s: {what}; seen last: {seen!r}\n{self.report()}")
            time.sleep(every)

    def all_work(self, within=45):
        """Wait until every provider is healthy."""

        def healthy():
            assert self.daemon.poll() is None, f"the daemon has ended:\n{self.log()[-2500:]}"
            return all(p["health"]["status"] == "healthy" for p in self.status()["providers"])

        self.until(healthy, within, "every provider is healthy")

    def leaves(self, provider, within):
        """Wait until Postfix's route begins with another provider; return which."""

        def elsewhere():
            active = self.active()
            return active if active not in (None, provider) else None

        return self.until(elsewhere, within, f"mail leaves {provider}")

    def stays(self, seconds=None, rounds=None, after=None):
        """Watch for so long, or for so many message rounds to close, and have the route stay what it is."""
        route, moves = self.route(), len(self.moves())
        after = self.last_seq() if after is None else after
        end = time.monotonic() + (seconds or 90)
        while time.monotonic() < end:
            assert self.route() == route, f"the route changed: {self.sentence()}\n{self.report()}"
            if rounds is not None and len(self.rounds_since(after, confirmations=False)) > rounds:
                break  # the last of them has just begun, so those before it have ended
            time.sleep(0.25)
        else:
            assert rounds is None, f"{rounds} rounds did not pass\n{self.report()}"
        assert len(self.moves()) == moves, f"mail was moved\n{self.report()}"

    # Live mail.

    def carrier(self, sent, within=20):
        """Return which provider took a live message, read from Postfix's log."""
        ports = {str(port): name for name, port in self.world.ports.items() if name in ALL}

        flushed = time.monotonic()

        def took():
            nonlocal flushed
            if time.monotonic() - flushed > 1.5:  # Postfix's own next try comes after five seconds
                self.world.postfix.flush()
                flushed = time.monotonic()
            for line in self.world.postfix.deliveries(sent.queue_id):
                if "status=sent" in line:
                    return ports[line.partition("relay=")[2].partition(",")[0].rpartition(":")[2]]
            return None

        return self.until(took, within, f"message {sent.queue_id} is taken by a provider")

    def settled(self, since, within=60):
        """Wait until every live message sent since then has ended somewhere; return their fates."""
        self.world.postfix.flush()
        flushed = time.monotonic()

        def ended():
            nonlocal flushed
            fates = [f for f in self.world.ledger.fates() if f.sent.at >= since]
            if any(f.place in ("queued", "underway") for f in fates):
                if time.monotonic() - flushed > 3:
                    self.world.postfix.flush()
                    flushed = time.monotonic()
                return None
            return fates or None

        return self.until(ended, within, "all live mail has ended somewhere", every=0.5)

    # Telling.

    def report(self):
        """Return what an engineer wants to see of a failed scenario."""
        parts = []
        with contextlib.suppress(Exception):
            status = self.status()
            parts += [f"sentence: {status['sentence']}", f"route: {status['route']}"]
            parts += [f"problem: {p}" for p in status["problems"]]
            parts += [f"{p['name']}: {p['health']['status']}: {p['health']['reason']}" for p in status["providers"]]
            events = [e for e in status["events"] if " at " not in e["sentence"].partition(" is ")[0]]
            parts += [f"event: {e['at'][11:19]} {e['sentence'][:300]}" for e in events[:15]]
        with contextlib.suppress(Exception):
            parts += [f"faults: {self.world.status()}"]
        for name in ("daemon.log", "helper.log"):
            with contextlib.suppress(OSError):
                parts.append(f"--- {name}\n" + (self.world.directory / name).read_text(errors="replace")[-2500:])
        with contextlib.suppress(OSError):
            lines = [line for line in self.world.postfix.log_text().splitlines() if "postfix-script" not in line]
            parts.append("\n".join(["--- mail.log", *lines[-15:]]))
        return "\n".join(parts)


def seconds_of(stamp):
    """Return an ISO time as seconds since the epoch."""
    return datetime.fromisoformat(stamp).timestamp()


def nothing_bounced_or_lost(fates):
    """Assert that every message arrived."""
    counts = {place: sum(f.place == place for f in fates) for place in {f.place for f in fates}}
    assert set(counts) <= {"inbox", "spam"}, f"{counts} of {len(fates)}: {[f for f in fates if not f.copies][:5]}"
