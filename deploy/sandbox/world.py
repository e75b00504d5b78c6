"""The sandbox world: three relays, seed inboxes, a real Postfix, and relaypilot beside it, in one directory."""

import contextlib
import json
import os
import secrets
import shutil
import smtplib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.sandbox.api_keys import mailgun_keys, sendgrid_keys
from deploy.sandbox.authority import write_certificates
from deploy.sandbox.control import ask
from deploy.sandbox.dialect import API_NAMES, DIALECTS
from deploy.sandbox.dovecot import SERVER_NAME, Dovecot
from deploy.sandbox.errors import NotRunningError, NotStartedError
from deploy.sandbox.layout import Layout, prepare
from deploy.sandbox.ledger import Ledger, Sent
from deploy.sandbox.listener import free_port
from deploy.sandbox.load import Load
from deploy.sandbox.people import LIVE_SENDER, PROBE_SENDER, SEEDS, SENDING_DOMAIN, live_users
from deploy.sandbox.postfix import Postfix, look_old
from deploy.sandbox.processes import Process, end_recorded, start_process
from deploy.sandbox.product import Settings, write_config

DEFAULT_DIRECTORY = Path("/tmp/relaypilot-sandbox")  # noqa: S108  used only when it is root's own
_OURS = ("tls", "secrets", "mail", "pf", "dc", "state", "helper")
_OUR_FILES = ("*.log", "*.sock", "ctl", "world.json", "ledger.jsonl", "relaypilot.toml", "dovecot.conf", "users*")
_REPOSITORY = Path(__file__).parents[2]


class World:
    """A running sandbox; as a context manager it stops everything at the end."""

    def __init__(self, layout: Layout, ports: dict[str, int]) -> None:
        self.layout = layout
        self.directory = layout.directory
        self.ports = ports  # "mailgun", "sendgrid", "acme", "imap", "smtp", "dns", "mailgun_api", "sendgrid_api"
        self.ca_file = layout.ca_file
        self.config_path = layout.product_config
        self.postfix = Postfix(layout, ports["smtp"])
        self.dovecot = Dovecot(layout, ports["imap"])
        self.ledger = Ledger(layout, self.postfix)
        self._simulators: Process | None = None
        self._products: list[Process] = []

    @classmethod
    def start(
        cls,
        directory: Path | str = DEFAULT_DIRECTORY,
        *,
        providers: Sequence[str] = tuple(DIALECTS),
        seeds: Sequence[str] = tuple(SEEDS),
        session_interval: str | None = None,
        round_interval: str | None = None,
        mode: str = "enforce",
        settings: Settings | None = None,
        apis: bool = False,
    ) -> Self:
        """Start a fresh world in the directory and return it; what an earlier one left there is ended first.

        `providers`, `seeds`, the intervals ("2s") and `settings` ({"policy": {"hold_down": "5s"}}, "" for the top
        level) go into relaypilot.toml; all three relays run in any case. With `apis` the keys and addresses of the
        HTTP APIs go there too; these run in any case as well.

        Raises:
            NotPossibleHereError: no root, or an unsuitable directory.
            NotStartedError: a part did not come up.
        """
        layout = prepare(Path(directory))
        end_leftovers(layout)
        _wipe(layout)
        layout = prepare(Path(directory))
        ports = _distinct_ports((*DIALECTS, "imap", "smtp", "dns", *(f"{name}_api" for name in API_NAMES)))
        world = cls(layout, ports)
        try:
            merged = {name: dict(values) for name, values in (settings or {}).items()}
            merged.setdefault("", {}).setdefault("mode", mode)
            for key, interval in (("session_interval", session_interval), ("round_interval", round_interval)):
                if interval is not None:
                    merged.setdefault("probes", {})[key] = interval
            world._bring_up(providers, seeds, merged, apis=apis)
        except BaseException:
            world.stop()
            raise
        return world

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, **options: Any) -> Iterator[Self]:
        """Start in a fresh directory of its own and remove that at the end; options as for `start`."""
        directory = Path(tempfile.mkdtemp(prefix="rp-", dir="/tmp"))
        directory.chmod(0o755)
        try:
            with cls.start(directory, **options) as world:
                yield world
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _bring_up(self, providers: Sequence[str], seeds: Sequence[str], settings: Settings, *, apis: bool) -> None:
        passwords = {name: _write_secret(self.layout.secrets / name) for name in (*DIALECTS, *SEEDS)}
        keys = {"mailgun": mailgun_keys(), "sendgrid": sendgrid_keys(passwords["sendgrid"])}
        plan = {"ports": self.ports, "passwords": {name: passwords[name] for name in DIALECTS}, "keys": keys}
        self.layout.plan.touch(mode=0o600)
        self.layout.plan.write_text(json.dumps(plan))
        write_certificates(
            self.layout.certificates,
            (SERVER_NAME, *(dialect.server_name for dialect in DIALECTS.values()), *API_NAMES.values()),
            also=dict.fromkeys(API_NAMES.values(), ("localhost", "127.0.0.1")),
        )
        people = {address: secrets.token_urlsafe(9) for address in (*live_users(), LIVE_SENDER, PROBE_SENDER)}
        self.dovecot.configure(people | {SEEDS[name].address: passwords[name] for name in SEEDS})
        self.postfix.configure()
        more = {name: self._api_settings(name, keys[name]) for name in API_NAMES} if apis else {}
        write_config(self.layout, self.ports, providers, seeds, settings, more)
        with ThreadPoolExecutor(3) as pool:
            parts = [pool.submit(f) for f in (self._start_simulators, self.dovecot.start, self.postfix.start)]
        for part in parts:
            part.result()

    def _start_simulators(self) -> None:
        command = [sys.executable, "-m", "deploy.sandbox", "relays", "--dir", str(self.directory)]
        self._simulators = start_process(
            self.layout,
            "relays",
            command,
            environment={"PYTHONPATH": str(_REPOSITORY), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        output = self._simulators.popen.stdout
        if output is None or output.readline() != b"ready\n":
            raise NotStartedError(f"The relay simulators did not start: {self._simulators.text()[-500:].strip()}")

    def __enter__(self) -> Self:
        """Return the running world."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.stop()

    def stop(self) -> None:
        """Stop every process of this world; its files stay."""
        with ThreadPoolExecutor(3) as pool:
            parts = [pool.submit(f) for f in (self._stop_products, self.postfix.stop, self.dovecot.stop)]
        for part in parts:
            part.result()
        if self._simulators:
            for pipe in (self._simulators.popen.stdin, self._simulators.popen.stdout):
                if pipe:
                    pipe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._simulators.popen.wait(5)
            self._simulators.stop()
        end_recorded(self.layout)

    def _stop_products(self) -> None:
        for process in self._products:
            process.stop()

    # Faults and what the relays saw.

    def fault(self, target: str, fault: str, *args: object, share: float | None = None) -> None:
        """Switch a fault on at a provider, at "all", at a seed, or at "host".

        Raises:
            UnknownFaultError: no such target or fault, or a bad argument.
        """
        request = {"do": "fault", "target": target, "fault": fault, "args": [str(a) for a in args], "share": share}
        ask(self.layout.control, request)

    def heal(self, target: str | None = None, fault: str | None = None) -> None:
        """Switch one or all faults off, of one target or of all."""
        ask(self.layout.control, {"do": "heal", "target": target, "fault": fault})

    def status(self) -> dict[str, Any]:
        """Return the faults that are on, and each relay's counts."""
        return ask(self.layout.control, {"do": "status"})

    def accepted(self, provider: str) -> list[dict[str, Any]]:
        """Return what a relay accepted: id, at, sender, recipient, sha256, size_bytes, sandbox_id, fate."""
        return list(ask(self.layout.control, {"do": "accepted", "since": {}})[provider])

    def auth_seen(self, provider: str) -> list[dict[str, Any]]:
        """Return every AUTH attempt a relay saw: at, username, password, accepted, tls."""
        return list(ask(self.layout.control, {"do": "logins"})[provider])

    def password(self, name: str) -> str:
        """Return the password of a provider or seed."""
        return (self.layout.secrets / name).read_text()

    # The HTTP APIs.

    def api_url(self, provider: str) -> str:
        """Return the base URL of a provider's HTTP API; its certificate is the sandbox authority's."""
        return f"https://127.0.0.1:{self.ports[f'{provider}_api']}"

    def keys(self, provider: str) -> dict[str, str]:
        """Return a provider's keys: api_key, and what `api_keys` names beside it."""
        return dict(json.loads(self.layout.plan.read_text())["keys"][provider])

    def post_webhooks(self, provider: str, url: str) -> None:
        """Have a provider post its events to this URL; to none if it is empty."""
        ask(self.layout.control, {"do": "webhook", "target": provider, "url": url})

    def webhooks_posted(self, provider: str) -> list[dict[str, Any]]:
        """Return every POST that a provider's webhooks made: at, events, status (0: no answer)."""
        return list(ask(self.layout.control, {"do": "posted"})[provider])

    def api_calls(self, provider: str) -> list[dict[str, Any]]:
        """Return the last calls of a provider's API: at, method, target, headers, body (base64), status."""
        return list(ask(self.layout.control, {"do": "calls", "target": provider})["calls"])

    def _api_settings(self, name: str, keys: dict[str, str]) -> dict[str, Any]:
        """Return what a [[provider]] table says of the HTTP API; secrets stand in files."""
        settings: dict[str, Any] = {"api_url": self.api_url(name)}
        if name == "mailgun":
            settings["domain"] = SENDING_DOMAIN
        for key, value in keys.items():
            if key == "webhook_public_key":
                settings[key] = value
            elif key != "webhook_private_key":  # the provider's own
                path = self.layout.secrets / f"{name}_{key}"
                path.touch(mode=0o600)
                path.write_text(value)
                settings[key] = {"file": str(path)}
        return settings

    # Live mail.

    def send(
        self,
        sender: str = LIVE_SENDER,
        recipient: str | None = None,
        *,
        subject: str = "Your weekly summary",
        headers: dict[str, str] | None = None,
        body: str = "Hello,\n\nnothing special happened this week.\n",
    ) -> Sent:
        """Send one message through Postfix, write it into the ledger, and return its id and queue id."""
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=20) as connection:
            return self.ledger.inject(connection, sender, recipient or live_users()[0], subject, headers or {}, body)

    def load(self, per_second: float) -> Load:
        """Return a generator of live mail; start() it or use it as a context manager."""
        return Load(self.ledger, self.ports["smtp"], per_second)

    def use_stock_route(self, *providers: str) -> None:
        """Route all mail as an administrator without relaypilot would: these relays in one relayhost list."""
        nexthops = {f"[127.0.0.1]:{self.ports[name]}": DIALECTS[name] for name in providers}
        logins = self.layout.secrets / "stock_logins"
        logins.touch(mode=0o600)
        logins.write_text("".join(f"{hop} {d.username}:{self.password(d.name)}\n" for hop, d in nexthops.items()))
        policy = self.postfix.config_dir / "stock_tls"
        policy.write_text("".join(f"{hop} secure match={d.server_name}\n" for hop, d in nexthops.items()))
        look_old(logins)
        look_old(policy)
        self.postfix.set(
            relayhost=", ".join(nexthops),
            smtp_sasl_auth_enable="yes",
            smtp_sasl_security_options="noanonymous",
            smtp_sasl_password_maps=f"texthash:{logins}",
            smtp_tls_policy_maps=f"texthash:{policy}",
            smtp_tls_CAfile=str(self.ca_file),
        )

    # relaypilot itself, by command line only.

    def start_helper(self, **environment: str) -> Process:
        """Start `relaypilot helper`; its output goes to helper.log."""
        return self._start_product("helper", environment)

    def start_daemon(self, **environment: str) -> Process:
        """Start `relaypilot run`; its output goes to daemon.log."""
        return self._start_product("daemon", environment)

    def command(self, *args: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a relaypilot command (`command("status", "--json")`) against this world and return what it did."""
        return subprocess.run(
            [_program("relaypilot"), *args, "--config", str(self.config_path)],
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            cwd=self.directory,
            check=False,
        )

    def _start_product(self, name: str, environment: dict[str, str]) -> Process:
        verb = "run" if name == "daemon" else name
        command = [_program("relaypilot"), verb, "--config", str(self.config_path)]
        process = start_process(self.layout, name, command, environment={**os.environ, **environment})
        self._products.append(process)
        return process


def end_leftovers(layout: Layout, *, but: int | None = None) -> list[str]:
    """End whatever a world that crashed has left running in this directory; return the names of what was ended."""
    ended = end_recorded(layout, but=but)
    postfix, dovecot = Postfix(layout, 0), Dovecot(layout, 0)
    if (layout.postfix / "main.cf").exists() and postfix.running():
        postfix.stop()
        ended.append("postfix")
    if dovecot.is_ours():
        dovecot.stop()
        ended.append("dovecot")
    return ended


def attach(directory: Path | str = DEFAULT_DIRECTORY) -> World:
    """Return the world that runs in the directory, started by another process.

    Raises:
        NotRunningError: there is none.
    """
    layout = Layout(Path(directory).absolute())
    try:
        ports = json.loads(layout.plan.read_text())["ports"]
    except (OSError, ValueError, KeyError):
        raise NotRunningError(f"No sandbox is running in {directory}; start one first.") from None
    world = World(layout, ports)
    world.status()
    return world


def _wipe(layout: Layout) -> None:
    """Remove what an earlier world wrote, and nothing else."""
    if not layout.plan.exists():
        return
    for name in _OURS:
        shutil.rmtree(layout.directory / name, ignore_errors=True)
    for pattern in _OUR_FILES:
        for path in layout.directory.glob(pattern):
            path.unlink()


def _distinct_ports(names: Sequence[str]) -> dict[str, int]:
    ports: dict[str, int] = {}
    while len(ports) < len(names):
        port = free_port()
        if port not in ports.values():
            ports[names[len(ports)]] = port
    return ports


def _write_secret(path: Path) -> str:
    secret = secrets.token_urlsafe(18)
    path.touch(mode=0o600)
    path.write_text(secret)
    return secret


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)
