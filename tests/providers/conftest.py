import shutil
import ssl
import sys
import tomllib
from pathlib import Path

import pytest
import trustme

from providers.base import Message
from providers.registry import GROUP, load, make_provider
from service.clock import SystemClock

MESSAGE = Message(
    sender="probe@example.org",
    recipient="seed@example.net",
    content=b"From: probe@example.org\r\nTo: seed@example.net\r\nSubject: hello\r\n\r\n.dot\r\n",
)
NAME = "relay.example.org"


class World:
    """An authority, contexts for relays, providers that reach them, and a clock."""

    def __init__(self, directory):
        self.authority = trustme.CA()
        self.ca_file = str(directory / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)
        self.clock = SystemClock()

    def server_context(self, name=NAME, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name, **options).configure_cert(context)
        return context

    @staticmethod
    def stranger_context():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(NAME).configure_cert(context)
        return context

    def settings(self, kind, port, **changes):
        table = {
            "name": "relay",
            "kind": kind,
            "host": "127.0.0.1",
            "port": port,
            "server_name": NAME,
            "ca_file": self.ca_file,
            "username": "apikey" if kind == "sendgrid" else "postmaster@mg.example.org",
            "password": "correct horse",
        } | changes
        return load(kind).settings_model(**{key: value for key, value in table.items() if value is not None})

    def provider(self, kind, port, *, stage_timeout_seconds=5.0, total_timeout_seconds=20.0, **changes):
        return make_provider(
            self.settings(kind, port, **changes),
            clock=self.clock,
            stage_timeout_seconds=stage_timeout_seconds,
            total_timeout_seconds=total_timeout_seconds,
        )


EXAMPLE = Path(__file__).parent / "example_adapter"


def installed_at(target, points, package=None):
    """Put a distribution with these entry points into a directory, as an installer leaves it."""
    info = target / "relaypilot_extra-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: relaypilot-extra\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
    if package:
        shutil.copytree(package, target / package.name)


def declared_by_the_example():
    return tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]


@pytest.fixture(scope="module")
def example_installed(tmp_path_factory):
    """Have the example adapter found by its entry point, for as long as a module's tests run."""
    target = tmp_path_factory.mktemp("installed") / "site"
    installed_at(target, declared_by_the_example(), EXAMPLE / "relaypilot_example")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(target))
        yield
    sys.modules.pop("relaypilot_example", None)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("providers"))
