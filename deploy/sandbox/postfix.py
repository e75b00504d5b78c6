"""A private Postfix: submission on a loopback port, own queue, own log, no relay until somebody writes a route."""

import json
import os
import pwd
import re
import smtplib
import subprocess
import time
from pathlib import Path
from typing import Any

from deploy.sandbox.errors import NotStartedError
from deploy.sandbox.layout import Layout
from deploy.sandbox.people import SENDING_DOMAIN

_DIST = Path("/usr/share/postfix/master.cf.dist")
_NAME_JAIL = ("smtp", "relay")  # stock delivery agents


def _main_cf(layout: Layout) -> str:
    return f"""# A private Postfix for the sandbox.
compatibility_level = 3.6
queue_directory = {layout.postfix}/q
data_directory = {layout.postfix}/data
maillog_file = {layout.mail_log}
maillog_file_prefixes = {layout.directory}
multi_instance_name = postfix-sandbox
multi_instance_enable = yes
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.{SENDING_DOMAIN}
mydomain = {SENDING_DOMAIN}
myorigin = {SENDING_DOMAIN}
mydestination =
local_transport = error:5.1.1 no local mailboxes here
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
enable_long_queue_ids = yes
minimal_backoff_time = 5s
maximal_backoff_time = 20s
queue_run_delay = 5s
"""


def _master_cf(port: int) -> str:
    lines = []
    for line in _DIST.read_text().splitlines():
        fields = line.split(None, 7)
        if (
            not line
            or line.startswith("#")
            or line[0].isspace()
            or (fields[1] == "unix" and fields[7].startswith("pipe"))
        ):
            continue
        if fields[:2] == ["smtp", "inet"]:
            fields[0] = f"127.0.0.1:{port}"
        # No chroot, except for the stock delivery agents: their empty jail has no resolv.conf, so a domain that
        # no route catches is asked for at 127.0.0.1 only and never in the real DNS.
        fields[4] = "y" if fields[1] == "unix" and fields[0] in _NAME_JAIL else "n"
        lines.append("  ".join(fields))
    return "\n".join(lines) + "\n"


def look_old(path: Path) -> None:
    """Set a file's time back: Postfix re-reads a file until it is two seconds old, and waits for that."""
    past = time.time() - 10
    os.utime(path, (past, past))


class Postfix:
    """One private instance."""

    def __init__(self, layout: Layout, port: int) -> None:
        self.config_dir = layout.postfix
        self.log = layout.mail_log
        self.smtp_port = port
        self._layout = layout

    def configure(self) -> None:
        """Write main.cf and master.cf with stock relay settings."""
        self.config_dir.mkdir(mode=0o755, exist_ok=True)
        for name in ("q", "data"):
            (self.config_dir / name).mkdir(mode=0o755, exist_ok=True)
        owner = pwd.getpwnam("postfix")
        os.chown(self.config_dir / "data", owner.pw_uid, -1)
        for name, text in (("main.cf", _main_cf(self._layout)), ("master.cf", _master_cf(self.smtp_port))):
            path = self.config_dir / name
            path.write_text(text)
            look_old(path)

    def start(self) -> None:
        """Start and return when it takes mail.

        Raises:
            NotStartedError: with Postfix's own words.
        """
        done = self._run("postfix", "start")
        deadline = time.monotonic() + 10
        while done.returncode == 0 and time.monotonic() < deadline:
            try:
                with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=5):
                    return
            except OSError:
                time.sleep(0.02)
        raise NotStartedError(f"Postfix did not start; its log {self.log} ends with: {self.log_text()[-300:]}")

    def stop(self) -> None:
        """Stop it and return when the master has gone."""
        self._run("postfix", "abort")
        deadline = time.monotonic() + 10
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.02)

    def reload(self) -> None:
        """Make it read its configuration again."""
        self._run("postfix", "reload")

    def running(self) -> bool:
        """Return whether the master is there."""
        return self._run("postfix", "status").returncode == 0

    def postconf(self, name: str) -> str:
        """Return the value in force of one main.cf parameter."""
        return self._run("postconf", "-h", name).stdout.strip()

    def set(self, **parameters: str) -> None:
        """Write main.cf parameters as an administrator would, and reload."""
        self._run("postconf", "-e", *(f"{name}={value}" for name, value in parameters.items()))
        look_old(self.config_dir / "main.cf")
        self.reload()

    def flush(self) -> None:
        """Try all deferred mail now."""
        self._run("postqueue", "-f")

    def queue(self) -> list[dict[str, Any]]:
        """Return what postqueue -j prints, one object for each queued message."""
        return [json.loads(line) for line in self._run("postqueue", "-j").stdout.splitlines() if line.startswith("{")]

    def log_text(self) -> str:
        """Return the whole log."""
        try:
            return self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def deliveries(self, queue_id: str) -> list[str]:
        """Return the log's delivery lines (with status=) of one message."""
        pattern = re.compile(rf"\]: {re.escape(queue_id)}: to=.*status=")
        return [line for line in self.log_text().splitlines() if pattern.search(line)]

    def _run(self, command: str, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, "-c", str(self.config_dir), *args], capture_output=True, text=True, timeout=60, check=False
        )
