"""A private Postfix instance and SMTP peers that can misbehave, for these tests alone."""

import contextlib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from providers.base import RelayEndpoint, TlsMode
from service.clock import SystemClock
from service.postfix.installation import Installation

CLOCK = SystemClock()
NAMES = ("alfa", "bravo", "carol")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds=15.0, what="condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


class Peer:
    """A relay with STARTTLS and AUTH that records every login and message, and answers as told."""

    def __init__(self, name, port, context):
        self.name, self.port, self.context = name, port, context
        self.logins, self.messages = [], []
        self.replies = {}  # "MAIL", "RCPT", "DATA" -> reply; "AUTH" -> reply
        self.refused = {}  # recipient -> reply to its RCPT
        self.size_limit = 33_554_432  # bytes, advertised as SIZE
        self._controller = None

    def start(self):
        peer = self

        class PeerController(Controller):
            def factory(self):
                return SMTP(
                    self.handler,
                    hostname=f"{peer.name}.test",
                    tls_context=peer.context,
                    require_starttls=True,
                    auth_required=True,
                    authenticator=peer._authenticate,
                    ident=f"{peer.name} ready",
                    data_size_limit=peer.size_limit,
                )

        self._controller = PeerController(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self):
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _authenticate(self, server, session, envelope, mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        if data.login != f"{self.name}-user".encode() or data.password != f"{self.name}-secret".encode():
            return AuthResult(success=False, handled=False)
        if "AUTH" in self.replies:
            return AuthResult(success=False, handled=False, message=self.replies["AUTH"])
        return AuthResult(success=True)

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if "DATA" in self.replies:
            return self.replies["DATA"]
        self.messages.append((envelope.rcpt_tos[0], envelope.content.decode("utf-8", "replace")))
        return "250 2.0.0 Ok: queued"

    def received(self, recipient):
        return [content for to, content in self.messages if to == recipient]


@dataclass
class World:
    """One Postfix instance, three peers, and the installation that names them."""

    root: Path
    port: int
    peers: dict
    installation: Installation
    ca: dict = field(default_factory=dict)
    sent: int = 0

    @property
    def config_dir(self):
        return self.installation.config_dir

    def command(self, *arguments, check=True):
        return subprocess.run(arguments, check=check, capture_output=True, text=True, timeout=30, cwd="/")

    def postconf(self, *arguments):
        return self.command("postconf", "-c", str(self.config_dir), *arguments).stdout.strip()

    def edit(self, *arguments):
        """Edit by hand, and spare the tests Postfix's wait for a file to become 2 s old."""
        self.postconf(*arguments)
        self.backdate()

    def backdate(self):
        for path in (self.installation.main_cf, self.installation.master_cf):
            os.utime(path, (time.time() - 20, time.time() - 20))

    def start(self):
        self.backdate()
        self.command("postfix", "-c", str(self.config_dir), "start")

    def stop(self):
        self.command("postfix", "-c", str(self.config_dir), "stop", check=False)

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            return self.installation.log_file.read_text()
        return ""

    def send(self, recipient=None, sender="app@sender.test", lines=1):
        """Hand one message to Postfix; return its recipient, which is unique."""
        self.sent += 1
        recipient = recipient or f"user{self.sent}-{time.monotonic_ns()}@receiver.test"
        subprocess.run(
            ["sendmail", "-i", "-f", sender, "--", recipient],
            input=b"Subject: test\n\n" + (b"x" * 70 + b"\n") * lines,
            env={"MAIL_CONFIG": str(self.config_dir), "PATH": os.environ["PATH"]},
            check=True,
            timeout=30,
        )
        return recipient

    def line_of(self, recipient, seconds=15.0):
        """Wait for the delivery line of a recipient."""

        def found():
            return [line for line in self.log().splitlines() if f"to=<{recipient}>" in line and "status=" in line]

        return wait_for(found, seconds, f"a delivery line for {recipient}")[0]

    def carrier_of(self, recipient):
        """Return which peer took a message."""
        return wait_for(
            lambda: next((name for name, peer in self.peers.items() if peer.received(recipient)), None),
            what=f"a peer to take the message for {recipient}",
        )

    def snapshot(self):
        """Return every file of the configuration: bytes, mode, owner."""
        return {
            str(path.relative_to(self.config_dir)): (
                path.read_bytes() if path.is_file() else None,
                path.stat().st_mode,
                path.stat().st_uid,
                path.stat().st_gid,
            )
            for path in sorted(self.config_dir.rglob("*"))
        }

    def heal(self):
        for peer in self.peers.values():
            peer.replies.clear()
            peer.refused.clear()

    def tear_down(self):
        self.stop()
        for peer in self.peers.values():
            peer.stop()
        shutil.rmtree(self.root)


def build_world(own_cas=True):
    # Not below pytest's own directory: every pytest that starts makes that one unreadable for Postfix's user.
    root = Path(tempfile.mkdtemp(prefix="relaypilot-postfix-"))
    root.chmod(0o755)
    queue, data, config = root / "queue", root / "data", root / "etc"
    for path in (queue, data, config, root / "log"):
        path.mkdir()
    shutil.chown(data, pwd.getpwnam("postfix").pw_uid)
    common = trustme.CA()
    peers, providers, authorities = {}, {}, {}
    for name in NAMES:
        ca = trustme.CA() if own_cas else common
        certificate = ca.issue_cert(f"smtp.{name}.test")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        peers[name] = Peer(name, free_port(), context)
        peers[name].start()
        authorities[name] = ca.cert_pem.bytes().decode()
        providers[name] = RelayEndpoint(
            host="127.0.0.1",
            port=peers[name].port,
            tls=TlsMode.STARTTLS,
            server_name=f"smtp.{name}.test",
            username=f"{name}-user",
            password=f"{name}-secret",
        )
    (config / "main.cf").write_text(
        f"""# a comment that must survive
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {root}/log/mail.log
maillog_file_prefixes = {root}
multi_instance_name = postfix-{root.name}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = host.test
mydestination =
alias_maps =
smtp_sender_dependent_authentication = yes
smtp_sasl_auth_soft_bounce = no
smtp_fallback_relay = [127.0.0.1]:1
relayhost = [127.0.0.1]:9
"""
    )
    master = Path("/usr/share/postfix/master.cf.dist").read_text()
    (config / "master.cf").write_text(
        "\n".join(
            line.replace("  y  ", "  n  ") if line[:1].isalpha() and not line.startswith("smtp      inet") else line
            for line in master.splitlines()
            if not line.startswith("smtp      inet")
        )
        + "\n"
    )
    (config / "main.cf").chmod(0o640)
    installation = Installation(
        config_dir=config,
        helper_dir=root / "helper",
        log_file=root / "log" / "mail.log",
        providers=providers,
        authorities=authorities,
        connect_timeout_seconds=2.0,
        canary_sender="probe@sender.test",
        canary_recipients=("seed@receiver.test",),
        canary_wait_seconds=10.0,
        helper_socket=root / "helper.sock",
        helper_user="root",
    )
    world = World(root=root, port=0, peers=peers, installation=installation)
    world.start()
    return world
