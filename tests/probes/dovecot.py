"""A private Dovecot in a temporary directory: real IMAP on loopback, any user, one password."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import trustme
from imapclient import IMAPClient

from probes.seeds import Seed
from providers.base import TlsMode

PASSWORD = "correct-horse-7281"
SERVER_NAME = "imap.seed.test"

_CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_chars = abcdefghijklmnopqrstuvwxyz0123456789.-@
first_valid_uid = 1
mail_location = maildir:{root}/mail/%u:INDEX={root}/index/%u:CONTROL={root}/control/%u:UTF-8
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={root}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
  }}
  mailbox "Courrier indésirable" {{
    special_use = \\Junk
  }}
  mailbox Sent {{
    special_use = \\Sent
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  client_limit = 1003
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass
class Dovecot:
    root: Path
    port: int
    tls_port: int
    ca_file: Path
    process: subprocess.Popen | None = None

    def start(self) -> None:
        log = (self.root / "stdout").open("ab")
        self.process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(self.root / "dovecot.conf")], stdout=log, stderr=log
        )
        log.close()
        limit = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError((self.root / "stdout").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def seed(self, name: str, **changes: object) -> Seed:
        settings: dict[str, object] = {
            "name": name,
            "receiver": "gmail",
            "address": f"{name}@seed.test",
            "host": "127.0.0.1",
            "port": self.tls_port,
            "username": name,
            "password": PASSWORD,
            "tls": TlsMode.IMPLICIT,
            "server_name": SERVER_NAME,
            "ca_file": str(self.ca_file),
        }
        return Seed(**(settings | changes))

    def client(self, user: str) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10)
        client.login(user, PASSWORD)
        return client

    def create(self, user: str, *folders: str) -> None:
        with self.client(user) as client:
            for folder in folders:
                client.create_folder(folder)

    def append(self, user: str, folder: str, content: bytes, *, msg_time: object = None) -> None:
        with self.client(user) as client:
            client.append(folder, content, msg_time=msg_time)

    def renumber(self, user: str, folder: str) -> None:
        """Give the folder a new UIDVALIDITY and its messages new UIDs, as a rebuilt server does."""
        for directory in ("control", "index"):
            shutil.rmtree(self.root / directory / user, ignore_errors=True)

    def snapshot(self, user: str) -> dict[str, bytes]:
        """Return every file of the Maildir by path: names carry the flags."""
        mail = self.root / "mail" / user
        return {str(path.relative_to(mail)): path.read_bytes() if path.is_file() else b"" for path in mail.rglob("*")}


def make_dovecot(root: Path) -> Dovecot:
    authority = trustme.CA()
    certificate = authority.issue_cert(SERVER_NAME)
    certificate.private_key_pem.write_to_path(root / "key.pem")
    for index, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(root / "cert.pem", append=index > 0)
    authority.cert_pem.write_to_path(root / "ca.pem")
    port, tls_port = _free_ports(2)
    (root / "dovecot.conf").write_text(
        _CONFIG.format(root=root, password=PASSWORD, port=port, tls_port=tls_port), encoding="utf-8"
    )
    for name in ("mail", "index", "control", "home"):
        (root / name).mkdir()
        shutil.chown(root / name, "mail", "mail")
    for parent in [root, *root.parents]:  # Dovecot's mail processes must be able to reach it
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o711)
    return Dovecot(root=root, port=port, tls_port=tls_port, ca_file=root / "ca.pem")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports
