"""A private Dovecot: IMAP over TLS for seeds and people, spam folders named as each mailbox provider names them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.sandbox.errors import NotStartedError
from deploy.sandbox.layout import Layout
from deploy.sandbox.maildir import MAIL_USER, Copy, list_messages, write_message
from deploy.sandbox.people import RECEIVERS, receiver_of

SERVER_NAME = "imap.test"
_LOCK = "!"  # put before a password to make it wrong


def _config(layout: Layout, port: int) -> str:
    # One namespace for each mailbox provider; a user's entry switches on the one that fits (Dovecot 2.3:
    # "userdb_namespace/NAME/disabled=no").
    namespaces = "".join(
        f"namespace {r.name} {{\n  inbox = yes\n  separator = /\n  disabled = yes\n"
        + (
            f'  mailbox "{r.junk}" {{\n    auto = create\n'
            + (f"    special_use = {r.junk_attribute}\n" if r.junk_attribute else "")
            + "  }\n"
            if r.junk
            else ""
        )
        + "}\n"
        for r in RECEIVERS.values()
    )
    pem = layout.certificates / f"{SERVER_NAME}.pem"
    users = f"username_format=%Lu {layout.directory}/users"
    return f"""base_dir = {layout.dovecot}
log_path = {layout.directory}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{pem}
ssl_key = <{pem}
first_valid_uid = 1
mail_location = maildir:{layout.mail}/%Lu
auth_failure_delay = 0
mail_max_userip_connections = 100
login_greeting = Sandbox ready.
service imap-login {{
  process_min_avail = 0
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
# Without this, a login that fails delays the next ones from the same address, of all seeds, by up to 15 s.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  client_limit = 1000
}}
namespace inbox {{
  inbox = yes
  separator = /
  disabled = yes
}}
{namespaces}passdb {{
  driver = passwd-file
  args = scheme=PLAIN {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
  default_fields = uid={MAIL_USER} gid=nogroup home={layout.mail}/%Lu
}}
"""


class Dovecot:
    """One private instance; any process of the sandbox may hold one for the same directory."""

    def __init__(self, layout: Layout, port: int) -> None:
        self.port = port
        self.log = layout.directory / "dovecot.log"
        self.config = layout.directory / "dovecot.conf"
        self._layout = layout
        self._users = layout.directory / "users"

    def configure(self, passwords: Mapping[str, str]) -> None:
        """Write the configuration and the users with their passwords."""
        self.config.write_text(_config(self._layout, self.port))
        lines = (
            f"{address}:{{PLAIN}}{password}::::::userdb_namespace/{receiver_of(address).name}/disabled=no\n"
            for address, password in passwords.items()
        )
        self._write_users("".join(lines))

    def start(self) -> None:
        """Start and return when it answers.

        Raises:
            NotStartedError: with Dovecot's own words.
        """
        output = self.log.with_name("dovecot.start.log")
        with output.open("wb") as file:  # a file, because the daemon keeps a pipe open for ever
            done = subprocess.run(["dovecot", "-c", self.config], stdout=file, stderr=file, timeout=30, check=False)
        if done.returncode:
            raise NotStartedError(f"Dovecot did not start: {output.read_text().strip()}")

    def stop(self) -> None:
        """Stop it and its sessions, and return when the master has gone."""
        pid = self.master_pid()
        if pid is not None and self.is_ours():
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.master_pid() is not None and time.monotonic() < deadline:
            time.sleep(0.02)

    def master_pid(self) -> int | None:
        """Return the master's process id while it is there."""
        try:
            pid = int((self._layout.dovecot / "master.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if Path(f"/proc/{pid}").exists() else None

    def is_ours(self) -> bool:
        """Return whether the recorded master is a Dovecot with this configuration, and not a stranger's process."""
        pid = self.master_pid()
        try:
            return pid is not None and os.fsencode(self.config) in Path(f"/proc/{pid}/cmdline").read_bytes().split(
                b"\0"
            )
        except OSError:
            return False

    def lock_out(self, address: str) -> None:
        """Refuse this user's logins, end open sessions, and return when that holds."""
        self._change_password(address, lambda password: _LOCK + password.removeprefix(_LOCK))
        subprocess.run(["doveadm", "-c", self.config, "kick", address], capture_output=True, timeout=30, check=False)

    def let_in(self, address: str) -> None:
        """Undo `lock_out`, and return when that holds."""
        self._change_password(address, lambda password: password.removeprefix(_LOCK))

    def messages(self, address: str) -> list[Copy]:
        """Return every message in a mailbox, folders included."""
        return list(list_messages(self._layout.mail, address))

    def deliver(self, address: str, content: bytes, folder: str | None = None) -> Path:
        """Put a message into a folder of a mailbox (None: the inbox) without any relay."""
        return write_message(self._layout.mail, address, folder, content)

    def _change_password(self, address: str, change: Callable[[str], str]) -> None:
        lines = self._users.read_text().splitlines(keepends=True)
        for n, line in enumerate(lines):
            user, _, rest = line.partition(":{PLAIN}")
            if user == address:
                password, _, fields = rest.partition(":")
                lines[n] = f"{user}:{{PLAIN}}{change(password)}:{fields}"
        self._write_users("".join(lines))
        # Dovecot 2.3 looks at a passwd-file's time and size at most once in each second of the clock.
        time.sleep(1.05 - time.time() % 1)

    def _write_users(self, text: str) -> None:
        aside = self._users.with_name("users.new")
        aside.write_text(text)
        aside.chmod(0o644)  # read by Dovecot's auth process; made-up passwords of made-up people
        aside.rename(self._users)
