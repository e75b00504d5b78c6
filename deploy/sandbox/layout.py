"""Where everything of one sandbox lives: one directory, short names (a unix socket's path has at most 107 bytes)."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.errors import NotPossibleHereError

_LONGEST_SOCKET = "dc/token-login/imap-urlauth"  # Dovecot's
_SOCKET_PATH_BYTES = 107  # unix(7), sun_path without its terminator


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one sandbox."""

    directory: Path

    @property
    def control(self) -> Path:
        """Return the simulators' control socket."""
        return self.directory / "ctl"

    @property
    def plan(self) -> Path:
        """Return the file with ports and credentials that the simulators read."""
        return self.directory / "world.json"

    @property
    def processes(self) -> Path:
        """Return the record of processes to end after a crash."""
        return self.directory / "processes.json"

    @property
    def certificates(self) -> Path:
        """Return the directory of the authority and the servers' certificates."""
        return self.directory / "tls"

    @property
    def ca_file(self) -> Path:
        """Return the authority's PEM file."""
        return self.certificates / "ca.pem"

    @property
    def secrets(self) -> Path:
        """Return the directory with one password file for each relay and seed."""
        return self.directory / "secrets"

    @property
    def mail(self) -> Path:
        """Return the directory of all Maildirs."""
        return self.directory / "mail"

    @property
    def postfix(self) -> Path:
        """Return Postfix's configuration directory."""
        return self.directory / "pf"

    @property
    def mail_log(self) -> Path:
        """Return Postfix's log."""
        return self.directory / "mail.log"

    @property
    def dovecot(self) -> Path:
        """Return Dovecot's run-time directory."""
        return self.directory / "dc"

    @property
    def ledger(self) -> Path:
        """Return the record of every injected live message."""
        return self.directory / "ledger.jsonl"

    @property
    def product_config(self) -> Path:
        """Return relaypilot's configuration file."""
        return self.directory / "relaypilot.toml"


def prepare(directory: Path) -> Layout:
    """Make the directory and return its layout.

    Raises:
        NotPossibleHereError: no root, path too long, or closed to the servers' users.
    """
    if os.geteuid() != 0:
        raise NotPossibleHereError("The sandbox runs a real Postfix and Dovecot and therefore needs root.")
    directory = Path(os.path.abspath(directory))  # noqa: PTH100  resolve() would follow links and change the name
    room = _SOCKET_PATH_BYTES - len(_LONGEST_SOCKET) - 1
    if len(os.fsencode(directory)) > room:
        raise NotPossibleHereError(f"{directory} is too long for unix sockets: choose one of at most {room} bytes.")
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != 0:
        raise NotPossibleHereError(f"{directory} does not belong to root: choose another directory.")
    for place in (directory, *directory.parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            raise NotPossibleHereError(
                f"{place} is closed to other users, but Postfix and Dovecot must reach {directory}: choose another."
            )
    layout = Layout(directory)
    layout.secrets.mkdir(mode=0o700, exist_ok=True)
    layout.mail.mkdir(mode=0o755, exist_ok=True)
    return layout
